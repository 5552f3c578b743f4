"""What a price may depend on beside the energy and the time of a session: its power, its EVSE, who pays how, a reservation.

All of it is optional. A price that depends on what is not known does not apply, and the rating says so (`RatingNote`).
"""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from vocabulary.price_series import SeriesPrices
from vocabulary.tariff import EvseKind


class Sample(Struct, frozen=True, kw_only=True):
    """A momentary value: it holds from its instant on until the next one."""

    at: datetime
    value: Decimal


class Reserved(Struct, frozen=True, kw_only=True):
    """How long the EVSE was kept free, half-open, UTC: until the session began, or until the reservation expired unused."""

    start: datetime
    end: datetime
    expired: bool = False  # then nobody charged: the session that is rated with it is empty


class Swapped(Struct, frozen=True, kw_only=True):
    """The session is no charging: batteries were exchanged, `sets` of them. What they held more is its energy."""

    sets: int


class Circumstances(Struct, frozen=True, kw_only=True):
    power_w: tuple[Sample, ...] = ()  # Power.Active.Import, in order of time
    current_a: tuple[Sample, ...] = ()  # Current.Import, the sum of the phases, in order of time
    evse_kind: EvseKind | None = None
    payment_brand: str | None = None
    payment_recognition: str | None = None
    reserved: Reserved | None = None
    prices: tuple[SeriesPrices, ...] = ()  # of the series that the tariff refers to, one each
    swap: Swapped | None = None


NOTHING_KNOWN = Circumstances()
