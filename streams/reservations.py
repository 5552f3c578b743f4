"""Since when an EVSE is kept free, and what becomes of it: what the session that ends a reservation does not tell.

    ReserveNow ──▶ kept ── a transaction names it ─────────────────▶ its session knows since when
                     ├──── Expired (2.x); its time is over (1.6) ──▶ a session of its own, in which nobody charged
                     └──── rejected, cancelled, Removed, NoTransaction: forgotten, nothing is charged

Time counts from the message's arrival (2.1 part 2, I12.FR.07). An id that is given again replaces the reservation before it
(1.6 §5.13, 2.x H01), and time counts from the later one. 1.6 tells no end: a reservation that the station accepted is over
when it was neither used nor cancelled by its expiryDate, and its transaction was waited for as long as a gap is.

Kept only while some tariff has a price for reservations, so that the states of all others do not grow.
"""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct, structs

from streams.said import End
from streams.sessions import Closed
from streams.step import Step
from vocabulary.charging import Protocol
from vocabulary.decoded import Decoded
from vocabulary.identity import EventId, SessionId, StationId, TokenUid, TransactionId, content_id
from vocabulary.quantities import WattHours
from vocabulary.sessions import Activity, ChargingSession, EnergySource, Finding, SessionClosed, SessionFlagged, Stretch
from vocabulary.station_facts import MessageAnswered, ReservationAsked, ReservationChanged, TransactionTerms

MOST = 32  # of a station; the oldest is forgotten first, and a session that names it is held
EXPIRED, CANCEL_ASKED = "Expired", "CancelAsked"
_ACCEPTED = "Accepted"


class Kept(Struct, frozen=True, gc=False, array_like=True):
    """A reservation that was neither used nor ended yet."""

    number: int
    since: datetime
    message_id: str
    protocol: Protocol
    evse: int  # 0: any of the station
    token: TokenUid | None = None
    token_type: str | None = None
    expires_at: datetime | None = None
    is_accepted: bool = False
    is_cancelled: bool = False  # as far as the CSMS asked for it: the station may refuse


class Reservations(Struct, frozen=True, gc=False, omit_defaults=True, tag="reservations"):
    """Those of a station, in the order in which they were asked for; and the numbers of the last that ended."""

    kept: tuple[Kept, ...] = ()
    ended: tuple[int, ...] = ()


class Used(NamedTuple):
    """The EVSE was kept free for the session that these terms are of."""

    terms: TransactionTerms
    since: datetime


class Unused(NamedTuple):
    """It was kept free for nobody: the session, and what is remembered of it."""

    closed: SessionClosed
    state: Closed


Ended = Used | Unused | SessionFlagged


def step(state: Reservations, event: Decoded, waited_until: datetime | None = None) -> Step[Reservations, Ended]:
    """`waited_until`: of what was over by then no transaction is waited for any more; None: the clock never ticked."""
    after = _told(state, event)
    over = () if waited_until is None else tuple(each for each in after.state.kept if _is_over(each, waited_until))
    left = after.state
    for each in over:
        left = _without(left, each.number)
    return Step(left, (*after.out, *(_unused(event.station, each) for each in over))) if over else after


def _told(state: Reservations, event: Decoded) -> Step[Reservations, Ended]:
    match event:
        case ReservationAsked(received_at=datetime() as since):
            before = _without(state, event.reservation)
            ended = tuple(number for number in before.ended if number != event.reservation)
            return Step(Reservations((*before.kept, _kept(event, since))[-MOST:], ended))
        case MessageAnswered():
            return Step(_answered(state, event))
        case ReservationChanged():
            return _changed(state, event)
        case TransactionTerms(reservation=int() as number) if found := _of(state, number):
            return Step(_without(state, number), (Used(event, found.since),))
        case _:
            return Step(state)


def _kept(asked: ReservationAsked, since: datetime) -> Kept:
    return Kept(
        asked.reservation,
        since,
        asked.message_id,
        asked.protocol,
        asked.evse or 0,
        asked.token,
        asked.token_type,
        asked.expires_at,
    )


def _changed(state: Reservations, event: ReservationChanged) -> Step[Reservations, Ended]:
    found, has_expired = _of(state, event.reservation), event.status.casefold() == EXPIRED.casefold()
    if found is None:
        is_unknown = has_expired and event.reservation not in state.ended
        return Step(_without(state, event.reservation), (_unknown(event),)) if is_unknown else Step(state)
    if event.status == CANCEL_ASKED:
        return Step(_with(state, structs.replace(found, is_cancelled=True)))
    return Step(_without(state, found.number), (_unused(event.station, found),) if has_expired else ())


def _unknown(event: ReservationChanged) -> SessionFlagged:
    told = "at a time that is not known" if event.received_at is None else f"at {event.received_at.isoformat()}"
    detail = f"reservation {event.reservation} expired, told {told}"
    session = SessionId(content_id("expired reservation", event.station, detail))
    return SessionFlagged(session=session, finding=Finding.RESERVATION_UNKNOWN, detail=detail)


def _is_over(kept: Kept, by: datetime) -> bool:
    return kept.is_accepted and not kept.is_cancelled and kept.expires_at is not None and kept.expires_at <= by


def _unused(station: StationId, kept: Kept) -> Unused:
    """From the reservation to the time until which it was to be held."""
    end = max(kept.since, kept.expires_at or kept.since)
    session = ChargingSession(
        id=SessionId(content_id("reservation", station, str(kept.number), kept.since.isoformat())),
        station=station,
        protocol=kept.protocol,
        transaction=TransactionId(""),
        evse=kept.evse,
        token=kept.token,
        token_type=kept.token_type,
        start=kept.since,
        end=end,
        energy_wh=WattHours(Decimal(0)),
        energy_source=EnergySource.UNUSED,
        readings=(),
        stretches=(Stretch(start=kept.since, end=end, activity=Activity.WAITING),) if kept.since < end else (),
        stop_reason=EXPIRED,
        reserved=True,
        reserved_since=kept.since,
    )
    ended = Closed(session=session.id, start=kept.since, end=End(None, end, EventId(""), None, EXPIRED))
    return Unused(SessionClosed(session=session), ended)


def _answered(state: Reservations, answer: MessageAnswered) -> Reservations:
    """ReserveNow is answered by the station; so is CancelReservation, whose refusal changes nothing that is charged."""
    asked = next((each for each in reversed(state.kept) if each.message_id == answer.message_id), None)
    if asked is None or asked.is_accepted:
        return state
    if answer.status.casefold() == _ACCEPTED.casefold():
        return _with(state, structs.replace(asked, is_accepted=True))
    return _without(state, asked.number)


def _of(state: Reservations, number: int) -> Kept | None:
    return next((each for each in state.kept if each.number == number), None)


def _with(state: Reservations, changed: Kept) -> Reservations:
    kept = tuple(changed if each.number == changed.number else each for each in state.kept)
    return structs.replace(state, kept=kept)


def _without(state: Reservations, number: int) -> Reservations:
    """It ended, whether or not it was known."""
    kept = tuple(each for each in state.kept if each.number != number)
    return Reservations(kept, (*(each for each in state.ended if each != number), number)[-MOST:])
