"""What the meters of a station showed at the ends of its last sessions: a register does not fall from one to the next.

"End of one session <= start of the next on the same connector" is the control that OCPP itself suggests (1.6 §7.31, 2.0.1 J02).
A meter that was changed breaks it rightly, so it informs and no more. Sessions may be closed in another order than they were
charged in, so each is laid beside the one before it and the one after it, as far as they are known.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, structs

from streams.meter_curve import ROUNDING_WH
from streams.step import Step
from vocabulary.identity import SessionId
from vocabulary.quantities import WattHours
from vocabulary.sessions import ChargingSession, EnergySource, Finding, SessionFlagged, doubts_of

_COUNTED_ON = (Finding.ROLLED_OVER, Finding.REGISTER_RESET)
SPANS, EVSES = 4, 64  # how many are kept, of an EVSE and of a station; the newest stay


class Span(Struct, frozen=True, gc=False, array_like=True):
    """A session, and the register at its start and end."""

    session: SessionId
    start: datetime
    begin_wh: WattHours
    end: datetime
    end_wh: WattHours


class OfEvse(Struct, frozen=True, gc=False, array_like=True):
    evse: int
    spans: tuple[Span, ...]


class MetersState(Struct, frozen=True, gc=False, tag="meters"):
    """By EVSE (1.6: connector), the one that was used last at the end; spans in order of time."""

    evses: tuple[OfEvse, ...] = ()


def step(state: MetersState, session: ChargingSession) -> Step[MetersState, SessionFlagged]:
    """One session that was closed. Values that are none of the register (intervals, counted on) are compared with nothing."""
    if not tells_the_register(session):
        return Step(state)
    span = Span(session.id, session.start, session.readings[0].register_wh, session.end, session.readings[-1].register_wh)
    known = next((e.spans for e in state.evses if e.evse == session.evse), ())
    spans = tuple(sorted((*(s for s in known if s.session != span.session), span), key=lambda s: (s.start, s.session)))
    others = tuple(e for e in state.evses if e.evse != session.evse)
    evses = (*others, OfEvse(session.evse, spans[-SPANS:]))[-EVSES:]
    return Step(structs.replace(state, evses=evses), _falls(spans, spans.index(span)))


def tells_the_register(session: ChargingSession) -> bool:
    """Whether its first and last reading are the register's own values."""
    return session.energy_source is not EnergySource.INTERVALS and not any(d.finding in _COUNTED_ON for d in doubts_of(session))


def _falls(spans: Sequence[Span], place: int) -> tuple[SessionFlagged, ...]:
    pairs = [(spans[i], spans[i + 1]) for i in (place - 1, place) if 0 <= i < len(spans) - 1]
    return tuple(_lower(before, after) for before, after in pairs if _fell(before, after))


def _fell(before: Span, after: Span) -> bool:
    return before.end <= after.start and after.begin_wh < before.end_wh - ROUNDING_WH


def _lower(before: Span, after: Span) -> SessionFlagged:
    told = f"{before.end_wh} Wh at {before.end.isoformat()}, {after.begin_wh} Wh at {after.start.isoformat()}"
    return SessionFlagged(session=after.session, finding=Finding.REGISTER_LOWER, detail=told)
