"""A month under another tariff: counted, added up, and nothing written."""

import hashlib
import json
import shutil
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from streams.rerating import Compared
from tests.first_light.test_plans import PLANS
from tests.first_light.test_re_rate import LATER, WHOLE, corrected
from tests.first_light.test_worklist import Home, event
from tests.first_light.test_worklist import home as home
from vocabulary.identity import ContractId, SessionId, TariffId
from vocabulary.sessions import Finding
from wattbook.comparison import LARGEST, Sums

MONTH = ("--month", "2026-10")


@pytest.fixture
def cheap(home: Home, tmp_path: Path) -> str:
    """A file with a tariff of 0.20 a kWh and 1.00 a session, in a home where 5 kWh and 3 kWh were charged."""
    home.hears(*WHOLE, *LATER)
    energy, flat = ({"type": kind, "price": price, "vat": 19} for kind, price in (("ENERGY", "0.20"), ("FLAT", "1.00")))
    file = tmp_path / "cheap.yaml"
    file.write_text(json.dumps({"id": "cheap", "currency": "EUR", "elements": [{"price_components": [energy, flat]}]}))
    return str(file)


def what_if(home: Home, *words: str) -> Any:
    return home.told("tariff", "what-if", *words, *MONTH)


def test_a_month_is_priced_by_the_tariff_of_a_file(home: Home, cheap: str) -> None:
    told = what_if(home, cheap)
    assert (told["tariff"], told["sessions"], told["dearer"], told["cheaper"], told["same"]) == ("cheap", 2, 1, 0, 1)
    assert told["totals"] == [
        {"currency": "EUR", "sessions": 2, "before": "3.81", "after": "4.28", "difference": "0.47"},
    ]
    assert told["by_tariff"][0]["tariff"] == "by-hand"
    assert [(each["before"], each["after"], each["difference"]) for each in told["largest"]] == [("1.43", "1.90", "0.47")]
    text = home.run("tariff", "what-if", cheap, *MONTH).stdout
    assert "2 sessions of 2026-10 by cheap, version" in text
    assert "was 3.81 EUR, would be 4.28 EUR: +0.47 EUR" in text
    assert "1 dearer, 0 cheaper, 1 the same" in text


def test_by_the_tariff_that_is_in_force_all_stays_the_same(home: Home, cheap: str) -> None:
    told = what_if(home, "by-hand")
    assert (told["sessions"], told["same"], told["largest"]) == (2, 2, [])
    assert what_if(home, told["version"])["same"] == 2
    assert home.run("tariff", "what-if", "nothing", *MONTH).exit_code == 2


def test_filters_take_of_the_month_what_they_say(home: Home, cheap: str) -> None:
    for words, sessions in (
        (("--site", "lab"), 2),
        (("--contract", "C-TEST"), 2),
        (("--tariff", "by-hand"), 2),
    ):
        assert what_if(home, cheap, *words)["sessions"] == sessions, words
    assert home.told("tariff", "what-if", cheap, "--month", "2026-11")["sessions"] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--site", "lap"), "--site: there is no lap here (did you mean lab?)"),
        (("--contract", "C-TESD"), "--contract: there is no C-TESD here (did you mean C-TEST?)"),
        (("--contract", "nobody"), "--contract: there is no nobody here; there are: C-TEST"),
        (("--partner", "NL*EMX"), "--partner: there is no NL*EMX here; there are: none"),
        (("--tariff", "by-hind"), "--tariff: there is no by-hind here (did you mean by-hand?)"),
    ],
)
def test_a_name_of_nobody_is_refused_and_not_answered_with_nothing(
    home: Home, cheap: str, words: tuple[str, str], told: str
) -> None:
    refused = home.run("tariff", "what-if", cheap, *MONTH, *words)
    assert (refused.exit_code, told in refused.stderr) == (2, True), refused.stderr


def test_it_is_told_where_contracts_have_plans_which_no_amount_reckons_with(home: Home, cheap: str) -> None:
    assert what_if(home, cheap)["contracts_with_plans"] == []
    assert "plan" not in home.run("tariff", "what-if", cheap, *MONTH).output
    path = home.folder / "reference" / "reference.yaml"
    path.write_text(path.read_text().replace("  - id: C-TEST\n", "  - id: C-TEST\n    plan: fleet-10\n") + PLANS)
    home.run("reference", "publish")
    assert what_if(home, cheap)["contracts_with_plans"] == ["C-TEST"]
    text = home.run("tariff", "what-if", cheap, *MONTH).stderr
    assert "1 contract has a plan (C-TEST): amounts are those of the sessions, before what plans include" in text
    assert home.told("tariff", "what-if", cheap, "--month", "2026-11")["contracts_with_plans"] == []


def test_a_total_of_some_of_the_sessions_says_of_how_many_it_is(home: Home, cheap: str) -> None:
    home.hears(
        event("Started", 0, 1200, 0, tx="T3", idToken={"idToken": "NOBODY", "type": "ISO14443"}),
        event("Ended", 1, 1260, 900, tx="T3"),
    )
    text = home.run("tariff", "what-if", cheap, *MONTH).stdout
    assert "3 sessions of 2026-10" in text
    assert "\n2 sessions with a price by both: was 3.81 EUR, would be 4.28 EUR: +0.47 EUR\n" in text


def test_what_cannot_be_priced_is_told_with_its_reason(home: Home, cheap: str, tmp_path: Path) -> None:
    home.hears(
        event("Started", 0, 1200, 0, tx="T3", idToken={"idToken": "NOBODY", "type": "ISO14443"}),
        event("Ended", 1, 1260, 900, tx="T3"),
    )
    told = what_if(home, cheap)
    [missed] = told["not_priced"]
    assert (missed["finding"], missed["sessions"]) == ("token_belongs_to_no_contract_or_partner", 1)
    file = tmp_path / "abroad.yaml"
    file.write_text(Path(cheap).read_text().replace("19", "21"))
    told = what_if(home, str(file))
    assert {each["finding"] for each in told["not_priced"]} == {
        "tariff_has_other_vat_than_the_site",
        "token_belongs_to_no_contract_or_partner",
    }
    assert told["totals"] == []


def test_the_database_stays_as_it_is_to_the_byte(home: Home, cheap: str, tmp_path: Path) -> None:
    """Also where the last one to write left something beside the file, which whoever closes it next would bring into it."""
    held = sqlite3.connect(home.folder / "wattbook.db")
    held.execute("SELECT count(*) FROM session").fetchone()
    home.told("tick", "--at", "2026-10-07T09:00Z")
    shutil.copytree(home.folder, tmp_path / "left", ignore=shutil.ignore_patterns("*-shm"))
    held.close()
    home.folder = tmp_path / "left"
    assert (home.folder / "wattbook.db-wal").stat().st_size
    before = bytes_of(home.folder)
    for words in ((), ("--processes", "2")):
        assert what_if(home, cheap, *words)["sessions"] == 2
    assert bytes_of(home.folder) == before


def bytes_of(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal"))]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_edited_reference_data_is_not_published_by_a_question(home: Home, cheap: str) -> None:
    corrected(home)
    assert what_if(home, "by-hand")["same"] == 2
    home.sound()


def test_two_processes_find_what_one_does(home: Home, cheap: str) -> None:
    assert what_if(home, cheap, "--processes", "2") == what_if(home, cheap)


def one(number: int, before: str, after: str | None, **more: Any) -> Compared:
    amounts = {"before": Decimal(before), "after": None if after is None else Decimal(after)}
    of = {"contract": ContractId("C"), "tariff": TariffId("t"), "currency": "EUR", "currency_after": "EUR"}
    return Compared(session=SessionId(f"{number:064x}"), **(of | amounts | more))


def test_sums_of_parts_are_the_sum_of_all_in_whatever_order() -> None:
    found = [one(n, "1.00", f"{1 + n % 7}.{n:02}") for n in range(40)]
    found += [one(90 + n, "2.00", None, finding=Finding.TARIFF_MISSING) for n in range(5)]
    found += [one(99, "2.00", "3.00", currency_after="NOK")]
    whole = summed(found)
    parts = [summed(found[begin::3]) for begin in range(3)]
    for order in (parts, parts[::-1]):
        merged = Sums()
        for part in order:
            merged.merge(part)
        assert merged.plain() == whole.plain()
    assert whole.counts["currency"] == 1 and len(whole.largest) == LARGEST
    assert whole.unpriced[Finding.TARIFF_MISSING].sessions == 5
    assert whole.totals()["EUR"].sessions == 40


def summed(found: list[Compared]) -> Sums:
    sums = Sums()
    for each in found:
        sums.add(each)
    return sums
