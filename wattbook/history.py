"""What became of a session before: charges that do not hold any more, and what people decided."""

from collections.abc import Sequence
from typing import NamedTuple

from ledger.books import Booked
from streams.log import Stream
from streams.places import place_of
from streams.states import SessionRow
from vocabulary.codec import decode
from vocabulary.identity import Position, SessionId
from vocabulary.reference import SessionDecided
from vocabulary.sessions import ChargeReversed
from wattbook.fact_keys import decisions_key
from wattbook.wiring import Store


class History(NamedTuple):
    """`reversals`: the earlier revisions, each with why it was taken back, in order."""

    reversals: tuple[ChargeReversed, ...]
    decisions: tuple[SessionDecided, ...]


def history(store: Store, row: SessionRow, booked: Sequence[Booked]) -> History:
    return History(_reversals(store, row, booked), _decisions(store, row.session))


def _reversals(store: Store, row: SessionRow, booked: Sequence[Booked]) -> tuple[ChargeReversed, ...]:
    """Looked for only where the books may have one. Where the log has one order, a conclusion stands behind what it follows
    from; in a lane, places of conclusions say nothing of messages' offsets.
    """
    at = row.rated_at or row.closed_at
    if len(booked) < 2 or at is None:
        return ()
    if len(store.lanes) == 1:
        found = store.log.about(Stream.CONCLUSIONS, row.session, Position(min(each.cause for each in booked)))
    else:
        found = store.lanes[place_of(at)[1]].about(Stream.CONCLUSIONS, row.session, Position(0))
    return tuple(event for stored in found if isinstance(event := decode(stored.body), ChargeReversed))


def _decisions(store: Store, session: SessionId) -> tuple[SessionDecided, ...]:
    found = store.log.about(Stream.REFERENCE, decisions_key(session), Position(0))
    return tuple(event for stored in found if isinstance(event := decode(stored.body), SessionDecided))
