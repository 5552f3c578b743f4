"""Rebuild a charging session from the events of one OCPP transaction.

Input order is the log's, not the clock's: messages arrive late, twice, or out of order (OCPP 1.6 §3.7.1, 2.0.1 part 2 E13),
so a session gathers what was said as a set and is concluded from that set alone: any order that OCPP allows gives the same
session. It closes when its start, its end and (2.x) every seqNo between them are there. Where that never comes, a deadline
concludes it from what there is (`streams.deadlines`); it goes on gathering then, and is concluded once more when it is whole.

                 TransactionStarted, Updated, MeterSampled,             any event
                 ConnectorStatusChanged, TransactionEnded
                  ┌────────┐                                            ┌───────┐
    ──first event─▶ Gathering ──────── complete: SessionClosed ────────▶ Closed ──▶ a finding; a second end: Disputed
                  └──┬──▲──┘           or SessionFlagged                └───────┘
                     └──┘ a deadline: the same, with less quality

1.6 has no sequence numbers; its transaction messages come in chronological order (§3.7), so StopTransaction completes.
Every energy here is the import register in Wh; a register that goes backwards is a finding, never a crash.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from msgspec import UNSET, Struct, structs

from streams import first_rules
from streams.clock import Clock, Compared, estimated, judged, stopped_at_once, with_comparison, within
from streams.energy import Bounds, Energy, against_power, by_both_ends, energy
from streams.feeding import FedBack, fed_back, kept
from streams.measured import measured
from streams.never_connected import tells_a_vehicle, waited_in_vain
from streams.qualities import Disputed, asked_anew, by_doubts, closed_as, in_order, in_order_of_time
from streams.registers import EXACT, Register, greatest_power, registers
from streams.said import End, Said, Start, started
from streams.session_names import ReservedSince, SessionEvent, is_another, token_told
from streams.step import Step
from streams.stretches import TELLING_STATUSES, Told, by_charging_state, by_status
from streams.surplus import (
    TOLD_APART,
    dispute_late,
    dispute_of,
    ends_twice,
    late,
    numbers_conflict,
    of_this_end,
    second_end,
    surplus,
    told_of,
)
from streams.swaps import energy_of, states_of_charge, swap_of
from streams.terms import kept_free, names_a_reservation, the_one, with_told
from vocabulary.charging import (
    ClockCompared,
    ConnectorStatusChanged,
    MeterSampled,
    Protocol,
    Sample,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.codec import event_id
from vocabulary.identity import EventId, SessionId, StationId, TransactionId
from vocabulary.quantities import WattHours
from vocabulary.rules import FIRST, RULES, asks_persons, has_doubts
from vocabulary.sessions import ChargingSession, Doubt, Finding, Quality, SessionClosed, SessionFlagged
from vocabulary.station_facts import TransactionTerms


class Gathering(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag="gathering"):
    """All that was said of a transaction so far, message by message: what a session is made of is known when it ends."""

    session: SessionId
    station: StationId
    transaction: TransactionId | None = None
    start: Start | None = None
    ends: tuple[End, ...] = ()
    said: tuple[Said, ...] = ()
    heard: datetime | None = None  # the last tick before the last message; None: the clock had not ticked yet
    revision: int = 0  # how often it was concluded before it was whole
    concluded_on: int = 0  # of how much that was said it was concluded last
    waived: tuple[Finding, ...] = ()  # what a person looked at and set aside
    dropped: bool = False  # a person decided that nothing is billed
    followed: tuple[datetime, WattHours] | None = None  # 1.6: the earliest start of another session on the connector
    compared: tuple[Compared, ...] = ()
    measures: bool = False  # power and current are kept of all messages, else of none: see `streams.measuring`
    feeds: bool = False  # the same of what is fed back
    brands: tuple[str, ...] = ()  # of the card that pays, as messages tell them
    recognitions: tuple[str, ...] = ()
    reserved: bool = False  # it ended a reservation
    kept_free: tuple[datetime, datetime | None] | None = None  # since when the EVSE was, and until when at most


class Closed(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag="closed"):
    """What must be remembered of a session that was concluded, to judge what comes late."""

    session: SessionId
    start: datetime
    end: End
    transaction: TransactionId | None = None
    waived: tuple[Finding, ...] = ()
    dropped: bool = False
    reopens: Gathering | None = None  # what it was before an end that may be another one's: see `streams.reopening`
    is_overruled: bool = False  # what was closed on less than everything is no session any more: the whole has no energy
    lacks_some: bool = False  # of what happened while it went on more was told, when it was closed


SessionState = Gathering | Closed
SessionOutcome = SessionClosed | SessionFlagged | Disputed


def step(
    state: SessionState,
    event: SessionEvent,
    identity: EventId | None = None,
    ticked: datetime | None = None,
    rules: int = RULES,
) -> Step[SessionState, SessionOutcome]:
    """One event of one session. The event must be new: what was said twice is folded away before (by event id).

    `identity` is the event's, where the caller knows it already; `ticked` what time it is by the last tick; `rules` those in
    force (`vocabulary.reference.RulesAdopted`).
    """
    match state, event:
        case Closed(), TransactionEnded():
            return _ended_again(state, event, identity)
        case Closed(), _:
            return _told_late(state, event, rules)
        case Gathering(), _:
            gathered = gather(state, event, identity, rules)
            if ticked is not None and not is_another(state.session, event):
                gathered = structs.replace(gathered, heard=ticked)
            end = end_of(gathered)
            if end is None or missing_seqs(gathered):
                return Step(gathered)
            return _conclude(gathered, end, rules)


def _told_late(state: Closed, event: SessionEvent, rules: int) -> Step[SessionState, SessionOutcome]:
    found = late(state, event, rules)
    if (dispute := dispute_late(state, event, found, rules)) is None:
        return Step(state, found)
    return Step(structs.replace(state, lacks_some=state.lacks_some or dispute.is_incomplete), (*found, dispute))


def _ended_again(state: Closed, event: TransactionEnded, identity: EventId | None) -> Step[SessionState, SessionOutcome]:
    other = _end_of(event, identity)
    flagged, dispute = second_end(state.session, state.end, other), dispute_of(state, other, event)
    if dispute is None:
        return Step(state, (flagged,))
    return Step(structs.replace(state, waived=asked_anew(state.waived)), (flagged, dispute))


def gather(state: Gathering, event: SessionEvent, identity: EventId | None = None, rules: int = RULES) -> Gathering:
    """The state with what the event adds to it."""
    match event:
        case TransactionStarted() if is_another(state.session, event):
            followed = None if event.meter_start_wh is None else (event.at, event.meter_start_wh)
            return structs.replace(state, followed=min(filter(None, (state.followed, followed)), default=None))
        case TransactionTerms():
            return structs.replace(
                state,
                transaction=event.transaction or state.transaction,
                brands=with_told(state.brands, event.payment_brand),
                recognitions=with_told(state.recognitions, event.payment_recognition),
                reserved=state.reserved or names_a_reservation(event),
            )
        case ReservedSince():
            return structs.replace(state, kept_free=(event.since, event.until))
        case ClockCompared():
            return structs.replace(state, compared=with_comparison(state.compared, event))
        case ConnectorStatusChanged():
            told = Told(event.at, 0, event.status)
            return structs.replace(state, said=(*state.said, Said(told=told))) if event.status in TELLING_STATUSES else state
        case MeterSampled():
            found, power_w = _sampled(event.samples, rules)
            said = kept(Said(registers=found, signed=event.signed, power_w=power_w), state, event.samples)
            return structs.replace(state, said=(*state.said, said), transaction=state.transaction or event.transaction)
        case TransactionStarted() | TransactionUpdated() | TransactionEnded():
            return structs.replace(
                state,
                transaction=event.transaction or state.transaction,
                start=started(state.start, event) if isinstance(event, TransactionStarted) else state.start,
                ends=(*state.ends, _end_of(event, identity)) if isinstance(event, TransactionEnded) else state.ends,
                said=(*state.said, _said(state, event, identity, rules)),
                waived=asked_anew(state.waived) if isinstance(event, TransactionEnded) else state.waived,
            )


def _said(
    gathering: Gathering,
    event: TransactionStarted | TransactionUpdated | TransactionEnded,
    identity: EventId | None,
    rules: int,
) -> Said:
    state = event.charging_state
    found, power_w = _sampled(event.samples, rules)
    said = Said(
        swapped=states_of_charge(event.trigger, event.samples),
        seq=event.seq,
        event=None if event.seq is None else (identity or event_id(event))[:TOLD_APART],
        evse=event.evse,
        connector=event.connector,
        token=token_told(event),
        registers=found,
        told=None if state is None else Told(event.at, event.seq or 0, state),
        signed=event.signed,
        offline=event.offline,
        power_w=power_w,
        vehicle=asks_persons(rules) and event.seq is not None and tells_a_vehicle(event),
    )
    return kept(said, gathering, event.samples)


def _sampled(samples: Sequence[Sample], rules: int) -> tuple[tuple[Register, ...], Decimal | None]:
    """The energy and the power that a message tells; the first rules kept no power."""
    return (registers(samples), greatest_power(samples)) if has_doubts(rules) else (first_rules.registers(samples), None)


def _end_of(event: TransactionEnded, identity: EventId | None = None) -> End:
    return End(event.seq, event.at, identity or event_id(event), event.meter_stop_wh, event.reason)


def end_of(state: Gathering) -> End | None:
    """None before both start and end are known; an end that is numbered below the start is none."""
    start = state.start
    if start is None:
        return None
    ends = (e for e in state.ends if e.seq is None or start.seq is None or e.seq >= start.seq)
    return min(ends, key=lambda e: (e.seq or 0, e.at, e.event), default=None)


def evse_of(state: Gathering) -> int | None:
    """The EVSE (1.6: connector) as far as it was told; 2.x tells it once, and maybe late."""
    return next((said.evse for said in _counted(state, end_of(state)) if said.evse is not None), None)


def missing_seqs(state: Gathering) -> tuple[tuple[int, int], ...]:
    """2.x: the gaps in the sequence numbers from start to end (part 2, E 1.3.2.1), each as its first and its last number.

    Empty while start or end is unknown.
    """
    end = end_of(state)
    if state.start is None or state.start.seq is None or end is None or end.seq is None:
        return ()
    present = sorted({said.seq for said in _counted(state, end) if said.seq is not None})
    return tuple((before + 1, after - 1) for before, after in pairwise(present) if after - before > 1)


def _counted(state: Gathering, end: End | None) -> list[Said]:
    """What counts for the session, in the order of the numbers: those from the start's to the end's, and what has none."""
    by_time = end is not None and end.seq is None
    first = state.start.seq if state.start is not None and not by_time else None
    last = end.seq if end is not None else None
    counted = (
        said
        for said in state.said
        if said.seq is None or ((first is None or first <= said.seq) and (last is None or said.seq <= last))
    )
    return sorted(counted, key=lambda said: (said.seq or 0, said.event or ""))


def _conclude(state: Gathering, end: End, rules: int) -> Step[SessionState, SessionOutcome]:
    """The session, or the finding for which there is none; then what had already come too much."""
    assert state.start is not None
    closed = Closed(session=state.session, start=state.start.at, end=end, transaction=state.transaction)
    closed = structs.replace(closed, waived=state.waived, dropped=state.dropped)
    out = concluded(state, end, rules=rules)
    overruled = state.revision > 0 and not any(isinstance(each, SessionClosed) for each in out)
    return Step(structs.replace(closed, is_overruled=overruled), out)


def concluded(
    state: Gathering, end: End, quality: Quality = Quality.COMPLETE, rules: int = RULES
) -> tuple[SessionOutcome, ...]:
    """The session as it ends there, or the finding for which there is none; then findings about what is beside it."""
    outcome, found = _session_or_finding(state, end, rules), surplus(state, end)
    if not isinstance(outcome, SessionClosed):
        return (outcome, *found)
    if ends_twice(state, end, outcome):
        return (closed_as(outcome, state.revision, Quality.DISPUTED, Finding.SECOND_END), *found)
    if conflict := numbers_conflict(found):
        return (closed_as(outcome, state.revision, Quality.DISPUTED, conflict), *found)
    return (closed_as(outcome, state.revision, quality), *found)


def ended_at(
    state: Gathering, at: datetime, meter_wh: WattHours | None = None, rules: int = RULES, reason: str = ""
) -> SessionOutcome:
    """The session as if it had ended then, whether or not that was told, of all that was said whatever its number."""
    return _session_or_finding(state, End(None, at, EventId(""), meter_wh, reason), rules)


def _session_or_finding(state: Gathering, end: End, rules: int) -> SessionOutcome:
    assert state.start is not None
    counted = _counted(state, end)
    found = told_of(state, end, counted, rules)
    clock, told = _told(state, end, counted, found, rules) if has_doubts(rules) else _told_at_first(state.start, end, found)
    told = energy_of(swap, clock) if (swap := swap_of(counted)) is not None else told
    if asks_persons(rules) and waited_in_vain(end, counted) and not missing_seqs(state):
        return SessionFlagged(session=state.session, finding=Finding.NEVER_CONNECTED, detail=f"stopped: {end.reason}")
    if isinstance(told, Doubt):
        return SessionFlagged(session=state.session, finding=told.finding, detail=told.detail)
    fed = fed_back(of_this_end(state, end, counted, rules), clock)
    return SessionClosed(session=_session(state, counted, clock, end.reason, told, fed))


def _told(state: Gathering, end: End, counted: list[Said], found: list[Register], rules: int) -> tuple[Clock, Energy | Doubt]:
    """The times of the session, and its energy."""
    assert state.start is not None
    compared = within(state.compared, state.start.seq, end.seq)
    clock = judged(state.start.at, end.at, compared, any(said.offline for said in counted))
    told = _energy(state.start, clock, clock.corrected(found), end.meter_wh, rules)
    if isinstance(told, Energy) and stopped_at_once(state.start.at, end.at, told):
        clock = estimated(state.start.at, end.at, compared)
        told = _energy(state.start, clock, clock.corrected(found), end.meter_wh, rules)
    if isinstance(told, Doubt):
        return clock, told
    return clock, against_power(told, [said.power_w for said in counted if said.power_w is not None])


def _told_at_first(start: Start, end: End, found: list[Register]) -> tuple[Clock, Energy | Doubt]:
    """The same by the first rules, which saw no doubts."""
    return Clock(start.at, end.at), first_rules.energy(Bounds(start.at, start.meter_wh, end.at, end.meter_wh), found)


def _energy(
    start: Start, clock: Clock, found: list[Register], meter_stop: WattHours | None, rules: int = FIRST
) -> Energy | Doubt:
    bounds = Bounds(clock.start, start.meter_wh, clock.end, meter_stop)
    told = energy(bounds, found)
    return by_both_ends(bounds, found, told) if isinstance(told, Doubt) and asks_persons(rules) else told


def so_far(state: Gathering, until: datetime | None = None) -> ChargingSession | None:
    """The session as far as it is known, up to the last thing said or, if that is later, `until`.

    None while its energy is unknown or contradictory.
    """
    if state.start is None:
        return None
    counted = _counted(state, end_of(state))
    found = [register for said in counted for register in said.registers]
    clock = Clock(state.start.at, max(until or state.start.at, _last_told(state.start, counted)))
    told = _energy(state.start, clock, found, None)
    return _session(state, counted, clock, "", told, fed_back(counted, clock)) if isinstance(told, Energy) else None


def last_told(state: Gathering) -> datetime | None:
    """When what counts for the session was last said anything of, by the station's clock. None: its start is not known."""
    return None if state.start is None else _last_told(state.start, _counted(state, end_of(state)))


def _last_told(start: Start, counted: Sequence[Said]) -> datetime:
    registers = [register.at for said in counted for register in said.registers]
    return max([start.at, *registers, *(said.told.at for said in counted if said.told is not None)])


def _session(state: Gathering, counted: list[Said], clock: Clock, reason: str, told: Energy, fed: FedBack) -> ChargingSession:
    assert state.start is not None
    stretches = by_status if state.start.protocol is Protocol.OCPP16 else by_charging_state
    tokens = [said.token for said in counted if said.token is not None]
    _, token, token_type = min(tokens, key=lambda t: (t[0], t[1], t[2] or ""), default=(None, None, None))
    signed = {value for said in counted for value in said.signed}
    doubts = in_order((*clock.doubts, *told.doubts, *fed.doubts))
    power_w, current_a = measured(clock.corrected(m for said in counted for m in said.momentary), clock.start, clock.end)
    return ChargingSession(
        id=state.session,
        station=state.station,
        protocol=state.start.protocol,
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
        signed=in_order_of_time(signed),
        stop_reason=reason,
        offline=any(said.offline for said in counted),
        quality=by_doubts(doubts),
        doubts=doubts or UNSET,
        power_w=power_w,
        current_a=current_a,
        payment_brand=the_one(state.brands),
        payment_recognition=the_one(state.recognitions),
        reserved=state.reserved or UNSET,
        kept_free=kept_free(state.kept_free, clock.start),
        exported=fed.readings if state.feeds else UNSET,
        swap=swap_of(counted) or UNSET,
    )
