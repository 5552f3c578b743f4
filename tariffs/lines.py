"""The charges of a session in money: quantities times prices, as whole numbers of one unit, and the lines that tell it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from tariffs.charges import Taken
from tariffs.clock import instant_of
from tariffs.compiled import ENERGY, EXPORT, FLAT, SWAP, PriceList, Rule, TaxKey
from tariffs.limits import Adjustment, Part, Parts, added
from tariffs.rounding import tidy
from tariffs.series_words import reason_by_series
from tariffs.timeline import Timeline
from tariffs.words import ENGLISH, reason
from vocabulary.codec import version_hash
from vocabulary.identity import VersionHash
from vocabulary.money import plain, round_half_up
from vocabulary.rated import LimitPart, RatedLine
from vocabulary.tariff import Basis

_KWH_PLACES = 3
_SHOWN_PLACES = 4  # of a limit's change, which has no other unit price


class Money:
    """Quantities times prices: whole numbers of one unit that all of a session's amounts have, then exact fractions."""

    def __init__(self, line: Timeline, lists: Sequence[PriceList]) -> None:
        self._line = line
        self._energy_per_kwh: int = 10 ** (line.places + _KWH_PLACES)
        self._unit: int = 3600 * self._energy_per_kwh * 10 ** lists[0].places
        self._instants: dict[int, datetime] = {}
        self._has_several = len(lists) > 1

    def parts(self, found: Iterable[Taken]) -> Parts:
        """By tax; added up as whole numbers, which is what makes rating fast."""
        sums: dict[tuple[TaxKey, PriceList], int] = {}
        rules: dict[tuple[TaxKey, PriceList], Rule] = {}
        for each in found:
            at = each.rule.key, each.rule.list
            sums[at] = sums.get(at, 0) + self._amount(each.rule, each.quantity + each.surplus)
            rules.setdefault(at, each.rule)
        return added((at[0], self._part(rules[at], amount)) for at, amount in sums.items())

    def part_of(self, each: Taken) -> Part:
        return self.part(each.rule, each.quantity + each.surplus)

    def part(self, rule: Rule, quantity: int) -> Part:
        """Net and gross of a quantity, in the unit of its kind."""
        return self._part(rule, self._amount(rule, quantity))

    def _amount(self, rule: Rule, quantity: int) -> int:
        if rule.slot == ENERGY or rule.slot == EXPORT:
            return quantity * rule.price * 3600
        if rule.slot == FLAT or rule.slot == SWAP:
            return quantity * rule.price * 3600 * self._energy_per_kwh
        return quantity * rule.price * self._energy_per_kwh * (60 if rule.component.per_minute else 1)

    def _part(self, rule: Rule, amount: int) -> Part:
        exact = Fraction(amount, self._unit)
        if rule.list.tariff.basis is Basis.GROSS:
            return Part(exact / rule.factor, exact)
        return Part(exact, exact * rule.factor)

    def line(self, each: Taken, time_zone: str) -> RatedLine:
        rule, component, owner = each.rule, each.rule.component, each.rule.list
        quantity = self._quantity(rule, each.quantity)
        return RatedLine(
            dimension=component.dimension,
            element=rule.element,
            quantity=quantity,
            billed=self._quantity(rule, each.quantity + each.surplus) if each.surplus else quantity,
            unit_price=component.price,
            vat_percent=rule.key.vat_percent,
            since=self._instant(each.since),
            until=self._instant(each.until),
            reason=self.reason(rule, time_zone),
            taxes=rule.key.taxes,
            basis=Basis.GROSS if owner.tariff.basis is Basis.GROSS else Basis.NET,
            per_minute=component.per_minute,
            reserved=rule.reserved,
            tariff_version=self.version(rule),
            breaks=each.breaks,
        )

    def limit_line(self, each: Adjustment) -> RatedLine:
        change = each.change
        return RatedLine(
            dimension=each.dimension,
            element=0,
            quantity=Decimal(1),
            billed=Decimal(1),
            unit_price=tidy(round_half_up(change.net, _SHOWN_PLACES)),
            vat_percent=each.key.vat_percent,
            taxes=each.key.taxes,
            since=instant_of(self._line.start),
            until=instant_of(self._line.end),
            reason=each.reason,
            limit=LimitPart(net=str(change.net), tax=str(change.gross - change.net)),
        )

    def version(self, rule: Rule) -> VersionHash | None:
        """Of the tariff that a price is in; of the only one there is nothing to tell apart."""
        return version_hash(rule.list.tariff) if self._has_several else None

    @staticmethod
    def reason(rule: Rule, time_zone: str) -> str:
        """In English, told once for each price and zone; of a price that follows a series, of each session."""
        price = (rule.component.dimension, rule.element)
        if rule.component.series is not None:
            return reason_by_series(rule.list.tariff, price, rule.component.price, ENGLISH, plain, time_zone)
        told = rule.list.reasons
        if (text := told.get((rule.number, time_zone))) is None:
            text = told[rule.number, time_zone] = reason(rule.list.tariff, price, ENGLISH, plain, time_zone)
        return text

    def _instant(self, second: int) -> datetime:
        """Lines begin and end together more often than not."""
        if (at := self._instants.get(second)) is None:
            at = self._instants[second] = instant_of(second)
        return at

    def _quantity(self, rule: Rule, quantity: int) -> Decimal:
        is_energy = rule.slot == ENERGY or rule.slot == EXPORT
        return tidy(Decimal(quantity).scaleb(-self._line.places)) if is_energy else Decimal(quantity)
