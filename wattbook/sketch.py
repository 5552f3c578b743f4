"""A session sketched to be priced: from a file, or from a few words of the command line. It is no session of anybody.

    start: 2026-03-10T10:00:00+01:00
    end: 2026-03-10T12:10:00+01:00
    energy: 20 kWh                          # or readings, where it matters when it was delivered
    readings: [{at: 2026-03-10T11:30:00+01:00, energy: 18 kWh}]     # since the start
    export: 5 kWh                           # fed back, evenly until the end; or exported, as readings
    exported: [{at: 2026-03-10T11:50:00+01:00, energy: 2 kWh}]      # since the start, by the register that counts it
    activities: [{at: 2026-03-10T11:30:00+01:00, is: idle}]         # charging from the start, until another word
    power: [{at: 2026-03-10T10:00:00+01:00, value: 11 kW}]
    current: [{at: 2026-03-10T10:00:00+01:00, value: 48 A}]         # the sum of the phases
    reserved: {since: 2026-03-10T09:45:00+01:00}                    # until the start; `expired: true`: nobody came
    time_zone: Europe/Berlin
    evse_kind: AC
    payment_brand: VISA
    payment_recognition: CC
    swaps: 1                                # sets of batteries that were exchanged: then energy is what they held more

Energy that no reading places is delivered evenly while the session charges. Quantities bear their unit.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, NamedTuple, Self
from zoneinfo import ZoneInfoNotFoundError

from msgspec import UNSET
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from tariffs.tariff_fields import complaints
from vocabulary.charging import Protocol
from vocabulary.circumstances import Circumstances, Reserved, Sample, Swapped
from vocabulary.identity import SessionId, StationId, TransactionId
from vocabulary.quantities import ONE_SECOND, WattHours
from vocabulary.sessions import Activity, ChargingSession, EnergySource, Reading, Stretch
from vocabulary.tariff import EvseKind
from vocabulary.zones import zone

_LONGEST = timedelta(days=366)
_UNITS = {"Wh": Decimal(1), "kWh": Decimal(1000), "W": Decimal(1), "kW": Decimal(1000), "A": Decimal(1)}
_SPAN = re.compile(r"(?:(\d{1,6})\s*h)?\s*(?:(\d{1,6})\s*(?:min|m))?\s*(?:(\d{1,6})\s*s)?", re.ASCII | re.IGNORECASE)


class SketchRefused(Exception):
    """What was sketched is no session; `complaints` say what, where, and what to write."""

    def __init__(self, found: Iterable[str]) -> None:
        self.complaints = tuple(found)
        super().__init__("\n".join(self.complaints))


class Sketched(NamedTuple):
    session: ChargingSession
    circumstances: Circumstances
    time_zone: str


def quantity(text: str, *units: str) -> Decimal:
    """A number with one of the units, in the first one: "20 kWh" is 20000 Wh. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)\s*([A-Za-z]+)", text.strip(), re.ASCII)
    if found is None or found[2] not in units:
        raise ValueError(f"{text!r} cannot be read; write for example 20 {units[-1]}")
    return Decimal(found[1]) * _UNITS[found[2]] / _UNITS[units[0]]


def span(text: str) -> timedelta:
    """ "1h30m", "90 min", "45s", in whatever case. Raises ValueError."""
    found = _SPAN.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        raise ValueError(f"{text!r} is no duration; write for example 1h30m, or 90min")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _energy(value: object) -> object:
    return quantity(value, "Wh", "kWh") if isinstance(value, str) else value


def _power(value: object) -> object:
    return quantity(value, "W", "kW") if isinstance(value, str) else value


def _current(value: object) -> object:
    return quantity(value, "A") if isinstance(value, str) else value


def _instant(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("has no offset from UTC; write such as 2026-03-10T10:00:00+01:00")
    if not 1970 <= value.year < 3000:
        raise ValueError("is not between 1970 and 2999; check the year")
    return value.astimezone(UTC).replace(microsecond=0)


def _known_zone(value: str) -> str:
    try:
        zone(value)
    except ZoneInfoNotFoundError:
        raise ValueError(f"no time zone is called {value!r}; write for example Europe/Berlin") from None
    return value


Instant = Annotated[datetime, AfterValidator(_instant)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Reading(_Shape):
    at: Instant
    energy: Annotated[Decimal, BeforeValidator(_energy)]


class _Activity(_Shape):
    at: Instant
    is_: Annotated[Activity, Field(alias="is")]


class _Power(_Shape):
    at: Instant
    value: Annotated[Decimal, BeforeValidator(_power)]


class _Current(_Shape):
    at: Instant
    value: Annotated[Decimal, BeforeValidator(_current)]


class _Reserved(_Shape):
    since: Instant
    expired: bool = False


class Sketch(_Shape):
    start: Instant
    end: Instant
    energy: Annotated[Decimal | None, BeforeValidator(_energy)] = None
    readings: tuple[_Reading, ...] = ()
    export: Annotated[Decimal | None, BeforeValidator(_energy)] = None
    exported: tuple[_Reading, ...] = ()
    activities: tuple[_Activity, ...] = ()
    power: tuple[_Power, ...] = ()
    current: tuple[_Current, ...] = ()
    reserved: _Reserved | None = None
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    evse_kind: EvseKind | None = None
    payment_brand: str | None = None
    payment_recognition: str | None = None
    swaps: Annotated[int, Field(ge=1, le=100)] | None = None

    @model_validator(mode="after")
    def _is_a_session(self) -> Self:
        if self.end < self.start:
            raise ValueError("the end is before the start")
        if self.end - self.start > _LONGEST:
            raise ValueError("lasts more than a year; check the start and the end")
        for name, found in (
            ("readings", self.readings),
            ("exported", self.exported),
            ("activities", self.activities),
            ("power", self.power),
        ):
            instants = [each.at for each in found]
            if instants != sorted(instants) or any(not self.start <= at <= self.end for at in instants):
                raise ValueError(f"{name} must be in order of time, from the start to the end")
        for told, whole in ((self.readings, self.energy), (self.exported, self.export)):
            energies = [Decimal(0), *(reading.energy for reading in told), *([] if whole is None else [whole])]
            if any(one > other for one, other in pairwise(energies)):
                raise ValueError("the energy falls; readings count from the start of the session, and never go back")
        if self.reserved is not None and self.reserved.since > self.start:
            raise ValueError("reserved: begins after the start of the session")
        return self


def read_sketch(raw: Mapping[str, Any]) -> Sketched:
    """The session of plain dictionaries. Raises SketchRefused."""
    try:
        sketch = Sketch.model_validate(raw)
    except ValidationError as error:
        raise SketchRefused(complaints(error, "the session")) from None
    return sketched(sketch)


def sketched(sketch: Sketch) -> Sketched:
    turns = [(sketch.start, Activity.CHARGING), *((each.at, each.is_) for each in sketch.activities)]
    ends = [*(at for at, _ in turns[1:]), sketch.end]
    stretches = tuple(
        Stretch(start=since, end=until, activity=kind)
        for (since, kind), until in zip(turns, ends, strict=True)
        if since < until
    )
    readings = tuple(_readings(sketch, stretches))
    session = ChargingSession(
        id=SessionId("sketch"),
        station=StationId("sketch"),
        protocol=Protocol.OCPP201,
        transaction=TransactionId("sketch"),
        evse=1,
        token=None,
        start=sketch.start,
        end=sketch.end,
        energy_wh=WattHours(readings[-1].register_wh - readings[0].register_wh),
        energy_source=EnergySource.TRANSACTION_SAMPLES,
        readings=readings,
        stretches=stretches,
        exported=tuple(_exported(sketch)) or UNSET,
    )
    return Sketched(session, _circumstances(sketch), sketch.time_zone)


def _readings(sketch: Sketch, stretches: tuple[Stretch, ...]) -> Iterable[Reading]:
    """From none at the start; what is not placed is spread over the seconds of charging after the last reading."""
    at, so_far = sketch.start, Decimal(0)
    yield Reading(at=at, register_wh=WattHours(so_far))
    for reading in sketch.readings:
        at, so_far = reading.at, reading.energy
        yield Reading(at=at, register_wh=WattHours(so_far))
    whole = so_far if sketch.energy is None else sketch.energy
    charging = [each for each in stretches if each.activity is Activity.CHARGING and each.end > at]
    lasts = sum(((each.end - max(each.start, at)) // ONE_SECOND for each in charging), 0)
    charged = 0
    for each in charging if whole > so_far else ():
        since = max(each.start, at)
        yield Reading(at=since, register_wh=_share(so_far, whole, charged, lasts))
        charged += (each.end - since) // ONE_SECOND
        yield Reading(at=each.end, register_wh=_share(so_far, whole, charged, lasts))
    yield Reading(at=sketch.end, register_wh=WattHours(whole))


def _exported(sketch: Sketch) -> Iterable[Reading]:
    """From none at the start to the whole at the end; nothing where nothing was fed back."""
    if sketch.export is None and not sketch.exported:
        return
    told = [Reading(at=each.at, register_wh=WattHours(each.energy)) for each in sketch.exported]
    yield Reading(at=sketch.start, register_wh=WattHours(Decimal(0)))
    yield from told
    whole = told[-1].register_wh if sketch.export is None else WattHours(sketch.export)
    yield Reading(at=sketch.end, register_wh=whole)


def _share(so_far: Decimal, whole: Decimal, charged: int, lasts: int) -> WattHours:
    return WattHours(so_far + ((whole - so_far) * charged / lasts).quantize(Decimal("0.001")))


def _circumstances(sketch: Sketch) -> Circumstances:
    reserved = sketch.reserved
    return Circumstances(
        power_w=tuple(Sample(at=each.at, value=each.value) for each in sketch.power),
        current_a=tuple(Sample(at=each.at, value=each.value) for each in sketch.current),
        evse_kind=sketch.evse_kind,
        payment_brand=sketch.payment_brand,
        payment_recognition=sketch.payment_recognition,
        reserved=None if reserved is None else Reserved(start=reserved.since, end=sketch.start, expired=reserved.expired),
        swap=None if sketch.swaps is None else Swapped(sets=sketch.swaps),
    )
