"""Any tariff and any session, within what a station can tell: drawn by Hypothesis, close to what breaks naive billing.

Days are those of clock changes and hours those in which clocks change and tariffs do. Instants crowd around quarters of an
hour, within seconds of each other and with halves of a second; readings come before the start and after the end, twice in
one second, and with more digits than a thousandth of a Wh.
"""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from tests.notation import session_of
from vocabulary.circumstances import Circumstances, Reserved, Sample, Swapped
from vocabulary.identity import SeriesId, TariffId
from vocabulary.money import Currency
from vocabulary.price_series import SeriesPrices
from vocabulary.quantities import WattHours
from vocabulary.sessions import ChargingSession, Reading
from vocabulary.tariff import (
    PRICED,
    PRICED_BY_OCPI,
    Basis,
    Dimension,
    EvseKind,
    PriceComponent,
    PriceLimit,
    Profile,
    Reservation,
    Restrictions,
    SeriesPrice,
    Tariff,
    TariffElement,
    Tax,
    Weekday,
)

HALF_SECOND = timedelta(microseconds=500_000)
QUARTER = 1800  # of an hour, in half seconds
ZONES = st.sampled_from(
    ["Europe/Berlin", "UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca"]
)
DAYS = st.sampled_from(
    [date(2026, 1, 14), date(2026, 2, 15), date(2026, 3, 8), date(2026, 3, 29), date(2026, 4, 4), date(2026, 10, 25)]
)
TIMES = st.sampled_from([time(0), time(1, 30), time(2), time(2, 30), time(3), time(3, 30), time(6), time(22)])
VATS = st.sampled_from([None, Decimal(0), Decimal(7), Decimal("5.2"), Decimal(19), Decimal("19.0")])
DURATIONS = st.one_of(st.integers(0, 20), st.integers(0, 30).map(lambda quarters: quarters * 900))
ENERGIES = st.one_of(st.integers(0, 12_000).map(Decimal), st.sampled_from([Decimal("0.0005"), Decimal("7.3"), Decimal(5000)]))
RISES = st.one_of(
    st.sampled_from([Decimal(0), Decimal(5000), Decimal("0.0004")]),
    st.integers(0, 60_000_000).map(lambda n: Decimal(n) / 10_000),
)


POWERS = st.sampled_from([Decimal(0), Decimal(3700), Decimal(11000), Decimal("22000.5")])
CURRENTS = st.sampled_from([Decimal(0), Decimal(16), Decimal(32), Decimal("32.5")])
TAXES = st.lists(
    st.builds(
        Tax,
        name=st.sampled_from(["vat", "energy", "city"]),
        percent=st.sampled_from([Decimal(0), Decimal(6), Decimal("4.5"), Decimal(21)]),
        stack=st.sampled_from([None, 0, 1, 2]),
    ),
    max_size=3,
).map(tuple)


NO_STEPS = (Dimension.ENERGY_EXPORT, Dimension.SWAP)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.none(), values)


def components(dimension: Dimension) -> st.SearchStrategy[PriceComponent]:
    return st.builds(
        PriceComponent,
        dimension=st.just(dimension),
        price=st.one_of(st.just(Decimal(0)), st.integers(1, 90_000).map(lambda n: Decimal(n) / 10_000)),
        vat_percent=VATS,
        step_size=st.just(0) if dimension in NO_STEPS else st.sampled_from([0, 1, 1, 60, 300, 900]),
    )


RESTRICTIONS = st.builds(
    Restrictions,
    start_time=maybe(TIMES),
    end_time=maybe(TIMES),
    start_date=maybe(DAYS),
    end_date=maybe(DAYS),
    weekdays=maybe(st.sets(st.sampled_from(Weekday), min_size=1, max_size=3)).map(lambda days: tuple(sorted(days or ()))),
    min_energy_wh=maybe(ENERGIES),
    max_energy_wh=maybe(ENERGIES),
    min_duration_s=maybe(DURATIONS),
    max_duration_s=maybe(DURATIONS),
)


def tariffs(priced: tuple[Dimension, ...]) -> st.SearchStrategy[Tariff]:
    """Of prices for these."""
    elements = st.builds(
        TariffElement,
        components=st.sets(st.sampled_from(priced), min_size=1).flatmap(
            lambda kinds: st.tuples(*map(components, sorted(kinds)))
        ),
        restrictions=st.one_of(st.just(Restrictions()), RESTRICTIONS, RESTRICTIONS),
    )
    return st.builds(
        Tariff,
        id=st.just(TariffId("t")),
        currency=st.sampled_from(["EUR", "JPY", "KWD"]).map(Currency),
        elements=st.lists(elements, min_size=1, max_size=4).map(tuple),
    )


TARIFFS, TARIFFS_OF_OCPI = tariffs(PRICED), tariffs(PRICED_BY_OCPI)


RICH_RESTRICTIONS = st.builds(
    Restrictions,
    start_time=maybe(TIMES),
    end_time=maybe(TIMES),
    weekdays=maybe(st.sets(st.sampled_from(Weekday), min_size=1, max_size=3)).map(lambda days: tuple(sorted(days or ()))),
    min_energy_wh=maybe(ENERGIES),
    max_energy_wh=maybe(ENERGIES),
    min_duration_s=maybe(DURATIONS),
    max_duration_s=maybe(DURATIONS),
    min_charging_s=maybe(DURATIONS),
    max_charging_s=maybe(DURATIONS),
    min_idle_s=maybe(DURATIONS),
    max_idle_s=maybe(DURATIONS),
    min_power_w=maybe(POWERS),
    max_power_w=maybe(POWERS),
    min_current_a=maybe(CURRENTS),
    max_current_a=maybe(CURRENTS),
    reservation=maybe(st.sampled_from(Reservation)),
    evse_kind=maybe(st.sampled_from(EvseKind)),
    payment_brand=maybe(st.sampled_from(["VISA", "girocard"])),
    payment_recognition=maybe(st.just("CC")),
)


BOUNDS = st.integers(-20, 60).map(lambda n: Decimal(n) / 100)
SERIES = st.builds(
    SeriesPrice,
    id=st.sampled_from(["spot", "levy"]).map(SeriesId),
    factor=st.sampled_from([Decimal(1), Decimal("1.05"), Decimal("0.123456789")]),
    least=maybe(BOUNDS),
    most=maybe(BOUNDS.map(lambda bound: bound + 1)),
)
VALUES = st.one_of(st.none(), st.integers(-50, 50).map(lambda n: Decimal(n) / 100), st.just(Decimal("0.123456789")))


@st.composite
def series_prices(draw: st.DrawFn, session: ChargingSession) -> tuple[SeriesPrices, ...]:
    """One or two series that begin before or in a session, and may end in it."""
    found = []
    for name in draw(st.sets(st.sampled_from(["spot", "levy"]))):
        resolution_s = draw(st.sampled_from([900, 1800, 3600]))
        begun = int(session.start.timestamp()) // resolution_s + draw(st.integers(-2, 1))
        start = datetime.fromtimestamp(begun * resolution_s, UTC)
        values = tuple(draw(st.lists(VALUES, max_size=9)))
        found.append(SeriesPrices(series=SeriesId(name), start=start, resolution_s=resolution_s, values=values))
    return tuple(sorted(found, key=lambda prices: prices.series))


@st.composite
def rich_components(draw: st.DrawFn, dimension: Dimension) -> PriceComponent:
    plain = draw(components(dimension))
    per_minute = dimension in (Dimension.TIME, Dimension.PARKING_TIME) and draw(st.booleans())
    series = draw(maybe(SERIES)) if dimension in (Dimension.ENERGY, Dimension.ENERGY_EXPORT) else None
    if draw(st.booleans()):
        return replace(plain, vat_percent=None, taxes=draw(TAXES), per_minute=per_minute, series=series)
    return replace(plain, per_minute=per_minute, series=series)


RICH_ELEMENTS = st.builds(
    TariffElement,
    components=st.sets(st.sampled_from(PRICED), min_size=1).flatmap(
        lambda kinds: st.tuples(*map(rich_components, sorted(kinds)))
    ),
    restrictions=st.one_of(st.just(Restrictions()), RICH_RESTRICTIONS, RICH_RESTRICTIONS),
)
LIMITS = st.builds(PriceLimit, before_taxes=st.integers(0, 40).map(Decimal), after_taxes=st.integers(0, 40).map(Decimal))


@st.composite
def rich_tariffs(draw: st.DrawFn) -> Tariff:
    """Everything that a tariff can say, in any profile."""
    least, most = draw(maybe(LIMITS)), draw(maybe(LIMITS))
    return Tariff(
        id=TariffId("t"),
        currency=Currency(draw(st.sampled_from(["EUR", "JPY", "KWD"]))),
        elements=tuple(draw(st.lists(RICH_ELEMENTS, min_size=1, max_size=5))),
        profile=draw(st.sampled_from(Profile)),
        basis=draw(st.sampled_from(Basis)),
        min_price=least,
        max_price=most,
    )


@st.composite
def circumstances(draw: st.DrawFn, session: ChargingSession) -> Circumstances:
    """Samples anywhere around the session; a reservation until its start, or an expired one."""
    lasts = max(int((session.end - session.start).total_seconds()), 1)

    def samples(values: st.SearchStrategy[Decimal]) -> tuple[Sample, ...]:
        after = sorted(draw(st.lists(st.integers(-5, lasts + 5), max_size=4)))
        return tuple(Sample(at=session.start + timedelta(seconds=count), value=draw(values)) for count in after)

    before = timedelta(seconds=draw(st.one_of(st.integers(0, 90), st.integers(0, 4).map(lambda count: count * 900))))
    reserved = Reserved(start=session.start - before, end=session.start, expired=draw(st.booleans()))
    return Circumstances(
        power_w=samples(POWERS),
        current_a=samples(CURRENTS),
        evse_kind=draw(st.sampled_from([None, *EvseKind])),
        payment_brand=draw(st.sampled_from([None, "VISA"])),
        payment_recognition=draw(st.sampled_from([None, "CC"])),
        reserved=draw(st.sampled_from([None, None, reserved])),
        prices=draw(series_prices(session)),
        swap=draw(st.sampled_from([None, None, Swapped(sets=1), Swapped(sets=3)])),
    )


@st.composite
def sessions(draw: st.DrawFn, *, hours_max: int = 60, step: int = 1, feeds: bool = True) -> ChargingSession:
    """Its instants are multiples of `step` half seconds; `feeds`: some of the vehicles feed energy back."""

    def within(least: int, most: int) -> int:
        around = st.tuples(st.integers(0, most // QUARTER).map(lambda quarters: quarters * QUARTER), st.integers(-4, 4)).map(
            sum
        )
        return max(min(draw(st.one_of(around, st.integers(least, most))), most), least) // step * step

    def instant(after: int) -> datetime:
        return start + after * HALF_SECOND

    quarter, early = draw(st.integers(-16, 16)), within(-8, 8)
    start = datetime.combine(draw(DAYS), time(), UTC) + (quarter * QUARTER + early) * HALF_SECOND
    span = within(0, draw(st.sampled_from([12, 7200, 7200 * hours_max])))
    turns = sorted(
        (within(0, span), draw(st.sampled_from(["charging", "idle", "waiting"]))) for _ in range(draw(st.integers(0, 4)))
    )
    events = [(start, "start"), *((instant(after), word) for after, word in turns), (instant(span), "end")]
    slack = 180 if step == 1 else 0  # how far outside the session a reading may be
    metered = sorted(within(-slack, span + slack) for _ in range(draw(st.integers(0, 6))))
    fed = sorted(within(-slack, span + slack) for _ in range(draw(st.sampled_from([0, 0, 1, 2, 5])) if feeds else 0))
    readings, exported = (draw(_readings([instant(after) for after in each])) for each in (metered, fed))
    return session_of(events, readings, exported)


@st.composite
def _readings(draw: st.DrawFn, instants: list[datetime]) -> tuple[Reading, ...]:
    register, readings = Decimal("1234567.8"), []
    for at in instants:
        register += draw(RISES)
        readings.append(Reading(at=at, register_wh=WattHours(register)))
    return tuple(readings)
