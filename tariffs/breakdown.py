"""Why a session costs what it costs, segment by segment: which price was in force, because of what, and what it came to.

    08:00-08:30  charging   11 kWh    ENERGY  element 1: up to 10 kWh        10 kWh x 0.39      3.90
    08:30-09:10  charging   15 kWh    ENERGY  element 2 (1 did not hold)     15 kWh x 0.49      7.35
    ...                               surplus of the step size, on the segment that charged last
    limits                            what the least and the most change, tax by tax
    before taxes, after taxes         exactly; then what is owed in whole minor units, which is the rating itself

A segment is as long as its prices stay the same. Its sums are identities, and asserted: segments add up to the session in time
and energy, and to the lines of the rating in quantities and amounts.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import groupby

from msgspec import UNSET, Struct, UnsetType

from tariffs.charges import Charge
from tariffs.clock import instant_of
from tariffs.compiled import ENERGY, EXPORT, Rule
from tariffs.lines import Money
from tariffs.periods import Period
from tariffs.policy import HOUSE, Policy
from tariffs.rate import EXACT, Priced, Schedule, priced, rated
from tariffs.rounding import tidy
from vocabulary.circumstances import NOTHING_KNOWN, Circumstances
from vocabulary.identity import VersionHash
from vocabulary.money import plain
from vocabulary.quantities import WattHours
from vocabulary.rated import Rated, RatedLine, exact_net, exact_vat
from vocabulary.sessions import Activity, ChargingSession, exported_wh
from vocabulary.tariff import Dimension, Tariff
from vocabulary.zones import zone


class Slice(Struct, frozen=True, kw_only=True):
    """What one price charges in one segment. `net` and `tax` are exact: decimals, or fractions as "41/60"."""

    dimension: Dimension
    element: int
    reason: str
    passed_over: tuple[int, ...]  # elements with a price for the same, which come before and did not hold
    quantity: Decimal  # measured: Wh, seconds or 1
    surplus: Decimal  # what the step size adds, on the last segment that charged
    unit_price: Decimal
    net: str
    tax: str
    tariff_version: VersionHash | None  # where more than one tariff was in force


class Segment(Struct, frozen=True, kw_only=True):
    """Half-open, UTC. What has no slice is free in it."""

    start: datetime
    end: datetime
    activity: Activity
    reserved: bool  # before the session, while the EVSE was kept free
    energy_wh: WattHours
    exported_wh: WattHours | UnsetType = UNSET  # what was fed back; not set where the session fed nothing back
    slices: tuple[Slice, ...]


class Breakdown(Struct, frozen=True, kw_only=True):
    segments: tuple[Segment, ...]
    before_taxes: str  # exact
    after_taxes: str
    rated: Rated


def breakdown(
    session: ChargingSession,
    tariff: Tariff | Schedule,
    time_zone: str,
    policy: Policy = HOUSE,
    known: Circumstances = NOTHING_KNOWN,
) -> Breakdown:
    """The same rating as `tariffs.rate.rate` gives, with its reasons in full."""
    with localcontext(EXACT):
        one = priced(session, tariff, zone(time_zone), policy, known)
        result = rated(one, time_zone, policy)
        segments = tuple(_segments(one, time_zone))
        _assert_identities(segments, one, session, result)
        net = sum(map(exact_net, result.lines), Fraction(0))
        gross = net + sum(map(exact_vat, result.lines), Fraction(0))
        return Breakdown(segments=segments, before_taxes=exact_text(net), after_taxes=exact_text(gross), rated=result)


def exact_text(exact: Fraction) -> str:
    """A decimal where there is one with all of its digits, else a fraction."""
    rest = exact.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return str(exact)
    return plain(tidy(Decimal(exact.numerator) / Decimal(exact.denominator)))


def _segments(one: Priced, time_zone: str) -> Iterator[Segment]:
    writer = _Writer(one, time_zone)
    for reserved, cut in ((True, one.reserved), (False, one.cut)):
        by_period: dict[int, list[Charge]] = {}
        for charge in one.charges:
            if charge.rule.reserved is reserved:
                by_period.setdefault(charge.period, []).append(charge)
        for _, run in groupby(enumerate(cut), key=lambda each: (each[1].activity, _rules(each[1]))):
            places, found = zip(*run, strict=True)
            yield writer.segment(found, [charge for place in places for charge in by_period.get(place, ())], reserved=reserved)


def _rules(period: Period) -> tuple[int | None, ...]:
    return tuple(rule.number if rule is not None else None for rule in period.prices)


class _Writer:
    def __init__(self, one: Priced, time_zone: str) -> None:
        self._one = one
        self._money = Money(one.line, one.lists)
        self._zone = time_zone
        self._fees: set[int] = set()  # those that are told already
        last = {charge.rule.number: charge for charge in one.charges if charge.quantity}
        self._surplus = {id(last[each.rule.number]): each.surplus for each in one.taken if each.surplus}

    def segment(self, cut: Sequence[Period], charges: Sequence[Charge], *, reserved: bool) -> Segment:
        return Segment(
            start=instant_of(cut[0].start),
            end=instant_of(cut[-1].end),
            activity=cut[0].activity,
            reserved=reserved,
            energy_wh=WattHours(self._quantity(ENERGY, sum(period.energy for period in cut))),
            exported_wh=UNSET if self._one.line.export is None or reserved else self._exported(cut),
            slices=tuple(self._slices(charges)),
        )

    def _exported(self, cut: Sequence[Period]) -> WattHours:
        return WattHours(self._quantity(EXPORT, sum(period.exported or 0 for period in cut)))

    def _slices(self, charges: Sequence[Charge]) -> Iterator[Slice]:
        by_rule: dict[int, list[Charge]] = {}
        for charge in charges:
            by_rule.setdefault(charge.rule.number, []).append(charge)
        for found in by_rule.values():
            rule = found[0].rule
            if rule.slot >= ENERGY:
                quantity = sum(charge.quantity for charge in found)
            elif rule.number in self._fees:
                continue
            else:
                quantity = found[0].quantity
                self._fees.add(rule.number)
            surplus = sum(self._surplus.get(id(charge), 0) for charge in found)
            if quantity:
                yield self._slice(rule, quantity, surplus)

    def _slice(self, rule: Rule, quantity: int, surplus: int) -> Slice:
        part = self._money.part(rule, quantity + surplus)
        return Slice(
            dimension=rule.component.dimension,
            element=rule.element,
            reason=self._money.reason(rule, self._zone),
            passed_over=tuple(_before(rule)),
            quantity=self._quantity(rule.slot, quantity),
            surplus=self._quantity(rule.slot, surplus),
            unit_price=rule.component.price,
            net=exact_text(part.net),
            tax=exact_text(part.gross - part.net),
            tariff_version=self._money.version(rule),
        )

    def _quantity(self, slot: int, quantity: int) -> Decimal:
        is_energy = slot in (ENERGY, EXPORT)
        return tidy(Decimal(quantity).scaleb(-self._one.line.places)) if is_energy else Decimal(quantity)


def _before(rule: Rule) -> Iterator[int]:
    """Elements of the same kind that come first."""
    for number, element in enumerate(rule.list.tariff.elements[: rule.element - 1], start=1):
        is_of_kind = (element.restrictions.reservation is not None) is rule.reserved
        if is_of_kind and any(component.dimension is rule.component.dimension for component in element.components):
            yield number


def _assert_identities(segments: Sequence[Segment], one: Priced, session: ChargingSession, result: Rated) -> None:
    slices = [each for segment in segments for each in segment.slices]
    charged = [line for line in result.lines if line.limit is None]
    for line in charged:
        of_it = [each for each in slices if _price_of(each) == _price_of(line)]
        assert line.quantity == sum(each.quantity for each in of_it) or not line.unit_price, "quantities do not add up"
        assert line.billed == sum(each.quantity + each.surplus for each in of_it) or not line.unit_price, "steps do not add up"
    amounts = sum((Fraction(each.net) for each in slices), Fraction(0))
    assert amounts == sum(map(exact_net, charged), Fraction(0)), "amounts do not add up"
    if one.cut:
        metered = sum(segment.energy_wh for segment in segments if not segment.reserved)
        assert metered == session.energy_wh, "segments do not add up to the session's energy"
        fed_back = sum(segment.exported_wh for segment in segments if segment.exported_wh is not UNSET)
        assert fed_back == exported_wh(session), "segments do not add up to what was fed back"


def _price_of(one: Slice | RatedLine) -> tuple[Dimension, int, Decimal, VersionHash | None]:
    return one.dimension, one.element, one.unit_price, one.tariff_version
