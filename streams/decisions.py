"""What a person decides about a session, and what becomes of it.

    release   held: the charge is billed as it is. Flagged: concluded again with the finding set aside, where there is a price
              in spite of it (`WAIVABLE`, or `CONTRADICTING` where start and end give an energy). What was set aside stays so,
              whatever is told later.
    re-rate   charged: what it comes to by what is in force now is charged instead, if it is something else. On an invoice it
              stays, and the difference is a finding.
    drop      nothing is billed, and what was booked is reversed; later messages only inform. An end without a start takes the
              decision along to its session (`by_itself`).

Who decides anew what was decided changes nothing. A session on an invoice is not released or dropped; one that was another
one's end is not decided.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import structs

from streams.adjusting import Standing, adjusted, released, taken_back
from streams.batch_parts import steps_fail
from streams.catalogue import Catalogue
from streams.mistakes import MISTAKES, told
from streams.rating import conclude
from streams.rerating import anew
from streams.row_conclusions import Standing as Conclusions
from streams.row_conclusions import conclusion
from streams.sessions import SessionState
from streams.states import SessionRow
from streams.step import Step
from vocabulary.identity import Position, SessionId
from vocabulary.reference import Decision, SessionDecided
from vocabulary.rules import checks_records
from vocabulary.sessions import (
    BLOCKING,
    CONTRADICTING,
    WAIVABLE,
    Finding,
    Progress,
    ReversalReason,
    SessionClosed,
    SessionConclusion,
    SessionDropped,
    SessionFlagged,
    SessionRated,
    doubts_of,
)


class Known(NamedTuple):
    """What is known of a session when it is decided. An end without a start has no state."""

    row: SessionRow
    state: SessionState | None
    closed: SessionClosed | None
    standing: Standing


def known_of(log: Conclusions, row: SessionRow, state: SessionState | None) -> Known:
    """Raises IndexChanged where the row points at another session's conclusion."""
    return Known(row, state, conclusion(log, row, SessionClosed), standing_of(log, row))


def standing_of(log: Conclusions, row: SessionRow) -> Standing:
    rated = conclusion(log, row, SessionRated)
    return Standing(rated, (row.revision or 0) + (rated is not None), row.progress is Progress.INVOICED)


def apart(said: Iterable[tuple[SessionDecided, Position]]) -> Iterator[list[tuple[SessionDecided, Position]]]:
    """Decisions in their order, cut where one is about a session of which another one before it may have changed all."""
    run: dict[SessionId, tuple[SessionDecided, Position]] = {}
    for each in said:
        if each[0].session in run:
            yield [*run.values()]
            run = {}
        run[each[0].session] = each
    yield [*run.values()]


def objection(row: SessionRow, decision: Decision, closed: SessionClosed | None) -> str:
    """Why a session is not decided so, and what to do instead; empty: it may be. `closed`: as it was closed last."""
    match row.progress, decision:
        case Progress.INVOICED | Progress.RATED | Progress.HELD, Decision.RERATE:
            return ""
        case _, Decision.RERATE:
            return f"it is {row.progress}: no charge stands that could be another one"
        case Progress.INVOICED, _:
            return f"it stands on invoice {row.invoice}, which never changes; credit notes are no part of this version"
        case Progress.MERGED, _:
            return "it was another session's end: see that session"
        case _, Decision.DROP:
            return ""
        case Progress.HELD, _:
            return ""
        case Progress.FLAGGED, _ if row.finding in WAIVABLE or _has_ends_that_fit(row, closed):
            return ""
        case Progress.FLAGGED, _:
            remedy = _REMEDIES.get(row.finding or Finding.STEPS_FAIL, "drop it: it has no energy to be charged for")
            return f"no price can be computed: {row.finding}; {remedy}"
        case Progress.DROPPED, _:
            return "it was dropped, and nothing is left to release"
        case Progress.EMPTY, _:
            return "no vehicle came, and nothing was charged: there is nothing to release"
        case Progress.RATED, _:
            return "it is rated, and will be on the next invoice: there is nothing to release"
        case _:
            return "its end, or what is between, is waited for: a deadline concludes it, or drop it"


def _has_ends_that_fit(row: SessionRow, closed: SessionClosed | None) -> bool:
    """Whether the session was closed by its two ends in spite of what contradicts them."""
    doubts = () if closed is None else doubts_of(closed.session)
    return row.finding in CONTRADICTING and any(doubt.finding is row.finding for doubt in doubts)


_REMEDIES = {
    Finding.EVSE_UNKNOWN: "publish the site with its EVSE, and it is concluded again by itself",
    Finding.TOKEN_UNKNOWN: "publish whose token it is, and it is concluded again by itself",
    Finding.TARIFF_MISSING: "publish a tariff that was in force, and it is concluded again by itself",
    Finding.PRICE_NOT_PUBLISHED: "import the missing prices of the series, and it is concluded again by itself",
    Finding.VAT_UNFIT: "publish a tariff that bears the site's VAT, and it is concluded again by itself",
    Finding.TAX_UNKNOWN: "publish a tariff that says its taxes, and it is concluded again by itself",
    Finding.TAXES_UNFIT: "publish a tariff with one VAT rate a price, and it is concluded again by itself",
    Finding.LIMIT_UNFIT: "correct the tariff's limits and publish it, and it is concluded again by itself",
    Finding.AMOUNT_TOO_HIGH: "correct the tariff and publish it, or drop it",
    Finding.STEPS_FAIL: "report the mistake; it is tried again with every reference fact",
    Finding.END_WITHOUT_START: "its start may still come; or drop it",
    Finding.ANSWER_WITHOUT_START: "see its station's sessions of that time; then drop it",
    Finding.RESERVATION_UNKNOWN: "bill it otherwise, or not at all; then drop it",
}


def decide(known: Known, decided: SessionDecided, catalogue: Catalogue) -> Step[SessionState | None, SessionConclusion]:
    """The state that remembers the decision, and what follows. Nothing where there is an objection, or it is so already."""
    row, state = known.row, known.state
    if objection(row, decided.decision, known.closed) or row.progress is Progress.DROPPED:
        return Step(state)
    if decided.decision is Decision.DROP:
        dropped = None if state is None else structs.replace(state, dropped=True)
        out = SessionDropped(session=row.session, reason=decided.reason, by=decided.by)
        says_nobody = decided.at == _NEVER and checks_records(catalogue.rules)
        return Step(
            dropped, (*taken_back(known.standing, ReversalReason.NOT_OWED if says_nobody else ReversalReason.DROPPED), out)
        )
    assert state is not None and known.closed is not None, "what has a price was closed"
    if decided.decision is Decision.RERATE:
        found = anew(known.closed, catalogue, state.waived)
        return Step(state, adjusted(known.standing, found, ReversalReason.RERATED))
    waived = tuple(sorted({*state.waived, *_set_aside(known, catalogue)}))
    after = structs.replace(state, waived=waived)
    if row.progress is Progress.HELD:
        return Step(after, released(known.standing))
    concluded = conclude(known.closed.session, catalogue, known.closed.held, waived)
    return Step(after, adjusted(known.standing, concluded))


def decided_on(known: Known, decided: SessionDecided, catalogue: Catalogue) -> Step[SessionState | None, SessionConclusion]:
    """As `decide`. A mistake of ours is a finding, and leaves all else as it was."""
    try:
        return decide(known, decided, catalogue)
    except MISTAKES as error:
        return Step(known.state, (steps_fail(known.row.session, error),))


def foreseen(known: Known, decided: SessionDecided, catalogue: Catalogue, post: Callable[[SessionRated], object]) -> str:
    """Why nothing could be booked after the decision, for who is about to make it; empty: something can."""
    try:
        out = decide(known, decided, catalogue).out
        for each in out:
            if isinstance(each, SessionRated):
                post(each)
    except MISTAKES as error:
        return f"the steps fail on it, {told(error)}: report the mistake, or drop it"
    high = next((e for e in out if isinstance(e, SessionFlagged) and e.finding is Finding.AMOUNT_TOO_HIGH), None)
    return "" if high is None else f"{high.finding}, {high.detail}; {_REMEDIES[high.finding]}"


_NEVER = datetime.min.replace(tzinfo=UTC)  # no person decides then
END_DROPPED, USED_AFTER_ALL = "its end was dropped before its start came", "its reservation was used after all"


def by_itself(session: SessionId, reason: str) -> SessionDecided:
    """That nothing is billed follows from what was told or decided; no person says it again."""
    return SessionDecided(session=session, decision=Decision.DROP, reason=reason, at=_NEVER)


def _set_aside(known: Known, catalogue: Catalogue) -> set[Finding]:
    """What the person has seen: what blocks the session, or every doubt for which its charge is held."""
    assert known.closed is not None and known.row.finding is not None
    if known.row.progress is Progress.FLAGGED:
        return {known.row.finding}
    found = conclude(known.closed.session, catalogue, known.closed.held)
    doubts = {each.finding for each in found if isinstance(each, SessionFlagged)} - BLOCKING
    return {known.row.finding, *doubts, *((known.closed.held,) if known.closed.held else ())}
