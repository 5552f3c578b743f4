"""Meter values as samples in base units, whatever the OCPP version: Wh, varh, VAh, W, A, Percent.

Only what can matter to a price or to its plausibility becomes a sample: energy, active power, current, state of charge. The
rest (voltage, temperature, frequency) stays in the raw message. An absent measurand, context, location or unit means what the
standard says it means (OCPP 1.6 §7.43; 2.0.1 part 2 SampledValueType); an empty text counts as absent.

Tolerance is per sample: one that cannot be read is left out and counted, its neighbours stay. Reading is in two steps. A
message is decoded whole, which is fast; where that fails, its meter values are decoded one by one, and a part that cannot be
read stands there as a sample without a value. So both steps know the same samples.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from ingest.envelope import Origin
from ingest.fields import Refused, decoder, default_of, instant, number, read, scaled, text_or
from vocabulary.charging import MeterSampled, Rejection, Sample, SignedValue
from vocabulary.identity import TransactionId

REGISTER: Final = default_of(Sample, "measurand")
PERIODIC: Final = default_of(Sample, "context")
OUTLET: Final = default_of(Sample, "location")
POWER_OF_TEN_MAX: Final = 12

S = TypeVar("S", bound=Struct)
T = TypeVar("T")
Units = dict[str | None, int]  # a unit as written, in lower case, or absent -> the power of ten to its base unit


def _units(base: str, *larger: str) -> Units:
    """`larger` are thousands of the base. "KWH" is seen in the field, hence the lower case."""
    written = {base: 0} | dict.fromkeys(larger, 3)
    return {None: 0, "": 0} | written | {unit.lower(): power for unit, power in written.items()}


_ACTIVE, _REACTIVE, _APPARENT = _units("Wh", "kWh"), _units("varh", "kvarh"), _units("VAh", "kVAh")
_POWER, _CURRENT, _CHARGE = _units("W", "kW"), _units("A"), _units("Percent") | {"%": 0}

UNITS: Final[dict[str, Units]] = {
    # 1.6 §7.31, 2.0.1 part 2 MeasurandEnumType
    "Energy.Active.Import.Register": _ACTIVE,
    "Energy.Active.Export.Register": _ACTIVE,
    "Energy.Active.Import.Interval": _ACTIVE,
    "Energy.Active.Export.Interval": _ACTIVE,
    "Energy.Reactive.Import.Register": _REACTIVE,
    "Energy.Reactive.Export.Register": _REACTIVE,
    "Energy.Reactive.Import.Interval": _REACTIVE,
    "Energy.Reactive.Export.Interval": _REACTIVE,
    "Power.Active.Import": _POWER,
    "Power.Active.Export": _POWER,
    "Current.Import": _CURRENT,
    "Current.Export": _CURRENT,
    "Current.Offered": _CURRENT,
    "SoC": _CHARGE,
    # 2.0.1
    "Energy.Active.Net": _ACTIVE,
    "Energy.Reactive.Net": _REACTIVE,
    "Energy.Apparent.Net": _APPARENT,
    "Energy.Apparent.Import": _APPARENT,
    "Energy.Apparent.Export": _APPARENT,
    # 2.1
    "Energy.Active.Import.CableLoss": _ACTIVE,
    "Energy.Active.Import.LocalGeneration.Register": _ACTIVE,
    "Energy.Active.Setpoint.Interval": _ACTIVE,
    "Power.Active.Setpoint": _POWER,
    "Power.Active.Residual": _POWER,
    "Current.Import.Offered": _CURRENT,
    "Current.Import.Minimum": _CURRENT,
    "Current.Export.Offered": _CURRENT,
    "Current.Export.Minimum": _CURRENT,
}


# A measurand as written, or absent -> as it is kept, and its units. The default is that very object: see `fields.default_of`.
_MEASURANDS = {each: (each, units) for each, units in UNITS.items()} | dict.fromkeys((None, "", REGISTER), (REGISTER, _ACTIVE))


class MeterValue(Struct, Generic[S], rename="camel", gc=False):
    """OCPP's MeterValue: what was sampled at one instant. `S` is the version's own SampledValue."""

    timestamp: object = None
    sampled_value: tuple[S, ...] | None = None


class Metered(Struct, Generic[S], rename="camel", kw_only=True, gc=False):
    """A message that carries meter values, under whatever name."""

    meter_value: tuple[MeterValue[S], ...] | None = None


M = TypeVar("M", bound=Metered[Any])


class Shape(NamedTuple, Generic[M]):
    """How a message with meter values is read: `field` is their name in it, `sampled` the version's SampledValue."""

    message: msgspec.json.Decoder[M]
    required: tuple[str, ...]
    field: str
    sampled: type[Struct]


def read_metered(payload: msgspec.Raw, shape: Shape[M]) -> M:
    """The payload as a record; `Refused` where something outside of its meter values is wrong."""
    try:
        return shape.message.decode(payload)
    except msgspec.ValidationError:
        return _read_carefully(payload, shape)


def _read_carefully(payload: msgspec.Raw, shape: Shape[M]) -> M:
    fields = _FIELDS.decode(payload)
    meter_values = fields.get(shape.field, _NULL)
    if bytes(meter_values) == b"null":
        return read(payload, shape.message, shape.required)
    rest = fields | {shape.field: _NONE_OF_THEM}
    record = read(msgspec.Raw(msgspec.json.encode(rest)), shape.message, shape.required)
    return msgspec.structs.replace(record, meter_value=tuple(_meter_values(meter_values, shape.sampled)))


def _meter_values(raw: msgspec.Raw, sampled: type[S]) -> Iterator[MeterValue[S]]:
    one, unreadable = decoder(sampled), sampled()
    for parts in _each(raw, _PARTS, _UNREADABLE_PARTS):
        yield MeterValue(timestamp=parts.timestamp, sampled_value=tuple(_each(parts.sampled_value, one, unreadable)))


def _each(raw: msgspec.Raw, kind: msgspec.json.Decoder[T], otherwise: T) -> Iterator[T]:
    """The objects of an array, with a substitute for each element that cannot be read as one, and for the array itself."""
    try:
        elements = _ELEMENTS.decode(raw)
    except msgspec.ValidationError:
        yield otherwise
        return
    for element in elements:
        try:
            yield kind.decode(element) if memoryview(element)[0] == _BRACE else otherwise
        except msgspec.ValidationError:
            yield otherwise


class _Parts(Struct, rename="camel"):
    timestamp: object = None
    sampled_value: msgspec.Raw = msgspec.Raw(b"[]")


_PARTS = decoder(_Parts)
_UNREADABLE_PARTS = _Parts(sampled_value=msgspec.Raw(b"0"))
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BRACE = ord("{")
_NULL, _NONE_OF_THEM = msgspec.Raw(b"null"), msgspec.Raw(b"[]")


class SignedText(Struct, rename="camel", gc=False):
    """SignedMeterValueType (2.0.1, 2.1), also the JSON text in a 1.6 SignedData sample (OCA note "Signed Meter Values" 1.0)."""

    data: str | None = msgspec.field(default=None, name="signedMeterData")
    encoding_method: str | None = None
    signing_method: str | None = None
    public_key: str | None = None


class Readings:
    """What meter values hold, collected one sampled value after the other.

    `unreadable` counts what would have been a sample or a signed value and could not be read.
    """

    __slots__ = ("samples", "signed", "unreadable")

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.signed: list[SignedValue] = []
        self.unreadable = 0

    def add_sample(
        self,
        at: datetime | None,
        value: object,
        measurand: str | None,
        unit: str | None,
        multiplier: int,
        context: str | None,
        location: str | None,
        phase: str | None,
    ) -> None:
        """`multiplier` is a power of ten (2.x). An absent phase means the overall value; phases are never added up here.

        Unreadable is also a unit that is none of this measurand: a guess would be a wrong bill.
        """
        known = _MEASURANDS.get(measurand)
        if known is None:
            return
        named, units = known
        power = units.get(unit)
        if power is None and unit is not None:
            power = units.get(unit.lower())
        amount = number(value)
        if amount is None or power is None or at is None or abs(multiplier) > POWER_OF_TEN_MAX:
            self.unreadable += 1
            return
        if power + multiplier:
            amount = scaled(amount, power + multiplier)
        self.samples.append(
            Sample(
                at=at,
                value=amount,
                measurand=named,
                context=PERIODIC if not context or context == PERIODIC else context,  # `text_or`, which costs a call
                location=OUTLET if not location or location == OUTLET else location,
                phase=phase or None,
            )
        )

    def add_signed(self, at: datetime | None, signed: SignedText, context: str | None) -> None:
        if at is None or not signed.data:
            self.unreadable += 1
            return
        self.signed.append(
            SignedValue(
                at=at,
                data=signed.data,
                context=text_or(context, PERIODIC),
                encoding_method=signed.encoding_method or "",
                signing_method=signed.signing_method or "",
                public_key=signed.public_key or "",
            )
        )


def meter_sampled(
    origin: Origin, evse: int, transaction: TransactionId | None, found: Readings
) -> tuple[()] | tuple[MeterSampled]:
    """What a MeterValues call says: nothing of interest, or samples. `Refused` where all that it had to say is unreadable."""
    if not found.samples and not found.signed:
        if found.unreadable:
            raise Refused(Rejection.FIELD_UNREADABLE, f"meterValue: none of {found.unreadable} sampled values can be read")
        return ()
    return (
        MeterSampled(
            station=origin.station,
            protocol=origin.protocol,
            evse=evse,
            transaction=transaction,
            samples=tuple(found.samples),
            signed=tuple(found.signed),
        ),
    )


def status_instant(origin: Origin, timestamp: object) -> datetime:
    """When a status holds: by the station's clock, else from its arrival on."""
    at = instant(timestamp) or origin.received_at
    if at is None:
        raise Refused(Rejection.TIMESTAMP_UNREADABLE, "timestamp: none that can be read, and the arrival is not recorded")
    return at
