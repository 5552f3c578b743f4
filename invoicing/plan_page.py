"""What plans charge on an invoice, as its reader sees it: a block for each month, below the sessions."""

from decimal import Decimal
from itertools import groupby

from invoicing import plan_words
from invoicing.localise import Language
from invoicing.page import ShownLine, ShownPlan, rate
from vocabulary.billing import Invoice, PlanCharge
from vocabulary.plan import PlanLine


def shown_plans(invoice: Invoice, tongue: Language) -> tuple[ShownPlan, ...]:
    months = [(when, [*charges]) for when, charges in groupby(invoice.plan, key=lambda charge: f"{charge.line.first:%Y-%m}")]
    return tuple(
        ShownPlan(
            when=tongue.text("Plan, %(month)s") % {"month": tongue.month(charges[0].line.first)},
            amount=tongue.amount(sum((charge.gross for charge in charges), Decimal(0)), invoice.currency),
            lines=tuple(_plan_line(charge, invoice, tongue) for charge in charges),
        )
        for _, charges in months
    )


def _plan_line(charge: PlanCharge, invoice: Invoice, tongue: Language) -> ShownLine:
    """Where earlier invoices hold a part of it, the note says what the month comes to by now, and how much they hold."""
    line, notes = charge.line, [charge.reason]
    if charge.before:
        amounts = {"whole": charge.line.gross, "before": charge.before}
        shown = {name: tongue.money(amount, invoice.currency) for name, amount in amounts.items()}
        notes.append(tongue.text("%(whole)s for the month, %(before)s invoiced before") % shown)
    abroad = line.vat_percent is not None and line.country != invoice.seller.address.country
    return ShownLine(
        name=plan_words.name(line.benefit, tongue),
        note=" · ".join(notes),
        quantity="" if charge.before else _quantity(line, tongue),
        unit_price="",
        vat=rate(line.vat_percent, tongue) + (f" {line.country}" if abroad else ""),
        amount=tongue.amount(charge.gross, invoice.currency),
    )


def _quantity(line: PlanLine, tongue: Language) -> str:
    """Of the energy that is included, or of what a rebate is off."""
    if line.energy_wh is not None:
        return tongue.energy(line.energy_wh)
    return str(line.sessions) if line.sessions else ""
