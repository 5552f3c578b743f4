"""What people decide stops nothing, stands, and is told before it is noted: through the commands, on a home."""

from typing import Any

import pytest

from tests.first_light.test_worklist import BEGAN, Home, event, row
from tests.first_light.test_worklist import home as home
from tests.streams.material import contract
from vocabulary.identity import SessionId
from vocabulary.reference import Decision, SessionDecided
from wattbook.fact_keys import key_of
from wattbook.wiring import App

# 10^17 Wh are more than the EVSE delivers, and cost more than any session may.
ENORMOUS = (event("Started", 0, 0, 0), event("Ended", 1, 60, 10**17))
ANOTHER = (event("Started", 0, 100, 0, tx="T2"), event("Ended", 1, 160, 5000, tx="T2"))


def by_transaction(home: Home) -> dict[str, tuple[str, str | None]]:
    return {each["transaction"]: (each["progress"], each["finding"]) for each in home.told("session", "list")}


def released(home: Home) -> None:
    """Past the command, as a wattbook of before wrote it down."""
    decided = SessionDecided(session=SessionId(row(home)["session"]), decision=Decision.RELEASE, reason="x", at=BEGAN)

    def write(app: App) -> None:
        app.runtime.publish([decided], key_of)
        app.runtime.pump()

    home.use(write)


def test_a_release_after_which_nothing_could_be_booked_is_refused_and_not_noted(home: Home) -> None:
    home.hears(*ENORMOUS)
    session = row(home)["session"]
    why = home.refused("session", "release", session, "--reason", "x")
    assert "amount_is_more_than_a_session_may_cost" in why and "drop it" in why
    assert home.told("session", "show", session)["decisions"] == []
    home.hears(*ANOTHER)
    assert by_transaction(home)["T2"] == ("rated", None)
    home.told("session", "drop", session, "--reason", "the register jumped")
    home.sound()


def test_a_home_whose_log_holds_such_a_release_goes_on(home: Home) -> None:
    home.hears(*ENORMOUS)
    released(home)
    assert by_transaction(home) == {"T1": ("flagged", "amount_is_more_than_a_session_may_cost")}
    home.hears(*ANOTHER)
    assert by_transaction(home)["T2"] == ("rated", None)
    [work] = home.told("session", "worklist")
    assert work["do"] == "correct the tariff, or drop it"
    assert "amount_is_more" in home.refused("session", "release", work["session"], "--reason", "y")
    home.told("tick", "--at", "2026-10-09T00:00Z")
    home.told("session", "drop", work["session"], "--reason", "the register jumped")
    assert by_transaction(home)["T1"] == ("dropped", None)
    home.sound()


def another_contract(app: App) -> None:
    """A fact for which whatever waits is concluded again."""
    app.runtime.publish([contract("NEW", name="C9")], key_of)
    app.runtime.pump()


def fail(*_: object, **__: object) -> Any:
    raise KeyError("04A2B3C4D5E680")


def test_a_mistake_of_ours_as_a_session_ends_is_a_finding_and_the_next_fact_tries_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("streams.batch.conclude", fail)
        home.hears(event("Started", 0, 0, 0), event("Ended", 1, 60, 5000))
    assert by_transaction(home) == {"T1": ("flagged", "steps_fail_on_the_session")}
    home.hears(*ANOTHER)
    home.use(another_contract)
    assert by_transaction(home) == {"T1": ("rated", None), "T2": ("rated", None)}


def test_a_mistake_of_ours_as_the_clock_ticks_is_a_finding_and_the_next_tick_tries_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.hears(event("Started", 0, 0, 0), event("Ended", 2, 60, 5000))
    with monkeypatch.context() as broken:
        broken.setattr("streams.batch.conclude_overdue", fail)
        home.told("tick", "--at", "2026-10-07T09:00Z")
    assert by_transaction(home) == {"T1": ("flagged", "steps_fail_on_the_session")}
    home.use(another_contract)
    assert by_transaction(home) == {"T1": ("flagged", "steps_fail_on_the_session")}, "it is not closed: a tick concludes it"
    home.told("tick", "--at", "2026-10-07T10:00Z")
    assert by_transaction(home) == {"T1": ("held", "messages_are_missing_and_the_price_depends_on_time")}


def test_a_mistake_of_ours_in_a_decision_leaves_the_charge_as_it_is_and_is_told_before_it_is_noted(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.hears(event("Started", 0, 0, 0), event("Updated", 1, 30, 2000))
    home.told("tick", "--at", "2026-10-09T00:00Z")
    before = row(home)
    assert before["progress"] == "held"
    with monkeypatch.context() as broken:
        broken.setattr("streams.decisions.released", fail)
        assert "KeyError in tests.first_light.test_decisions.fail" in home.refused(
            "session", "release", before["session"], "--reason", "x"
        )
        released(home)
    assert row(home) == before
    home.told("session", "release", before["session"], "--reason", "x")
    assert row(home)["progress"] == "rated"
