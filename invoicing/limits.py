"""What a limit of a tariff says, for the row of an invoice that it makes."""

from invoicing.localise import Language
from vocabulary.money import Currency
from vocabulary.tariff import Dimension, PriceLimit


def limit_note(limit: PriceLimit, dimension: Dimension, currency: Currency, tongue: Language) -> str:
    """`a session costs at least €0.50 before VAT, €0.60 with VAT`. The amounts are as published, with all of their digits."""
    said = []
    if limit.before_taxes is not None:
        said.append(tongue.text("%(amount)s before VAT") % {"amount": tongue.unit_price(limit.before_taxes, currency)})
    if limit.after_taxes is not None:
        said.append(tongue.text("%(amount)s with VAT") % {"amount": tongue.unit_price(limit.after_taxes, currency)})
    sentence = (
        tongue.text("a session costs at least %(limit)s")
        if dimension is Dimension.MIN_PRICE
        else tongue.text("a session costs at most %(limit)s")
    )
    return sentence % {"limit": ", ".join(said)}
