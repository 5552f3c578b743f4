"""Prices in words, with numbers as their reader writes them: a tariff's, and when that of a rated line applied."""

from invoicing.localise import language
from tariffs.explain import explain, explain_when
from vocabulary.rated import RatedLine
from vocabulary.tariff import Tariff

LANGUAGES = ("en", "de")


def price_text(tariff: Tariff, tag: str) -> str:
    """At most 512 characters, prices with VAT; a language that we do not have is told in English."""
    known = tag if tag in LANGUAGES else "en"
    return explain(tariff, known, language(known).decimal)


def price_note(line: RatedLine, tariff: Tariff, tag: str, time_zone: str = "") -> str:
    """When the price of a line applied, "22:00-06:00"; empty where it always does. A language we do not have gets English."""
    return explain_when(line, tariff, tag, language(tag).decimal, time_zone)
