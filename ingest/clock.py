"""Where a transaction's message arrived at another time than it tells, a second event says when it did. Pure.

    before 2015, or more than 5 minutes ahead    what no right clock tells
    late by more than 5 minutes                  in 2.x unless it says that it was written offline; no field of 1.6 tells it

Of what arrives as it happens there is no such event. It stands before the event that it is about, so that what an end concludes
knows it; only a 1.6 start comes first, since it begins the session.
"""

from datetime import UTC, datetime

from vocabulary.charging import (
    ClockCompared,
    Moment,
    Protocol,
    StartRequested,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.clocks import APART
from vocabulary.decoded import Decoded

_ANCIENT = datetime(2015, 1, 1, tzinfo=UTC)


def with_comparison(events: tuple[Decoded, ...], received_at: datetime) -> tuple[Decoded, ...]:
    """The events of one message, and what its arrival says about the clock."""
    match events:
        case (TransactionStarted() as started, StartRequested() as requested, *facts):
            if _tells(started, received_at):
                compared = ClockCompared(
                    station=started.station,
                    protocol=started.protocol,
                    of=Moment.START,
                    at=started.at,
                    received_at=received_at,
                    start=requested.start,
                )
                return (started, requested, compared, *facts)
        case (TransactionStarted() | TransactionUpdated() | TransactionEnded() as event, *facts):
            if _tells(event, received_at):
                return (_compared(event, received_at), event, *facts)
        case _:
            pass
    return events


def _tells(event: TransactionStarted | TransactionUpdated | TransactionEnded, received_at: datetime) -> bool:
    offset = event.at - received_at
    if -APART <= offset <= APART:
        return False
    if offset > APART or event.at < _ANCIENT:
        return True
    return event.protocol is Protocol.OCPP16 or not event.offline


def _compared(event: TransactionStarted | TransactionUpdated | TransactionEnded, received_at: datetime) -> ClockCompared:
    return ClockCompared(
        station=event.station,
        protocol=event.protocol,
        of=_MOMENTS[type(event)],
        at=event.at,
        received_at=received_at,
        transaction=event.transaction,
        seq=event.seq,
    )


_MOMENTS = {TransactionStarted: Moment.START, TransactionUpdated: Moment.UPDATE, TransactionEnded: Moment.END}
