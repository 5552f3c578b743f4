"""Where a station that runs a tariff of OCPP 2.1 comes to another amount than OCPI does with the same fields.

    flat fee with a condition that may come to hold after the start
        OCPI: due when it does, also in mid-session. OCPP: judged once, at the start (I12.FR.30).
    reservation
        OCPI: charged as it happens, also when nobody comes. OCPP: at the start of the transaction alone, by the conditions of
        that moment (I12.FR.06, FR.07).
    limit
        OCPI: both bounds on the final total, each for itself. OCPP: the cost stands still when either is reached (FR.39), and
        one that is missed replaces the whole cost (FR.38).

A limit comes to the same where one rate of tax applies throughout, its bounds agree with it, and the minimum is not above the
maximum.
"""

from collections.abc import Iterator
from fractions import Fraction

from tariffs.limits import cross
from tariffs.losses import Loss, LossReason, is_ocpp, spots
from vocabulary.rated import tax_factor
from vocabulary.tariff import Dimension, PriceLimit, Profile, Restrictions, Tariff, charging_components, taxes_of

_KNOWN_BEFORE = ("evse_kind", "payment_brand", "payment_recognition", "reservation")
_WINDOWS = ("start_time", "end_time", "start_date", "end_date")
_HOLDS_AT_THE_START = ("max_energy_wh", "max_duration_s", "max_charging_s", "max_idle_s")


def differences(tariff: Tariff, wanted: Profile) -> Iterator[Loss]:
    """Of a tariff that leaves its dialect for the other one; none within a dialect."""
    if is_ocpp(tariff.profile) == is_ocpp(wanted):
        return
    for spot in spots(tariff):
        limits = spot.element.restrictions
        if limits.reservation is not None:
            yield _priced_differently(str(spot), "the station charges no reservation that expires")
        elif spot.component.dimension is Dimension.FLAT and _comes_and_goes(limits, wanted):
            yield _priced_differently(str(spot), "the station judges this fee once, at the start")
    yield from _of_limits(tariff)


def _of_limits(tariff: Tariff) -> Iterator[Loss]:
    least, most = tariff.min_price, tariff.max_price
    if least is not None and not _is_plain(tariff, least, is_minimum=True):
        yield _priced_differently("min_price", "the station replaces the whole cost by it")
    if most is not None and not _is_plain(tariff, most, is_minimum=False):
        yield _priced_differently("max_price", "at the station the cost stands still when either bound is reached")
    elif least is not None and most is not None and cross(least, most, tariff):
        yield _priced_differently("max_price", "lower than the minimum, which the station takes last")


def _priced_differently(where: str, how: str) -> Loss:
    return Loss(reason=LossReason.PRICED_DIFFERENTLY, changes_price=True, where=where, instead=how)


def _comes_and_goes(limits: Restrictions, wanted: Profile) -> bool:
    """What is known before the start holds throughout; an upper bound on what grows holds at the start. Of a fee that goes to a
    station only windows of time are left.
    """
    if is_ocpp(wanted):
        return limits.weekdays != () or any(getattr(limits, name) is not None for name in _WINDOWS)
    throughout = {name: getattr(limits, name) for name in (*_KNOWN_BEFORE, *_HOLDS_AT_THE_START)}
    return limits != Restrictions(**throughout)


def _is_plain(tariff: Tariff, limit: PriceLimit, *, is_minimum: bool) -> bool:
    """Whether both dialects come to the same amount."""
    rates = {tax_factor(taxes_of(component)) for component in charging_components(tariff)}
    if len(rates) != 1 or limit.taxes:
        return False
    if limit.before_taxes is None or limit.after_taxes is None:
        return not is_minimum or rates == {Fraction(1)}
    return Fraction(limit.before_taxes) * rates.pop() == Fraction(limit.after_taxes)
