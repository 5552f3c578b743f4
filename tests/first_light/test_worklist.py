"""Sessions that never end, gaps that are never filled, and what people decide about them: through the commands, on a home."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ledger.checks import check
from tests.first_light.homes import new_home
from wattbook.audit import replay
from wattbook.cli import cli
from wattbook.importing import import_files
from wattbook.wiring import App, NotReady, open_app

BEGAN = datetime(2026, 10, 5, 8, tzinfo=UTC)
TOKEN, STATION = "04A1B2C3D4E5F6", "CS201-01"


def event(kind: str, seq: int, minutes: int, wh: int | None = None, **more: Any) -> str:
    at = BEGAN + timedelta(minutes=minutes)
    payload: dict[str, Any] = {
        "eventType": kind,
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "triggerReason": "MeterValuePeriodic",
        "seqNo": seq,
        "transactionInfo": {"transactionId": more.pop("tx", "T1")},
    }
    if kind == "Started":
        payload |= {"evse": {"id": 1}, "idToken": {"idToken": TOKEN, "type": "ISO14443"}}
    if wh is not None:
        context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(kind, "Sample.Periodic")
        sample = {"value": wh, "context": context, "measurand": "Energy.Active.Import.Register"}
        payload["meterValue"] = [{"timestamp": payload["timestamp"], "sampledValue": [sample]}]
    frame = json.dumps([2, f"m{seq}-{kind}-{minutes}", "TransactionEvent", payload | more])
    return json.dumps({"at": at.isoformat(), "station": STATION, "protocol": "ocpp2.0.1", "frame": frame})


class Home:
    """A home, its commands, and the messages that come to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        new_home(folder).close()

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ["--home", str(self.folder), *words], catch_exceptions=False)

    def told(self, *words: str) -> Any:
        done = self.run(*words, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def refused(self, *words: str) -> str:
        """Why; the program prints it and ends with status 1."""
        with pytest.raises(NotReady) as why:
            self.run(*words)
        return str(why.value)

    def hears(self, *lines: str) -> None:
        path = self.folder / "messages.ndjson"
        path.write_text("\n".join(lines) + "\n")
        self.use(lambda app: import_files(app.runtime, (path,), 100))

    def use(self, work: Callable[[App], Any]) -> Any:
        app = open_app(_settings(self.folder))
        try:
            return work(app)
        finally:
            app.close()

    def sound(self) -> None:
        """The books add up, and a replay gives all of it again."""

        def look(app: App) -> None:
            assert replay(app).difference is None
            with app.reading() as store:
                assert check(store.ledger) == ()

        self.use(look)

    def kinds(self) -> list[str]:
        [row] = self.told("session", "list")
        return [entry["kind"] for entry in self.told("session", "show", row["session"])["entries"]]


def _settings(folder: Path) -> Any:
    from wattbook.settings import read_settings

    return read_settings(home=folder)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


GAP = (event("Started", 0, 0, 0), event("Ended", 2, 60, 5000))
NO_END = (event("Started", 0, 0, 0), event("Updated", 1, 30, 2000))


def row(home: Home) -> dict[str, Any]:
    [found] = home.told("session", "list")
    return dict(found)


def test_a_gap_waits_until_a_tick_and_is_held_then_as_the_price_depends_on_time(home: Home) -> None:
    home.hears(*GAP)
    assert row(home)["progress"] == "ended"
    assert home.told("tick", "--at", "2026-10-06T08:59Z")["changed"] == {}
    assert home.told("tick", "--at", "2026-10-06T09:00Z")["changed"] == {"ended": -1, "held": 1}
    [work] = home.told("session", "worklist")
    assert (work["finding"], work["quality"]) == ("messages_are_missing_and_the_price_depends_on_time", "gap")
    decided = home.told("session", "release", work["session"], "--reason", "the driver confirms it", "--by", "Ada")
    assert (decided["after"]["progress"], decided["after"]["total"]) == ("rated", work["total"])
    assert home.kinds() == ["session_rated", "session_rated_reversed", "session_rated"]
    home.sound()


def test_the_missing_message_makes_it_complete_and_reposts_nothing_where_nothing_changes(home: Home) -> None:
    home.hears(*GAP)
    home.told("tick", "--at", "2026-10-07T09:00Z")
    home.hears(event("Updated", 1, 30, 2500))
    assert row(home)["quality"] is None
    assert set(home.kinds()) <= {"session_rated", "session_rated_reversed"}
    home.sound()


def test_a_session_without_an_end_is_held_until_it_is_released_and_adjusted_when_it_ends_after_all(home: Home) -> None:
    home.hears(*NO_END)
    home.told("tick", "--at", "2026-10-09T00:00Z")
    [work] = home.told("session", "worklist")
    assert (work["progress"], work["finding"], work["do"]) == (
        "held",
        "session_has_no_end",
        "look at it, then release or drop it",
    )
    estimated = work["total"]
    decided = home.told("session", "release", work["session"][:8], "--reason", "the driver confirms it", "--by", "Ada")
    assert (decided["after"]["progress"], decided["after"]["total"], decided["applied"]) == ("rated", estimated, True)
    assert home.kinds() == ["session_rated", "session_rated_reversed", "session_rated"]
    home.hears(event("Ended", 2, 60, 5000))
    assert row(home)["progress"] == "rated", "released is released: what was looked at stays so"
    assert row(home)["quality"] is None
    assert home.kinds()[-2:] == ["session_rated_reversed", "session_rated"]
    home.sound()


def test_a_session_shows_its_earlier_revisions_why_each_was_reversed_and_who_decided(home: Home) -> None:
    home.hears(*NO_END)
    home.told("tick", "--at", "2026-10-09T00:00Z")
    identity = row(home)["session"]
    estimated = row(home)["total"]
    assert (home.told("session", "show", identity)["reversed"], home.told("session", "show", identity)["decisions"]) == ([], [])
    home.told("session", "release", identity, "--reason", "the driver confirms it", "--by", "Ada")
    home.hears(event("Ended", 2, 60, 5000))
    home.told("session", "drop", identity, "--reason", "a test")
    found = home.told("session", "show", identity)
    assert [(each["reason"], each["rated"].get("held")) for each in found["reversed"]] == [
        ("released_by_a_person", "session_has_no_end"),
        ("station_told_more_of_the_session", None),
        ("dropped_by_a_person", None),
    ]
    assert [each["rated"]["rated"]["total"] for each in found["reversed"]][:2] == [estimated, estimated]
    assert [(each["decision"], each["reason"], each.get("by")) for each in found["decisions"]] == [
        ("release", "the driver confirms it", "Ada"),
        ("drop", "a test", None),
    ]
    shown = home.run("session", "show", identity).stdout
    assert "release by Ada: the driver confirms it" in shown
    assert re.search(r"^0 .* session_has_no_end +released_by_a_person *$", shown, re.MULTILINE), shown
    home.sound()


def test_what_is_dropped_is_taken_back_and_stays_dropped(home: Home) -> None:
    home.hears(*NO_END)
    home.told("tick", "--at", "2026-10-09T00:00Z")
    identity = row(home)["session"]
    assert home.told("session", "drop", identity, "--reason", "a test")["after"]["progress"] == "dropped"
    assert home.kinds() == ["session_rated", "session_rated_reversed"]
    home.hears(event("Ended", 2, 60, 5000))
    assert row(home)["progress"] == "dropped"
    assert home.kinds() == ["session_rated", "session_rated_reversed"]
    assert "nothing to do" in home.run("session", "drop", identity, "--reason", "again").stdout
    assert "nothing is left to release" in home.refused("session", "release", identity, "--reason", "after all")
    assert home.told("session", "worklist") == []
    home.sound()


def test_a_differing_second_end_holds_what_was_billed_before(home: Home) -> None:
    home.hears(event("Started", 0, 0, 0), event("Ended", 1, 60, 5000))
    assert row(home)["progress"] == "rated"
    home.hears(event("Ended", 2, 90, 9000))
    assert (row(home)["progress"], row(home)["quality"]) == ("held", "disputed")
    assert home.kinds() == ["session_rated", "session_rated_reversed", "session_rated"]
    home.sound()


def test_an_invoiced_session_is_not_reposted_and_the_difference_is_on_the_worklist(home: Home) -> None:
    home.hears(*NO_END)
    home.told("tick", "--at", "2026-10-09T00:00Z")
    identity = row(home)["session"]
    home.told("session", "release", identity, "--reason", "as good as it gets")
    assert home.told("invoice", "run", "--month", "2026-10")
    before = home.kinds()
    home.hears(event("Ended", 2, 60, 5000))
    [work] = home.told("session", "worklist")
    assert (work["progress"], work["finding"]) == ("invoiced", "truth_differs_from_what_was_invoiced")
    assert home.kinds() == before
    assert "stands on invoice" in home.refused("session", "drop", identity, "--reason", "no")
    home.sound()


@pytest.mark.parametrize("reason", ["", "two\nlines", "x" * 501])
def test_a_reason_is_one_line_of_bounded_length(home: Home, reason: str) -> None:
    home.hears(*NO_END)
    home.told("tick", "--at", "2026-10-09T00:00Z")
    assert "the reason has" in home.refused("session", "drop", row(home)["session"], "--reason", reason)
    assert row(home)["progress"] == "held"


def test_what_has_no_price_is_not_released_and_the_refusal_says_what_to_do(home: Home) -> None:
    home.hears(event("Started", 0, 0, 0, evse={"id": 9}), event("Ended", 1, 60, 5000))
    assert "publish the site" in home.refused("session", "release", row(home)["session"], "--reason", "please")
    assert row(home)["progress"] == "flagged"


def test_implausible_energy_is_billed_when_somebody_releases_it(home: Home) -> None:
    home.hears(event("Started", 0, 0, 1000), event("Ended", 1, 60, 901_000))
    assert row(home)["finding"] == "energy_exceeds_what_the_evse_can_deliver"
    released = home.told("session", "release", row(home)["session"], "--reason", "a bus depot")
    assert (released["after"]["progress"], released["after"]["finding"]) == ("rated", None)
    home.sound()


def test_a_misread_value_is_looked_at_and_the_session_billed_by_its_two_ends(home: Home) -> None:
    home.hears(event("Started", 0, 0, 1000), *(event("Updated", n, 10 * n, wh) for n, wh in ((1, 3000), (2, 20), (3, 4000))))
    home.hears(event("Ended", 4, 60, 5000))
    [work] = home.told("session", "worklist")
    assert (work["finding"], work["energy_wh"], work["total"]) == ("meter_register_went_backwards", "4000", None)
    assert work["do"] == "look at it, then release or drop it"
    released = home.told("session", "release", work["session"], "--reason", "the display showed 1 and 5 kWh")
    assert (released["after"]["progress"], released["after"]["energy_wh"]) == ("rated", "4000")
    assert home.kinds() == ["session_rated"]
    home.sound()


def test_where_the_end_is_below_the_start_there_is_nothing_to_release(home: Home) -> None:
    home.hears(event("Started", 0, 0, 9_000), event("Updated", 1, 10, 9_500), event("Ended", 2, 60, 8_900))
    [work] = home.told("session", "worklist")
    assert (work["finding"], work["do"]) == ("meter_register_went_backwards", "drop it")
    assert "it has no energy" in home.refused("session", "release", work["session"], "--reason", "please")
    assert home.told("session", "drop", work["session"], "--reason", "billed by hand")["after"]["progress"] == "dropped"
    home.sound()


def test_a_tick_is_never_later_than_now_nor_earlier_than_the_last(home: Home) -> None:
    assert "is yet to come" in home.refused("tick", "--at", "2999-01-01T00:00Z")
    assert home.told("tick", "--at", "2026-10-09T00:00Z")["noted"]
    assert not home.told("tick", "--at", "2026-10-08T00:00Z")["noted"]


def test_an_import_lets_the_clock_tick_only_if_asked(home: Home) -> None:
    path = home.folder / "messages.ndjson"
    path.write_text("\n".join(NO_END) + "\n")
    home.told("import", str(path))
    assert row(home)["progress"] == "open"
    home.told("import", str(path), "--tick")
    assert row(home)["progress"] == "held"
