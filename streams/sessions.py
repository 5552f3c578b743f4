"""Rebuild a charging session from the events of one OCPP transaction.

Input order is the log's, not the clock's: messages arrive late, twice, or out of order (OCPP 1.6 §3.7.1, 2.0.1 part 2 E13),
so a session gathers what was said as a set and is concluded from that set alone: any order that OCPP allows gives the same
session. It closes once, when its start, its end and (2.x) every seqNo between them are there.

                 TransactionStarted, Updated, MeterSampled,             any event
                 ConnectorStatusChanged, TransactionEnded
                  ┌────────┐                                            ┌───────┐
    ──first event─▶ Gathering ──────── complete: SessionClosed ────────▶ Closed ──▶ a finding, never a change
                  └────────┘           or SessionFlagged                └───────┘

1.6 has no sequence numbers; its transaction messages come in chronological order (§3.7), so StopTransaction completes.
Every energy here is the import register in Wh; a register that goes backwards is a finding, never a crash.
"""

from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from msgspec import UNSET, Struct, structs

from streams.clock import Clock, Compared, estimated, judged, stopped_at_once, with_comparison
from streams.energy import Bounds, Energy, against_power, energy
from streams.registers import EXACT, Register, greatest_power, registers
from streams.step import Step
from streams.stretches import TELLING_STATUSES, Told, by_charging_state, by_status
from vocabulary.charging import (
    ClockCompared,
    ConnectorStatusChanged,
    MeterSampled,
    Protocol,
    SignedValue,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.codec import event_id
from vocabulary.identity import EventId, SessionId, StationId, TokenUid, TransactionId, content_id
from vocabulary.quantities import WattHours
from vocabulary.sessions import ESTIMATING, ChargingSession, Doubt, Finding, Quality, SessionClosed, SessionFlagged

SessionEvent = (
    TransactionStarted | TransactionUpdated | TransactionEnded | MeterSampled | ConnectorStatusChanged | ClockCompared
)


class Start(Struct, frozen=True, array_like=True):
    """Of several, the one with the lowest seqNo, then the earliest, is the start."""

    at: datetime
    protocol: Protocol
    seq: int | None
    meter_wh: WattHours | None


class End(Struct, frozen=True, array_like=True):
    """`event` tells two ends apart; of several, the one with the lowest seqNo, then the earliest, is the end."""

    seq: int | None
    at: datetime
    event: EventId
    meter_wh: WattHours | None
    reason: str


_TOLD_APART = 16  # digits of an event's identity: enough to see that one number was used for two contents


class Said(Struct, frozen=True, kw_only=True, array_like=True):
    """What one message said that a session is made of. `seq` None: 1.6, which has no numbers. `event` only beside `seq`."""

    seq: int | None = None
    event: str | None = None
    evse: int | None = None
    connector: int | None = None
    token: tuple[datetime, TokenUid, str | None] | None = None
    registers: tuple[Register, ...] = ()
    told: Told | None = None
    signed: tuple[SignedValue, ...] = ()
    offline: bool = False
    power_w: Decimal | None = None


class Gathering(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="gathering"):
    """All that was said of a transaction so far, message by message: what a session is made of is known when it ends."""

    session: SessionId
    station: StationId
    transaction: TransactionId | None = None
    start: Start | None = None
    ends: tuple[End, ...] = ()
    said: tuple[Said, ...] = ()
    compared: tuple[Compared, ...] = ()


class Closed(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="closed"):
    """What must be remembered of a session that was concluded, to judge what comes late."""

    session: SessionId
    start: datetime
    end: End
    transaction: TransactionId | None = None


SessionState = Gathering | Closed
SessionOutcome = SessionClosed | SessionFlagged


def session_id(event: SessionEvent) -> SessionId:
    """2.x: the station's transaction. 1.6: the StartTransaction itself, since its id is the CSMS's and may be used again."""
    match event:
        case TransactionStarted(protocol=Protocol.OCPP16):
            return session_of_start(event_id(event))
        case TransactionStarted() | TransactionUpdated() | TransactionEnded() | ClockCompared():
            return SessionId(content_id("session", event.station, event.transaction or ""))
        case _:
            raise AssertionError(f"{type(event).__name__} does not name a session")


def session_of_start(start: EventId) -> SessionId:
    """The session that a 1.6 StartTransaction, known by its event id, begins."""
    return SessionId(content_id("session", start))


def step(state: SessionState, event: SessionEvent, identity: EventId | None = None) -> Step[SessionState, SessionOutcome]:
    """One event of one session. The event must be new: what was said twice is folded away before (by event id).

    `identity` is the event's, where the caller knows it already.
    """
    match state:
        case Closed():
            return Step(state, _late(state, event))
        case Gathering():
            gathered = gather(state, event, identity)
            end = _end(gathered)
            if end is None or not _is_complete(gathered, end):
                return Step(gathered)
            return _conclude(gathered, end)


def gather(state: Gathering, event: SessionEvent, identity: EventId | None = None) -> Gathering:
    """The state with what the event adds to it."""
    match event:
        case ClockCompared():
            return structs.replace(state, compared=with_comparison(state.compared, event))
        case ConnectorStatusChanged():
            told = Told(event.at, 0, event.status)
            return structs.replace(state, said=(*state.said, Said(told=told))) if event.status in TELLING_STATUSES else state
        case MeterSampled():
            power_w = greatest_power(event.samples)
            said = Said(registers=registers(event.samples), signed=event.signed, power_w=power_w)
            return structs.replace(state, said=(*state.said, said), transaction=state.transaction or event.transaction)
        case TransactionStarted() | TransactionUpdated() | TransactionEnded():
            return structs.replace(
                state,
                transaction=event.transaction or state.transaction,
                start=_start(state.start, event) if isinstance(event, TransactionStarted) else state.start,
                ends=(*state.ends, _end_of(event, identity)) if isinstance(event, TransactionEnded) else state.ends,
                said=(*state.said, _said(event, identity)),
            )


def _said(event: TransactionStarted | TransactionUpdated | TransactionEnded, identity: EventId | None) -> Said:
    state = event.charging_state
    return Said(
        seq=event.seq,
        event=None if event.seq is None else (identity or event_id(event))[:_TOLD_APART],
        evse=event.evse,
        connector=event.connector,
        token=_token(event),
        registers=registers(event.samples),
        told=None if state is None else Told(event.at, event.seq or 0, state),
        signed=event.signed,
        offline=event.offline,
        power_w=greatest_power(event.samples),
    )


def _start(known: Start | None, event: TransactionStarted) -> Start:
    start = Start(event.at, event.protocol, event.seq, event.meter_start_wh)
    return start if known is None else min(known, start, key=lambda s: (s.seq or 0, s.at))


def _end_of(event: TransactionEnded, identity: EventId | None = None) -> End:
    return End(event.seq, event.at, identity or event_id(event), event.meter_stop_wh, event.reason)


def _token(
    event: TransactionStarted | TransactionUpdated | TransactionEnded,
) -> tuple[datetime, TokenUid, str | None] | None:
    """Who charges: the first token told. Who ends it may be another of the same group; the debtor stays the first."""
    if event.token is None or (isinstance(event, TransactionEnded) and event.protocol is Protocol.OCPP16):
        return None
    return event.at, event.token, event.token_type


def _end(state: Gathering) -> End | None:
    """None before both start and end are known; an end that is numbered below the start is none."""
    start = state.start
    if start is None:
        return None
    ends = (e for e in state.ends if e.seq is None or start.seq is None or e.seq >= start.seq)
    return min(ends, key=lambda e: (e.seq or 0, e.at, e.event), default=None)


def evse_of(state: Gathering) -> int | None:
    """The EVSE (1.6: connector) as far as it was told; 2.x tells it once, and maybe late."""
    return next((said.evse for said in _counted(state, _end(state)) if said.evse is not None), None)


def missing_seqs(state: Gathering) -> tuple[tuple[int, int], ...]:
    """2.x: the gaps in the sequence numbers from start to end (part 2, E 1.3.2.1), each as its first and its last number.

    Empty while start or end is unknown.
    """
    end = _end(state)
    if state.start is None or state.start.seq is None or end is None or end.seq is None:
        return ()
    present = sorted({said.seq for said in _counted(state, end) if said.seq is not None})
    return tuple((before + 1, after - 1) for before, after in pairwise(present) if after - before > 1)


def _is_complete(state: Gathering, end: End) -> bool:
    return end.seq is None or not missing_seqs(state)


def _counted(state: Gathering, end: End | None) -> list[Said]:
    """What counts for the session, in the order of the numbers: those from the start's to the end's, and what has none."""
    first = state.start.seq if state.start is not None else None
    last = end.seq if end is not None else None
    counted = (
        said
        for said in state.said
        if said.seq is None or ((first is None or first <= said.seq) and (last is None or said.seq <= last))
    )
    return sorted(counted, key=lambda said: (said.seq or 0, said.event or ""))


def _conclude(state: Gathering, end: End) -> Step[SessionState, SessionOutcome]:
    """The session, or the finding for which there is none; then what had already come too much."""
    assert state.start is not None
    closed = Closed(session=state.session, start=state.start.at, end=end, transaction=state.transaction)
    return Step(closed, (_session_or_finding(state, end), *_surplus(state, end)))


def _session_or_finding(state: Gathering, end: End) -> SessionOutcome:
    assert state.start is not None
    counted = _counted(state, end)
    found = [register for said in counted for register in said.registers]
    clock = judged(state.start.at, end.at, state.compared, _may_be_late(counted))
    told = _energy(state.start, clock, clock.corrected(found), end.meter_wh)
    if isinstance(told, Energy) and stopped_at_once(state.start.at, end.at, told):
        clock = estimated(state.start.at, end.at, state.compared)
        told = _energy(state.start, clock, clock.corrected(found), end.meter_wh)
    if isinstance(told, Doubt):
        return _flag(state.session, told.finding, told.detail)
    told = against_power(told, [said.power_w for said in counted if said.power_w is not None])
    return SessionClosed(session=_session(state, counted, clock, end.reason, told))


def _may_be_late(counted: list[Said]) -> bool:
    """2.x says so; 1.6 has no word for a message that waited in a queue."""
    return any(said.offline for said in counted)


def _energy(start: Start, clock: Clock, found: list[Register], meter_stop: WattHours | None) -> Energy | Doubt:
    return energy(Bounds(clock.start, start.meter_wh, clock.end, meter_stop), found)


def so_far(state: Gathering, until: datetime | None = None) -> ChargingSession | None:
    """The session as far as it is known, up to the last thing said or, if that is later, `until`.

    None while its energy is unknown or contradictory.
    """
    if state.start is None:
        return None
    counted = _counted(state, _end(state))
    found = [register for said in counted for register in said.registers]
    at = max(
        [
            state.start.at,
            until or state.start.at,
            *(r.at for r in found),
            *(said.told.at for said in counted if said.told is not None),
        ]
    )
    clock = Clock(state.start.at, at)
    told = _energy(state.start, clock, found, None)
    return _session(state, counted, clock, "", told) if isinstance(told, Energy) else None


def _session(state: Gathering, counted: list[Said], clock: Clock, reason: str, told: Energy) -> ChargingSession:
    assert state.start is not None
    protocol = state.start.protocol
    stretches = by_status if protocol is Protocol.OCPP16 else by_charging_state
    tokens = [said.token for said in counted if said.token is not None]
    _, token, token_type = min(tokens, key=lambda t: (t[0], t[1], t[2] or ""), default=(None, None, None))
    signed = {value for said in counted for value in said.signed}
    doubts = tuple(sorted((*clock.doubts, *told.doubts), key=_precedence))
    return ChargingSession(
        id=state.session,
        station=state.station,
        protocol=protocol,
        transaction=state.transaction or TransactionId(""),
        evse=next((said.evse for said in counted if said.evse is not None), 0),
        connector=next((said.connector for said in counted if said.connector is not None), None),
        token=token,
        token_type=token_type,
        start=clock.start,
        end=clock.end,
        energy_wh=WattHours(EXACT.subtract(told.readings[-1].register_wh, told.readings[0].register_wh)),
        energy_source=told.source,
        readings=told.readings,
        stretches=stretches(clock.start, clock.end, clock.corrected(s.told for s in counted if s.told is not None)),
        signed=tuple(sorted(signed, key=lambda s: (s.at, *structs.astuple(s)[1:]))),
        stop_reason=reason,
        offline=any(said.offline for said in counted),
        quality=Quality.ESTIMATED if any(doubt.finding in ESTIMATING for doubt in doubts) else UNSET,
        doubts=doubts or UNSET,
    )


_FINDINGS = tuple(Finding)


def _precedence(doubt: Doubt) -> tuple[int, str]:
    return _FINDINGS.index(doubt.finding), doubt.detail


def _surplus(state: Gathering, end: End) -> tuple[SessionFlagged, ...]:
    """Findings about what was gathered beside the session; the same as if it had come after the end."""
    assert state.start is not None
    found = [_second_end(state.session, end, other) for other in state.ends if other.event != end.event]
    ends, used = {e.event[:_TOLD_APART] for e in state.ends}, {end.seq}
    numbered = sorted((said.seq, said.event) for said in state.said if said.seq is not None and said.event not in ends)
    for seq, _ in numbered:
        if seq in used or seq < (state.start.seq or 0) or seq > (end.seq or 0):
            found.append(_misplaced(state.session, end, seq))
        used.add(seq)
    return tuple(found)


def _late(state: Closed, event: SessionEvent) -> tuple[SessionFlagged, ...]:
    """What an event means that came after its session was concluded."""
    match event:
        case TransactionEnded():
            return (_second_end(state.session, state.end, _end_of(event)),)
        case TransactionStarted() | TransactionUpdated() if event.seq is not None:
            return (_misplaced(state.session, state.end, event.seq),)
        case MeterSampled() if event.signed or any(state.start <= r.at <= state.end.at for r in registers(event.samples)):
            return (_flag(state.session, Finding.FACT_AFTER_CLOSE, "MeterValues"),)
        case ConnectorStatusChanged() if event.status in TELLING_STATUSES and state.start <= event.at < state.end.at:
            return (_flag(state.session, Finding.FACT_AFTER_CLOSE, f"status {event.status} of {event.at.isoformat()}"),)
        case _:
            return ()


def _misplaced(session: SessionId, end: End, seq: int) -> SessionFlagged:
    """A message with a number that is none of the session's, or that another message of it has."""
    after = end.seq is not None and seq > end.seq
    return _flag(session, Finding.FACT_AFTER_CLOSE if after else Finding.SEQUENCE_CONFLICT, f"seqNo {seq}")


def _second_end(session: SessionId, first: End, other: End) -> SessionFlagged:
    if (first.at, first.meter_wh) == (other.at, other.meter_wh):
        return _flag(session, Finding.SECOND_END, f"both at {_told_end(first)}")
    return _flag(session, Finding.SECOND_END, f"ends {_told_end(first)} and {_told_end(other)}")


def _told_end(end: End) -> str:
    return end.at.isoformat() + ("" if end.meter_wh is None else f" with {end.meter_wh} Wh")


def _flag(session: SessionId, finding: Finding, detail: str) -> SessionFlagged:
    return SessionFlagged(session=session, finding=finding, detail=detail)
