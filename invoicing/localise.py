"""Words, numbers and dates as a reader of English or German expects them.

Words come from gettext catalogues (`locale/<language>/LC_MESSAGES/invoice.po`, compiled in memory when first used), number
and date forms from CLDR. A contract in another language gets English. Nothing is rounded here: Babel rounds half to even,
which would differ from the ledger by a cent, so only amounts in whole minor units are let through and every other quantity
is written with all of its digits.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from gettext import GNUTranslations
from importlib.resources import files
from io import BytesIO

from babel import Locale
from babel.dates import format_date, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent

from vocabulary.money import Currency, minor_exponent
from vocabulary.quantities import WattHours, kwh
from vocabulary.zones import zone

LOCALES = {"en": "en_GB", "de": "de_DE"}  # the language of a contract: the region whose forms are used
FALLBACK = "en"
NBSP = "\N{NO-BREAK SPACE}"


class Language:
    """One language: `text` and `plural` are gettext; the rest writes a value. Obtained from `language`."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self._locale = Locale.parse(LOCALES[tag])
        catalogue = _catalogue(tag)
        self.text = catalogue.gettext
        self.plural = catalogue.ngettext

    def money(self, amount: Decimal, currency: Currency) -> str:
        """An amount with its currency: `€1,234.50`, `1.234,50 €`."""
        return format_currency(_whole(amount, currency), currency, locale=self._locale)

    def amount(self, amount: Decimal, currency: Currency) -> str:
        """An amount for a column whose head names the currency: `1,234.50`."""
        return self._number(_whole(amount, currency), minor_exponent(currency))

    def unit_price(self, price: Decimal, currency: Currency, unit: str = "") -> str:
        """A price with all of its digits, and at least those of the minor unit: `€0.495798/kWh`."""
        pattern = self._locale.currency_formats["standard"].pattern.replace("0.00", _places(price, minor_exponent(currency)))
        written = format_currency(
            price, currency, pattern, locale=self._locale, currency_digits=False, decimal_quantization=False
        )
        return f"{written}/{unit}" if unit else written

    def energy(self, energy: WattHours | Decimal) -> str:
        """Energy in kWh, to the Wh or finer where the meter counts finer: `23.456 kWh`."""
        return f"{self.register(energy)}{NBSP}kWh"

    def register(self, energy: WattHours | Decimal) -> str:
        """The same number, for a column whose head names the unit."""
        return self._number(kwh(WattHours(energy)), 3)

    def decimal(self, number: Decimal) -> str:
        """A number with the decimals that it has: 0.50 is written `0.50`, 4 is written `4`."""
        exponent = number.as_tuple().exponent
        assert isinstance(exponent, int), "not a number"
        return self._number(number, max(0, -exponent))

    def duration(self, seconds: int) -> str:
        """`1 h 35 min`; seconds only where there are any."""
        parts = zip((seconds // 3600, seconds // 60 % 60, seconds % 60), ("h", "min", "s"), strict=True)
        return NBSP.join(f"{count}{NBSP}{unit}" for count, unit in parts if count) or f"0{NBSP}min"

    def percent(self, percent: Decimal) -> str:
        return format_percent(percent / 100, locale=self._locale, decimal_quantization=False)

    def day(self, day: date) -> str:
        """For columns: `12 Oct 2026`, `12.10.2026`."""
        return format_date(day, "medium", locale=self._locale)

    def long_day(self, day: date) -> str:
        """For sentences: `12 October 2026`, `12. Oktober 2026`."""
        return format_date(day, "long", locale=self._locale)

    def month(self, day: date) -> str:
        """The month of a day: `October 2026`, `Oktober 2026`."""
        return format_date(day, "LLLL yyyy", locale=self._locale)

    def span(self, start: datetime, end: datetime, time_zone: str, *, day: date | None = None, offsets: bool = False) -> str:
        """From when to when by the clock at the site: `12 Oct 2026, 08:14 – 09:49`.

        A day is written where it changes; `day` is the one that the reader knows already. The offset to UTC is added where
        the clock alone would mislead: where it was changed in between, where it showed that time twice, and where the
        caller says that `offsets` are needed.
        """
        first, last = (at.astimezone(zone(time_zone)) for at in (start, end))
        changed = first.utcoffset() != last.utcoffset()
        told = offsets or changed or _is_ambiguous(first) or _is_ambiguous(last)
        return f"{self._moment(first, day, told=changed)} – {self._moment(last, first.date(), told=told)}"

    def moment(self, at: datetime, time_zone: str, *, offsets: bool = False) -> str:
        """By the clock at the site: `12 Oct 2026, 08:14`; with its offset as in a span."""
        local = at.astimezone(zone(time_zone))
        return self._moment(local, None, told=offsets or _is_ambiguous(local))

    def to_the_second(self, start: datetime, end: datetime, time_zone: str) -> str:
        """The same with seconds: `12 Oct 2026, 08:14:09 – 09:49:30`."""
        first, last = (at.astimezone(zone(time_zone)) for at in (start, end))
        told = first.utcoffset() != last.utcoffset() or _is_ambiguous(first) or _is_ambiguous(last)
        begin = self._moment(first, None, told=told, pattern="HH:mm:ss")
        return f"{begin} – {self._moment(last, first.date(), told=told, pattern='HH:mm:ss')}"

    def country(self, alpha_2: str) -> str:
        """The name of a country in this language; the code itself where it is no country."""
        return str(self._locale.territories.get(alpha_2, alpha_2))

    def _moment(self, at: datetime, known: date | None, *, told: bool, pattern: str = "HH:mm") -> str:
        clock = format_time(at, pattern, tzinfo=at.tzinfo, locale=self._locale)
        dated = clock if at.date() == known else f"{self.day(at.date())}, {clock}"
        return f"{dated} ({_offset(at)})" if told else dated

    def _number(self, number: Decimal, places_min: int) -> str:
        pattern = f"#,##{_places(number, places_min)}"
        return format_decimal(number, pattern, locale=self._locale, decimal_quantization=False)


@lru_cache
def language(tag: str) -> Language:
    """The language that a contract's tag asks for; `de-AT` is German, `fr` falls back."""
    primary = tag.partition("-")[0].lower()
    return Language(primary if primary in LOCALES else FALLBACK)


def _catalogue(tag: str) -> GNUTranslations:
    source = files("invoicing") / "locale" / tag / "LC_MESSAGES" / "invoice.po"
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(source.read_bytes()), locale=tag))
    return GNUTranslations(BytesIO(compiled.getvalue()))


def _whole(amount: Decimal, currency: Currency) -> Decimal:
    minor = amount.scaleb(minor_exponent(currency))
    assert minor == minor.to_integral_value(), "an amount reaches the reader in whole minor units only"
    return amount


def _places(number: Decimal, places_min: int) -> str:
    """The part of a number pattern that keeps all digits of this number."""
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "not a number"
    places = max(places_min, -exponent)
    return f"0.{'0' * places}" if places > 0 else "0"


def _is_ambiguous(local: datetime) -> bool:
    """Whether the clock showed this time twice."""
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _offset(local: datetime) -> str:
    """`UTC+2`, `UTC-3:30`."""
    offset = local.utcoffset() or timedelta(0)
    sign, minutes = "+" if offset >= timedelta(0) else "-", abs(offset) // timedelta(minutes=1)
    return f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02d}" if minutes % 60 else "")
