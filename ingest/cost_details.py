"""What a 2.1 station calculated itself: costDetails of a TransactionEvent (part 2, I08, I12), as a fact.

It never refuses the transaction event that carries it. Where it cannot be read, or the station says that it failed, that is the
fact: zeros beside failureToCalculate are no free session.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec

from ingest.fields import Refused
from ingest.loose import Fields, fields
from vocabulary.cost_facts import CostCalculated, CostPeriod, CostUnknown, NoCost, Price, TaxRate, Volume
from vocabulary.identity import EventId, StationId, TransactionId

_AS_IN_THE_SCHEMA: Final = {"IdleTime": "IdleTIme"}
_PRICES: Final = {
    "fixed": "fixed",
    "energy": "energy",
    "charging_time": "chargingTime",
    "idle_time": "idleTime",
    "reservation_time": "reservationTime",
    "reservation_fixed": "reservationFixed",
}


def calculated(
    station: StationId, of: EventId, transaction: TransactionId, final: bool, payload: msgspec.Raw
) -> CostCalculated | CostUnknown:
    """`final`: it came with the end."""
    try:
        details = fields(payload)
    except Refused:
        return CostUnknown(station=station, of=of, transaction=transaction, final=final, reason=NoCost.UNREADABLE)
    cost, usage = details.part("totalCost"), details.part("totalUsage")
    total, currency = _price(cost.part("total")), cost.text("currency")
    if details.flag("failureToCalculate"):
        return CostUnknown(station=station, of=of, transaction=transaction, final=final, reason=NoCost.FAILURE)
    if currency is None or (total.excl_tax is None and total.incl_tax is None):
        return CostUnknown(station=station, of=of, transaction=transaction, final=final, reason=NoCost.UNREADABLE)
    return CostCalculated(
        station=station,
        of=of,
        transaction=transaction,
        final=final,
        currency=currency,
        kind=cost.text("typeOfCost") or "NormalCost",
        total=total,
        **{name: _price(cost.part(field)) if field in cost else None for name, field in _PRICES.items()},
        energy_wh=usage.number("energy"),
        charging_s=usage.number("chargingTime"),
        idle_s=usage.number("idleTime"),
        reservation_s=usage.number("reservationTime"),
        periods=tuple(_periods(details)),
    )


def _price(price: Fields) -> Price:
    return Price(excl_tax=price.number("exclTax"), incl_tax=price.number("inclTax"), taxes=tuple(_taxes(price)))


def _taxes(price: Fields) -> Iterator[TaxRate]:
    for rate in price.parts("taxRates"):
        percent = rate.number("tax")
        if percent is not None:
            yield TaxRate(type=rate.text("type") or "", percent=percent, stack=rate.integer("stack") or 0)


def _periods(details: Fields) -> Iterator[CostPeriod]:
    for period in details.parts("chargingPeriods"):
        start: datetime | None = period.instant("startPeriod")
        if start is not None:
            yield CostPeriod(start=start, tariff=period.text("tariffId"), dimensions=tuple(_volumes(period)))


def _volumes(period: Fields) -> Iterator[Volume]:
    for dimension in period.parts("dimensions"):
        kind, volume = dimension.text("type"), dimension.number("volume")
        if kind is not None and volume is not None:
            yield Volume(type=_AS_IN_THE_SCHEMA.get(kind, kind), volume=volume)
