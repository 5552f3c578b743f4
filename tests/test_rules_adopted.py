"""A home of rules 2 (`vocabulary.rules`) replays as it was, and keeps facts beside transactions once it adopts newer ones.

tests/data/schema/home-rules-2 is such a home, with what the program of then said about it (see the README there).
"""

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.log import Stream
from vocabulary.codec import as_plain, decode
from vocabulary.fact import Fact
from vocabulary.identity import Position
from vocabulary.payment_facts import CompanyGiven, PaymentSettled
from vocabulary.reference import RulesAdopted
from vocabulary.rules import DOUBTS, RULES
from wattbook.audit import digests, replay
from wattbook.commands.home import publish_quietly
from wattbook.importing import import_files
from wattbook.init_files import write_example
from wattbook.settings import read_settings
from wattbook.wiring import App, create_app, open_app

DATA = Path(__file__).parent / "data"
OLD = DATA / "schema" / "home-rules-2"
RECORDED = json.loads((OLD / "recorded.json").read_text())
PAYMENTS = DATA / "ocpp" / "ocpp21-payment.ndjson"  # which the home has had


@pytest.fixture
def old(tmp_path: Path) -> Iterator[App]:
    (tmp_path / "wattbook.db").write_bytes(gzip.decompress((OLD / "wattbook.db.gz").read_bytes()))
    shutil.copy(OLD / "vault.json", tmp_path)
    settings = read_settings(home=tmp_path)
    write_example(settings.reference_path)
    app = open_app(settings)
    yield app
    app.close()


def everything(app: App, stream: Stream) -> list[object]:
    with app.reading() as store:
        return [decode(stored.body) for stored in store.log.read((stream,), Position(0), 1000)]


def rules(app: App) -> list[int]:
    return [fact.number for fact in everything(app, Stream.REFERENCE) if isinstance(fact, RulesAdopted)]


def test_a_home_of_rules_2_says_to_an_auditor_what_it_said_before(old: App) -> None:
    with old.reading() as store:
        assert digests(store) == RECORDED["digests"]
    assert as_plain(replay(old)) == RECORDED["replay"] | {"quarantined": 0, "waiting": 0}, "and what it did not say then"
    assert rules(old) == [DOUBTS]


def test_it_adopts_todays_rules_by_a_fact_says_so_once_and_keeps_facts_of_what_comes_then(
    old: App, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(old, Stream.EVENTS)
    publish_quietly(old)
    assert (
        capsys.readouterr().err == f"rules {RULES} hold from here on; what was kept and concluded by rules 2 stays as it is\n"
    )
    publish_quietly(old)
    assert capsys.readouterr().err == ""
    assert rules(old) == [DOUBTS, RULES]
    import_files(old.runtime, [PAYMENTS], old.settings.batch_size)
    assert everything(old, Stream.EVENTS) == before, "what it has had is not read again"
    later = tmp_path / "later.ndjson"
    later.write_text(PAYMENTS.read_text().replace('"station":"', '"station":"LATER-'))
    import_files(old.runtime, [later], old.settings.batch_size)
    after = everything(old, Stream.EVENTS)
    assert after[: len(before)] == before
    assert not any(isinstance(event, Fact) for event in before)
    assert {PaymentSettled, CompanyGiven} <= {type(event) for event in after}
    assert replay(old).difference is None


def test_a_new_home_has_todays_rules_and_says_nothing_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = read_settings(home=tmp_path)
    write_example(settings.reference_path)
    app = create_app(settings)
    publish_quietly(app)
    assert "rules" not in capsys.readouterr().err
    assert rules(app) == [RULES]
    app.close()
