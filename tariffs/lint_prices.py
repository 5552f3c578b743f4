"""Amounts, taxes, steps and limits that are probably not meant, one function for each kind of trouble."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tariffs.explain import components_of, driver_price, taxes_known
from tariffs.limits import cross
from tariffs.lint_reach import named
from tariffs.lints import Lint, LintReason, Severity, Surroundings
from tariffs.rounding import tidy
from tariffs.words import unit_of
from vocabulary.money import minor_exponent, plain, round_half_up
from vocabulary.rated import tax_factor
from vocabulary.tariff import (
    Basis,
    Dimension,
    PriceComponent,
    PriceLimit,
    Profile,
    Tariff,
    charging_components,
    costs,
    taxes_of,
)

# About how many units of a currency are a euro: enough to tell cents from euros, and no more.
_PER_EURO = {"EUR": 1, "USD": 1, "GBP": 1, "CHF": 1, "CAD": 1, "AUD": 2, "BGN": 2, "PLN": 4, "RON": 5, "DKK": 7, "SEK": 11}
_PER_EURO |= {"NOK": 11, "CZK": 25, "TRY": 35, "INR": 90, "ISK": 150, "JPY": 150, "HUF": 400}
_PLAUSIBLE = {  # in euros: per kWh, per hour, per hour, once, per kWh, per set
    Dimension.ENERGY: (Fraction(1, 50), Fraction(3)),
    Dimension.TIME: (Fraction(1, 20), Fraction(120)),
    Dimension.PARKING_TIME: (Fraction(1, 20), Fraction(120)),
    Dimension.FLAT: (Fraction(1, 100), Fraction(100)),
    Dimension.ENERGY_EXPORT: (Fraction(1, 50), Fraction(3)),
    Dimension.SWAP: (Fraction(1, 100), Fraction(100)),
}
_WITH_STEPS = (Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME)


class Placed(NamedTuple):
    element: int
    component: PriceComponent


def placed(tariff: Tariff) -> list[Placed]:
    return [
        Placed(number, component) for number, element in enumerate(tariff.elements, start=1) for component in element.components
    ]


def _lint(reason: LintReason, severity: Severity, detail: str, at: Placed | None = None) -> Lint:
    if at is None:
        return Lint(reason=reason, severity=severity, detail=detail)
    return Lint(reason=reason, severity=severity, element=at.element, dimension=at.component.dimension, detail=detail)


def taxes(tariff: Tariff, _: Surroundings) -> Iterator[Lint]:
    for at in placed(tariff):
        rates = taxes_of(at.component)
        if tariff.basis is Basis.UNTAXED and rates:
            yield _lint(
                LintReason.UNTAXED_WITH_RATE,
                Severity.WARNING,
                "The tariff says that no taxes apply, and this price has a rate: remove one of both.",
                at,
            )
        if costs(at.component) and len(rates) > 1 and tariff.basis is not Basis.UNTAXED:
            yield _lint(
                LintReason.SEVERAL_TAXES,
                Severity.ERROR,
                "An invoice states one rate of VAT for a price, and the books have no account for other taxes: "
                "sessions are rated, and not billed. Give it one tax.",
                at,
            )
        if not costs(at.component) or rates:
            continue
        if tariff.basis is Basis.GROSS:
            yield _lint(
                LintReason.GROSS_WITHOUT_RATE,
                Severity.ERROR,
                "The price includes taxes, and without their rate no net amount can be taken out of it: "
                "add `vat`; 0 where the tax is 0 %.",
                at,
            )
        if not taxes_known(at.component, tariff):
            yield _lint(
                LintReason.TAXES_UNKNOWN,
                Severity.ERROR,
                "A net price without `vat` in OCPI 2.3.0 leaves the taxes to others: no driver can be sent an invoice. "
                "Add `vat`, or say `tax_included: N/A` where none applies.",
                at,
            )
    rates_of = {taxes_of(component) for component in components_of(tariff) if costs(component)}
    if len(rates_of) > 1:
        yield _lint(
            LintReason.SEVERAL_RATES,
            Severity.HINT,
            "Its prices bear different taxes, each of which is rounded and shown on its own: see that this is meant.",
        )


def steps(tariff: Tariff, _: Surroundings) -> Iterator[Lint]:
    timed = [at for at in placed(tariff) if at.component.dimension in _WITH_STEPS and costs(at.component)]
    zeros = [at for at in timed if not at.component.step_size]
    if zeros and tariff.profile is not Profile.OCPP_2_1:
        yield _lint(
            LintReason.STEP_ZERO,
            Severity.HINT,
            f"OCPI has step sizes from 1 on; {named([at.element for at in zeros])} will be told to partners with 0. "
            "Write `step_size: 1`: it makes whole Wh or seconds of a session's sum.",
        )
    for dimension in _WITH_STEPS:
        yield from _steps_of(dimension, [at for at in timed if at.component.dimension is dimension])
    time = next((at for at in timed if at.component.dimension is Dimension.TIME and at.component.step_size > 1), None)
    if time and any(at.component.dimension is Dimension.PARKING_TIME for at in timed):
        yield _lint(
            LintReason.STEP_BESIDE_PARKING,
            Severity.WARNING,
            "Where a session has charging time and idle time, only the idle time is rounded up, and this step has no effect. "
            "Set it to 1.",
            time,
        )


def _steps_of(dimension: Dimension, prices: list[Placed]) -> Iterator[Lint]:
    sizes = sorted({max(at.component.step_size, 1) for at in prices})
    if len(sizes) > 1:
        yield _lint(
            LintReason.STEPS_DIFFER,
            Severity.WARNING,
            f"Steps of {', '.join(map(str, sizes[:-1]))} and {sizes[-1]}: that of the last price in a session rounds the "
            "sum of all. Give them the same.",
            prices[-1],
        )
    long = [at for at in prices if at.component.step_size > 1]
    if long:
        unit = "Wh" if dimension is Dimension.ENERGY else "seconds"
        yield _lint(
            LintReason.STEP_ABOVE_ONE,
            Severity.HINT,
            f"A driver pays for up to {long[-1].component.step_size - 1} {unit} that he did not get, and OCPI 3.0 has no "
            "steps: write 1 where nothing forces another.",
            long[0],
        )


def amounts(tariff: Tariff, _: Surroundings) -> Iterator[Lint]:
    for at in placed(tariff):
        if at.component.price < 0:
            yield _lint(
                LintReason.PRICE_NEGATIVE,
                Severity.WARNING,
                "The driver is paid: for energy that a vehicle feeds back write ENERGY_EXPORT, with a price above 0.",
                at,
            )
        elif at.component.price and at.component.series is None and (wrong := _far_out(at.component, tariff)):
            yield _lint(LintReason.PRICE_FAR_OUT, Severity.HINT, wrong, at)


def _far_out(component: PriceComponent, tariff: Tariff) -> str:
    euros = driver_price(component, tariff) / _PER_EURO.get(tariff.currency, 1)
    least, most = _PLAUSIBLE[component.dimension]
    per_hour = euros * 60 if component.per_minute else euros
    if tariff.currency not in _PER_EURO or least <= per_hour <= most:
        return ""
    units = {"/kWh": "per kWh", "/h": "per hour", "/min": "per minute", "": "once"}
    unit = units[unit_of(component.dimension, per_minute=component.per_minute)]
    written = f"{plain(tidy(component.price))} {tariff.currency} {unit}"
    if per_hour > most:
        return f"{written} is very much: is it in cents, or of another unit?"
    return f"{written} is very little: was it divided by 100 twice, or is it of another unit?"


def limits(tariff: Tariff, _: Surroundings) -> Iterator[Lint]:
    for name, limit in (("min_price", tariff.min_price), ("max_price", tariff.max_price)):
        if limit is not None and limit.before_taxes is not None and limit.after_taxes is not None:
            yield from _limit_taxes(name, limit.before_taxes, limit.after_taxes, limit, tariff)
    if tariff.min_price and tariff.max_price and cross(tariff.min_price, tariff.max_price, tariff):
        yield _lint(
            LintReason.LIMITS_CROSS,
            Severity.ERROR,
            "No amount is at least the minimum and at most the maximum: mend one of them.",
        )


def _limit_taxes(name: str, before: Decimal, after: Decimal, limit: PriceLimit, tariff: Tariff) -> Iterator[Lint]:
    if after < before:
        yield _lint(
            LintReason.LIMIT_TAXES_NEGATIVE,
            Severity.ERROR,
            f"{name}: {plain(after)} after taxes is less than {plain(before)} before them: they are swapped, or one is wrong.",
        )
        return
    factors = {tax_factor(limit.taxes)} if limit.taxes else _factors(tariff)
    if len(factors) > 1:
        yield _unfit(f"{name}: the prices bear different taxes, and hardly any pair of amounts fits what a session bears.")
        return
    (factor,) = factors
    minor_unit = Fraction(1, 10 ** minor_exponent(tariff.currency))  # of which half was rounded in either
    if abs(Fraction(after) - Fraction(before) * factor) > minor_unit * (1 + (factor - 1) / 2):
        expected = plain(round_half_up(Fraction(before) * factor, minor_exponent(tariff.currency)))
        yield _unfit(
            f"{name}: by the taxes of the prices {plain(before)} before taxes is {expected} after them, not {plain(after)}."
        )


def _unfit(what: str) -> Lint:
    return _lint(
        LintReason.LIMIT_TAXES_UNFIT,
        Severity.ERROR,
        f"{what} A session that comes to the limit is then not billed: give one of both, and the other follows.",
    )


def _factors(tariff: Tariff) -> set[Fraction]:
    if tariff.basis is Basis.UNTAXED:
        return {Fraction(1)}
    return {tax_factor(taxes_of(one)) for one in charging_components(tariff) if costs(one)} or {Fraction(1)}
