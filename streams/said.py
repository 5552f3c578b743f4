"""What messages said of a session: the parts of a state that gathers."""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from streams.measured import Momentary
from streams.registers import Register
from streams.stretches import Told
from vocabulary.charging import Protocol, SignedValue, TransactionStarted
from vocabulary.identity import EventId, TokenUid
from vocabulary.quantities import WattHours


class Start(Struct, frozen=True, gc=False, array_like=True):
    """Of several, the one with the lowest seqNo, then the earliest, is the start."""

    at: datetime
    protocol: Protocol
    seq: int | None
    meter_wh: WattHours | None


def started(known: Start | None, event: TransactionStarted) -> Start:
    start = Start(event.at, event.protocol, event.seq, event.meter_start_wh)
    return start if known is None else min(known, start, key=lambda s: (s.seq or 0, s.at))


class End(Struct, frozen=True, gc=False, array_like=True):
    """`event` tells two ends apart; of several, the one with the lowest seqNo, then the earliest, is the end."""

    seq: int | None
    at: datetime
    event: EventId
    meter_wh: WattHours | None
    reason: str


class Said(Struct, frozen=True, gc=False, kw_only=True, array_like=True):
    """What one message said that a session is made of. `seq` None: 1.6, which has no numbers. `event` only beside `seq`."""

    seq: int | None = None
    event: str | None = None
    evse: int | None = None
    connector: int | None = None
    token: tuple[datetime, TokenUid, str | None] | None = None
    registers: tuple[Register, ...] = ()
    told: Told | None = None
    signed: tuple[SignedValue, ...] = ()
    offline: bool = False
    power_w: Decimal | None = None
    vehicle: bool = False  # 2.x: something in it is there only where a vehicle is
    momentary: tuple[Momentary, ...] = ()  # of a session that keeps them
    exported: tuple[Register, ...] = ()  # the same: see `streams.feeding`
    swapped: tuple[Decimal, ...] | None = None  # of a swap of batteries: see `streams.swaps`
