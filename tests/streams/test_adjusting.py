"""What becomes of a charge that stands when its session is concluded again."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from streams.adjusting import Standing, adjusted, released, taken_back
from streams.decisions import objection
from streams.rating import conclude
from streams.states import SessionRow
from tests.streams.material import LONG_AGO, catalogue, everything, tariff
from tests.streams.notation import STATION
from tests.streams.test_gate import rated, session
from vocabulary.identity import SessionId, VersionHash
from vocabulary.reference import Decision
from vocabulary.sessions import (
    CONTRADICTING,
    WAIVABLE,
    ChargeReversed,
    Doubt,
    Finding,
    Progress,
    ReversalReason,
    SessionClosed,
    SessionFlagged,
    SessionRated,
)
from vocabulary.tariff import Dimension, PriceComponent, TariffElement, TariffPublished

CHARGE = rated(session(), *everything())
DEARER = rated(session(energy_wh=6000), *everything())
BLOCKED = SessionFlagged(session=CHARGE.session, finding=Finding.ENERGY_UNKNOWN)
BESIDE = SessionFlagged(session=CHARGE.session, finding=Finding.SECOND_END)
STANDS = Standing(CHARGE, 1)
INVOICED = Standing(CHARGE, 1, is_invoiced=True)
REVERSED = ChargeReversed(rated=CHARGE, reason=ReversalReason.TOLD_LATER)


def test_the_first_charge_stands_under_its_revision() -> None:
    assert adjusted(Standing(), [CHARGE]) == (CHARGE,)
    assert adjusted(Standing(revision=3), [CHARGE]) == (structs.replace(CHARGE, revision=3),)


def test_the_same_again_changes_nothing() -> None:
    assert adjusted(STANDS, [BESIDE, CHARGE]) == (BESIDE,)


def test_another_charge_reverses_the_one_that_stands() -> None:
    assert adjusted(STANDS, [DEARER]) == (REVERSED, structs.replace(DEARER, revision=1))


def test_a_person_reverses_what_comes_to_other_lines_and_not_what_only_another_version_says() -> None:
    reversed_, dearer = adjusted(STANDS, [DEARER], ReversalReason.RERATED)
    assert reversed_ == structs.replace(REVERSED, reason=ReversalReason.RERATED)
    assert dearer == structs.replace(DEARER, revision=1)
    renamed = structs.replace(CHARGE, tariff_version=VersionHash("f" * 64), chosen=None)
    assert adjusted(STANDS, [renamed], ReversalReason.RERATED) == ()
    assert adjusted(STANDS, [renamed]) == (REVERSED, structs.replace(renamed, revision=1)), "as ever, where more was told"
    assert adjusted(INVOICED, [renamed], ReversalReason.RERATED) == ()


def test_where_there_is_no_charge_any_more_the_one_that_stands_is_reversed_first() -> None:
    assert adjusted(STANDS, [BLOCKED]) == (REVERSED, BLOCKED)


def test_a_finding_beside_the_session_reverses_nothing() -> None:
    assert adjusted(STANDS, [BESIDE]) == (BESIDE,)


def test_what_is_on_an_invoice_stays_and_the_difference_is_told_with_both_totals() -> None:
    [told] = adjusted(INVOICED, [DEARER])
    assert isinstance(told, SessionFlagged)
    assert (told.finding, told.detail) == (Finding.TRUTH_DIFFERS, "invoiced 1.79 EUR, now 2.14 EUR")
    [blocked] = adjusted(INVOICED, [BLOCKED])
    assert isinstance(blocked, SessionFlagged)
    assert (blocked.finding, blocked.detail) == (Finding.TRUTH_DIFFERS, "invoiced 1.79 EUR, now energy_is_unknown")
    assert adjusted(INVOICED, [CHARGE]) == ()
    assert adjusted(INVOICED, [BESIDE]) == (BESIDE,)


def test_what_is_on_an_invoice_and_would_be_held_now_is_told() -> None:
    [told] = adjusted(INVOICED, [structs.replace(CHARGE, held=Finding.SECOND_END)])
    assert isinstance(told, SessionFlagged)
    assert told.detail == "invoiced 1.79 EUR, now 1.79 EUR, held: second_end_of_the_same_transaction"


def test_releasing_changes_no_price() -> None:
    held = structs.replace(CHARGE, held=Finding.NO_END)
    reversed_, free = released(Standing(held, 1))
    assert isinstance(reversed_, ChargeReversed) and isinstance(free, SessionRated)
    assert (reversed_.rated, reversed_.reason) == (held, ReversalReason.RELEASED)
    assert free == structs.replace(CHARGE, revision=1)
    assert free.rated.total == Decimal("1.79")


def test_dropping_takes_back_what_stands_if_anything_does() -> None:
    assert taken_back(Standing()) == ()
    [by_itself] = taken_back(STANDS, ReversalReason.NOT_OWED)
    assert by_itself == structs.replace(REVERSED, reason=ReversalReason.NOT_OWED)
    assert taken_back(STANDS) == (ChargeReversed(rated=CHARGE, reason=ReversalReason.DROPPED),)


def test_what_may_be_decided() -> None:
    def refused(progress: Progress, decision: Decision, finding: Finding | None = None) -> bool:
        return bool(objection(SessionRow(SessionId("s"), STATION, progress, finding), decision, None))

    assert [p for p in Progress if not refused(p, Decision.RELEASE)] == [Progress.HELD]
    assert [p for p in Progress if refused(p, Decision.DROP)] == [Progress.INVOICED, Progress.MERGED]
    assert [p for p in Progress if not refused(p, Decision.RERATE)] == [Progress.HELD, Progress.RATED, Progress.INVOICED]
    assert {f for f in Finding if not refused(Progress.FLAGGED, Decision.RELEASE, f)} == WAIVABLE


@pytest.mark.parametrize("finding", sorted(CONTRADICTING))
def test_a_contradiction_is_released_only_where_the_session_was_closed_in_spite_of_it(finding: Finding) -> None:
    row = SessionRow(SessionId("s"), STATION, Progress.FLAGGED, finding)
    in_spite = SessionClosed(session=structs.replace(session(), doubts=(Doubt(finding=finding, detail=""),)))
    assert objection(row, Decision.RELEASE, in_spite) == ""
    for other in (None, SessionClosed(session=session())):  # never, or on less than what contradicts it
        assert "no energy" in objection(row, Decision.RELEASE, other)
    assert objection(row, Decision.DROP, None) == ""


@pytest.mark.parametrize("finding", sorted(WAIVABLE))
def test_what_may_be_set_aside_has_a_price(finding: Finding) -> None:
    """Far too much energy; forty days of it; and a clock that nobody can believe under a price by the hour."""
    given = session(energy_wh=10**9)
    if finding is Finding.DURATION_IMPLAUSIBLE:
        given = structs.replace(session(), end=session().start + timedelta(days=40))
    if finding is Finding.CLOCK_UNTRUSTED:
        given = structs.replace(session(), doubts=(Doubt(finding=finding, detail="arrived a day later"),))
    by_the_hour = PriceComponent(dimension=Dimension.PARKING_TIME, price=Decimal("3.00"), vat_percent=Decimal(19))
    day = tariff().tariff
    priced = structs.replace(day, elements=(*day.elements, TariffElement(components=(by_the_hour,))))
    known = catalogue(*everything(), TariffPublished(tariff=priced, valid_from=LONG_AGO))
    [*_, blocked] = conclude(given, known)
    assert isinstance(blocked, SessionFlagged) and blocked.finding is finding
    [*_, charge] = conclude(given, known, waived=(finding,))
    assert isinstance(charge, SessionRated) and charge.rated.total > 0
