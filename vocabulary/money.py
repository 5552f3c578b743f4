"""Money, and the one place where it is rounded.

Three precisions, each with one owner:

    exact      Fraction            inside rating: a price per hour times seconds has no finite decimal
    micro      int, 10^-6 units    what the ledger counts (`to_micro`); fits 64 bits up to 9.2 * 10^12 units
    minor      Decimal, 2 places   what a person owes (`round_to_minor`); the exponent is the currency's (JPY 0, BHD 3)

Rounding is half up, away from zero, so that a credit mirrors its debit. It happens where a rated amount becomes owed and
nowhere else; the difference between micro and minor is posted, never lost.
"""

from decimal import Context, Decimal
from fractions import Fraction
from typing import NewType

Currency = NewType("Currency", str)  # ISO 4217, upper case

MICRO = 1_000_000
_WIDE = Context(prec=10_000)  # no digit of an amount is lost in it
SESSION_MAX = 10**9  # what a session may cost, in units of its currency: thousands of them fit one 64-bit balance
_EXPONENTS = {"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3} | dict.fromkeys(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0
)


def minor_exponent(currency: Currency) -> int:
    """How many decimals the currency's minor unit has (ISO 4217)."""
    return _EXPONENTS.get(currency, 2)


def round_half_up(exact: Fraction | Decimal, places: int) -> Decimal:
    """The nearest decimal with that many places; a half goes away from zero."""
    numerator, denominator = exact.as_integer_ratio()
    whole = (2 * abs(numerator) * 10**places + denominator) // (2 * denominator)
    return Decimal(whole if numerator >= 0 else -whole).scaleb(-places, _WIDE)


def round_half_even(exact: Fraction | Decimal, places: int) -> Decimal:
    """The nearest decimal with that many places; of a half the one with an even last digit."""
    return Decimal(round(Fraction(exact) * 10**places)).scaleb(-places, _WIDE)


def round_to_minor(exact: Fraction | Decimal, currency: Currency) -> Decimal:
    """An amount as it becomes owed: whole minor units of its currency."""
    return round_half_up(exact, minor_exponent(currency))


def to_micro(exact: Fraction | Decimal) -> int:
    """An amount as the ledger counts it: the nearest 10^-6 of a unit, a half away from zero."""
    return int(round_half_up(exact, 6).scaleb(6))


def from_micro(micro: int) -> Decimal:
    """The decimal amount that so many micro-units are, exactly; trailing zeros beyond two places are dropped."""
    amount = Decimal(micro).scaleb(-6)
    return amount.quantize(Decimal("0.01")) if micro % 10_000 == 0 else amount.normalize()


def plain(amount: Decimal) -> str:
    """A decimal without exponent, digits kept: `1E+1` is written 10, `2.50` stays 2.50."""
    return format(amount, "f")
