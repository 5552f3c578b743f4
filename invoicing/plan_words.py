"""What the lines of a plan are called, and from what terms they follow, in the language of an invoice."""

from decimal import Decimal
from fractions import Fraction
from typing import assert_never

from invoicing.localise import Language
from invoicing.plan import days_in_month
from vocabulary.money import Currency, round_half_up, round_to_minor
from vocabulary.plan import Benefit, Cap, Plan, PlanLine, Proration
from vocabulary.tariff import Basis


def name(benefit: Benefit, tongue: Language) -> str:
    match benefit:
        case Benefit.INCLUDED:
            return tongue.text("Included energy")
        case Benefit.PER_KWH:
            return tongue.text("Rebate per kWh")
        case Benefit.PER_SESSION:
            return tongue.text("Rebate per session")
        case Benefit.PERCENT:
            return tongue.text("Rebate")
        case Benefit.DAY_CAP:
            return tongue.text("Cap per day")
        case Benefit.MONTH_CAP:
            return tongue.text("Cap per month")
        case Benefit.FEE:
            return tongue.text("Monthly fee")
    assert_never(benefit)


def plan_name(plan: Plan, tongue: Language) -> str:
    """In the language, else in whichever comes first, else its id."""
    texts = {text.language: text.text for text in reversed(plan.names)}
    return texts.get(tongue.tag) or (plan.names[0].text if plan.names else plan.id)


def reason(plan: Plan | None, line: PlanLine, tongue: Language) -> str:
    """The terms that a line follows from: `Fleet: 10% of €19.60 that is left`. None: the contract has that plan no more."""
    if plan is None:
        return tongue.text("no longer agreed")
    parts = [_terms(plan, line, tongue), _part_of_month(plan, line, tongue)]
    return f"{plan_name(plan, tongue)}: {', '.join(part for part in parts if part)}"


def _terms(plan: Plan, line: PlanLine, tongue: Language) -> str:
    rebate = plan.rebates[line.number - 1] if line.number else None
    match line.benefit:
        case Benefit.INCLUDED:
            assert line.included_wh is not None
            return tongue.text("%(energy)s included") % {"energy": tongue.energy(_wh(line.included_wh))}
        case Benefit.PERCENT:
            assert rebate is not None and rebate.percent is not None
            values = {"percent": tongue.percent(rebate.percent), "amount": _base(plan, line, tongue)}
            return tongue.text("%(percent)s of %(amount)s that is left") % values
        case Benefit.PER_KWH:
            assert rebate is not None and rebate.per_kwh is not None
            return _taxed(tongue.unit_price(rebate.per_kwh, plan.currency, "kWh"), rebate.basis, tongue)
        case Benefit.PER_SESSION:
            assert rebate is not None and rebate.per_session is not None
            return _taxed(tongue.unit_price(rebate.per_session, plan.currency, ""), rebate.basis, tongue)
        case Benefit.DAY_CAP:
            days = ", ".join(tongue.day(day) for day in line.days)
            reached = tongue.text("%(amount)s on %(days)s") % {
                "amount": _capped(plan.day_cap, plan, line, tongue),
                "days": days,
            }
            return f"{_cap(plan.day_cap, plan.currency, tongue)}, {reached}"
        case Benefit.MONTH_CAP:
            return f"{_cap(plan.month_cap, plan.currency, tongue)}, {_capped(plan.month_cap, plan, line, tongue)}"
        case Benefit.FEE:
            assert plan.fee is not None
            return _taxed(tongue.unit_price(plan.fee.amount, plan.currency, ""), plan.fee.basis, tongue)
    assert_never(line.benefit)


def _base(plan: Plan, line: PlanLine, tongue: Language) -> str:
    """Of how much it was reckoned, to whole minor units."""
    assert line.base is not None
    return tongue.money(round_to_minor(Fraction(line.base), plan.currency), plan.currency)


def _capped(cap: Cap | None, plan: Plan, line: PlanLine, tongue: Language) -> str:
    """What there was; beside a cap before VAT it says that VAT is in it, as in all amounts of an invoice."""
    amount = _base(plan, line, tongue)
    return _taxed(amount, Basis.GROSS, tongue) if cap is not None and cap.basis is Basis.NET else amount


def _cap(cap: Cap | None, currency: Currency, tongue: Language) -> str:
    assert cap is not None
    amount = _taxed(tongue.unit_price(cap.amount, currency, ""), cap.basis, tongue)
    return tongue.text("at most %(amount)s") % {"amount": amount}


def _taxed(amount: str, basis: Basis, tongue: Language) -> str:
    sentence = tongue.text("%(amount)s with VAT") if basis is Basis.GROSS else tongue.text("%(amount)s before VAT")
    return sentence % {"amount": amount}


def _part_of_month(plan: Plan, line: PlanLine, tongue: Language) -> str:
    """Which days of the month, where what is told counts by them; of included energy it is told by the days already."""
    days, whole = (line.last - line.first).days + 1, days_in_month(line.first)
    is_by_days = line.benefit in (Benefit.FEE, Benefit.MONTH_CAP) and plan.proration is Proration.DAYS
    if not is_by_days or days == whole:
        return ""
    return tongue.text("for %(days)s of %(whole)s days") % {"days": days, "whole": whole}


def _wh(exact: str) -> Decimal:
    return round_half_up(Fraction(exact), 0)
