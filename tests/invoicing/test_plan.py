"""What a plan comes to, by hand; prices include 19 % VAT, 0.476 a kWh, where nothing else is said."""

from decimal import Decimal
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from invoicing.plan import apply
from tests.invoicing.plan_notation import cap, check, included, per_kwh, per_session, percent, plan, session, term
from vocabulary.identity import TariffId
from vocabulary.plan import Benefit, Cap, Fee, Plan, Proration, Scope, Used, UsedPart
from vocabulary.tariff import Basis, Dimension, EvseKind

FEE = Fee(amount=Decimal("9.99"), basis=Basis.GROSS, vat_percent=Decimal(19))


def test_a_plan_of_nothing_changes_nothing():
    check(
        plan(),
        """
        12 Oct  10 kWh  4.76
        -----
        left  4.76
        """,
    )


def test_included_energy_is_taken_by_sessions_in_order_of_their_start_until_it_is_used_up():
    """15 kWh: the 10 of the first session whole, of the second 5 of 20, a quarter of 9.52: 2.38."""
    check(
        plan(included=included("15")),
        """
        12 Oct  10 kWh  4.76
        13 Oct  20 kWh  9.52
        14 Oct  10 kWh  4.76
        -----
        included  -7.14
        left      11.90
        """,
    )


def test_all_steps_in_their_order():
    """20 kWh cost 9.52 and the fee 1.00 is flat; 10 kWh are included: 4.76 off. Left 5.76.
    0.10 off each of the 10 other kWh: 1.00 off, left 4.76 (3.76 energy). 0.26 off the session: left 4.50.
    10 percent of that: 0.45 off, left 4.05. The day is capped at 4.00: 0.05 off. The month at 3.00: 1.00 off. The fee: 9.99.
    """
    check(
        plan(
            rebates=(percent("10"), per_session("0.26"), per_kwh("0.10")),
            included=included("10"),
            day_cap=cap("4.00"),
            month_cap=cap("3.00"),
            fee=FEE,
        ),
        """
        12 Oct  20 kWh  9.52  1.00
        -----
        included     -4.76
        per kWh      -1.00
        per session  -0.26
        percent      -0.45
        day cap      -0.05
        month cap    -1.00
        fee           9.99
        left         12.99
        """,
    )


def test_a_cap_per_day_holds_for_each_day_alone():
    """The 12th comes to 9.52 and is capped at 6.00, the 13th with 4.76 is not."""
    check(
        plan(day_cap=cap("6.00")),
        """
        12 Oct  10 kWh  4.76
        12 Oct  10 kWh  4.76
        13 Oct  10 kWh  4.76
        -----
        day cap  -3.52
        left     10.76
        """,
    )


def test_a_net_cap_is_one_of_net_amounts():
    """14.28 gross are 12.00 net; a cap of 10.00 net is one of 11.90 gross."""
    check(
        plan(month_cap=cap("10.00", Basis.NET)),
        """
        12 Oct  10 kWh  4.76
        13 Oct  20 kWh  9.52
        -----
        month cap  -2.38
        left       11.90
        """,
    )


def test_a_net_rebate_takes_its_vat_with_it():
    """0.10 net per kWh are 0.119 gross; 1.00 net per session 1.19."""
    check(
        plan(rebates=(per_kwh("0.10", basis=Basis.NET), per_session("1.00", basis=Basis.NET))),
        """
        12 Oct  10 kWh  4.76
        -----
        per kWh      -1.19
        per session  -1.19
        left          2.38
        """,
    )


def test_no_rebate_takes_off_more_than_is_left():
    check(
        plan(rebates=(per_kwh("0.50"), per_session("5.00"))),
        """
        12 Oct  10 kWh  4.76  1.00
        -----
        per kWh      -4.76
        per session  -1.00
        left          0.00
        """,
    )


def test_percentages_are_of_what_the_one_before_left():
    """10 percent of 10.00, then 10 percent of 9.00: one line each."""
    check(
        plan(rebates=(percent("10"), percent("10"))),
        """
        12 Oct  10 kWh  10.00
        -----
        percent  -1.00
        percent  -0.90
        left      8.10
        """,
    )


def test_fee_included_energy_and_month_cap_of_a_part_of_a_month_are_by_its_days():
    """The 17th to the 31st are 15 of 31 days: of 31 kWh 15, of 62.00 fee 30.00, of a cap of 31.00 15.00."""
    fee = Fee(amount=Decimal("62.00"), basis=Basis.GROSS, vat_percent=Decimal(19))
    check(
        term(plan(included=included("31"), month_cap=cap("31.00"), fee=fee), first=17),
        """
        20 Oct  30 kWh  40.00
        -----
        included   -20.00
        month cap   -5.00
        fee         30.00
        left        45.00
        """,
    )


def test_a_third_of_a_cent_is_kept_until_the_end():
    """10 of 31 days of 9.99 are 3.2225806...: 3.22, and the line has all of it."""
    (line,) = apply(term(plan(fee=FEE), last=10), [], "DE")
    assert (line.exact, line.gross) == ("999/310", Decimal("3.22"))
    assert Fraction(line.exact) == Fraction("9.99") * 10 / 31
    assert line.reason == "10 of 31 days of 9.99 EUR gross a month"


def test_a_plan_by_whole_months_is_whole_on_one_day():
    (line,) = apply(term(plan(fee=FEE, proration=Proration.WHOLE_MONTHS), last=1), [], "DE")
    assert (line.gross, line.reason) == (Decimal("9.99"), "9.99 EUR gross a month")


def test_a_net_fee_bears_the_vat_that_it_says_and_that_of_the_sellers_country():
    (line,) = apply(term(plan(fee=Fee(amount=Decimal("10.00"), vat_percent=Decimal(20)))), [], "AT")
    assert (line.gross, line.country, line.vat_percent) == (Decimal("12.00"), "AT", Decimal(20))


def test_sessions_of_other_days_do_not_count():
    lines = apply(
        term(plan(rebates=(percent("50"),)), first=10, last=20), [session(9, "1", "1.00"), session(21, "1", "1.00")], "DE"
    )
    assert lines == ()


def test_a_credit_bears_the_vat_of_what_it_reduces():
    """A month cap of 10.00 over 10.00 at 19 % here and 10.00 at 21 % in the Netherlands: half of each."""
    there = session(13, "10", "10.00", vat=Decimal(21), country="NL")
    lines = apply(term(plan(month_cap=cap("10.00"))), [session(12, "10", "10.00"), there], "DE")
    told = [(line.country, line.vat_percent, line.gross) for line in lines]
    assert told == [("DE", Decimal(19), Decimal("-5.00")), ("NL", Decimal(21), Decimal("-5.00"))]


def test_a_plan_takes_nothing_off_a_credit_for_energy_that_is_fed_back_and_adds_nothing_to_it():
    """Half of the 6.00 that are charged; the 2.00 that are paid to the driver are no part of it."""
    one = session(12, "10", "6.00")
    (charged,) = one.parts
    fed_back = structs.replace(charged, dimension=Dimension.ENERGY_EXPORT, energy_wh=Decimal(0), gross=Decimal("-2.00"))
    both = structs.replace(one, parts=(charged, fed_back))
    (line,) = apply(term(plan(included=included("5"))), [both], "DE")
    assert (line.gross, line.energy_wh) == (Decimal("-3.00"), Decimal(5000))
    assert apply(term(plan(month_cap=cap("6.00"))), [both], "DE") == (), "the cap is of what is charged"


def test_the_energy_lines_of_a_session_are_covered_alike():
    """Of 10 kWh at 0.20 and 10 at 0.60, 5 are included: a quarter of 8.00, whichever line came first."""
    one = session(12, "10", "2.00")
    both = structs.replace(one, parts=(*one.parts, *session(12, "10", "6.00").parts))
    for parts in (both.parts, both.parts[::-1]):
        (line,) = apply(term(plan(included=included("5"))), [structs.replace(both, parts=parts)], "DE")
        assert (line.gross, line.energy_wh) == (Decimal("-2.00"), Decimal(5000))


def test_what_a_maximum_price_took_off_is_not_taken_off_twice():
    """Energy 10.00 under a maximum of 6.00: 10 of 20 kWh included are worth 3.00, not 5.00."""
    limit = UsedPart(dimension=Dimension.MAX_PRICE, vat_percent=Decimal(19), energy_wh=Decimal(0), gross=Decimal("-4.00"))
    one = session(12, "20", "10.00")
    (line,) = apply(term(plan(included=included("10"))), [structs.replace(one, parts=(*one.parts, limit))], "DE")
    assert line.gross == Decimal("-3.00")


def test_what_a_minimum_price_added_is_no_energy():
    added = UsedPart(dimension=Dimension.MIN_PRICE, vat_percent=Decimal(19), energy_wh=Decimal(0), gross=Decimal("2.00"))
    one = session(12, "20", "10.00")
    (line,) = apply(term(plan(included=included("20"))), [structs.replace(one, parts=(*one.parts, added))], "DE")
    assert line.gross == Decimal("-10.00")


@pytest.mark.parametrize(
    ("scope", "off"),
    [
        (None, "-6.00"),
        (Scope(dimensions=(Dimension.FLAT,)), "-1.00"),
        (Scope(tariffs=(TariffId("dc"),)), "-3.00"),
        (Scope(sites=("hh",)), "-3.00"),
        (Scope(evse_kinds=(EvseKind.DC,)), "-3.00"),
        (Scope(evse_kinds=(EvseKind.DC,), sites=("hh",)), None),
    ],
)
def test_a_benefit_holds_where_all_of_its_scope_does(scope: Scope | None, off: str | None):
    ac = session(12, "10", "5.00", "1.00", evse_kind=EvseKind.AC)
    dc = session(13, "10", "5.00", "1.00", evse_kind=EvseKind.DC, tariff=TariffId("dc"), site="b")
    lines = apply(term(plan(rebates=(percent("50", scope=scope),))), [ac, dc], "DE")
    assert [line.gross for line in lines] == ([] if off is None else [Decimal(off)])


def test_lines_of_a_plan_say_what_they_are():
    every = plan(
        included=included("10"),
        rebates=(per_kwh("0.10"), per_session("0.26"), percent("10")),
        day_cap=cap("1.00"),
        month_cap=cap("0.50"),
        fee=FEE,
    )
    assert [line.reason for line in apply(term(every), [session(12, "20", "9.52")], "DE")] == [
        "10 kWh are included",
        "0.10 gross per kWh",
        "0.26 gross per session",
        "10 percent of what is left",
        "1.00 gross a day at most",
        "0.50 gross a month at most",
        "9.99 EUR gross a month",
    ]


def test_the_order_of_arrival_changes_nothing():
    sessions = [session(12, "10", "4.76"), session(12, "7", "5.55", key="2"), session(15, "20", "3.33")]
    of = term(plan(included=included("12"), rebates=(percent("7.5"),), day_cap=cap("3.00")))
    assert len({apply(of, order, "DE") for order in permutations(sessions)}) == 1


CENTS = st.integers(0, 5000).map(lambda cents: Decimal(cents).scaleb(-2))
SESSIONS = st.lists(
    st.builds(
        lambda day, wh, gross, fee, vat, key: session(
            day, str(Decimal(wh) / 1000), str(gross), str(fee), vat=vat, key=str(key)
        ),
        st.integers(1, 31),
        st.integers(0, 60_000),
        CENTS,
        CENTS,
        st.sampled_from([Decimal(19), Decimal(7), None]),
        st.integers(0, 500),
    ),
    max_size=6,
    unique_by=lambda used: used.session,
)
REBATES = st.lists(
    st.one_of(
        st.builds(percent, st.integers(0, 100).map(str)),
        st.builds(per_kwh, CENTS.map(str), basis=st.sampled_from([Basis.NET, Basis.GROSS])),
        st.builds(per_session, CENTS.map(str), basis=st.sampled_from([Basis.NET, Basis.GROSS])),
    ),
    max_size=3,
).map(tuple)
CAPS = st.none() | st.builds(cap, CENTS.map(str), st.sampled_from([Basis.NET, Basis.GROSS]))
PLANS = st.builds(
    plan,
    rebates=REBATES,
    day_cap=CAPS,
    month_cap=CAPS,
    included=st.none() | st.builds(included, st.integers(0, 100).map(str)),
)


@given(SESSIONS, PLANS)
def test_a_plan_never_takes_off_more_than_was_charged_at_any_rate_and_each_line_is_within_a_cent(
    sessions: list[Used], of: Plan
):
    left = dict[Decimal | None, Decimal]()
    for part in (part for one in sessions for part in one.parts):
        left[part.vat_percent] = left.get(part.vat_percent, Decimal(0)) + part.gross
    for line in apply(term(of), sessions, "DE"):
        assert line.gross <= 0
        assert abs(Fraction(line.gross) - Fraction(line.exact)) < Fraction(1, 100)
        left[line.vat_percent] += line.gross
    assert all(amount >= 0 for amount in left.values())


@given(SESSIONS, PLANS)
def test_what_is_left_is_never_above_the_cap_of_the_month_but_for_rounding(sessions: list[Used], of: Plan):
    lines = apply(term(of), sessions, "DE")
    rates = {part.vat_percent for one in sessions for part in one.parts}
    left = sum((part.gross for one in sessions for part in one.parts), Decimal(0)) + sum((x.gross for x in lines), Decimal(0))
    if of.month_cap is not None and of.month_cap.basis is Basis.GROSS:
        assert left <= of.month_cap.amount + Decimal("0.005") * len(rates)


@given(SESSIONS, PLANS)
def test_one_more_session_makes_no_month_cheaper_before_rounding(sessions: list[Used], of: Plan):
    """With gross caps: a net one over several rates may, since a session at a low rate moves the others' share of it there."""
    of = structs.replace(of, day_cap=_gross(of.day_cap), month_cap=_gross(of.month_cap))

    def paid(some: list[Used]) -> Fraction:
        charged = sum((Fraction(part.gross) for one in some for part in one.parts), Fraction(0))
        return charged + sum((Fraction(line.exact) for line in apply(term(of), some, "DE")), Fraction(0))

    assert all(paid([one for one in sessions if one is not left_out]) <= paid(sessions) for left_out in sessions)


@given(SESSIONS, PLANS)
def test_what_a_line_tells_is_enough_to_reckon_it_again(sessions: list[Used], of: Plan):
    is_one_rate = len({part.vat_percent for one in sessions for part in one.parts}) == 1
    for line in apply(term(of), sessions, "DE"):
        off, base = -Fraction(line.exact), Fraction(line.base or 0)
        rebate = of.rebates[line.number - 1] if line.number else None
        match line.benefit:
            case Benefit.PERCENT:
                assert rebate is not None and rebate.percent is not None
                assert off == base * Fraction(rebate.percent) / 100
            case Benefit.PER_KWH | Benefit.PER_SESSION:
                assert rebate is not None
                factor = 1 + Fraction(line.vat_percent or 0) / 100 if rebate.basis is Basis.NET else Fraction(1)
                per_kwh, per_session = rebate.per_kwh or Decimal(0), rebate.per_session or Decimal(0)
                most = Fraction(per_kwh) * Fraction(line.energy_wh or 0) / 1000 + Fraction(per_session) * line.sessions
                assert 0 < off <= most * factor
            case Benefit.DAY_CAP if is_one_rate:
                assert of.day_cap is not None
                assert of.day_cap.basis is Basis.NET or off == base - Fraction(of.day_cap.amount) * len(line.days)
            case Benefit.MONTH_CAP if is_one_rate:
                assert of.month_cap is not None
                assert of.month_cap.basis is Basis.NET or off == base - Fraction(of.month_cap.amount)
            case Benefit.INCLUDED:
                assert line.energy_wh


def _gross(of: Cap | None) -> Cap | None:
    return None if of is None else structs.replace(of, basis=Basis.GROSS)


def test_benefits_are_worked_out_in_the_order_of_their_names():
    steps = "included_energy rebate_per_kwh rebate_per_session rebate_percent day_cap month_cap fee"
    assert [*Benefit] == steps.split()
