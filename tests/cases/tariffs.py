"""The tariffs of the cases, by what a line `tariff: …` of their `about.txt` says. Net prices, with 19 % VAT.

          0.30 per kWh
timed     0.30 per kWh from 06:00 to 22:00, else 0.20 and 3.00 per hour of idling
power     0.45 per kWh from 11 kW on, else 0.35
current   0.45 per kWh from 32 A on, else 0.35
kind      0.59 per kWh of DC, 0.39 of AC
reserved  0.30 per kWh, and 2.00 per hour of a reservation
expiring  the same, and 4.00 where it expired
both-ways 0.30 per kWh; paid for what is fed back 0.50 per kWh from 17:00 to 21:00, else 0.20
swap      3.50 a set of batteries and 0.60 per kWh; paid for what came in and held more 0.25 per kWh
card      0.30 per kWh, and a start fee: 0.25 by Visa, 0.20 by any debit card, else 0.50
"""

from datetime import UTC, datetime, time
from decimal import Decimal

from vocabulary.identity import TariffId
from vocabulary.money import Currency
from vocabulary.tariff import (
    Dimension,
    EvseKind,
    PriceComponent,
    Reservation,
    Restrictions,
    Tariff,
    TariffElement,
    TariffPublished,
)

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
_ANY = Restrictions()


def tariff_of(kind: str, price: str = "") -> TariffPublished:
    """`price`: of the kWh, instead of what the kind has; it is then the only one."""
    elements = [_element(_ANY, energy=price)] if price else _ELEMENTS[kind]
    tariff = Tariff(id=TariffId("day"), currency=Currency("EUR"), elements=tuple(elements))
    return TariffPublished(tariff=tariff, valid_from=SINCE)


def _element(limits: Restrictions, **prices: str) -> TariffElement:
    components = (
        PriceComponent(dimension=Dimension(name.upper()), price=Decimal(price), vat_percent=Decimal(19))
        for name, price in prices.items()
    )
    return TariffElement(components=tuple(components), restrictions=limits)


_ELEMENTS = {
    "": [_element(_ANY, energy="0.30")],
    "timed": [
        _element(Restrictions(start_time=time(6), end_time=time(22)), energy="0.30"),
        _element(_ANY, energy="0.20", parking_time="3.00"),
    ],
    "power": [_element(Restrictions(min_power_w=Decimal(11_000)), energy="0.45"), _element(_ANY, energy="0.35")],
    "current": [_element(Restrictions(min_current_a=Decimal(32)), energy="0.45"), _element(_ANY, energy="0.35")],
    "kind": [
        _element(Restrictions(evse_kind=EvseKind.DC), energy="0.59"),
        _element(Restrictions(evse_kind=EvseKind.AC), energy="0.39"),
    ],
    "reserved": [
        _element(Restrictions(reservation=Reservation.RESERVATION), time="2.00"),
        _element(_ANY, energy="0.30"),
    ],
    "expiring": [
        _element(Restrictions(reservation=Reservation.RESERVATION_EXPIRES), flat="4.00"),
        _element(Restrictions(reservation=Reservation.RESERVATION), time="2.00"),
        _element(_ANY, energy="0.30"),
    ],
    "both-ways": [
        _element(Restrictions(start_time=time(17), end_time=time(21)), energy_export="0.50"),
        _element(_ANY, energy="0.30", energy_export="0.20"),
    ],
    "swap": [_element(_ANY, swap="3.50", energy="0.60", energy_export="0.25")],
    "card": [
        _element(Restrictions(payment_brand="VISA"), flat="0.25"),
        _element(Restrictions(payment_recognition="Debit"), flat="0.20"),
        _element(_ANY, flat="0.50", energy="0.30"),
    ],
}
