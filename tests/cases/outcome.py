"""What follows from the frames of a case, as text that a person can review.

Each frame with the events that it became, in its order; then every conclusion, in the order in which it was drawn. Decimals and
instants are as they are stored. Each station that the frames name has two EVSEs of 22 kW; whatever token they name has a
contract, but for one that begins with `?`; the tariff is one of `tests.cases.tariffs`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from ingest.captures import Unreadable, read_lines
from ingest.decode import decode
from tests.cases.story import CostsNow, Decided, EvseIs, HasToken, KeyIs, Told
from tests.cases.tariffs import SINCE, tariff_of
from tests.one_result.pure_fold import Input, PureFold
from tests.streams.material import contract, evse, operator, site
from vocabulary.billing import InvoiceIssued, InvoiceRunRequested
from vocabulary.charging import (
    ChargingEvent,
    Direction,
    MessageRejected,
    RawMessage,
    StartAnswered,
    StartRequested,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.codec import Conclusion, ReferenceFact, as_plain, event_id
from vocabulary.identity import SessionId, StationId
from vocabulary.money import plain
from vocabulary.reference import ClockTicked, Evse, EvseName, MeterKeyPublished, RulesAdopted, SessionDecided
from vocabulary.rules import RULES
from vocabulary.sessions import (
    ChargeReversed,
    ChargingSession,
    Finding,
    SessionClosed,
    SessionDropped,
    SessionFlagged,
    SessionMerged,
    SessionRated,
    exported_of,
    exported_wh,
    quality_of,
)
from vocabulary.signatures import SignatureChecked, Verdict


def messages(lines: Iterable[bytes]) -> list[Told]:
    """The frames of a capture; a line that is none is a mistake in the case."""
    found = list(read_lines(lines))
    assert not [line for line in found if isinstance(line, Unreadable)], found
    return [Told("", line) for line in found if isinstance(line, RawMessage)]


def outcome(story: Sequence[Told], tariff: str = "") -> str:
    """Where more than frames came, each conclusion stands below what it was drawn from."""
    frames = [told.says for told in story if isinstance(told.says, RawMessage)]
    named = {(e.station, e.number): e for told in story if isinstance(e := told.says, EvseIs)}
    places = _places(frames, named)
    folded = PureFold().tell([RulesAdopted(number=RULES), *facts(frames, tariff, _evses(places, {}))])
    written = ["what came, and its events" if len(frames) < len(story) else "frames and their events"]
    written += [line for told in story for line in _came(told)]
    written += ["", "conclusions"]
    published: dict[tuple[str, int], EvseIs] = {}
    for told in story:
        before = len(folded.conclusions)
        folded.tell([_input(told.says, folded, places, published)])
        drawn = [line for conclusion in folded.conclusions[before:] for line in _conclusion(conclusion, bool(named))]
        if drawn and len(frames) < len(story):
            says = told.says
            written.append(f"  after {f'{says.station} {_name(says.frame)}' if isinstance(says, RawMessage) else told.line}")
            drawn = [f"  {line}" for line in drawn]
        written += drawn
    waiting = [f"open: {state.transaction or 'without an id'} of {state.station}" for state in folded.open]
    return "\n".join([*written, *sorted(waiting)]) + "\n"


def inputs_of(story: Sequence[Told], tariff: str = "") -> list[Input]:
    """What came, as a runtime takes it."""
    frames = [told.says for told in story if isinstance(told.says, RawMessage)]
    places = _places(frames, {(e.station, e.number): e for told in story if isinstance(e := told.says, EvseIs)})
    inputs: list[Input] = [RulesAdopted(number=RULES), *facts(frames, tariff, _evses(places, {}))]
    folded, published = PureFold().tell(inputs), dict[tuple[str, int], EvseIs]()
    for told in story:
        inputs.append(_input(told.says, folded, places, published))
        folded.tell(inputs[-1:])
    return inputs


def _places(frames: Sequence[RawMessage], named: Mapping[tuple[str, int], EvseIs]) -> list[tuple[str, int]]:
    """The EVSEs of the site: two of each station, but for the names that are another one's."""
    others = {name for told in named.values() for name in told.also}
    stations = sorted({frame.station for frame in frames} - ({s for s, _ in others} - {s for s, _ in named}))
    return [(station, number) for station in stations for number in (1, 2) if (station, number) not in others]


def _evse_id(places: Sequence[tuple[str, int]], place: tuple[str, int]) -> str:
    return next(evse.evse_id for evse in _evses(places, {}) if (evse.station, evse.number) == place)


def _evses(places: Sequence[tuple[str, int]], told: Mapping[tuple[str, int], EvseIs]) -> list[Evse]:
    stations = list(dict.fromkeys(station for station, _ in places))
    return [_evse(*place, stations.index(place[0]), told.get(place)) for place in places]


def _evse(station: str, number: int, index: int, told: EvseIs | None) -> Evse:
    known: dict[str, object] = {}
    if told is not None:
        also = tuple(EvseName(station=StationId(name), number=other) for name, other in told.also)
        known = {"power_w_max": told.power_w, "power_type": told.power_type} | ({"also_known_as": also} if also else {})
        known |= {"battery_capacity_wh": told.battery_wh} if told.battery_wh else {}
        known |= {"signatures": told.signatures}
    return evse(number, evse_id=f"DE*ABC*E{index}*{number}", station=StationId(station), **known)


def facts(frames: Sequence[RawMessage], tariff: str, evses: Sequence[Evse]) -> list[ReferenceFact]:
    events = [event for frame in frames for event in decode(frame, event_id, RULES)]
    tokens = sorted({t for e in events if isinstance(e, TransactionStarted | TransactionUpdated) and (t := e.token)})
    known = [token for token in tokens if not token.startswith("?")]
    return [operator(SINCE), site(*evses, valid_from=SINCE), contract(*known, valid_from=SINCE), tariff_of(tariff)]


def _input(
    says: object, folded: PureFold, places: Sequence[tuple[str, int]], published: dict[tuple[str, int], EvseIs]
) -> Input:
    match says:
        case Decided():
            session = _session_named(folded, says.station, says.transaction)
            return SessionDecided(session=session, decision=says.decision, reason=says.reason, by=says.by, at=says.at)
        case HasToken(token=token):
            return contract(token, valid_from=SINCE, name=f"C-{token}")
        case CostsNow(price_per_kwh=price):
            return tariff_of("", str(price))
        case KeyIs():
            evse_id = _evse_id(places, (says.station, says.number))
            return MeterKeyPublished(evse_id=evse_id, key=says.key, revoked=says.revoked)
        case EvseIs():
            published[says.station, says.number] = says
            return site(*_evses(places, published), valid_from=SINCE)
        case RawMessage() | ClockTicked() | InvoiceRunRequested():
            return says
        case _:
            raise AssertionError(says)


def _session_named(folded: PureFold, station: str, transaction: str) -> SessionId:
    """The latest of that name."""
    found = [state.session for state in folded.open if (state.station, state.transaction) == (station, transaction)]
    for conclusion in folded.conclusions:
        if isinstance(conclusion, SessionClosed):
            session = conclusion.session
            found += [session.id] if (session.station, session.transaction) == (station, transaction) else []
        elif isinstance(conclusion, SessionFlagged) and conclusion.finding is Finding.END_WITHOUT_START:
            found += [conclusion.session] if conclusion.detail.startswith(f"transaction {transaction},") else []
    found = found or [state.session for state in folded.closed if state.transaction == transaction]  # without energy
    assert found, f"no session of {station} has the transaction {transaction}"
    return found[-1]


def _came(told: Told) -> Iterator[str]:
    if not isinstance(told.says, RawMessage):
        yield f"  {told.line}"
        return
    frame = told.says
    arrived = "?" if frame.received_at is None else _instant(frame.received_at)
    mark = ">" if frame.direction is Direction.FROM_STATION else "<"
    yield f"  {arrived} {frame.station} {mark} {_name(frame.frame)}"
    for event in decode(frame, event_id, RULES):
        yield f"      {_event(event)}"


def _name(frame: str) -> str:
    """`[2,"m1","StartTransaction",{…}]` is `m1 StartTransaction`."""
    found = re.match(r'\s*\[\s*(\d+)\s*,\s*"([^"]*)"\s*(?:,\s*"([^"]*)")?', frame)
    return frame[:60] if found is None else f"{found[2]} {found[3] or ''}".rstrip()


_LEFT_OUT = ("type", "station", "protocol", "samples", "signed", "start", "message")


def _event(event: ChargingEvent) -> str:
    if isinstance(event, MessageRejected):
        return f"message.rejected {event.reason}: {event.detail}"
    told = as_plain(event)
    if isinstance(event, StartRequested | StartAnswered):
        told.pop("received_at", None)  # it is the frame's, in the line above
    fields = [f"{name} {value}" for name, value in told.items() if name not in _LEFT_OUT]
    samples = [" ".join(str(value) for value in sample.values()) for sample in told.get("samples", ())]
    signed = [f"signed {value['context']}" for value in told.get("signed", ())]
    return "  ".join([told["type"], *fields, *(f"[{sample}]" for sample in (*samples, *signed))])


def _conclusion(conclusion: Conclusion, names_evses: bool) -> Iterator[str]:
    match conclusion:
        case SessionClosed(session=session):
            yield from _session(session)
            if conclusion.revision or conclusion.held:
                yield f"           revision {conclusion.revision}" + (f", held: {conclusion.held}" if conclusion.held else "")
        case SessionFlagged():
            yield f"  finding  {conclusion.finding}"
            yield f"           {conclusion.detail}"
        case SessionMerged():
            yield "  merged into the session that it ends"
        case SignatureChecked() if conclusion.verdict is not Verdict.UNSIGNED:
            yield f"  signature  {conclusion.verdict}: {conclusion.reason}"
            if conclusion.billing not in (None, conclusion.verdict):
                yield f"             billing {conclusion.billing}: {conclusion.billing_reason}"
        case SessionRated():
            held = f"  held: {conclusion.held}" if conclusion.held else ""
            energy = f"{plain(conclusion.energy_wh)} Wh from {plain(conclusion.begin_wh)} to {plain(conclusion.end_wh)}"
            again = f"  revision {conclusion.revision}" if conclusion.revision else ""
            where = f"  at {conclusion.evse_id}" if names_evses else ""
            yield f"  rated    {conclusion.rated.total} {conclusion.rated.currency} for {energy}{again}{held}{where}"
            yield from (
                f"           {plain(line.billed)} {line.dimension} at {line.unit_price}" for line in conclusion.rated.lines
            )
        case ChargeReversed(rated=rated):
            yield f"  reversed {rated.rated.total} {rated.rated.currency}: {conclusion.reason}"
        case SessionDropped():
            yield f"  dropped  {conclusion.by}: {conclusion.reason}"
        case InvoiceIssued(invoice=invoice):
            yield f"  invoice  {invoice.total} {invoice.currency} for {len(invoice.sessions)} of {invoice.contract}"
        case _:
            pass


def _session(session: ChargingSession) -> Iterator[str]:
    yield f"  session  {_instant(session.start)} to {_instant(session.end)}  {plain(session.energy_wh)} Wh"
    yield f"           {session.energy_source}, {quality_of(session)}, {session.stop_reason}, EVSE {session.evse}"
    yield "           " + "  ".join(f"{_instant(r.at)[11:]} {plain(r.register_wh)}" for r in session.readings)
    if readings := exported_of(session):
        fed_back = "  ".join(f"{_instant(r.at)[11:]} {plain(r.register_wh)}" for r in readings)
        yield f"           fed back {plain(exported_wh(session))} Wh: {fed_back}"
    yield "           " + "  ".join(f"{s.activity} until {_instant(s.end)[11:]}" for s in session.stretches)


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
