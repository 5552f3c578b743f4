"""The index rows of sessions: what people ask for, kept up with what the steps conclude.

A row is a cache of conclusions: a replay gives it again.
"""

from streams.sessions import Closed, Gathering, SessionState, evse_of
from streams.states import SessionRow
from vocabulary.identity import Position
from vocabulary.sessions import (
    BLOCKING,
    ChargeReversed,
    ChargingSession,
    Finding,
    Progress,
    Quality,
    SessionClosed,
    SessionConclusion,
    SessionDropped,
    SessionFlagged,
    SessionMerged,
    SessionRated,
    quality_of,
)
from vocabulary.signatures import SignatureChecked


def open_row(state: Gathering) -> SessionRow:
    return SessionRow(
        session=state.session,
        station=state.station,
        progress=Progress.ENDED if state.ends else Progress.OPEN,
        transaction=state.transaction,
        evse=evse_of(state),
        start=state.start.at if state.start else None,
        heard_at=state.heard,
    )


def has_no_row(state: SessionState | None) -> bool:
    """Of a message's terms comes no row: the message makes one."""
    if not isinstance(state, Gathering):
        return state is None
    return not state.said and bool(state.brands or state.recognitions or state.reserved)


def row_of_unused(session: ChargingSession) -> SessionRow:
    """A reservation in which nobody charged; what is concluded from it comes on top."""
    return SessionRow(
        session.id, session.station, Progress.ENDED, transaction="", evse=session.evse, start=session.start, end=session.end
    )


def row_after(before: SessionState, after: SessionState, moves: bool) -> SessionRow | None:
    """What an event makes of a session's row; None: nothing. `moves`: it tells what the row of an open one shows."""
    match before, after:
        case _, Gathering() if moves:
            return open_row(after)
        case Gathering(), Closed():
            return ended_row(before, after)
        case _:
            return None


def ended_row(before: Gathering, closed: Closed) -> SessionRow:
    """A session that ends; what is concluded from it comes on top."""
    row = open_row(before)
    return closed_row(row._replace(progress=Progress.ENDED), closed)


def closed_row(row: SessionRow, closed: Closed) -> SessionRow:
    """One that is whole now: no deadline concerns it any more."""
    return row._replace(transaction=closed.transaction, start=closed.start, end=closed.end.at, heard_at=None)


def told_again(row: SessionRow, after: SessionState) -> SessionRow:
    """Of a session that was concluded before it was whole, or dropped, and of which more is told."""
    if isinstance(after, Closed):
        return closed_row(row, after)
    return row if after.dropped else row._replace(heard_at=after.heard)


def with_conclusion(row: SessionRow, conclusion: SessionConclusion, position: Position) -> SessionRow:
    match conclusion:
        case SessionClosed():
            return _closed_row(row, conclusion, position)
        case SignatureChecked():
            return row._replace(checked_at=position)
        case SessionRated():
            return row._replace(
                progress=Progress.HELD if conclusion.held else Progress.RATED,
                finding=conclusion.held,
                ended_on=conclusion.ended_on,
                energy_wh=conclusion.energy_wh,
                contract=conclusion.contract,
                partner=conclusion.partner,
                total=conclusion.rated.total,
                currency=conclusion.rated.currency,
                rated_at=position,
                revision=conclusion.revision or None,
            )
        case ChargeReversed():
            return _reversed_row(row, conclusion)
        case SessionDropped():
            return row._replace(progress=Progress.DROPPED, finding=None)
        case SessionFlagged(finding=Finding.TRUTH_DIFFERS):
            return row._replace(finding=conclusion.finding)
        case SessionFlagged() if conclusion.finding in BLOCKING and row.rated_at is None:
            return row._replace(progress=Progress.FLAGGED, finding=conclusion.finding)
        case SessionFlagged(finding=Finding.NEVER_CONNECTED) if row.rated_at is None:
            return row._replace(progress=Progress.EMPTY, finding=None)
        case SessionFlagged() if row.progress is Progress.EMPTY:  # more was told of it than that no vehicle came
            return row._replace(progress=Progress.FLAGGED, finding=conclusion.finding)
        case SessionFlagged():
            return row
        case SessionMerged():
            return row._replace(progress=Progress.MERGED, finding=None)


def _closed_row(row: SessionRow, closed: SessionClosed, position: Position) -> SessionRow:
    session, quality = closed.session, quality_of(closed.session)
    return row._replace(
        transaction=session.transaction,
        evse=session.evse,
        start=session.start,
        end=session.end,
        energy_wh=session.energy_wh,
        closed_at=position,
        quality=None if quality is Quality.COMPLETE else quality,
    )


def _reversed_row(row: SessionRow, conclusion: ChargeReversed) -> SessionRow:
    """As before it was rated; what follows says what becomes of it."""
    return row._replace(
        progress=Progress.ENDED,
        finding=None,
        ended_on=None,
        contract=None,
        partner=None,
        total=None,
        currency=None,
        rated_at=None,
        revision=conclusion.rated.revision + 1,
    )
