"""Which plan holds on which days; and that sessions which come late change what is charged in all by nothing."""

from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from invoicing.plan import apply
from invoicing.plan_terms import beginning, settled, terms, used
from tests.invoicing.material import Price
from tests.invoicing.material import session as rated
from tests.invoicing.plan_notation import cap, included, percent, plan, session, term
from tests.invoicing.test_plan import FEE, PLANS, SESSIONS
from vocabulary.billing import PlanCharge
from vocabulary.codec import plan_hash
from vocabulary.plan import Plan, PlanLine, Proration, Used, UsedPart, lines_after
from vocabulary.tariff import Dimension, EvseKind

A, B = plan(group="a"), plan(group="b")


def days(month: str, *since: tuple[int, Plan | None]) -> list[tuple[str, int, int]]:
    """The terms of a month in which plans come into force on these days."""

    def on(day: date) -> Plan | None:
        return next((of for first, of in reversed(since) if first <= day.day), None)

    return [(one.plan.group, one.first.day, one.last.day) for one in terms(month, on)]


def test_a_plan_that_holds_throughout_has_one_term():
    assert days("2026-10", (1, A)) == [("a", 1, 31)]
    assert days("2028-02", (1, A)) == [("a", 1, 29)]


def test_a_plan_that_begins_or_ends_within_the_month_has_its_days():
    assert days("2026-10", (15, A)) == [("a", 15, 31)]
    assert days("2026-10", (1, A), (15, None)) == [("a", 1, 14)]
    assert days("2026-10", (1, A), (15, B)) == [("a", 1, 14), ("b", 15, 31)]
    assert days("2026-10", (1, A), (15, None), (20, A)) == [("a", 1, 14), ("a", 20, 31)]


def test_a_plan_by_whole_months_holds_until_the_month_ends():
    whole = structs.replace(A, proration=Proration.WHOLE_MONTHS)
    assert days("2026-10", (15, whole), (20, None)) == [("a", 15, 31)]
    assert days("2026-10", (1, B), (15, whole), (20, B)) == [("b", 1, 14), ("a", 15, 31)]


def test_a_month_without_a_plan_has_no_term():
    assert days("2026-10") == []


def test_a_term_knows_its_version():
    (one,) = terms("2026-10", lambda _: A)
    assert one.version == plan_hash(A) != plan_hash(B)


def test_a_day_begins_at_midnight_in_the_plans_zone():
    assert beginning(date(2026, 10, 26), "Europe/Berlin").astimezone(UTC) == datetime(2026, 10, 25, 23, tzinfo=UTC)
    assert beginning(date(2026, 10, 25), "Europe/Berlin").astimezone(UTC) == datetime(2026, 10, 24, 22, tzinfo=UTC)


def test_a_plan_sees_what_the_lines_of_a_session_charge():
    """23.456 kWh at 0.49 net and a flat 0.25 net are 13.97469: shown as 13.97, which is 13.67 and 0.30 on the invoice."""
    one = rated(Price(Dimension.ENERGY, "23456", "0.4900"), Price(Dimension.FLAT, "1", "0.25"))
    seen = used(one, EvseKind.AC)
    assert seen.parts == (
        UsedPart(dimension=Dimension.ENERGY, vat_percent=Decimal(19), energy_wh=Decimal(23456), gross=Decimal("13.67")),
        UsedPart(dimension=Dimension.FLAT, vat_percent=Decimal(19), energy_wh=Decimal(0), gross=Decimal("0.30")),
    )
    assert (seen.day, seen.country, seen.tariff, seen.evse_kind) == (date(2026, 10, 12), "DE", "AC-STANDARD", EvseKind.AC)


# Late sessions


def lines(charged: tuple[PlanCharge, ...]) -> list[PlanLine]:
    return [one.line for one in charged]


def gross(charged: tuple[PlanCharge, ...]) -> list[tuple[str, str, str, str]]:
    return [(str(one.line.benefit), str(one.before), str(one.gross), str(one.line.gross)) for one in charged]


def test_a_late_session_changes_the_next_invoice_by_the_difference():
    """10 kWh are included. The 13th is invoiced with all of them: -4.76. Then the 12th comes, and takes them: it cost 6.00, so
    what the month is given is 6.00, and 1.24 more is taken off. The fee stands on the first invoice and changes no more.
    """
    of, known = term(plan(included=included("10"), fee=FEE)), ()
    on_time, late = session(13, "10", "4.76"), session(12, "10", "6.00")
    first = settled(apply(of, [on_time], "DE"), known)
    assert gross(first) == [("included_energy", "0", "-4.76", "-4.76"), ("fee", "0", "9.99", "9.99")]
    second = settled(apply(of, [on_time, late], "DE"), lines_after(known, lines(first)))
    assert gross(second) == [("included_energy", "-4.76", "-1.24", "-6.00")]


def test_a_line_that_holds_no_more_is_taken_back_whole():
    """The plan turns out to have ended on the 15th: the fee of its term changes; what another plan's line was is taken back."""
    whole, half, other = term(plan(fee=FEE)), term(plan(fee=FEE), last=15), term(plan(fee=FEE, group="x"), first=16)
    first = settled((*apply(whole, [], "DE"), *apply(other, [], "DE")), ())
    second = settled(apply(half, [], "DE"), lines_after((), lines(first)))
    assert gross(second) == [("fee", "9.99", "-5.16", "4.83"), ("fee", "5.16", "-5.16", "0.00")]
    assert lines_after(lines_after((), lines(first)), lines(second)) == apply(half, [], "DE")


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[list[Used]], Plan]:
    """Sessions of a month, spread over invoice runs in any way."""
    sessions = draw(st.permutations(draw(SESSIONS)))
    of = structs.replace(draw(PLANS), fee=draw(st.sampled_from([None, FEE])))
    cuts = sorted(draw(st.lists(st.integers(0, len(sessions)), max_size=4)))
    return [sessions[a:b] for a, b in zip([0, *cuts], [*cuts, len(sessions)], strict=True)], of


@given(runs())
def test_however_sessions_are_spread_over_invoices_all_of_them_together_charge_the_same_to_the_cent(
    drawn: tuple[list[list[Used]], Plan],
):
    """At each rate of each country, and so in all. What is left of the net and the VAT in it is rounded per document."""
    cut, of = drawn
    so_far, known, charged = list[Used](), tuple[PlanLine, ...](), list[PlanCharge]()
    for run in cut:
        so_far += run
        found = settled(apply(term(of), so_far, "DE"), known)
        known = lines_after(known, lines(found))
        charged += found
    at_once = apply(term(of), sorted(so_far, key=lambda one: one.session), "DE")
    assert {key: amount for key, amount in _by_rate(charged).items() if amount} == {
        key: amount for key, amount in _by_rate(settled(at_once, ())).items() if amount
    }


def _by_rate(charged: tuple[PlanCharge, ...] | list[PlanCharge]) -> dict[tuple[str, Decimal | None], Decimal]:
    sums = dict[tuple[str, Decimal | None], Decimal]()
    for one in charged:
        key = one.line.country, one.line.vat_percent
        sums[key] = sums.get(key, Decimal(0)) + one.gross
    return sums


def test_percent_and_cap_over_three_invoices_by_hand():
    """10 % off, 20.00 a month at most. 10.00: -1.00. And 10.00: -2.00 in all. And 10.00: -3.00, and 27.00 capped at 20.00."""
    of, known, told = term(plan(rebates=(percent("10"),), month_cap=cap("20.00"))), tuple[PlanLine, ...](), []
    sessions = [session(day, "10", "10.00") for day in (20, 10, 15)]
    for n in (1, 2, 3):
        found = settled(apply(of, sessions[:n], "DE"), known)
        known = lines_after(known, lines(found))
        told += [(n, *row[:1], row[2]) for row in gross(found)]
    assert told == [
        (1, "rebate_percent", "-1.00"),
        (2, "rebate_percent", "-1.00"),
        (3, "rebate_percent", "-1.00"),
        (3, "month_cap", "-7.00"),
    ]
