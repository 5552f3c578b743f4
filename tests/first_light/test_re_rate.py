"""A corrected tariff: refused where it changes the past unseen, shown, and then a reversal and a new entry for each charge."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.first_light.test_worklist import Home, event
from tests.first_light.test_worklist import home as home
from wattbook import rerating
from wattbook.cli import cli
from wattbook.publishing_tariffs import Retroactive
from wattbook.wiring import NotReady

WHOLE = (event("Started", 0, 0, 0), event("Ended", 1, 60, 5000))
LATER = (event("Started", 0, 600, 5000, tx="T2"), event("Ended", 1, 660, 8000, tx="T2"))


def corrected(home: Home, price: str = "0.50", valid_from: str | None = None) -> None:
    """The price of energy, as a person mends it in the folder; or from a day on."""
    path = home.folder / "reference" / "reference.yaml"
    text = path.read_text()
    begin = text.index("  - id: by-hand")
    end = text.index("\nsites:")
    if valid_from is None:
        path.write_text(text.replace("price: 0.40", f"price: {price}"))
        return
    another = text[begin:end].replace("0.40", price).replace("currency: EUR", f"currency: EUR\n    valid_from: {valid_from}")
    path.write_text(f"{text[:end]}{another}{text[end:]}")


def publish(home: Home, *words: str) -> Result:
    return home.run("tariff", "publish", "by-hand", *words)


def re_rated(home: Home, *words: str) -> Any:
    """Status 1 where something is left to do, and is not done."""
    done = home.run("tariff", "publish", "by-hand", "--re-rate", "--reason", "the price was wrong", *words, "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == (0 if told["confirmed"] or "--yes" in words else 1)
    return told


def totals(home: Home) -> dict[str, str]:
    return {each["transaction"]: each["total"] for each in home.told("session", "list")}


def shown(home: Home, transaction: str = "T1") -> Any:
    return home.told("session", "show", transaction)


@pytest.fixture
def charged(home: Home) -> Home:
    home.hears(*WHOLE, *LATER)
    assert totals(home) == {"T1": "2.38", "T2": "1.43"}
    return home


def test_a_price_for_the_past_is_refused_with_how_many_sessions_it_concerns(charged: Home) -> None:
    corrected(charged)
    with pytest.raises(Retroactive, match=r"2 sessions charged since .* 2 would be charged anew, and 0 on invoices differ"):
        publish(charged)
    assert totals(charged) == {"T1": "2.38", "T2": "1.43"}
    corrected(charged, "0.40")
    charged.sound()


def test_what_would_change_is_shown_and_nothing_is_written_before_it_is_confirmed(charged: Home) -> None:
    corrected(charged)
    told = re_rated(charged)
    assert (told["changed"], told["confirmed"], told["decisions"]) == (2, False, 0)
    first = next(each for each in told["changes"] if each["session"] == shown(charged)["session"]["id"])
    assert (first["before"], first["after"], first["difference"]) == ("2.38", "2.98", "0.60")
    assert told["by_tariff"] == [
        {"tariff": "by-hand", "currency": "EUR", "sessions": 2, "before": "3.81", "after": "4.77", "difference": "0.96"}
    ]
    assert told["by_account"][0]["account"] == "contract:C-TEST"
    text = publish(charged, "--re-rate", "--reason", "x")
    assert text.exit_code == 1
    assert "2 would be charged anew" in text.stdout and "nothing was written, and the status is 1: `--yes`" in text.stderr
    corrected_back = charged.use(lambda app: app.runtime.catalogue())
    assert len(corrected_back.tariff_versions) == 1, "the tariff is not published either"


def test_each_charge_is_reversed_and_booked_anew_and_a_second_run_has_nothing_to_do(charged: Home) -> None:
    corrected(charged)
    told = re_rated(charged, "--yes", "--by", "Ada")
    assert (told["changed"], told["confirmed"], told["decisions"]) == (2, True, 2)
    assert totals(charged) == {"T1": "2.98", "T2": "1.79"}
    found = shown(charged)
    assert [entry["kind"] for entry in found["entries"]] == ["session_rated", "session_rated_reversed", "session_rated"]
    assert all(sum(int(p["amount_micro"]) for p in entry["postings"]) == 0 for entry in found["entries"])
    assert [(each["reason"], each["rated"]["rated"]["total"]) for each in found["reversed"]] == [
        ("rated_anew_by_a_person", "2.38")
    ]
    [decided] = found["decisions"]
    assert (decided["decision"], decided["reason"], decided["by"]) == ("re-rate", "the price was wrong", "Ada")
    charged.sound()
    again = re_rated(charged, "--yes")
    assert (again["changed"], again["confirmed"], again["decisions"]) == (0, False, 0)
    assert "nothing to do" in publish(charged).stdout
    assert len(shown(charged)["decisions"]) == 1


def test_it_is_run_again_where_it_was_stopped_between_publishing_and_deciding(
    charged: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    corrected(charged)
    with monkeypatch.context() as broken:
        broken.setattr("wattbook.commands.re_rating.rerate", stopped)
        with pytest.raises(Stopped):
            charged.run("tariff", "publish", "by-hand", "--re-rate", "--reason", "x", "--yes")
    assert totals(charged) == {"T1": "2.38", "T2": "1.43"}, "published, and nothing concluded is another thing for it"
    charged.sound()
    assert re_rated(charged, "--yes")["decisions"] == 2
    assert totals(charged) == {"T1": "2.98", "T2": "1.79"}
    charged.sound()


def test_it_is_run_again_where_it_was_stopped_between_two_decisions(charged: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    corrected(charged)
    monkeypatch.setattr(rerating, "_AT_ONCE", 1)
    with monkeypatch.context() as broken:
        broken.setattr("wattbook.commands.re_rating.sessions_bar", Bar)
        with pytest.raises(Stopped):
            charged.run("tariff", "publish", "by-hand", "--re-rate", "--reason", "x", "--yes")
    assert sorted(totals(charged).values()) in (["1.43", "2.98"], ["1.79", "2.38"])
    charged.sound()
    assert re_rated(charged, "--yes")["decisions"] == 1
    assert totals(charged) == {"T1": "2.98", "T2": "1.79"}
    charged.sound()


class Stopped(Exception):
    """The process ends here."""


class Bar:
    """Of a person who ends the program after the first decision."""

    def __init__(self, what: str, _total: int) -> None:
        self._what = what

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __call__(self, advance: int) -> None:
        if self._what == "decided" and advance:
            raise Stopped


def stopped(*_: object, **__: object) -> Any:
    raise Stopped


def test_only_sessions_from_the_day_on_are_concerned(charged: Home) -> None:
    corrected(charged, valid_from='"2026-10-05T17:00:00+00:00"')
    told = re_rated(charged, "--yes")
    assert told["changed"] == 1
    assert totals(charged) == {"T1": "2.38", "T2": "1.79"}
    charged.sound()


def test_a_price_of_the_future_is_published_and_changes_nothing(charged: Home) -> None:
    corrected(charged, valid_from="2999-01-01")
    done = publish(charged)
    assert "will be in force from 2998-12-31T23:00Z on" in done.stdout
    assert totals(charged) == {"T1": "2.38", "T2": "1.43"}


def test_what_files_publish_for_the_past_changes_no_charge_and_says_what_does(charged: Home) -> None:
    corrected(charged)
    done = charged.run("reference", "publish")
    assert "`wattbook tariff publish by-hand --re-rate --reason TEXT` shows what would change" in " ".join(done.stderr.split())
    assert totals(charged) == {"T1": "2.38", "T2": "1.43"}
    left = publish(charged)
    assert "by-hand is in force as it is, and 2 sessions would be charged anew by it, 0 on invoices differ" in left.stderr
    assert "nothing to do" not in left.output
    assert re_rated(charged, "--yes")["decisions"] == 2
    assert totals(charged) == {"T1": "2.98", "T2": "1.79"}
    charged.sound()


def test_what_is_on_an_invoice_stays_and_is_told_once(charged: Home) -> None:
    charged.told("invoice", "run", "--month", "2026-10", "--issued-on", "2026-11-02")
    corrected(charged)
    told = re_rated(charged, "--yes")
    assert (told["changed"], told["invoiced"], told["decisions"], told["totals"]) == (0, 2, 2, [])
    assert all(each["invoice"] for each in told["changes"])
    assert totals(charged) == {"T1": "2.38", "T2": "1.43"}
    assert {each["finding"] for each in charged.told("session", "worklist")} == {"truth_differs_from_what_was_invoiced"}
    assert [entry["kind"] for entry in shown(charged)["entries"]][:1] == ["session_rated"]
    assert "session_rated_reversed" not in {entry["kind"] for entry in shown(charged)["entries"]}
    charged.sound()
    again = re_rated(charged, "--yes")
    assert (again["invoiced"], again["decisions"]) == (2, 0)


def test_a_session_is_re_rated_by_its_name_or_its_day_and_nothing_changes_by_the_same_tariff(charged: Home) -> None:
    same = charged.told("session", "re-rate", "T1", "--reason", "x", "--yes")
    assert (same["sessions"], same["changed"], same["decisions"]) == (1, 0, 0)
    corrected(charged)
    assert charged.told("session", "re-rate", "T1", "--reason", "x", "--yes")["changed"] == 0, "that is not in force"
    charged.run("reference", "publish")
    assert charged.told("session", "re-rate", "T1", "--reason", "x", "--yes")["decisions"] == 1
    assert totals(charged) == {"T1": "2.98", "T2": "1.43"}
    days = ("--from", "2026-10-05", "--until", "2026-10-05", "--reason", "y", "--yes")
    refused = charged.run("session", "re-rate", "--tariff", "by-hend", *days)
    assert (refused.exit_code, "there is no by-hend here (did you mean by-hand?)" in refused.stderr) == (2, True)
    backwards = charged.run("session", "re-rate", "--from", "2026-10-06", *days[2:])
    assert (backwards.exit_code, "--until 2026-10-05 is before --from 2026-10-06" in backwards.stderr) == (2, True)
    later = ("--from", "2026-10-06", "--until", "2026-10-07", *days[4:])
    assert charged.told("session", "re-rate", *later)["sessions"] == 0
    assert charged.told("session", "re-rate", "--tariff", "by-hand", *days)["decisions"] == 1
    assert totals(charged) == {"T1": "2.98", "T2": "1.79"}
    charged.sound()


def test_what_has_no_charge_is_not_re_rated(home: Home) -> None:
    home.hears(WHOLE[0])
    assert "it is open: no charge stands" in home.refused("session", "re-rate", "T1", "--reason", "x")
    assert home.run("session", "re-rate", "T1", "--tariff", "by-hand", "--reason", "x").exit_code == 2
    assert home.run("session", "re-rate", "--reason", "x").exit_code == 2


def test_a_tariff_of_a_file_is_published_and_one_that_the_folder_would_bring_back_is_not(charged: Home, tmp_path: Path) -> None:
    component = {"type": "ENERGY", "price": "0.60", "vat": 19}
    tariff = {"id": "by-hand", "currency": "EUR", "elements": [{"price_components": [component]}]}
    file = tmp_path / "new.yaml"
    file.write_text(json.dumps(tariff))
    with pytest.raises(NotReady, match="change it there"):
        charged.run("tariff", "publish", str(file), "--re-rate", "--reason", "x")
    words = ("tariff", "publish", str(file), "--valid-from", "2026-10-05T17:00:00+00:00", "--re-rate", "--reason", "x", "--yes")
    seen = charged.run(*words[:-1])
    assert "by-hand would be published" in seen.stdout and "has no such version" not in seen.stderr
    done = charged.run(*words)
    assert "1 session re-rated" in done.stdout and "has no such version: add it there too" in done.stderr
    assert totals(charged) == {"T1": "2.38", "T2": "2.14"}
    charged.run("reference", "publish")
    assert totals(charged) == {"T1": "2.38", "T2": "2.14"}
    file.write_text(json.dumps(tariff | {"currency": "NOK"}))
    with pytest.raises(NotReady, match="charges in EUR"):
        charged.run(*words)
    assert charged.run("tariff", "publish", "nothing").exit_code == 2
    lost = charged.run("tariff", "publish", "nope.yaml")
    assert (lost.exit_code, "there is no file nope.yaml" in lost.stderr) == (2, True)
    assert charged.run("tariff", "publish", "by-hand", "--re-rate").exit_code == 2, "without a reason"
    charged.sound()


def test_a_tariff_with_errors_is_not_published_unless_somebody_says_so(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    components = [{"type": "ENERGY", "price": "0.40", "vat": 19}]
    element = {"price_components": components}  # the second one never applies
    file.write_text(json.dumps({"id": "odd", "currency": "EUR", "elements": [element, element]}))
    with pytest.raises(NotReady, match="--allow-lints"):
        home.run("tariff", "publish", str(file))
    assert "odd, version" in home.run("tariff", "publish", str(file), "--allow-lints").stdout


def test_errors_that_depend_on_where_a_tariff_is_used_refuse_it_as_well(home: Home, tmp_path: Path) -> None:
    """AFIR Art. 5(4): an EVSE of 150 kW has a price per kWh; of the folder and of a file alike."""
    path = home.folder / "reference" / "reference.yaml"
    path.write_text(path.read_text().replace("power_w_max: 22000", "power_w_max: 150000"))
    timed = {"price_components": [{"type": "TIME", "price": "6", "vat": 19}]}
    file = tmp_path / "timed.yaml"
    file.write_text(json.dumps({"id": "by-hand", "currency": "EUR", "valid_from": "2999-01-01", "elements": [timed]}))
    words = ("tariff", "publish", str(file))
    with pytest.raises(NotReady, match="1 error in tariff by-hand"):
        home.run(*words)
    refused = CliRunner().invoke(cli, ["--home", str(home.folder), *words])
    assert "error fast_public_charging_is_not_priced_per_kwh" in " ".join(refused.stderr.split())
    assert "will be in force" in home.run(*words, "--allow-lints").stdout
    path.write_text(path.read_text().replace("power_w_max: 150000", "power_w_max: 22000"))
    file.write_text(file.read_text().replace('"6"', '"7"'))
    assert "will be in force" in home.run(*words).stdout, "up to 50 kW a price per minute is allowed"
    (path.parent / "timed.yaml").write_text(f"tariffs: [{file.read_text()}]")
    path.write_text(path.read_text().replace("power_w_max: 22000", "power_w_max: 150000"))
    assert "nothing to do" in home.run("tariff", "publish", "by-hand").stdout, "what is in force already is not judged"


def test_a_late_reading_re_rates_by_itself(home: Home) -> None:
    """The session is closed again under its next revision: a reversal and a new entry, since the station told more of it."""
    home.hears(event("Started", 0, 0, 0), event("Updated", 1, 30, 2000))
    home.told("tick", "--at", "2026-10-09T00:00Z")
    assert totals(home) == {"T1": "0.95"}
    home.hears(event("Ended", 2, 60, 5000))
    assert totals(home) == {"T1": "2.38"}
    assert [each["reason"] for each in shown(home)["reversed"]] == ["station_told_more_of_the_session"]
    home.sound()


def test_a_correction_that_changes_no_charge_says_so(home: Home) -> None:
    corrected(home)
    words = ("--re-rate", "--reason", "x")
    assert "by-hand would be published" in publish(home, *words).stdout
    done = publish(home, *words, "--yes")
    assert (done.exit_code, "by-hand will be published" in done.stdout) == (0, True)
    assert "no session re-rated: no charge changes\n" in done.stdout
    assert publish(home, *words).exit_code == 0, "nothing is left to do"


def test_two_processes_find_what_one_does(charged: Home) -> None:
    corrected(charged)
    assert re_rated(charged, "--processes", "2") == re_rated(charged)


def test_a_person_at_a_terminal_is_asked(charged: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    corrected(charged)
    monkeypatch.setattr("wattbook.commands.re_rating._is_confirmed", lambda: True)
    assert "2 sessions re-rated" in publish(charged, "--re-rate", "--reason", "x").stdout
    assert totals(charged) == {"T1": "2.98", "T2": "1.79"}
