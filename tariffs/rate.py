"""What a session costs under a tariff: the one calculator for running cost, final cost, CDR and invoice.

    periods      the session, cut where a price can change
    charges      period x dimension, at the price that was in force (OCPI: the first element that applies)
    lines        the charges of each price added up, with what step sizes add
    owed         the lines added up exactly, rounded to minor units once per VAT rate

    ENERGY in every period    TIME while charging    PARKING_TIME while idle    FLAT once, at the first price that comes up

A session so far is rated as if it ended now. Rating is exact: numbers that would need rounding raise instead, and the only
roundings are in `tariffs.rounding`.
"""

from collections.abc import Iterable, Iterator
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext

from tariffs.periods import Period, periods
from tariffs.restrictions import prices_in_force
from tariffs.rounding import Charge, Price, owed, surpluses, tidy
from tariffs.words import ENGLISH, reason
from vocabulary.money import plain, round_to_minor
from vocabulary.quantities import ONE_SECOND
from vocabulary.rated import Rated, RatedLine
from vocabulary.sessions import Activity, ChargingSession
from vocabulary.tariff import Dimension, Tariff
from vocabulary.zones import zone

EXACT = Context(prec=500, traps=[Inexact, InvalidOperation])
ONCE = Decimal(1)
LINE_ORDER = (Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME, Dimension.FLAT)  # of price displays, AFIR Art. 5
_TIMED = {Activity.CHARGING: Dimension.TIME, Activity.IDLE: Dimension.PARKING_TIME}


def rate(session: ChargingSession, tariff: Tariff, time_zone: str) -> Rated:
    """`time_zone` is the site's (IANA): the tariff's times of day, dates and weekdays are in it."""
    with localcontext(EXACT):
        cut = periods(session, tariff, zone(time_zone))
        lines = tuple(rated_lines(cut, tariff, time_zone))
        amounts = tuple(owed(lines, tariff.currency))
        total = sum((amount.gross for amount in amounts), round_to_minor(Decimal(0), tariff.currency))
        return Rated(currency=tariff.currency, lines=lines, owed=amounts, total=total)


def rated_lines(cut: Iterable[Period], tariff: Tariff, time_zone: str) -> Iterator[RatedLine]:
    """One line per price: by dimension, and within one in the order in which the prices came into force."""
    charges = [charge for period in cut for charge in _charges(period, tariff)]
    added = surpluses(charges)
    for price, charged in sorted(_visible(_by_price(charges)).items(), key=lambda item: LINE_ORDER.index(item[0][0])):
        yield _line(price, charged, added.get(price, Decimal(0)), tariff, time_zone)


def _charges(period: Period, tariff: Tariff) -> Iterator[Charge]:
    prices = prices_in_force(tariff, period.moment)
    for dimension, quantity in _quantities(period):
        if dimension in prices:
            number, component = prices[dimension]
            yield Charge((dimension, number), component, quantity, period.start, period.end)


def _quantities(period: Period) -> Iterator[tuple[Dimension, Decimal]]:
    yield Dimension.FLAT, ONCE
    yield Dimension.ENERGY, period.energy_wh
    if period.activity in _TIMED and period.start < period.end:
        yield _TIMED[period.activity], Decimal((period.end - period.start) // ONE_SECOND)


def _by_price(charges: Iterable[Charge]) -> dict[Price, list[Charge]]:
    """The charges of each price in order of time. Of several flat prices only the first that came up is due."""
    by_price: dict[Price, list[Charge]] = {}
    flat: Price | None = None
    for charge in charges:
        if charge.price[0] is Dimension.FLAT:
            flat = flat or charge.price
            if charge.price != flat:
                continue
        by_price.setdefault(charge.price, []).append(charge)
    return by_price


def _visible(by_price: dict[Price, list[Charge]]) -> dict[Price, list[Charge]]:
    """Without prices that found nothing to charge and start fees of nothing; if none is left, one that tells why it is free."""
    telling = {price: charged for price, charged in by_price.items() if _tells(charged)}
    free = ((price, charged) for price, charged in by_price.items() if not charged[0].component.price)
    return telling or dict([*free][:1])


def _tells(charged: list[Charge]) -> bool:
    if charged[0].price[0] is Dimension.FLAT:
        return bool(charged[0].component.price)
    return any(charge.quantity for charge in charged)


def _line(price: Price, charged: list[Charge], added: Decimal, tariff: Tariff, time_zone: str) -> RatedLine:
    (dimension, number), component = price, charged[0].component
    quantity = ONCE if dimension is Dimension.FLAT else sum((charge.quantity for charge in charged), Decimal(0))
    return RatedLine(
        dimension=dimension,
        element=number,
        quantity=tidy(quantity),
        billed=tidy(quantity + added),
        unit_price=component.price,
        vat_percent=component.vat_percent,
        since=charged[0].since,
        until=charged[-1].until,
        reason=reason(tariff, price, ENGLISH, plain, time_zone),
    )
