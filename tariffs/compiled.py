"""A tariff made ready to price many sessions: its prices as whole numbers, its restrictions as questions to ask.

    Tariff --PriceList--> per unit of energy and per kind of EVSE and payment: Compiled
      elements    the conditions of each, with its rules            in the order in which they are tried
      rules       one per price component: price, step, tax         all prices in 10^-`places` of the currency
      edges       where a condition can begin or cease to hold      times of day, durations, energies

A price list is made once per tariff and kept (`price_list`); what it compiles is kept in it.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from msgspec import Struct

from tariffs.restrictions import Condition, clock_bounds, conditions, energy_bounds, energy_places
from vocabulary.circumstances import Circumstances
from vocabulary.identity import SeriesId
from vocabulary.price_series import PLACES
from vocabulary.rated import tax_factor
from vocabulary.tariff import (
    Basis,
    Dimension,
    PriceComponent,
    Reservation,
    Restrictions,
    Tariff,
    TariffElement,
    Tax,
    series_in,
    taxes_of,
)

SLOTS = (
    *(Dimension.FLAT, Dimension.SWAP),  # fees, charged once: every slot from ENERGY on is measured
    *(Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME, Dimension.ENERGY_EXPORT),
)
FLAT, SWAP, ENERGY, TIME, PARKING, EXPORT = range(6)


class TaxKey(Struct, frozen=True):
    """Under which tax an amount stands: a VAT percentage, or several taxes, or (neither) none. Amounts of one key add up."""

    vat_percent: Decimal | None = None
    taxes: tuple[Tax, ...] = ()


class Rule(Struct, frozen=True, gc=False):
    """A price of the tariff: `element` counted from 1; `number` is its own among all of the list's."""

    number: int
    element: int
    slot: int
    component: PriceComponent
    list: "PriceList"
    price: int
    step: int  # in the unit of energy, or in seconds; 0: none
    reserved: bool
    key: TaxKey
    factor: Fraction  # by which its taxes make gross of net


def tax_key(taxes: tuple[Tax, ...]) -> TaxKey:
    """One tax is a VAT percentage, whatever it is called."""
    return TaxKey(vat_percent=taxes[0].percent) if len(taxes) == 1 else TaxKey(taxes=taxes)


class Edges(Struct, frozen=True):
    """Where a condition can begin or cease to hold."""

    clock_s: frozenset[int]  # after midnight
    durations_s: frozenset[int]
    charging_s: frozenset[int]
    idle_s: frozenset[int]
    energies: frozenset[int]
    by_power: bool
    by_current: bool
    series: frozenset[SeriesId]  # whose values can change a price

    @property
    def by_time(self) -> bool:
        """Whether anything but energy is among them."""
        passes = self.clock_s or self.durations_s or self.charging_s or self.idle_s or self.series
        return bool(passes or self.by_power or self.by_current)


Element = tuple[tuple[Condition, ...], tuple[Rule, ...]]


class Compiled(Struct, frozen=True):
    session: tuple[Element, ...]  # the elements that price a session,
    reserved: tuple[Element, ...]  # those that price the time before it,
    expired: tuple[Element, ...]  # and that of a reservation which nobody came to use: in the order in which they are tried
    edges: Edges
    slots: int  # how many kinds of price the session's elements have


class PriceList:
    """Made by `price_list`. `places`: decimals of the prices; `numbered_from`: what its first rule is numbered."""

    def __init__(self, tariff: Tariff, places: int = 0, numbered_from: int = 0) -> None:
        self.tariff = tariff
        self.places = max(places, _price_places(tariff))
        self.energy_places = energy_places(tariff)
        self.numbered_from = numbered_from
        self.numbered_until = numbered_from + sum(len(element.components) for element in tariff.elements)
        self.reasons: dict[tuple[int, str], str] = {}  # of its rules, by zone: told once
        self._compiled: dict[tuple[object, ...], Compiled] = {}

    def compiled(self, places: int, known: Circumstances) -> Compiled:
        """For registers in 10^-`places` Wh, and for what is known of the EVSE and the payment."""
        key = (places, known.evse_kind, known.payment_brand, known.payment_recognition)
        found = self._compiled.get(key)
        if found is None:
            if len(self._compiled) >= _KEPT:
                self._compiled.clear()
            found = self._compiled[key] = self._compile(places, known)
        return found

    def _compile(self, places: int, known: Circumstances) -> Compiled:
        built: list[tuple[TariffElement, Element]] = []
        number = self.numbered_from
        for count, element in enumerate(self.tariff.elements, start=1):
            rules = tuple(
                self._rule(number + place, count, component, element, places)
                for place, component in enumerate(element.components)
            )
            number += len(rules)
            built.append((element, (conditions(element.restrictions, places, known), _first_of_each(rules))))
        session = tuple(ready for element, ready in built if element.restrictions.reservation is None)
        reserved = _of(built, Reservation.RESERVATION)
        expired = (*_of(built, Reservation.RESERVATION_EXPIRES), *reserved)
        slots = len({rule.slot for _, rules in session for rule in rules})
        return Compiled(session, reserved, expired, _edges(self.tariff, places), slots)

    def _rule(self, number: int, count: int, component: PriceComponent, element: TariffElement, places: int) -> Rule:
        slot = SLOTS.index(component.dimension)
        step = component.step_size * 10**places if slot == ENERGY else component.step_size if slot in (TIME, PARKING) else 0
        price = int(component.price.scaleb(self.places))
        taxes = () if self.tariff.basis is Basis.UNTAXED else taxes_of(component)
        is_reserved = element.restrictions.reservation is not None
        assert component.series is None or slot in (ENERGY, EXPORT), "a series prices energy"
        key, factor = tax_key(taxes), tax_factor(taxes)
        return Rule(number, count, slot, component, self, price, step, is_reserved, key, factor)


_KEPT = 64
_LISTS: dict[int, PriceList] = {}


def price_list(tariff: Tariff) -> PriceList:
    """Kept by the object that the tariff is: its content never changes, and comparing it would cost more than compiling."""
    found = _LISTS.get(id(tariff))
    if found is None or found.tariff is not tariff:
        if len(_LISTS) >= _KEPT:
            _LISTS.clear()
        found = _LISTS[id(tariff)] = PriceList(tariff)
    return found


def _of(built: list[tuple[TariffElement, Element]], kind: Reservation) -> tuple[Element, ...]:
    return tuple(ready for element, ready in built if element.restrictions.reservation is kind)


def _first_of_each(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Of two prices for the same the first counts (documents with two are refused)."""
    return tuple({rule.slot: rule for rule in reversed(rules)}.values())[::-1]


def _price_places(tariff: Tariff) -> int:
    components = [component for element in tariff.elements for component in element.components]
    return max(0, *(places for component in components for places in _places_of(component)))


def _places_of(component: PriceComponent) -> Iterator[int]:
    """Of its price, and of whatever a series makes of it."""
    yield decimals(component.price)
    if (series := component.series) is not None:
        yield decimals(series.factor) + PLACES
        yield from (decimals(bound) for bound in (series.least, series.most) if bound is not None)


def decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _edges(tariff: Tariff, places: int) -> Edges:
    limits = [element.restrictions for element in tariff.elements]

    def bounds(*names: str) -> frozenset[int]:
        found = (getattr(limit, name) for limit in limits for name in names)
        return frozenset(bound for bound in found if bound)

    return Edges(
        clock_s=frozenset(at for limit in limits for at in clock_bounds(limit)),
        durations_s=bounds("min_duration_s", "max_duration_s"),
        charging_s=bounds("min_charging_s", "max_charging_s"),
        idle_s=bounds("min_idle_s", "max_idle_s"),
        energies=frozenset(bound for limit in limits for bound in energy_bounds(limit, places)),
        by_power=any(_asks(limit, "power_w") for limit in limits),
        by_current=any(_asks(limit, "current_a") for limit in limits),
        series=frozenset(series_in(tariff)),
    )


def _asks(limit: Restrictions, of: str) -> bool:
    return getattr(limit, f"min_{of}") is not None or getattr(limit, f"max_{of}") is not None
