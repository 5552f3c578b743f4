"""What the meters of a station showed at the ends of its last sessions: a register does not fall from one to the next.

"End of one session <= start of the next on the same connector" is the control that OCPP itself suggests (1.6 §7.31, 2.0.1 J02).
A meter that was changed breaks it rightly, so it informs and no more. Three doubts hold a session:

    it shares time and values of the register    the same energy would be billed twice: the one that is concluded later waits
    it shares values alone, not near 0           the same; a register that begins each session at 0 shares them rightly
    a begin of 0, and an end no lower than       the register counts for life, and the 0 was no reading: the meter's whole
    sessions before that began above 0           life would be billed
    a begin of 0, then in one part more than     the same; unless the EVSE is known to begin each session at 0, which shows
    a vehicle takes                              where one ended lower than the one before it

Sessions may be closed in another order than they were charged in, so each is laid beside the one before it and the one after
it, as far as they are known.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import Struct, structs

from streams.meter_curve import ROUNDING_WH
from streams.step import Step
from vocabulary.identity import SessionId
from vocabulary.quantities import WattHours
from vocabulary.sessions import ChargingSession, Doubt, EnergySource, Finding, Reading, SessionFlagged, doubts_of

_NO_REGISTER = (EnergySource.INTERVALS, EnergySource.UNUSED, EnergySource.STATE_OF_CHARGE)
_COUNTED_ON = (Finding.ROLLED_OVER, Finding.REGISTER_RESET)
_AT_ONCE = timedelta(minutes=1)  # one session's end and the next one's start may be told by so much in the wrong order
_ANEW_WH = 100  # a begin no higher may be that of a register that counts each session anew
_READ_BEFORE_WH = 10  # a meter that is read each second or so tells a begin that is a little old: less than a cent
_VEHICLE_WH = 200_000  # what few vehicles take at once; who delivers more to lorries has readings on the way
SPANS, EVSES = 16, 64  # how many are kept, of an EVSE and of a station; the newest stay


class Span(Struct, frozen=True, gc=False, array_like=True):
    """A session, and the register at its start and end. Not `is_timed`: its clock is not trusted, it has no place in time."""

    session: SessionId
    start: datetime
    begin_wh: WattHours
    end: datetime
    end_wh: WattHours
    is_timed: bool = True


class OfEvse(Struct, frozen=True, gc=False, array_like=True):
    evse: int
    spans: tuple[Span, ...]


class MetersState(Struct, frozen=True, gc=False, tag="meters"):
    """By EVSE (1.6: connector), the one that was used last at the end; spans in order of time, those without a place first."""

    evses: tuple[OfEvse, ...] = ()


def step(state: MetersState, session: ChargingSession) -> Step[MetersState, SessionFlagged | Doubt]:
    """One session that was closed; a doubt is about that one.

    Values that are none of the register (intervals, counted on) are compared with nothing.
    """
    if not tells_the_register(session):
        return Step(state)
    span = _span(session)
    known = next((e.spans for e in state.evses if e.evse == session.evse), ())
    spans = tuple(sorted((*(s for s in known if s.session != span.session), span), key=_place))
    elsewhere = tuple(e for e in state.evses if e.evse != session.evse)
    evses = (*elsewhere, OfEvse(session.evse, _newest(spans)))[-EVSES:]
    others = (other for other in spans if other.session != span.session and counts_the_same(span, other))
    shared = [Doubt(finding=Finding.OVERLAPS, detail=shares(span, other)) for other in others]
    timed = [other for other in spans if other.is_timed]
    placeholder = _placeholder(session.readings, span, timed)
    falls = _falls(timed, timed.index(span)) if span.is_timed else ()
    return Step(structs.replace(state, evses=evses), (*falls, *placeholder, *shared[:1]))


def _span(session: ChargingSession) -> Span:
    begin, end = session.readings[0].register_wh, session.readings[-1].register_wh
    is_timed = all(doubt.finding is not Finding.CLOCK_UNTRUSTED for doubt in doubts_of(session))
    return Span(session.id, session.start, begin, session.end, end, is_timed)


def _newest(spans: Sequence[Span]) -> tuple[Span, ...]:
    """So many of each kind: those without a place are compared by their values for as long."""
    timed, others = [span for span in spans if span.is_timed], [span for span in spans if not span.is_timed]
    return (*others[-SPANS:], *timed[-SPANS:])


def _place(span: Span) -> tuple[bool, datetime, SessionId]:
    return span.is_timed, span.start, span.session


def tells_the_register(session: ChargingSession) -> bool:
    """Whether its first and last reading are the register's own values."""
    return session.energy_source not in _NO_REGISTER and not any(d.finding in _COUNTED_ON for d in doubts_of(session))


def _falls(spans: Sequence[Span], place: int) -> tuple[SessionFlagged, ...]:
    pairs = [(spans[i], spans[i + 1]) for i in (place - 1, place) if 0 <= i < len(spans) - 1]
    return tuple(_lower(before, after) for before, after in pairs if _fell(before, after))


def _fell(before: Span, after: Span) -> bool:
    return before.end - after.start <= _AT_ONCE and after.begin_wh < before.end_wh - ROUNDING_WH


def _placeholder(readings: Sequence[Reading], span: Span, timed: Sequence[Span]) -> tuple[Doubt, ...]:
    """The doubt about a begin of 0, where the EVSE's other sessions or the size of the first part raise it.

    Of a session that has no place in time, any other may have been before it.
    """
    before = [other for other in timed if other != span and (not span.is_timed or _was_before(other, span))]
    read = next((reading for reading in readings if reading.register_wh != 0), None)
    if span.begin_wh != 0 or read is None:
        return ()
    told = f"0 Wh at {span.start.isoformat()}, {read.register_wh} Wh at {read.at.isoformat()}"
    highest = max(before, key=lambda other: other.end_wh, default=span)
    if any(other.begin_wh > 0 for other in before) and highest.end_wh - ROUNDING_WH <= span.end_wh:
        since = f"a session before it ended with {highest.end_wh} Wh at {highest.end.isoformat()}"
        return (Doubt(finding=Finding.BEGIN_PLACEHOLDER, detail=f"{told}; {since}"),)
    if read.register_wh > _VEHICLE_WH and not _begin_anew(timed):
        return (Doubt(finding=Finding.BEGIN_PLACEHOLDER, detail=f"{told}: in one part more than {_VEHICLE_WH} Wh"),)
    return ()


def _was_before(other: Span, span: Span) -> bool:
    return _place(other) < _place(span) and other.end - span.start <= _AT_ONCE


def _begin_anew(spans: Sequence[Span]) -> bool:
    """Whether a session began at 0 and ended lower than the one before it: a register that counts for life never does."""
    return any(after.begin_wh == 0 and after.end_wh < before.end_wh - ROUNDING_WH for before, after in pairwise(spans))


def counts_the_same(one: Span, other: Span) -> bool:
    """Whether two sessions share values of the register: one EVSE delivers to one vehicle at a time, and each Wh once.

    Registers that begin anew with each session show the same values rightly, unless they do so at the same time.
    """
    both = min(one.end_wh, other.end_wh) - max(one.begin_wh, other.begin_wh)
    if both <= ROUNDING_WH:
        return False
    shared = min(one.end, other.end) - max(one.start, other.start)
    if shared > _AT_ONCE:
        return True
    return min(one.begin_wh, other.begin_wh) > _ANEW_WH and both > _READ_BEFORE_WH


def shares(span: Span, other: Span) -> str:
    told = f"{span.begin_wh} to {span.end_wh} Wh, and {other.begin_wh} to {other.end_wh} Wh"
    since = f"from {other.start.isoformat()} to {other.end.isoformat()} in session {other.session}"
    return f"{told} {since}"


def _lower(before: Span, after: Span) -> SessionFlagged:
    told = f"{before.end_wh} Wh at {before.end.isoformat()}, {after.begin_wh} Wh at {after.start.isoformat()}"
    return SessionFlagged(session=after.session, finding=Finding.REGISTER_LOWER, detail=told)
