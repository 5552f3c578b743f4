"""Energy and time as quantities, and the half-open interval.

Energy is exact decimal Wh, as metered: some registers count tenths of a Wh. Durations are whole seconds. Instants are aware
datetimes in UTC; a station's clock may carry fractions of a second, which are kept in the instant and floored away only
where a duration is measured (`seconds_between`).
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NewType

from msgspec import Struct

WattHours = NewType("WattHours", Decimal)
Seconds = NewType("Seconds", int)

ONE_SECOND = timedelta(seconds=1)
ZERO_WH = WattHours(Decimal(0))


class Interval(Struct, frozen=True):
    """From `start` inclusive until `end` exclusive; both UTC."""

    start: datetime
    end: datetime


def whole_second(at: datetime) -> datetime:
    """The instant floored to its second, in UTC. Durations are differences of such instants, so they add up."""
    return at.astimezone(UTC).replace(microsecond=0)


def seconds_between(start: datetime, end: datetime) -> Seconds:
    """Whole seconds from start to end, each floored first: spans that meet add up to the span of the whole."""
    return Seconds((whole_second(end) - whole_second(start)) // ONE_SECOND)


def kwh(energy: WattHours) -> Decimal:
    """The same energy in kWh, exactly."""
    return energy.scaleb(-3)
