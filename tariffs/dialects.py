"""Where a station that runs a tariff of OCPP 2.1 comes to another amount than OCPI does with the same fields.

    flat fee with a window of time
        OCPI: due when the window opens, also in mid-session. OCPP: judged once, at the start (I12.FR.30).
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

from tariffs.losses import Loss, LossReason, is_ocpp, spots
from vocabulary.rated import tax_factor
from vocabulary.tariff import Dimension, PriceLimit, Profile, Restrictions, Tariff, charging_components, taxes_of


def differences(tariff: Tariff, wanted: Profile) -> Iterator[Loss]:
    """Of a tariff that leaves its dialect for the other one; none within a dialect."""
    if is_ocpp(tariff.profile) == is_ocpp(wanted):
        return
    for spot in spots(tariff):
        limits = spot.element.restrictions
        if limits.reservation is not None:
            yield _priced_differently(str(spot), "the station charges no reservation that expires")
        elif spot.component.dimension is Dimension.FLAT and _comes_and_goes(limits):
            yield _priced_differently(str(spot), "the station judges this fee once, at the start")
    yield from _of_limits(tariff)


def _of_limits(tariff: Tariff) -> Iterator[Loss]:
    least, most = tariff.min_price, tariff.max_price
    if least is not None and not _is_plain(tariff, least, is_minimum=True):
        yield _priced_differently("min_price", "the station replaces the whole cost by it")
    if most is not None and not _is_plain(tariff, most, is_minimum=False):
        yield _priced_differently("max_price", "at the station the cost stands still when either bound is reached")
    elif least is not None and most is not None and _crossed(least, most):
        yield _priced_differently("max_price", "lower than the minimum, which the station takes last")


def _priced_differently(where: str, how: str) -> Loss:
    return Loss(reason=LossReason.PRICED_DIFFERENTLY, changes_price=True, where=where, instead=how)


def _comes_and_goes(limits: Restrictions) -> bool:
    windows = (limits.start_time, limits.end_time, limits.start_date, limits.end_date)
    return bool(limits.weekdays) or any(bound is not None for bound in windows)


def _is_plain(tariff: Tariff, limit: PriceLimit, *, is_minimum: bool) -> bool:
    """Whether both dialects come to the same amount."""
    rates = {tax_factor(taxes_of(component)) for component in charging_components(tariff)}
    if len(rates) != 1 or limit.taxes:
        return False
    if limit.before_taxes is None or limit.after_taxes is None:
        return not is_minimum or rates == {Fraction(1)}
    return Fraction(limit.before_taxes) * rates.pop() == Fraction(limit.after_taxes)


def _crossed(least: PriceLimit, most: PriceLimit) -> bool:
    """Whether the minimum is above the maximum, in the one or the other amount that both tell."""
    told = ((least.before_taxes, most.before_taxes), (least.after_taxes, most.after_taxes))
    return any(low is not None and high is not None and low > high for low, high in told)
