"""The fields of chargeIT's JSON that are read, by their types.

Two containers, one of `placeInfo`, one of `chargePointInfo`, around `signedMeterValues`; the values of EMH and of Bauer meters
have much in common. What stands in a value may also stand in the container, for all of them.
"""

from msgspec import Struct, field


class Moment(Struct, gc=False):
    """Seconds since 1970 in UTC, and minutes by which the meter's wall clock is ahead of that."""

    timestamp: int
    localOffset: int = 0  # noqa: N815  # as the format names it, here and below
    seasonOffset: int = 0  # noqa: N815


class Measurand(Struct, gc=False):
    id: str | None = None
    name: str | None = None


class MeasuredValue(Struct, gc=False):
    value: int | str | None = None
    scale: int | None = None
    unitEncoded: int | None = None  # noqa: N815
    valueType: str | None = None  # noqa: N815
    valueEncoding: str | None = None  # noqa: N815
    timestampLocal: Moment | None = None  # noqa: N815


class Value(Struct, gc=False):
    measurand: Measurand
    measuredValue: MeasuredValue  # noqa: N815


class MeterInfo(Struct, gc=False):
    meterId: str = ""  # noqa: N815
    publicKey: str = ""  # noqa: N815


class Contract(Struct, gc=False):
    id: str | None = None
    timestampLocal: Moment | None = None  # noqa: N815


class Indexes(Struct, gc=False):
    timer: int
    logBook: str  # noqa: N815


class AdditionalInfo(Struct, gc=False):
    status: str
    indexes: Indexes


class SignedMeterValue(Struct, gc=False):
    """Of EMH `measurand`, `measuredValue` and `additionalInfo`; of Bauer `value` and `additionalValues`; of Alfen `payload`."""

    context: str | None = field(name="@context", default=None)
    meterInfo: MeterInfo | None = None  # noqa: N815
    contract: Contract | None = None
    measurementId: int | str | None = None  # noqa: N815
    signature: str = ""
    measurand: Measurand | None = None
    measuredValue: MeasuredValue | None = None  # noqa: N815
    additionalInfo: AdditionalInfo | None = None  # noqa: N815
    value: Value | None = None
    additionalValues: list[Value] | None = None  # noqa: N815
    time: str | None = None
    timestamp: int | None = None
    payload: str | None = None


class Place(Struct, gc=False):
    evseId: str | None = None  # noqa: N815


class Container(Struct, gc=False):
    signedMeterValues: list[SignedMeterValue]  # noqa: N815
    meterInfo: MeterInfo | None = None  # noqa: N815
    placeInfo: Place | None = None  # noqa: N815
    chargePointInfo: Place | None = None  # noqa: N815
