"""What documents and books can bear of a rating: one VAT rate a line, and limits whose tax is that of their rate.

An invoice states VAT by country and rate (EN 16931 BG-23), contained in what is owed; the ledger accrues it the same way. What
else a tariff may say is rated all the same, but nothing is billed of it: it is a finding that blocks.
"""

from decimal import Decimal
from fractions import Fraction

from vocabulary.money import minor_exponent
from vocabulary.rated import Rated, RatedLine, RatingNote, exact_net, exact_vat
from vocabulary.sessions import Doubt, Finding

_BLOCKING = {
    RatingNote.TAX_UNKNOWN: Finding.TAX_UNKNOWN,
    RatingNote.PRICE_NOT_PUBLISHED: Finding.PRICE_NOT_PUBLISHED,
}
_HOLDING = {
    RatingNote.POWER_NOT_MEASURED: Finding.POWER_NOT_MEASURED,
    RatingNote.PAYMENT_UNKNOWN: Finding.PAYMENT_UNKNOWN,
    RatingNote.RESERVATION_UNTIMED: Finding.RESERVATION_UNTIMED,
    RatingNote.EXPORT_UNKNOWN: Finding.EXPORT_UNKNOWN,
}


def blocks(rated: Rated, told: str) -> Doubt | None:
    """Why nothing can be billed of it, in order of precedence. `told`: which tariff, for the evidence."""
    for note in notes_of(rated):
        if note in _BLOCKING:
            return Doubt(finding=_BLOCKING[note], detail=told)
    if several := next((line for line in rated.lines if line.taxes), None):
        names = ", ".join(tax.name for tax in several.taxes)
        return Doubt(finding=Finding.TAXES_UNFIT, detail=f"{told}: {several.dimension} bears {names}")
    unfit = next((rate for rate in _limited(rated) if not _tax_fits(rated, rate)), None)
    if unfit is None:
        return None
    of = "no VAT" if unfit.vat_percent is None else f"VAT of {unfit.vat_percent} percent"
    return Doubt(finding=Finding.LIMIT_UNFIT, detail=f"{told}: {unfit.dimension} and {of}")


def doubts(rated: Rated, told: str) -> tuple[Doubt, ...]:
    """Why a person should look at the amount before it is billed, in order of precedence."""
    found = {_HOLDING[note] for note in notes_of(rated) if note in _HOLDING}
    return tuple(Doubt(finding=finding, detail=told) for finding in Finding if finding in found) if found else ()


def notes_of(rated: Rated) -> tuple[RatingNote, ...]:
    return rated.notes if isinstance(rated.notes, tuple) else ()


def _limited(rated: Rated) -> list[RatedLine]:
    return [line for line in rated.lines if line.limit is not None]


def _tax_fits(rated: Rated, limit: RatedLine) -> bool:
    """Whether what is owed at the rate of a limit bears the tax of that rate.

    Who publishes a limit before and after taxes rounds both to minor units: 0.84 and 1.00 are 19 percent. Half a minor unit of
    either moves the tax by up to one and half the rate. Where no VAT applies, or 0 percent, there is none.
    """
    lines = [line for line in rated.lines if line.vat_percent == limit.vat_percent]
    rate = Fraction(limit.vat_percent or Decimal(0)) / 100
    off = sum(map(exact_vat, lines), Fraction(0)) - rate * sum(map(exact_net, lines), Fraction(0))
    bound = (1 + rate / 2) / 10 ** minor_exponent(rated.currency) if rate else Fraction(0)
    return abs(off) <= bound
