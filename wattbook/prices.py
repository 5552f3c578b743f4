"""Prices in words, with numbers as their reader writes them: a tariff's, and when that of a rated line applied."""

from invoicing.limits import limit_note
from invoicing.localise import language
from tariffs.explain import explain, explain_when
from vocabulary.rated import RatedLine
from vocabulary.tariff import Dimension, Tariff

LANGUAGES = ("en", "de")


def price_text(tariff: Tariff, tag: str) -> str:
    """At most 512 characters, prices with VAT; a language that we do not have is told in English."""
    known = tag if tag in LANGUAGES else "en"
    return explain(tariff, known, language(known).decimal)


def price_note(line: RatedLine, tariff: Tariff, tag: str, time_zone: str = "") -> str:
    """When the price of a line applied, "22:00-06:00"; empty where it always does. A language we do not have gets English.

    Of a limit: what the tariff says.
    """
    if line.limit is not None:
        limit = tariff.min_price if line.dimension is Dimension.MIN_PRICE else tariff.max_price
        return limit_note(limit, line.dimension, tariff.currency, language(tag)) if limit else ""
    return explain_when(line, tariff, tag, language(tag).decimal, time_zone)
