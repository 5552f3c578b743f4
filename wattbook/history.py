"""What became of a session before: charges that do not hold any more, and what people decided."""

from collections.abc import Sequence
from typing import NamedTuple

from ledger.books import Booked
from streams.log import Stream
from streams.places import OFFICE, place_of
from streams.states import SessionRow
from vocabulary.codec import decode
from vocabulary.identity import Position, SessionId
from vocabulary.reference import SessionDecided
from vocabulary.sessions import ChargeReversed
from wattbook.wiring import Store, decisions_key


class History(NamedTuple):
    """`reversals`: the earlier revisions, each with why it was taken back, in order."""

    reversals: tuple[ChargeReversed, ...]
    decisions: tuple[SessionDecided, ...]


def history(store: Store, row: SessionRow, booked: Sequence[Booked]) -> History:
    return History(_reversals(store, row, booked), _decisions(store, row.session))


def _reversals(store: Store, row: SessionRow, booked: Sequence[Booked]) -> tuple[ChargeReversed, ...]:
    """Looked for only where the books have one, and only in what was concluded since the first charge was booked."""
    at = row.rated_at or row.closed_at
    if len(booked) < 2 or at is None:
        return ()
    lane = place_of(at)[1] if len(store.lanes) > 1 else OFFICE
    causes = [each.cause for each in booked if len(store.lanes) == 1 or place_of(Position(each.cause))[1] == lane]
    found = store.lanes[lane].about(Stream.CONCLUSIONS, row.session, Position(min(causes, default=0)))
    return tuple(event for stored in found if isinstance(event := decode(stored.body), ChargeReversed))


def _decisions(store: Store, session: SessionId) -> tuple[SessionDecided, ...]:
    found = store.log.about(Stream.REFERENCE, decisions_key(session), Position(0))
    return tuple(event for stored in found if isinstance(event := decode(stored.body), SessionDecided))
