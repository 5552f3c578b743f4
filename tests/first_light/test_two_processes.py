"""Two runtimes on one database take turns, as a server and an import beside it do: what one remembers is never stale."""

from decimal import Decimal
from pathlib import Path

from tests.first_light.homes import CAPTURES, imported, new_home, with_invoices
from wattbook.importing import import_files
from wattbook.settings import read_settings
from wattbook.wiring import create_app


def test_an_import_in_turns_by_two_runtimes_is_one_import(tmp_path: Path) -> None:
    whole = imported(tmp_path / "whole", CAPTURES)
    first = new_home(tmp_path / "turns", vault=tmp_path / "whole" / "vault.json")
    second = create_app(read_settings(home=tmp_path / "turns"))
    lines = [line for path in CAPTURES for line in path.read_bytes().splitlines(keepends=True)]
    for index, line in enumerate(lines):
        part = tmp_path / "part.ndjson"
        part.write_bytes(line)
        import_files((first, second)[index % 2].runtime, [part], 500)
    second.close()
    assert with_invoices(first) == with_invoices(whole)


def test_a_price_published_by_one_is_the_others_price_from_then_on(tmp_path: Path) -> None:
    serving = new_home(tmp_path / "home")
    serving.runtime.pump()
    assert serving.runtime.catalogue().tariffs.keys() == {"by-hand"}
    beside = create_app(read_settings(home=tmp_path / "home"))
    path = tmp_path / "home" / "reference" / "reference.yaml"
    path.write_text(
        path.read_text().replace("  - id: by-hand ", "  - id: other ", 1).replace("tariff: by-hand", "tariff: other")
    )
    beside.publish_reference()
    serving.runtime.pump()
    assert "other" in serving.runtime.catalogue().tariffs


def test_a_price_changed_and_changed_back_is_in_force_again(tmp_path: Path) -> None:
    app = new_home(tmp_path / "home")
    path = tmp_path / "home" / "reference" / "reference.yaml"
    before = path.read_text()
    for text in (before.replace("price: 0.40", "price: 0.50"), before, before):
        path.write_text(text)
        app.publish_reference()
    [tariff] = [versions.values[-1] for versions in app.runtime.catalogue().tariffs.values()]
    assert tariff.value.elements[0].components[0].price == Decimal("0.40")
    assert app.publish_reference().new == 0
