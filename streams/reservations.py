"""Since when an EVSE is kept free, and what becomes of it: what the session that ends a reservation does not tell.

    ReserveNow ──▶ kept ── a transaction names it ─────────────────▶ its session knows since when
                     ├──── Expired (2.x); its time is over ────────▶ a session of its own, in which nobody charged
                     └──── rejected, cancelled, Removed, NoTransaction: forgotten, nothing is charged

Time counts from the message's arrival (2.1 part 2, I12.FR.07) until the session's start, and at most to its
expiry. An id that is given again replaces the reservation before it (1.6 §5.13, 2.x H01) once the station accepts it, and time
counts from the later one. 1.6 tells no end, and a 2.x station may not: a reservation that the station accepted is over when it
was neither used nor cancelled by its expiry, and its station has been heard since for as long as a gap is waited for: it
may have queued the start. Where a session names one after all that was taken for expired, that is taken back.

Kept only while some tariff has a price for reservations, so that the states of all others do not grow.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct, structs

from streams.said import End
from streams.session_names import session_id
from streams.sessions import Closed
from streams.step import Step
from vocabulary.charging import Direction, Protocol
from vocabulary.decoded import Decoded
from vocabulary.identity import EventId, SessionId, StationId, TokenUid, TransactionId, content_id
from vocabulary.quantities import WattHours
from vocabulary.sessions import Activity, ChargingSession, EnergySource, Finding, SessionClosed, SessionFlagged, Stretch
from vocabulary.station_facts import MessageAnswered, MessageFailed, ReservationAsked, ReservationChanged, TransactionTerms

MOST = 32  # of a station; the oldest is forgotten first, and a session that names it is held
EXPIRED, CANCEL_ASKED = "Expired", "CancelAsked"
_ACCEPTED = "Accepted"
_EARLY = timedelta(minutes=5)  # a station's clock may be so much ahead: what it calls expired before that is another one


class Kept(Struct, frozen=True, gc=False, array_like=True):
    """A reservation that neither was used nor ended yet."""

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
    was_named: bool = False  # a session had that number before: the log may have the two in the wrong order
    heard_at: datetime | None = None  # the tick before the station's first message after it expired


class Over(Struct, frozen=True, gc=False, array_like=True):
    """A reservation that ended. `session`: the one that used it, or that it is itself where it expired."""

    number: int
    session: SessionId | None = None
    since: datetime | None = None  # where it expired: what its session has to know if it was used after all
    until: datetime | None = None
    is_unasked: bool = False  # a session named it, and nobody had asked for it


class Reservations(Struct, frozen=True, gc=False, omit_defaults=True, tag="reservations"):
    """Those of a station, in the order in which they were asked for; and the last that ended.

    Several may have one number until the station's answer tells which of them is meant.
    """

    kept: tuple[Kept, ...] = ()
    ended: tuple[Over, ...] = ()


class Used(NamedTuple):
    """The EVSE was kept free for the session that these terms are of. `instead`: it had been taken for one that expired."""

    terms: TransactionTerms
    since: datetime
    until: datetime | None
    instead: SessionId | None = None


class Unused(NamedTuple):
    """It was kept free for nobody: the session, and what is remembered of it."""

    closed: SessionClosed
    state: Closed


Ended = Used | Unused | SessionFlagged


def step(
    state: Reservations, event: Decoded, ticked: datetime | None = None, gap: timedelta = timedelta()
) -> Step[Reservations, Ended]:
    """`ticked`: what time it is by the last tick; None: the clock never ticked. `gap`: for so long a transaction is waited for
    that the station may have queued.
    """
    after = _told(state, event)
    if ticked is None or not after.state.kept:
        return after
    heard = tuple(_heard(each, ticked) for each in after.state.kept)
    over = [each for each in heard if each.heard_at is not None and each.heard_at <= ticked - gap]
    left = after.state if heard == after.state.kept else structs.replace(after.state, kept=heard)
    out = list[Ended](after.out)
    for each in over:
        ended = _unused(event.station, each, each.expires_at)
        left = _without(left, Over(each.number, ended.state.session, each.since, each.expires_at))
        out.append(ended)
    return Step(left, tuple(out))


def _heard(kept: Kept, ticked: datetime) -> Kept:
    """With when its station was first heard after it was over, where nothing is told of that."""
    may_be_over = kept.is_accepted and not kept.is_cancelled and not kept.was_named and kept.heard_at is None
    if not may_be_over or kept.expires_at is None or not kept.since < kept.expires_at <= ticked:
        return kept
    return structs.replace(kept, heard_at=ticked)


def _told(state: Reservations, event: Decoded) -> Step[Reservations, Ended]:
    match event:
        case ReservationAsked(received_at=datetime() as since):
            was_named = any(each.number == event.reservation and each.is_unasked for each in state.ended)
            kept = structs.replace(_kept(event, since), was_named=was_named and _of(state, event.reservation) is None)
            return Step(Reservations((*state.kept, kept)[-MOST:], state.ended))
        case MessageAnswered(direction=Direction.FROM_STATION):
            return Step(_answered(state, event.message_id, is_accepted=event.status.casefold() == _ACCEPTED.casefold()))
        case MessageFailed(direction=Direction.FROM_STATION):
            return Step(_answered(state, event.message_id, is_accepted=False))
        case ReservationChanged():
            return _changed(state, event)
        case TransactionTerms(reservation=int() as number) if number >= 0:
            return _named(state, event, number)
        case _:
            return Step(state)


def _named(state: Reservations, terms: TransactionTerms, number: int) -> Step[Reservations, Ended]:
    session = session_id(terms)
    before = next((each for each in state.ended if each.number == number), None)
    if before is not None and before.session == session:
        return Step(state)  # it names it again
    if found := _of(state, number):
        return Step(_without(state, Over(number, session)), (Used(terms, found.since, found.expires_at),))
    if before is not None and before.since is not None:
        return Step(_without(state, Over(number, session)), (Used(terms, before.since, before.until, before.session),))
    return Step(_without(state, Over(number, session, is_unasked=True)))


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
        is_unknown = has_expired and all(each.number != event.reservation for each in state.ended)
        return Step(_without(state, Over(event.reservation)), (_unknown(event),)) if is_unknown else Step(state)
    if event.status == CANCEL_ASKED:
        return Step(_with(state, structs.replace(found, is_cancelled=True)))
    if not has_expired:
        return Step(_without(state, Over(found.number)))
    told_at, expires_at = event.received_at, found.expires_at
    if expires_at is None or expires_at <= found.since or not (told_at is None or _fits(told_at, found.since, expires_at)):
        return Step(state, (_unknown(event),))  # it is of another one, or of none that there can be
    ended = _unused(event.station, found, expires_at if told_at is None else min(expires_at, told_at))
    return Step(_without(state, Over(found.number, ended.state.session, found.since, expires_at)), (ended,))


def _fits(told_at: datetime, since: datetime, expires_at: datetime) -> bool:
    return since < told_at and expires_at - _EARLY <= told_at


def _unknown(event: ReservationChanged) -> SessionFlagged:
    told = "at a time that is not known" if event.received_at is None else f"at {event.received_at.isoformat()}"
    detail = f"reservation {event.reservation} expired, told {told}"
    session = SessionId(content_id("expired reservation", event.station, detail))
    return SessionFlagged(session=session, finding=Finding.RESERVATION_UNKNOWN, detail=detail)


def _unused(station: StationId, kept: Kept, end: datetime | None) -> Unused:
    assert end is not None and kept.since < end, "only such a reservation can be over"
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
        stretches=(Stretch(start=kept.since, end=end, activity=Activity.WAITING),),
        stop_reason=EXPIRED,
        reserved=True,
        kept_free=(kept.since, end),
    )
    ended = Closed(session=session.id, start=kept.since, end=End(None, end, EventId(""), None, EXPIRED))
    return Unused(SessionClosed(session=session), ended)


def _answered(state: Reservations, message_id: str, *, is_accepted: bool) -> Reservations:
    """ReserveNow is answered by the station; so is CancelReservation, whose refusal changes nothing that is charged."""
    asked = next((each for each in reversed(state.kept) if each.message_id == message_id), None)
    if asked is None or asked.is_accepted:
        return state
    if not is_accepted:
        return structs.replace(state, kept=tuple(each for each in state.kept if each is not asked))
    replaced = [each for each in state.kept if each.number == asked.number and each is not asked]
    accepted = structs.replace(asked, is_accepted=True)
    kept = tuple(accepted if each is asked else each for each in state.kept if each not in replaced or each.since > asked.since)
    return structs.replace(state, kept=kept)


def _of(state: Reservations, number: int) -> Kept | None:
    """The last of that number."""
    return next((each for each in reversed(state.kept) if each.number == number), None)


def _with(state: Reservations, changed: Kept) -> Reservations:
    old = _of(state, changed.number)
    return structs.replace(state, kept=tuple(changed if each is old else each for each in state.kept))


def _without(state: Reservations, over: Over) -> Reservations:
    """It ended, whether or not it was known."""
    kept = tuple(each for each in state.kept if each.number != over.number)
    return Reservations(kept, (*(each for each in state.ended if each.number != over.number), over)[-MOST:])
