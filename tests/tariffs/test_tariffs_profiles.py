"""Everything that a tariff can say, under every profile, beside the oracle that prices second by second."""

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tariffs.breakdown import breakdown
from tariffs.policy import Policy
from tariffs.rate import EXACT, priced, rate, rated
from tests.tariffs.oracle import bill
from tests.tariffs.strategies import ZONES, circumstances, rich_tariffs, sessions
from vocabulary.quantities import whole_second
from vocabulary.rated import RatedLine, exact_net, exact_vat
from vocabulary.tariff import Dimension, Profile
from vocabulary.zones import zone

FED_BACK = Dimension.ENERGY_EXPORT
LIMITS = (Dimension.MIN_PRICE, Dimension.MAX_PRICE)
CLOSE = Fraction(1, 1000)  # a freeze lies between two seconds, and the oracle's register is rounded to 0.001 Wh at each


@settings(max_examples=1000)  # a second of a session is a step of the oracle
@given(st.data(), sessions(hours_max=1), rich_tariffs(), ZONES, st.sampled_from(Profile))
def test_pricing_second_by_second_comes_to_the_same_under_every_profile(data, session, tariff, where, profile):
    known = data.draw(circumstances(session))
    result = rate(session, tariff, where, Policy(profile=profile), known)
    expected = bill(session, tariff, where, profile, known)
    lines = [line for line in result.lines if line.dimension not in LIMITS and line.unit_price]
    priced_at = {_price(line): Fraction(line.quantity) for line in lines}
    found = {price: one for price, one in expected.found.items() if one.component.price and one.quantity}
    assert priced_at == {price: one.quantity * (-1 if price[0] is FED_BACK else 1) for price, one in found.items()}
    spans = {_price(line): (line.since, line.until) for line in lines}
    assert spans == {price: (one.since, one.until) for price, one in expected.found.items() if price in spans}
    net, gross = totals(result.lines)
    if profile is Profile.OCPP_2_1 and tariff.max_price is not None:
        assert abs(net - expected.net) < CLOSE
        assert abs(gross - expected.gross) < CLOSE
    else:
        assert (net, gross) == (expected.net, expected.gross)


def _price(line: RatedLine) -> tuple[Dimension, int, Decimal]:
    return line.dimension, line.element, line.unit_price


def totals(lines: tuple[RatedLine, ...]) -> tuple[Fraction, Fraction]:
    net = sum(map(exact_net, lines), Fraction(0))
    return net, net + sum(map(exact_vat, lines), Fraction(0))


@given(st.data(), sessions(), rich_tariffs(), ZONES, st.sampled_from(Profile), st.lists(st.integers(-10, 60 * 3600)))
def test_cutting_anywhere_changes_no_amount(data, session, tariff, where, profile, seconds):
    """A freeze of OCPP lies between two cuts, at each of which the register is rounded to 0.001 Wh."""
    known, policy = data.draw(circumstances(session)), Policy(profile=profile)
    also = [int(session.start.timestamp()) + count for count in seconds]
    with localcontext(EXACT):
        cut = rated(priced(session, tariff, zone(where), policy, known, also), where, policy)
    whole = rate(session, tariff, where, policy, known)
    if profile is not Profile.OCPP_2_1 or tariff.max_price is None:
        assert cut == whole
        return
    assert [line for line in cut.lines if not line.limit] == [line for line in whole.lines if not line.limit]
    assert all(abs(one - other) < CLOSE for one, other in zip(totals(cut.lines), totals(whole.lines), strict=True))


@given(st.data(), sessions(), rich_tariffs(), ZONES, st.sampled_from(Profile))
def test_what_is_owed_adds_up_to_the_lines_with_limits(data, session, tariff, where, profile):
    result = rate(session, tariff, where, Policy(profile=profile), data.draw(circumstances(session)))
    net, gross = totals(result.lines)
    half = Fraction(len(result.owed), 2)
    unit = {"EUR": 100, "JPY": 1, "KWD": 1000}[result.currency]
    assert abs(sum((Fraction(one.gross) for one in result.owed), Fraction(0)) - gross) * unit <= half
    assert abs(sum((Fraction(one.net) for one in result.owed), Fraction(0)) - net) * unit <= half
    for one in result.owed:
        assert one.gross == one.net + one.vat
        assert not one.taxes or sum(tax.amount for tax in one.taxes) == one.vat


@given(st.data(), sessions(), rich_tariffs(), ZONES, st.sampled_from(Profile))
def test_a_breakdown_is_the_rating_and_adds_up_to_it(data, session, tariff, where, profile):
    known, policy = data.draw(circumstances(session)), Policy(profile=profile)
    told = breakdown(session, tariff, where, policy, known)
    assert told.rated == rate(session, tariff, where, policy, known)
    assert (Fraction(told.before_taxes), Fraction(told.after_taxes)) == totals(told.rated.lines)
    inside = [segment for segment in told.segments if not segment.reserved]
    assert all(one.end == other.start for one, other in pairwise(inside))
    if inside:
        assert (inside[0].start, inside[-1].end) == (whole_second(session.start), whole_second(session.end))
