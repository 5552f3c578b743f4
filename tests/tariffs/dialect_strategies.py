"""Any tariff of the three dialects, as its documents can say it, with every field of the model: drawn by Hypothesis."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from msgspec import UNSET, structs

from vocabulary.identity import TariffId
from vocabulary.money import Currency
from vocabulary.tariff import (
    PRICED_BY_OCPI,
    Basis,
    Dimension,
    DisplayText,
    EnergyMix,
    EnergyShare,
    EvseKind,
    PriceComponent,
    PriceLimit,
    Profile,
    Reservation,
    Restrictions,
    Tariff,
    TariffElement,
    TariffPublished,
    Tax,
    Weekday,
)

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
PRICES = st.sampled_from([Decimal(text) for text in ("0", "0.25", "0.2500", "1.9", "2.00", "2.40", "0.909", "12.345678")])
PERCENTS = st.sampled_from([Decimal(text) for text in ("0", "7", "5.2", "19", "19.0", "21")])
NUMBERS = st.sampled_from([Decimal(text) for text in ("0.5", "7.3", "16", "1000", "11000", "50000")])
WHOLES = st.sampled_from([1, 60, 300, 3600, 86400])
DAYS = st.sampled_from([date(2026, 3, 29), date(2026, 10, 25), date(2027, 1, 1)])
TIMES = st.sampled_from([time(0), time(6), time(22, 30)])
TEXTS = st.text("aé€😀 .\"'\\:{}[]#&*!|>%@`", min_size=1, max_size=30)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.none(), values)


@st.composite
def bounds(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> tuple[Any, Any]:
    """A lower and an upper bound, either of which may be missing."""
    least, most = draw(maybe(values)), draw(maybe(values))
    return (least, most) if least is None or most is None or least < most else (least, None)


@st.composite
def taxes(draw: st.DrawFn, most: int = 3) -> tuple[Tax, ...]:
    names = draw(st.lists(st.sampled_from(["vat", "federal", "state", "energytax"]), min_size=1, max_size=most, unique=True))
    return tuple(Tax(name=name, percent=draw(PERCENTS), stack=draw(st.sampled_from([None, 0, 1, 2]))) for name in names)


@st.composite
def components(draw: st.DrawFn, dimension: Dimension, basis: Basis, steps: list[int]) -> PriceComponent:
    taxed: dict[str, Any] = {}
    if basis is not Basis.UNTAXED:
        taxed = draw(st.sampled_from([{}, {"vat_percent": draw(PERCENTS)}, {"taxes": draw(taxes())}]))
    return PriceComponent(
        dimension=dimension,
        price=draw(PRICES),
        step_size=draw(st.sampled_from(steps)),
        per_minute=dimension in (Dimension.TIME, Dimension.PARKING_TIME) and draw(st.booleans()),
        **taxed,
    )


@st.composite
def restrictions(draw: st.DrawFn) -> Restrictions:
    energy, power, current = draw(bounds(NUMBERS)), draw(bounds(NUMBERS)), draw(bounds(NUMBERS))
    duration, charging, idle, days = draw(bounds(WHOLES)), draw(bounds(WHOLES)), draw(bounds(WHOLES)), draw(bounds(DAYS))
    fields = {
        "start_time": draw(maybe(TIMES)),
        "end_time": draw(maybe(TIMES)),
        "weekdays": tuple(sorted(draw(maybe(st.sets(st.sampled_from(Weekday), min_size=1))) or ())),
        "reservation": draw(maybe(st.sampled_from(Reservation))),
        "evse_kind": draw(maybe(st.sampled_from(EvseKind))),
        "payment_brand": draw(maybe(st.sampled_from(["Visa", "girocard"]))),
        "payment_recognition": draw(maybe(st.sampled_from(["CC", "Debit"]))),
    }
    names = ("energy_wh", "power_w", "current_a", "duration_s", "charging_s", "idle_s")
    for name, (least, most) in zip(names, (energy, power, current, duration, charging, idle), strict=True):
        fields |= {f"min_{name}": least, f"max_{name}": most}
    dates = {"start_date": days[0], "end_date": days[1]}
    return Restrictions(**{name: value for name, value in (fields | dates).items() if draw(st.booleans())})


@st.composite
def elements(draw: st.DrawFn, basis: Basis, steps: list[int]) -> TariffElement:
    limits = draw(st.one_of(st.just(Restrictions()), restrictions()))
    possible = PRICED_BY_OCPI if limits.reservation is None else (Dimension.FLAT, Dimension.TIME)
    kinds = sorted(draw(st.sets(st.sampled_from(possible), min_size=1)))
    return TariffElement(components=tuple(draw(components(kind, basis, steps)) for kind in kinds), restrictions=limits)


@st.composite
def limits(draw: st.DrawFn) -> PriceLimit:
    before, after = draw(st.sampled_from([("1", "1.21"), ("10.00", None), (None, "12.0")]))
    return PriceLimit(
        before_taxes=before and Decimal(before),
        after_taxes=after and Decimal(after),
        taxes=draw(st.one_of(st.just(()), taxes())),
    )


@st.composite
def names(draw: st.DrawFn, profile: Profile) -> DisplayText:
    if profile is not Profile.OCPP_2_1:
        return DisplayText(draw(st.sampled_from(["en", "de"])), draw(TEXTS))
    language = draw(st.sampled_from(["en", "de-AT", "und", "gsw", "de-Latn-CH-1996"]))
    return DisplayText(language, draw(TEXTS), draw(st.sampled_from(["UTF8", "ASCII", "HTML", "URI"])))


SHARES = st.builds(EnergyShare, name=st.sampled_from(["SOLAR", "WIND", "COAL"]), amount=PERCENTS)
MIXES = st.builds(
    EnergyMix,
    is_green_energy=st.booleans(),
    sources=st.lists(SHARES, max_size=2).map(tuple),
    impacts=st.lists(SHARES, max_size=1).map(tuple),
    supplier_name=maybe(st.just("Strom & Co")),
    product_name=maybe(st.just("grün")),
)


@st.composite
def published(draw: st.DrawFn, profile: Profile) -> TariffPublished:
    """A version that the documents of its dialect can say."""
    basis = draw(st.sampled_from(Basis)) if profile is Profile.OCPI_2_3_0 else Basis.NET
    steps = [0] if profile is Profile.OCPP_2_1 else [0, 0, 1, 1, 300]
    tariff = Tariff(
        id=TariffId("t" * draw(st.sampled_from([1, 36, 60] if profile is Profile.OCPP_2_1 else [1, 36]))),
        currency=Currency("EUR"),
        elements=tuple(draw(st.lists(elements(basis, steps), min_size=1, max_size=3))),
        names=tuple(draw(st.lists(names(profile), max_size=2))),
        profile=profile,
        basis=basis,
        min_price=draw(maybe(limits())),
        max_price=draw(maybe(limits())),
        audience=draw(st.sampled_from(["", "", "REGULAR"])),
        alt_url=draw(st.sampled_from(["", "", "https://example.org/t"])),
        energy_mix=draw(maybe(MIXES)),
    )
    since = draw(st.sampled_from([ALWAYS, datetime(2026, 1, 1, 5, tzinfo=UTC)]))
    until = draw(st.sampled_from([UNSET, UNSET, datetime(2027, 1, 1, tzinfo=UTC)]))
    return TariffPublished(tariff=tariff, valid_from=since, valid_until=until)


ANY = st.sampled_from(Profile).flatmap(published)


def fitting(published: TariffPublished) -> TariffPublished:
    """The same without most of what its own format has no field for, so that nothing may be lost."""
    tariff = published.tariff
    if tariff.profile is not Profile.OCPP_2_1:
        elements = tuple(structs.replace(e, restrictions=_of_ocpi(e.restrictions)) for e in tariff.elements)
        return structs.replace(published, tariff=structs.replace(tariff, elements=elements))
    elements = tuple(
        TariffElement(components=(_of_ocpp(part),), restrictions=_of_a_station(element.restrictions, part.dimension))
        for element in tariff.elements
        for part in element.components
    )
    fitted = structs.replace(tariff, elements=elements, audience="", alt_url="", energy_mix=None)
    return TariffPublished(tariff=fitted, valid_from=published.valid_from)


def _of_ocpi(wanted: Restrictions) -> Restrictions:
    payment = {"payment_brand": None, "payment_recognition": None, "evse_kind": None}
    return structs.replace(wanted, **payment, min_charging_s=None, max_charging_s=None, min_idle_s=None, max_idle_s=None)


def _of_ocpp(part: PriceComponent) -> PriceComponent:
    """One set of taxes for each dimension; a price of time per minute."""
    rates = (Tax(name="vat", percent=Decimal(19), stack=1), Tax(name="state", percent=Decimal("4.0")))
    is_of_time = part.dimension in (Dimension.TIME, Dimension.PARKING_TIME)
    return PriceComponent(dimension=part.dimension, price=part.price, taxes=rates, per_minute=is_of_time)


def _of_a_station(wanted: Restrictions, dimension: Dimension) -> Restrictions:
    reservation = wanted.reservation and Reservation.RESERVATION
    if dimension is not Dimension.FLAT:
        return structs.replace(wanted, payment_brand=None, payment_recognition=None, reservation=reservation)
    kept = ("start_time", "end_time", "start_date", "end_date", "weekdays", "evse_kind", "payment_brand", "payment_recognition")
    return Restrictions(**{name: getattr(wanted, name) for name in kept}, reservation=reservation)


@st.composite
def alike(draw: st.DrawFn) -> TariffPublished:
    """Priced alike by a partner and by a station: one rate throughout, limits that agree with it, no reservation, no steps."""
    profile = draw(st.sampled_from(Profile))
    rate = draw(st.sampled_from([{}, {"vat_percent": Decimal(19)}, {"taxes": (Tax(name="vat", percent=Decimal(19)),)}]))
    basis = Basis.UNTAXED if profile is Profile.OCPI_2_3_0 and not rate else Basis.NET
    made = tuple(draw(st.lists(_alike_elements(rate), min_size=1, max_size=4)))
    least, most = draw(maybe(st.sampled_from(["0.10", "0.50"]))), draw(maybe(st.sampled_from(["0.50", "2", "10"])))
    tariff = Tariff(
        id=TariffId("t"),
        currency=Currency("EUR"),
        elements=made,
        profile=profile,
        basis=basis,
        min_price=_agreeing(least, rate),
        max_price=_agreeing(most, rate) if draw(st.booleans()) else most and PriceLimit(before_taxes=Decimal(most)),
    )
    return TariffPublished(tariff=tariff, valid_from=ALWAYS)


@st.composite
def _alike_elements(draw: st.DrawFn, rate: dict[str, Any]) -> TariffElement:
    kind = draw(st.sampled_from(PRICED_BY_OCPI))
    component = PriceComponent(
        dimension=kind, price=draw(st.sampled_from([Decimal("0.30"), Decimal("2.40"), Decimal(0)])), **rate
    )
    wanted = _of_ocpi(draw(st.one_of(st.just(Restrictions()), restrictions())))
    limits = Restrictions() if kind is Dimension.FLAT else structs.replace(wanted, reservation=None)
    return TariffElement(components=(component,), restrictions=limits)


def _agreeing(before: str | None, rate: dict[str, Any]) -> PriceLimit | None:
    amount = before and Decimal(before)
    return amount and PriceLimit(before_taxes=amount, after_taxes=amount * Decimal("1.19") if rate else amount)
