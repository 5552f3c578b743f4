"""Price series, folded: for each quarter of an hour its value and the publication that it is from.

    by day, UTC    96 values, 8 bytes each in 10^-9 of the currency per kWh, and 96 numbers of publications, 4 bytes each

A year is less than half a megabyte. What is published for a quarter of an hour that has a value replaces it, here; the fact
with the value before stays in the log, and whatever was concluded by it names it.
"""

from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from msgspec import Struct

from vocabulary.codec import publication_hash
from vocabulary.identity import SeriesId, VersionHash
from vocabulary.price_series import PLACES, SLOT_S, SeriesPrices, SeriesPublished

_DAY: Final = 86_400 // SLOT_S  # slots
_NONE: Final = -(2**63)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SLOT: Final = timedelta(seconds=SLOT_S)


class Publication(NamedTuple):
    """A fact, without its values."""

    version: VersionHash
    at: datetime
    unit: str
    source: str
    source_sha256: str
    resolution_s: int


class _Day(NamedTuple):
    values: bytes
    publications: bytes


class Value(NamedTuple):
    """Of a quarter of an hour."""

    start: datetime
    value: Decimal
    publication: Publication


class PublishedSeries(Struct, frozen=True):
    publications: tuple[Publication, ...] = ()
    days: dict[int, _Day] = {}


def with_publication(known: PublishedSeries, published: SeriesPublished) -> PublishedSeries:
    slot, wholes = _slots(published)
    days: dict[int, _Day] = {}
    while wholes:
        number, place = divmod(slot, _DAY)
        values, publications = _opened(known.days.get(number))
        part = wholes[: _DAY - place]
        values[place : place + len(part)] = part
        publications[place : place + len(part)] = array("I", [len(known.publications)]) * len(part)
        days[number] = _Day(values.tobytes(), publications.tobytes())
        slot, wholes = slot + len(part), wholes[len(part) :]
    one = Publication(
        publication_hash(published),
        published.at,
        published.unit,
        published.source,
        published.source_sha256,
        published.resolution_s,
    )
    return PublishedSeries(publications=(*known.publications, one), days=known.days | days)


def says(known: PublishedSeries, published: SeriesPublished) -> bool:
    """Whether every value is in force as it is, wherever it came from."""
    first, wholes = _slots(published)
    return all(_value(known, slot) == value for slot, value in enumerate(wholes, start=first))


def replaced(known: PublishedSeries, published: SeriesPublished) -> int:
    """How many quarters of an hour would get another value than they have."""
    first, wholes = _slots(published)
    before = ((_value(known, slot), value) for slot, value in enumerate(wholes, start=first))
    return sum(1 for one, other in before if one not in (_NONE, other))


def values_between(known: PublishedSeries, start: datetime, end: datetime) -> Iterator[Value]:
    """Those that are published, of the quarters of an hour that the time touches; that of its beginning in any case."""
    for slot in _touched(start, end):
        if (found := _found(known, slot)) is not None:
            value, publication = found
            yield Value(_EPOCH + slot * SLOT, Decimal(value).scaleb(-PLACES), known.publications[publication])


def prices_between(known: PublishedSeries, series: SeriesId, start: datetime, end: datetime) -> SeriesPrices:
    """The same for rating, with None where there is no value."""
    slots = _touched(start, end)
    values = tuple(None if (value := _value(known, slot)) == _NONE else Decimal(value).scaleb(-PLACES) for slot in slots)
    return SeriesPrices(series=series, start=_EPOCH + slots[0] * SLOT, resolution_s=SLOT_S, values=values)


def last_value(known: PublishedSeries) -> datetime:
    """The last quarter of an hour that has a value."""
    number = max(known.days)
    last = max(place for place in range(_DAY) if _value(known, number * _DAY + place) != _NONE)
    return _EPOCH + (number * _DAY + last) * SLOT


def _touched(start: datetime, end: datetime) -> range:
    first = (start - _EPOCH) // SLOT
    return range(first, max(-((_EPOCH - end) // SLOT), first + 1))


def _slots(published: SeriesPublished) -> "tuple[int, array[int]]":
    """The first quarter of an hour, and the values of it and of those after it, in 10^-9 of the currency."""
    each = published.resolution_s // SLOT_S
    wholes = array("q", [int(value.scaleb(PLACES)) for value in published.values])
    return (published.start - _EPOCH) // SLOT, array(
        "q", [whole for whole in wholes for _ in range(each)]
    ) if each > 1 else wholes


def _opened(day: _Day | None) -> "tuple[array[int], array[int]]":
    if day is None:
        return array("q", [_NONE]) * _DAY, array("I", [0]) * _DAY
    return array("q", day.values), array("I", day.publications)


def _found(known: PublishedSeries, slot: int) -> tuple[int, int] | None:
    number, place = divmod(slot, _DAY)
    day = known.days.get(number)
    if day is None or (value := memoryview(day.values).cast("q")[place]) == _NONE:
        return None
    return value, memoryview(day.publications).cast("I")[place]


def _value(known: PublishedSeries, slot: int) -> int:
    found = _found(known, slot)
    return _NONE if found is None else found[0]
