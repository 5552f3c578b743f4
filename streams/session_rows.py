"""The index rows of sessions: what people ask for, kept up with what the steps conclude.

A row is a cache of conclusions: a replay gives it again.
"""

from streams.sessions import Closed, Gathering, evse_of
from streams.states import SessionRow
from vocabulary.identity import Position
from vocabulary.sessions import (
    BLOCKING,
    ChargingSession,
    Progress,
    SessionClosed,
    SessionConclusion,
    SessionFlagged,
    SessionMerged,
    SessionRated,
    SignatureChecked,
)


def open_row(state: Gathering) -> SessionRow:
    return SessionRow(
        session=state.session,
        station=state.station,
        progress=Progress.ENDED if state.ends else Progress.OPEN,
        transaction=state.transaction,
        evse=evse_of(state),
        start=state.start.at if state.start else None,
    )


def ended_row(before: Gathering, closed: Closed) -> SessionRow:
    """A session that ends; what is concluded from it comes on top."""
    row = open_row(before)
    return row._replace(progress=Progress.ENDED, transaction=closed.transaction, start=closed.start, end=closed.end.at)


def with_conclusion(row: SessionRow, conclusion: SessionConclusion, position: Position) -> SessionRow:
    match conclusion:
        case SessionClosed():
            return _closed_row(row, conclusion.session, position)
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
            )
        case SessionFlagged() if conclusion.finding in BLOCKING and row.rated_at is None:
            return row._replace(progress=Progress.FLAGGED, finding=conclusion.finding)
        case SessionFlagged():
            return row
        case SessionMerged():
            return row._replace(progress=Progress.MERGED, finding=None)


def _closed_row(row: SessionRow, session: ChargingSession, position: Position) -> SessionRow:
    return row._replace(
        transaction=session.transaction,
        evse=session.evse,
        start=session.start,
        end=session.end,
        energy_wh=session.energy_wh,
        closed_at=position,
    )
