"""Any tariff of any dialect, with all that the model has; and any surroundings of one."""

from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import strategies as st

from tariffs.lint import Surroundings
from tests.tariffs.strategies import DURATIONS, RESTRICTIONS, VATS, maybe
from vocabulary.identity import TariffId
from vocabulary.money import Currency
from vocabulary.tariff import (
    PRICED,
    Basis,
    DisplayText,
    EvseKind,
    PriceComponent,
    PriceLimit,
    Profile,
    Reservation,
    Restrictions,
    Tariff,
    TariffElement,
    Tax,
)

PRICES = st.one_of(st.just(Decimal(0)), st.integers(-200, 90_000).map(lambda n: Decimal(n) / 1000))
TAXES = st.lists(
    st.builds(
        Tax,
        name=st.sampled_from(["vat", "VAT", "federal", "state"]),
        percent=st.sampled_from([Decimal(0), Decimal("5.2"), Decimal(19)]),
        stack=st.sampled_from([None, 0, 1, 2]),
    ),
    max_size=3,
).map(tuple)


def _component(dimension, price, vat, step_size, taxes, per_minute):
    return PriceComponent(
        dimension=dimension,
        price=price,
        vat_percent=None if taxes else vat,
        step_size=step_size,
        taxes=taxes,
        per_minute=per_minute and dimension.endswith("TIME"),
    )


COMPONENTS = st.builds(
    _component, st.sampled_from(PRICED), PRICES, VATS, st.sampled_from([0, 1, 60, 900]), TAXES, st.booleans()
)
MOMENTARY = st.sampled_from([Decimal(0), Decimal(-5000), Decimal(11_000), Decimal(16_000), Decimal("32.5")])
WIDE_RESTRICTIONS = st.builds(
    lambda narrow, **more: Restrictions(**{name: getattr(narrow, name) for name in narrow.__struct_fields__} | more),
    st.one_of(st.just(Restrictions()), RESTRICTIONS),
    min_charging_s=maybe(DURATIONS),
    max_charging_s=maybe(DURATIONS),
    min_idle_s=maybe(DURATIONS),
    max_idle_s=maybe(DURATIONS),
    min_power_w=maybe(MOMENTARY),
    max_power_w=maybe(MOMENTARY),
    min_current_a=maybe(MOMENTARY),
    max_current_a=maybe(MOMENTARY),
    reservation=maybe(st.sampled_from(Reservation)),
    evse_kind=maybe(st.sampled_from(EvseKind)),
    payment_brand=maybe(st.sampled_from(["VISA", "AMEX"])),
    payment_recognition=maybe(st.sampled_from(["CC", "Debit", "Alipay"])),
)
LIMITS = st.builds(
    lambda before, more, which: PriceLimit(
        before_taxes=before if which != "after" else None, after_taxes=before + more if which != "before" else None
    ),
    st.integers(0, 5000).map(lambda n: Decimal(n) / 100),
    st.integers(-100, 500).map(lambda n: Decimal(n) / 100),
    st.sampled_from(["before", "after", "both"]),
)
ANY_TARIFFS = st.builds(
    Tariff,
    id=st.just(TariffId("t")),
    currency=st.sampled_from(["EUR", "JPY", "KWD", "XXX"]).map(Currency),
    elements=st.lists(
        st.builds(
            TariffElement,
            components=st.lists(COMPONENTS, min_size=1, max_size=4).map(tuple),
            restrictions=st.one_of(st.just(Restrictions()), WIDE_RESTRICTIONS),
        ),
        max_size=5,
    ).map(tuple),
    names=st.lists(st.builds(DisplayText, st.sampled_from(["en", "de", "nl"]), st.text(max_size=20)), max_size=2).map(tuple),
    profile=st.sampled_from(Profile),
    basis=st.sampled_from(Basis),
    min_price=maybe(LIMITS),
    max_price=maybe(LIMITS),
)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
SURROUNDINGS = st.builds(
    Surroundings,
    power_w_max=st.sampled_from([(), (22_000,), (22_000, 150_000)]),
    evse_kinds=st.sets(st.sampled_from(EvseKind)).map(frozenset),
    is_public=st.booleans(),
    is_ad_hoc=st.booleans(),
    countries=st.sets(st.sampled_from(["DE", "NL", "BE", "US"])).map(frozenset),
    valid_from=maybe(INSTANTS),
    valid_until=maybe(INSTANTS),
    today=maybe(st.just(date(2026, 6, 1))),
)
