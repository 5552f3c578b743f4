"""What charging stations say, in one language for OCPP 1.6, 2.0.1 and 2.1.

`ingest.decode` makes these events from a raw message; nothing else does. They are facts about a message's content: no
arrival time, no message id of the transport, so a retry of the same fact is the same event. Both are in what tells which
start of 1.6 is answered, and in nothing else. Units are normalised (Wh, W, A, V, Percent), the measurand, context and
location defaults of the standard are applied, instants are UTC by the station's clock.

    1.6   StartTransaction  -> TransactionStarted + StartRequested      2.x   TransactionEvent Started -> TransactionStarted
          its CALLRESULT    -> StartAnswered                                  TransactionEvent Updated -> TransactionUpdated
          MeterValues       -> MeterSampled                                   TransactionEvent Ended   -> TransactionEnded
          StopTransaction   -> TransactionEnded                               MeterValues              -> MeterSampled
          StatusNotification -> ConnectorStatusChanged (1.6 and 2.x)
    any   a transaction's message that arrived at another time than it tells -> ClockCompared besides
          what cannot be understood -> MessageRejected, with its reason
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from vocabulary.identity import EventId, StationId, TokenUid, TransactionId
from vocabulary.quantities import WattHours


class Protocol(StrEnum):
    """The WebSocket subprotocol that was negotiated."""

    OCPP16 = "ocpp1.6"
    OCPP201 = "ocpp2.0.1"
    OCPP21 = "ocpp2.1"


class Direction(StrEnum):
    """Who sent a frame."""

    FROM_STATION = "station->csms"
    TO_STATION = "csms->station"


class Source(Struct, frozen=True, kw_only=True):
    """What a frame was written from that never was a frame: a row of an export, an envelope of SOAP.

    `form`: `steve-csv`, `ocpp1.6-soap` or `ocpp1.5-soap`. `file`: its name, without folders. `line`: where it begins, from 1.
    `text`: the row or the envelope, word for word; that is the evidence, and the frame our reading of it.
    """

    form: str
    file: str
    line: int
    text: str


class RawMessage(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="raw.message"):
    """One OCPP-J frame, verbatim, with what the transport knew of it.

    `frame` is the text as on the wire. Bytes that are not UTF-8 are kept as base64 and `base64` says so.
    `received_at` None: the source of the frame did not record when it arrived.
    `protocol` None: the source did not say; decoding goes by the shape of the message.
    `source` None: the frame came as it is. Else it was written from that, when it was imported.
    `security_profile` is the connection's, 0 to 3 (OCPP 2.0.1 part 2, A00). None: not known.
    """

    station: StationId
    frame: str
    direction: Direction = Direction.FROM_STATION
    protocol: Protocol | None = None
    received_at: datetime | None = None
    base64: bool = False
    source: Source | None = None
    security_profile: int | None = None


class Sample(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One sampled value (OCPP 1.6 §7.43, 2.0.1 part 2 SampledValueType), in its base unit."""

    at: datetime
    value: Decimal
    measurand: str = "Energy.Active.Import.Register"
    context: str = "Sample.Periodic"
    location: str = "Outlet"
    phase: str | None = None  # None: the overall value


class SignedValue(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A signed meter value as it was carried; `data` is byte for byte what the message held.

    2.x: the fields of SignedMeterValueType. 1.6: those of the JSON text in a SignedData sample (OCA application note
    "Signed Meter Values" 1.0), or, where the value is not such a text, the bare value in `data` and the rest empty.
    `public_key` is a claim of the message, not a trusted key.
    """

    at: datetime
    data: str
    context: str  # of its sample; Sample.Periodic where that has none
    encoding_method: str = ""
    signing_method: str = ""
    public_key: str = ""


class ChargingState(StrEnum):
    """2.x TransactionInfo.chargingState. `Idle` means that no vehicle is connected, not idle time."""

    CHARGING = "Charging"
    EV_CONNECTED = "EVConnected"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    IDLE = "Idle"


class TransactionStarted(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="transaction.started"):
    """A transaction began. In 1.6 its id is not yet known (`transaction` None): the CSMS gives it, see StartAnswered."""

    station: StationId
    protocol: Protocol
    at: datetime
    transaction: TransactionId | None = None
    evse: int | None = None  # 1.6: the connectorId; 2.x: evse.id, None where the station does not know it yet
    connector: int | None = None  # 2.x evse.connectorId
    seq: int | None = None  # 2.x seqNo
    token: TokenUid | None = None
    token_type: str | None = None  # 2.x idToken.type
    trigger: str | None = None
    charging_state: ChargingState | None = None
    meter_start_wh: WattHours | None = None  # 1.6 meterStart
    offline: bool = False
    samples: tuple[Sample, ...] = ()
    signed: tuple[SignedValue, ...] = ()


class TransactionUpdated(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="transaction.updated"):
    """2.x TransactionEvent Updated."""

    station: StationId
    protocol: Protocol
    at: datetime
    transaction: TransactionId
    seq: int
    evse: int | None = None
    connector: int | None = None
    token: TokenUid | None = None
    token_type: str | None = None
    trigger: str | None = None
    charging_state: ChargingState | None = None
    offline: bool = False
    samples: tuple[Sample, ...] = ()
    signed: tuple[SignedValue, ...] = ()


class TransactionEnded(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="transaction.ended"):
    """1.6 StopTransaction (its transactionData as samples) or 2.x TransactionEvent Ended."""

    station: StationId
    protocol: Protocol
    at: datetime
    transaction: TransactionId
    seq: int | None = None
    evse: int | None = None
    connector: int | None = None
    token: TokenUid | None = None  # who ended it; the debtor stays the one who started
    token_type: str | None = None
    trigger: str | None = None
    reason: str = "Local"  # absent means Local (1.6 §4.10; 2.0.1 part 2 TransactionType.stoppedReason)
    charging_state: ChargingState | None = None
    meter_stop_wh: WattHours | None = None  # 1.6 meterStop
    offline: bool = False
    samples: tuple[Sample, ...] = ()
    signed: tuple[SignedValue, ...] = ()


class MeterSampled(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="meter.sampled"):
    """A MeterValues message. 1.6 links it to a transaction; 2.x never does (evse 0 is the main meter)."""

    station: StationId
    protocol: Protocol
    evse: int
    transaction: TransactionId | None = None
    samples: tuple[Sample, ...] = ()
    signed: tuple[SignedValue, ...] = ()


class ConnectorStatusChanged(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="connector.status"):
    """A StatusNotification; in 1.6 the only source of idle time. `at` falls back to the arrival where the message has none."""

    station: StationId
    protocol: Protocol
    evse: int  # 1.6: the connectorId, 0 is the whole station
    at: datetime
    status: str
    connector: int | None = None
    error: str = "NoError"


class StartRequested(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="transaction.start_requested"):
    """1.6: the message id under which a StartTransaction travelled; a retry may travel under another.

    `received_at`: when it arrived, since message ids are used again. None: not recorded, and by the first two rules.
    """

    station: StationId
    message_id: str
    start: EventId  # of the TransactionStarted
    received_at: datetime | None = None


class StartAnswered(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="transaction.start_answered"):
    """1.6: the CSMS's answer to a StartTransaction, which gives the transaction its id.

    Both ids may be used again, so they alone would make one fact of two answers. `received_at`: when it arrived, as in
    StartRequested. `start`: where that is None, the TransactionStarted that came last under the message id, which no answer
    names; the steps add it (`streams.answered`). None: not known, and by the first two rules.
    """

    station: StationId
    message_id: str
    transaction: TransactionId
    start: EventId | None = None
    received_at: datetime | None = None


BATTERY_SWAP = "BatterySwap"  # the `trigger` of what is no transaction of OCPP (`ingest.battery_swaps`)
DEAUTHORISED = "DeAuthorized"  # 1.6 StopTransaction.reason, 2.x stoppedReason


class Moment(StrEnum):
    """Which message of a transaction a time was told in."""

    START = "start"
    UPDATE = "update"
    END = "end"


class ClockCompared(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="clock.compared"):
    """The time that a transaction's message tells is not near the message's arrival (see `ingest.clock` for how far).

    The transaction's own events know no arrival, so that a retry is the same event; this is the second fact that a message is
    where its arrival says something. A retry is another one, of the same `at`. `start`: 1.6, the TransactionStarted meant;
    `seq`: 2.x, the message's number.
    """

    station: StationId
    protocol: Protocol
    of: Moment
    at: datetime
    received_at: datetime
    transaction: TransactionId | None = None
    start: EventId | None = None
    seq: int | None = None


class Rejection(StrEnum):
    """Why a frame became no event, in order of precedence. Each has a paragraph in docs/errors.md."""

    NOT_UTF8 = "frame_is_not_utf8"
    NOT_JSON = "frame_is_not_json"
    NOT_OCPP_J = "frame_is_not_an_ocpp_j_array"
    UNKNOWN_MESSAGE_TYPE = "message_type_is_unknown"
    UNKNOWN_PROTOCOL = "protocol_version_cannot_be_told"
    FIELD_MISSING = "required_field_is_missing"
    FIELD_UNREADABLE = "field_cannot_be_read"
    TIMESTAMP_UNREADABLE = "timestamp_cannot_be_read"


class MessageRejected(Struct, frozen=True, kw_only=True, tag="message.rejected"):
    """A frame of which no event could be made. The frame itself stays in the raw stream; nothing is lost.

    `detail` names the field and what was found there, at most 200 characters, never a token or a name.
    `message` is the identity of the raw message.
    """

    station: StationId
    message: EventId
    reason: Rejection
    detail: str = ""


ChargingEvent = (
    TransactionStarted
    | TransactionUpdated
    | TransactionEnded
    | MeterSampled
    | ConnectorStatusChanged
    | StartRequested
    | StartAnswered
    | ClockCompared
    | MessageRejected
)
