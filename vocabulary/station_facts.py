"""Facts about tokens, transactions, reservations and the station itself (see `vocabulary.fact`).

Authorize, answers with idTagInfo or idTokenInfo       TokenPresented, TokenAnswered     1.6 §4.1; 2.x part 2, C01
TransactionEvent, StartTransaction                     TransactionTerms, MessageAsked    2.1 part 2, E, Q, C17
GetTransactionStatus and its answer                    TransactionStatusAsked, …Answered 2.x part 2, E14
RemoteStartTransaction, RequestStartTransaction        RemoteStartAsked                  1.6 §5.11; 2.x part 2, F01
ReserveNow, CancelReservation, ReservationStatusUpdate ReservationAsked, …Changed        1.6 §5.13; 2.x part 2, H
BootNotification                                       StationBooted                     1.6 §4.2; 2.x part 2, B01
BatterySwap                                            BatterySwapped                    2.1 part 2, S
NotifyEvent (TariffCostCtrlr, FiscalMetering)          ComponentReported                 2.x part 2, N07; 2.1 I08
OpenPeriodicEventStream, NotifyPeriodicEventStream     StreamOpened, StreamReported      2.1 part 2, N; SEND
an answer with a status or a time, an error            MessageAnswered, MessageFailed    OCPP-J 1.6 §4.2; 2.1 part 4
"""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from vocabulary.charging import Direction, Protocol
from vocabulary.fact import Carried, Fact
from vocabulary.identity import EventId, TokenUid, TransactionId


class TokenPresented(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="token.presented"):
    """Authorize. Of the card behind a DirectPayment only what a price may depend on (2.1 TariffConditionsFixedType) is kept:
    numbers, expiry and hashes of a card are in the frame alone."""

    token: TokenUid | None = None  # None: empty, as with NoAuthorization
    token_type: str | None = None
    payment_brand: str | None = None
    payment_recognition: str | None = None


class TokenAnswered(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="token.answered"):
    """What the CSMS said of the token that a message presented."""

    status: str
    expires_at: datetime | None = None  # 1.6 expiryDate, 2.x cacheExpiryDateTime


class Limit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """2.1 TransactionLimitType."""

    cost: Decimal | None = None  # including taxes
    energy_wh: Decimal | None = None
    time_s: int | None = None
    soc_percent: int | None = None


class TransactionTerms(Fact, frozen=True, kw_only=True, omit_defaults=True, tag="transaction.terms"):
    """What a transaction event says of the terms it runs under; `of` is that event. None: it says nothing about it."""

    protocol: Protocol
    of: EventId
    transaction: TransactionId | None = None  # 1.6: not yet known at the start
    tariff: str | None = None  # 2.1 tariffId
    limit: Limit | None = None  # 2.1: as the station has it; what it does not echo it does not support (E16)
    operation_mode: str | None = None  # 2.1 Q
    reservation: int | None = None
    remote_start: int | None = None
    payment_brand: str | None = None
    payment_recognition: str | None = None


class LimitSet(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="transaction.limit_set"):
    """2.1: the CSMS's answer to a transaction event sets a limit (C17, E16)."""

    limit: Limit


class MessageAsked(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="message.asked"):
    """2.x: the message under which a start, an end or a token travelled; its answer tells the token's status, a limit, a cost.

    Other transaction events have none: what answers them is found by its message id among the raw messages.
    """

    of: EventId


class TransactionStatusAsked(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="transaction.status_asked"):
    transaction: TransactionId | None = None  # None: asked about the queue alone


class TransactionStatusAnswered(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="transaction.status_answered"):
    """Whether a gap may still be filled."""

    messages_in_queue: bool
    ongoing: bool | None = None


class RemoteStartAsked(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="remote_start.asked"):
    token: TokenUid | None = None
    token_type: str | None = None
    evse: int | None = None
    remote_start: int | None = None  # 2.x remoteStartId, by which the transaction names it


class ReservationAsked(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="reservation.asked"):
    """ReserveNow: reservation time is counted from its receipt (2.1 I12.FR.07)."""

    protocol: Protocol
    reservation: int
    token: TokenUid | None = None
    token_type: str | None = None
    evse: int | None = None  # 1.6: the connectorId
    expires_at: datetime | None = None


class ReservationChanged(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="reservation.changed"):
    """2.x: Expired, Removed or NoTransaction, by the station. `CancelAsked`: CancelReservation, by the CSMS."""

    reservation: int
    status: str


class StationBooted(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="station.booted"):
    """The time it is answered with is in MessageAnswered: what a clock is set by."""

    protocol: Protocol
    vendor: str = ""
    model: str = ""
    serial: str = ""
    meter_type: str = ""
    meter_serial: str = ""
    firmware: str = ""
    reason: str = ""  # 2.x


class Battery(Struct, frozen=True, kw_only=True, omit_defaults=True):
    evse: int | None = None
    serial: str = ""
    soc_percent: Decimal | None = None
    soh_percent: Decimal | None = None


class BatterySwapped(Fact, frozen=True, kw_only=True, omit_defaults=True, tag="battery.swapped"):
    """`request` joins what goes in and what comes out; a BatteryIn may have no BatteryOut. The message has no time."""

    event: str  # BatteryIn, BatteryOut, BatteryOutTimeout
    request: int
    token: TokenUid | None = None
    token_type: str | None = None
    batteries: tuple[Battery, ...] = ()


class ComponentReported(Fact, frozen=True, kw_only=True, omit_defaults=True, tag="component.reported"):
    """2.x NotifyEvent of a component that a bill depends on; no state of a connector tells whether it charges."""

    at: datetime
    component: str
    variable: str
    value: str
    instance: str | None = None
    evse: int | None = None
    connector: int | None = None
    transaction: TransactionId | None = None
    tech_code: str | None = None
    cleared: bool = False


class StreamOpened(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="stream.opened"):
    """What the values of a periodic event stream are of: the variable that this monitor watches."""

    stream: int
    monitor: int


class StreamValue(Struct, frozen=True, kw_only=True):
    at: datetime
    value: str


class StreamReported(Fact, frozen=True, kw_only=True, omit_defaults=True, tag="stream.reported"):
    """A SEND: nobody answers it, so nobody asks for it again. Each value's time is the base time and its seconds."""

    stream: int
    values: tuple[StreamValue, ...]
    pending: int | None = None


class MessageAnswered(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="message.answered"):
    """An answer that is little but a status: a station's to a command, the CSMS's to a boot or a VAT number."""

    direction: Direction
    status: str
    at: datetime | None = None  # currentTime, of a boot's answer


class MessageFailed(Carried, frozen=True, kw_only=True, omit_defaults=True, tag="message.failed"):
    """An error answers a call (type 4), or an answer (type 5, 2.1). Its words are free text and stay in the frame."""

    direction: Direction
    code: str  # "" where it is no name
    answers_an_answer: bool = False
