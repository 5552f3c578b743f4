"""What the prices of a session may depend on beside its energy and its time, as the reference data and its messages tell it.

    kind of the EVSE      the site's `power_type`
    power, current        the samples of its messages (`streams.measured`)
    payment               what its messages tell of the card that pays (`streams.terms`)
    reservation           since when the EVSE was kept free (`streams.reservations`), where a message names the reservation
    what is fed back      the export register (`streams.feeding`), where it was kept from the session's beginning

What a price asks for and nobody told is a note of the rating: by it the amount is held, and no running cost is told.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import UNSET, UnsetType, structs

from streams.catalogue import Plug
from streams.price_conditions import (
    asks_for_current,
    asks_for_power,
    asks_for_the_brand,
    asks_for_the_recognition,
    pays_for_exports,
    prices_reservations,
)
from streams.terms import DIRECT_PAYMENT
from vocabulary.circumstances import Circumstances, Reserved, Sample, Swapped
from vocabulary.rated import Rated, RatingNote
from vocabulary.reference import Evse
from vocabulary.sessions import Activity, ChargingSession, is_unused
from vocabulary.tariff import EvseKind, Tariff

SILENCE_MAX = timedelta(hours=1)  # four times the 15 minutes of clock-aligned values; for so long a value holds


def known_of(session: ChargingSession, plug: Plug) -> Circumstances:
    return Circumstances(
        power_w=_samples(session.power_w),
        current_a=_samples(session.current_a),
        evse_kind=kind_of(plug.evse),
        payment_brand=_text(session.payment_brand),
        payment_recognition=_text(session.payment_recognition),
        reserved=_reserved(session),
        swap=None if session.swap is UNSET else Swapped(sets=1),  # what one request brings and takes is one set
    )


def kind_of(evse: Evse) -> EvseKind:
    """OCPI PowerType: all but DC are kinds of AC."""
    return EvseKind.DC if evse.power_type == "DC" else EvseKind.AC


def noted(cost: Rated, session: ChargingSession, tariffs: Sequence[Tariff]) -> Rated:
    """With what these tariffs ask for and the session does not tell."""
    found = set(cost.notes) if isinstance(cost.notes, tuple) else set[RatingNote]()
    if _lacks_power(session, tariffs):
        found.add(RatingNote.POWER_NOT_MEASURED)
    if _lacks_the_card(session, tariffs):
        found.add(RatingNote.PAYMENT_UNKNOWN)
    if session.reserved is True and _reserved(session) is None and any(map(prices_reservations, tariffs)):
        found.add(RatingNote.RESERVATION_UNTIMED)
    if session.exported is UNSET and session.swap is UNSET and not is_unused(session) and any(map(pays_for_exports, tariffs)):
        found.add(RatingNote.EXPORT_UNKNOWN)
    return structs.replace(cost, notes=tuple(note for note in RatingNote if note in found)) if found else cost


def _reserved(session: ChargingSession) -> Reserved | None:
    if isinstance(session.kept_free, UnsetType):
        return None
    return Reserved(start=session.kept_free[0], end=session.kept_free[1], expired=is_unused(session))


def _samples(samples: tuple[Sample, ...] | UnsetType) -> tuple[Sample, ...]:
    return () if samples is UNSET else samples


def _text(told: str | UnsetType) -> str | None:
    return None if told is UNSET else told


def _lacks_the_card(session: ChargingSession, tariffs: Sequence[Tariff]) -> bool:
    """Whether a card paid of which a price asks what nobody told. Who charges by contract has no card: no such price is his."""
    if (session.token_type or "").casefold() != DIRECT_PAYMENT:
        return False
    lacks_brand, lacks_recognition = session.payment_brand is UNSET, session.payment_recognition is UNSET
    return (lacks_brand and any(map(asks_for_the_brand, tariffs))) or (
        lacks_recognition and any(map(asks_for_the_recognition, tariffs))
    )


def _lacks_power(session: ChargingSession, tariffs: Sequence[Tariff]) -> bool:
    """Whether a value that a price asks for was told once and then not for long: the rating takes it to hold until the next."""
    power, current = _samples(session.power_w), _samples(session.current_a)
    return (bool(power) and _is_silent(session, power) and any(map(asks_for_power, tariffs))) or (
        bool(current) and _is_silent(session, current) and any(map(asks_for_current, tariffs))
    )


def _is_silent(session: ChargingSession, samples: tuple[Sample, ...]) -> bool:
    instants = [session.start, *(max(sample.at, session.start) for sample in samples), session.end]
    return any(_charging(session, since, until) > SILENCE_MAX for since, until in pairwise(instants))


def _charging(session: ChargingSession, since: datetime, until: datetime) -> timedelta:
    """For how long of that time it was charging."""
    if until - since <= SILENCE_MAX:
        return timedelta()
    parts = (s for s in session.stretches if s.activity is Activity.CHARGING and s.start < until and since < s.end)
    return sum((min(part.end, until) - max(part.start, since) for part in parts), timedelta())
