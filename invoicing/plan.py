"""Work out what a plan comes to for the sessions of a term: pure, exact until the end, in whatever order sessions arrive.

    charged             10.00    what stands on the lines of the sessions: whole minor units, VAT included
    included energy     -4.00    sessions in order of (start, id); within one, its energy lines alike, by their energy
    absolute rebates    -0.50    per kWh that is not included, then per session; in the order of the plan
    percent rebates     -0.55    each of what is left
    cap per day         -1.95    shared out over all that is left of the day, in proportion
    cap per month        0.00
    fee                 +5.00

A benefit is reckoned from what the driver was charged, and never takes off more than is left: all that is charged at a VAT rate
of a country may come to 0.00, and not to a cent less. For that, what is left is rounded after each benefit, per country and
rate, and a line is the difference of two such roundings; so the lines together are rounded once, and each is less than a minor
unit from its exact amount.

What a maximum price took off belongs to the lines that it limits, in proportion. What a minimum price added is no energy, and a
negative price is no charge: of both a plan takes nothing off by kWh, and of the latter nothing at all.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from msgspec import structs

from vocabulary.money import Currency, plain, round_half_up, round_to_minor
from vocabulary.plan import Benefit, Cap, Fee, PlanLine, Proration, Rebate, Scope, Term, Used
from vocabulary.tariff import Basis, Dimension

Key = tuple[str, Decimal | None]  # a country and a VAT rate of it


class Left(NamedTuple):
    """What is left to pay of one line of a session, VAT included, and how much of its energy is not included in the plan."""

    used: Used
    dimension: Dimension
    vat_percent: Decimal | None
    energy_wh: Fraction
    gross: Fraction

    @property
    def key(self) -> Key:
        return self.used.country, self.vat_percent

    def amount(self, basis: Basis) -> Fraction:
        return self.gross / _factor(self.vat_percent) if basis is Basis.NET else self.gross

    def times(self, factor: Fraction) -> "Left":
        return self._replace(gross=self.gross * factor)


class _Step(NamedTuple):
    benefit: Benefit
    number: int
    reason: str
    work: Callable[[Sequence[Left]], list[Left]]


def apply(term: Term, used: Iterable[Used], home: str) -> tuple[PlanLine, ...]:
    """The lines of a term, in the order of working them out; none that comes to nothing.

    Of `used` count those that ended on its days. `home` is the seller's country, whose VAT the fee bears.
    """
    ordered = sorted((one for one in used if term.first <= one.day <= term.last), key=lambda one: (one.start, one.session))
    left, lines = [each for one in ordered for each in _charged(one)], list[PlanLine]()
    for step in _steps(term):
        after = step.work(left)
        lines += _lines(term, step, left, after)
        left = after
    return (*lines, *_fee(term, home))


def share_of_month(term: Term) -> Fraction:
    """How much of the month's fee, included energy and cap is the term's."""
    if term.plan.proration is Proration.WHOLE_MONTHS:
        return Fraction(1)
    return Fraction((term.last - term.first).days + 1, days_in_month(term.first))


def days_in_month(day: date) -> int:
    first = day.replace(day=1)
    return ((first + timedelta(days=32)).replace(day=1) - first).days


def _charged(used: Used) -> Iterator[Left]:
    """The lines of a session that charge something, with what a maximum price took off at their rate."""
    for part in used.parts:
        if part.gross <= 0:
            continue
        alike = [other for other in used.parts if other.vat_percent == part.vat_percent]
        taken = sum((Fraction(other.gross) for other in alike if other.dimension is Dimension.MAX_PRICE), Fraction(0))
        whole = sum((Fraction(other.gross) for other in alike if other.gross > 0), Fraction(0))
        factor = max(Fraction(0), 1 + min(taken, Fraction(0)) / whole)
        yield Left(used, part.dimension, part.vat_percent, Fraction(part.energy_wh), Fraction(part.gross) * factor)


def _steps(term: Term) -> Iterator[_Step]:
    plan, share = term.plan, share_of_month(term)
    if plan.included is not None:
        has_wh, scope = Fraction(plan.included.energy_wh) * share, plan.included.scope
        yield _Step(Benefit.INCLUDED, 0, f"{_kwh(has_wh)} kWh are included", lambda left: _included(left, has_wh, scope))
    numbered = [*enumerate(plan.rebates, start=1)]
    for benefit in (Benefit.PER_KWH, Benefit.PER_SESSION, Benefit.PERCENT):
        for number, rebate in numbered:
            if _benefit(rebate) is benefit:
                yield _Step(benefit, number, _rebate_reason(rebate), _work(rebate))
    if plan.day_cap is not None:
        yield _Step(Benefit.DAY_CAP, 0, f"{_cap_reason(plan.day_cap, Fraction(1))} a day at most", _day_cap(plan.day_cap))
    if (cap := plan.month_cap) is not None:
        yield _Step(Benefit.MONTH_CAP, 0, f"{_cap_reason(cap, share)} a month at most", lambda left: _capped(left, cap, share))


def _included(left: Sequence[Left], has_wh: Fraction, scope: Scope | None) -> list[Left]:
    """The energy that the plan includes costs nothing; within a session all of its energy lines are covered alike."""
    found, rest = list[Left](), has_wh
    for session in _by_session(left):
        energy_wh = sum((each.energy_wh for each in session if _is_energy(each, scope)), Fraction(0))
        covered = min(rest, energy_wh) / energy_wh if energy_wh else Fraction(0)
        rest -= covered * energy_wh
        found += [
            each._replace(gross=each.gross * (1 - covered), energy_wh=each.energy_wh * (1 - covered))
            if _is_energy(each, scope)
            else each
            for each in session
        ]
    return found


def _is_energy(each: Left, scope: Scope | None) -> bool:
    return each.dimension is Dimension.ENERGY and _holds(scope, each)


def _benefit(rebate: Rebate) -> Benefit:
    if rebate.per_kwh is not None:
        return Benefit.PER_KWH
    return Benefit.PER_SESSION if rebate.per_session is not None else Benefit.PERCENT


def _work(rebate: Rebate) -> Callable[[Sequence[Left]], list[Left]]:
    match rebate:
        case Rebate(per_kwh=Decimal() as per_kwh):
            return lambda left: [_less_per_kwh(each, per_kwh, rebate) for each in left]
        case Rebate(per_session=Decimal() as per_session):
            return lambda left: [
                each for session in _by_session(left) for each in _less_per_session(session, per_session, rebate)
            ]
        case Rebate(percent=Decimal() as percent):
            factor = 1 - Fraction(percent) / 100
            return lambda left: [each.times(factor) if _holds(rebate.scope, each) else each for each in left]
        case _:
            raise AssertionError("a rebate is a percentage, an amount per kWh, or one per session")


def _less_per_kwh(each: Left, per_kwh: Decimal, rebate: Rebate) -> Left:
    if not _is_energy(each, rebate.scope):
        return each
    factor = _factor(each.vat_percent) if rebate.basis is Basis.NET else Fraction(1)
    return each._replace(gross=max(Fraction(0), each.gross - Fraction(per_kwh) * factor * each.energy_wh / 1000))


def _less_per_session(session: Sequence[Left], per_session: Decimal, rebate: Rebate) -> Iterator[Left]:
    """An amount off the session's lines in scope, shared out in proportion to what is left of them."""
    whole = sum((each.amount(rebate.basis) for each in session if _holds(rebate.scope, each)), Fraction(0))
    factor = max(Fraction(0), 1 - Fraction(per_session) / whole) if whole else Fraction(1)
    return (each.times(factor) if _holds(rebate.scope, each) else each for each in session)


def _day_cap(cap: Cap) -> Callable[[Sequence[Left]], list[Left]]:
    def work(left: Sequence[Left]) -> list[Left]:
        days = {each.used.day for each in left}
        factors = {day: _cap_factor([each for each in left if each.used.day == day], cap, Fraction(1)) for day in days}
        return [each.times(factors[each.used.day]) for each in left]

    return work


def _capped(left: Sequence[Left], cap: Cap, share: Fraction) -> list[Left]:
    factor = _cap_factor(left, cap, share)
    return [each.times(factor) for each in left]


def _cap_factor(left: Sequence[Left], cap: Cap, share: Fraction) -> Fraction:
    """What is left is taken down to the cap in proportion, where it is more."""
    whole, most = sum((each.amount(cap.basis) for each in left), Fraction(0)), Fraction(cap.amount) * share
    return most / whole if whole > most else Fraction(1)


def _lines(term: Term, step: _Step, before: Sequence[Left], after: Sequence[Left]) -> Iterator[PlanLine]:
    """`before` and `after` are the same lines of sessions, in one order."""
    was, now, currency = _by_key(before), _by_key(after), term.plan.currency
    for key in sorted(was, key=lambda key: (key[0], key[1] is None, key[1] or Decimal(0))):
        exact = now[key] - was[key]
        if not exact:
            continue
        line = PlanLine(
            plan=term.plan.id,
            version=term.version,
            first=term.first,
            last=term.last,
            benefit=step.benefit,
            number=step.number,
            country=key[0],
            vat_percent=key[1],
            exact=str(exact),
            gross=round_to_minor(now[key], currency) - round_to_minor(was[key], currency),
            reason=step.reason,
        )
        pairs = [(old, new) for old, new in zip(before, after, strict=True) if old.key == key and old.gross != new.gross]
        yield structs.replace(line, **_grounds(term, step.benefit, pairs))


def _grounds(term: Term, benefit: Benefit, changed: Sequence[tuple[Left, Left]]) -> dict[str, Any]:
    """From what a line can be reckoned again, of the lines of sessions that it changes."""
    old = [each for each, _ in changed]
    base = {"base": str(sum((each.gross for each in old), Fraction(0)))}
    match benefit:
        case Benefit.INCLUDED:
            covered = sum((before.energy_wh - after.energy_wh for before, after in changed), Fraction(0))
            assert term.plan.included is not None
            has_wh = Fraction(term.plan.included.energy_wh) * share_of_month(term)
            return {"energy_wh": _wh(covered), "included_wh": str(has_wh)}
        case Benefit.PER_KWH:
            return {"energy_wh": _wh(sum((each.energy_wh for each in old), Fraction(0)))}
        case Benefit.PER_SESSION:
            return {"sessions": len({each.used.session for each in old})}
        case Benefit.DAY_CAP:
            return base | {"days": tuple(sorted({each.used.day for each in old}))}
        case _:
            return base


def _by_key(left: Iterable[Left]) -> dict[Key, Fraction]:
    sums = dict[Key, Fraction]()
    for each in left:
        sums[each.key] = sums.get(each.key, Fraction(0)) + each.gross
    return sums


def _fee(term: Term, home: str) -> Iterator[PlanLine]:
    fee = term.plan.fee
    if fee is None or not fee.amount:
        return
    exact = Fraction(fee.amount) * share_of_month(term) * (_factor(fee.vat_percent) if fee.basis is Basis.NET else 1)
    yield PlanLine(
        plan=term.plan.id,
        version=term.version,
        first=term.first,
        last=term.last,
        benefit=Benefit.FEE,
        country=home,
        vat_percent=fee.vat_percent,
        exact=str(exact),
        gross=round_to_minor(exact, term.plan.currency),
        reason=_fee_reason(term, fee, term.plan.currency),
    )


def _fee_reason(term: Term, fee: Fee, currency: Currency) -> str:
    whole = f"{plain(fee.amount)} {currency} {fee.basis} a month"
    if share_of_month(term) == 1:
        return whole
    return f"{(term.last - term.first).days + 1} of {days_in_month(term.first)} days of {whole}"


def _rebate_reason(rebate: Rebate) -> str:
    if rebate.percent is not None:
        return f"{plain(rebate.percent)} percent of what is left"
    per, amount = ("kWh", rebate.per_kwh) if rebate.per_kwh is not None else ("session", rebate.per_session)
    return f"{plain(amount or Decimal(0))} {rebate.basis} per {per}"


def _cap_reason(cap: Cap, share: Fraction) -> str:
    """Of a part of a month, to six places at most: what is worked out is exact."""
    return f"{plain(cap.amount if share == 1 else round_half_up(Fraction(cap.amount) * share, 6).normalize())} {cap.basis}"


def _holds(scope: Scope | None, each: Left) -> bool:
    if scope is None:
        return True
    given: tuple[tuple[Sequence[object], object], ...] = (
        (scope.dimensions, each.dimension),
        (scope.tariffs, each.used.tariff),
        (scope.sites, each.used.site),
        (scope.evse_kinds, each.used.evse_kind),
    )
    return all(not wanted or found in wanted for wanted, found in given)


def _by_session(left: Sequence[Left]) -> Iterator[list[Left]]:
    """In the order in which they stand: that of their start."""
    grouped = dict[str, list[Left]]()
    for each in left:
        grouped.setdefault(each.used.session, []).append(each)
    yield from grouped.values()


def _factor(vat_percent: Decimal | None) -> Fraction:
    return 1 + Fraction(vat_percent or 0) / 100


def _wh(exact: Fraction) -> Decimal:
    """To six places at most: the included energy of a part of a month may have no finite decimal."""
    return round_half_up(exact, 6).normalize()


def _kwh(wh: Fraction) -> str:
    return plain(round_half_up(wh / 1000, 6).normalize())
