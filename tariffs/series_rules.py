"""The prices that a tariff's reference to a published series comes to, moment by moment: exact, and each a rule of its own.

factor 1, price 0.12, at least 0        22:00-22:15    0.0853    0.2053    rule -1
                                        22:15-22:30   -0.2000    0         rule -2    the bound
                                        22:30-22:45    0.0853    0.2053    rule -1    the same price, the same line
                                        22:45-23:00    not published       no rule    and never free: the rating notes it
"""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import structs

from tariffs.clock import second_of
from tariffs.compiled import Rule
from tariffs.rounding import tidy
from vocabulary.identity import SeriesId
from vocabulary.price_series import SeriesPrices
from vocabulary.tariff import PriceComponent


def changes(prices: SeriesPrices) -> Iterator[int]:
    """The seconds at which a series has another value than before; beyond both ends it has none."""
    before: Decimal | None = None
    for place, value in enumerate((*prices.values, None)):
        if value != before:
            yield second_of(prices.start) + place * prices.resolution_s
            before = value


def price_at(component: PriceComponent, value: Decimal) -> Decimal:
    """What the component comes to at a value of its series. To be called in a decimal context that loses no digits."""
    series = component.series
    assert series is not None
    price = component.price + series.factor * value
    if series.least is not None:
        price = max(price, series.least)
    if series.most is not None:
        price = min(price, series.most)
    return tidy(price)


class SeriesRules:
    """Of one session: the rules that its series make of those that refer to them, numbered below zero as they come up."""

    def __init__(self, known: tuple[SeriesPrices, ...]) -> None:
        self._known = {prices.series: (second_of(prices.start), prices) for prices in known}
        self._by_value: dict[tuple[int, Decimal], Rule] = {}
        self._by_price: dict[tuple[int, Decimal], Rule] = {}

    def at(self, rule: Rule, second: int) -> Rule | None:
        """None: no value is published for that second."""
        series = rule.component.series
        assert series is not None
        value = self._value(series.id, second)
        if value is None:
            return None
        if (found := self._by_value.get((rule.number, value))) is None:
            found = self._by_value[rule.number, value] = self._priced(rule, price_at(rule.component, value))
        return found

    def _value(self, series: SeriesId, second: int) -> Decimal | None:
        if series not in self._known:
            return None
        since, prices = self._known[series]
        place = (second - since) // prices.resolution_s
        return prices.values[place] if 0 <= place < len(prices.values) else None

    def _priced(self, rule: Rule, price: Decimal) -> Rule:
        if (found := self._by_price.get((rule.number, price))) is None:
            component, whole = structs.replace(rule.component, price=price), int(price.scaleb(rule.list.places))
            number = -1 - len(self._by_price)
            found = self._by_price[rule.number, price] = structs.replace(rule, number=number, component=component, price=whole)
        return found
