"""What follows from the frames of a case, as text that a person can review.

Each frame with the events that it became, in its order; then every conclusion, in the order in which it was drawn. Decimals and
instants are as they are stored. Each station that the frames name has two EVSEs of 22 kW; whatever token they name has a
contract; the tariff is for energy alone, or one with a price for time and a window.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time
from decimal import Decimal

from ingest.captures import Unreadable, read_lines
from ingest.decode import decode
from tests.one_result.pure_fold import PureFold
from tests.streams.material import contract, evse, operator, site
from vocabulary.charging import ChargingEvent, Direction, MessageRejected, RawMessage, TransactionStarted, TransactionUpdated
from vocabulary.codec import Conclusion, ReferenceFact, as_plain, event_id
from vocabulary.identity import TariffId
from vocabulary.money import Currency, plain
from vocabulary.reference import RulesAdopted
from vocabulary.rules import RULES
from vocabulary.sessions import (
    ChargingSession,
    SessionClosed,
    SessionFlagged,
    SessionMerged,
    SessionRated,
    SignatureChecked,
    Verdict,
    quality_of,
)
from vocabulary.tariff import Dimension, PriceComponent, Restrictions, Tariff, TariffElement, TariffPublished

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def messages(lines: Iterable[bytes]) -> list[RawMessage]:
    """The frames of a capture; a line that is none is a mistake in the case."""
    found = list(read_lines(lines))
    assert not [line for line in found if isinstance(line, Unreadable)], found
    return [line for line in found if isinstance(line, RawMessage)]


def outcome(frames: list[RawMessage], timed: bool = False) -> str:
    folded = PureFold().tell([RulesAdopted(number=RULES), *facts(frames, timed), *frames])
    written = [*_frames(frames), "", "conclusions", *(line for c in folded.conclusions for line in _conclusion(c))]
    waiting = [f"open: {state.transaction or 'without an id'} of {state.station}" for state in folded.open]
    return "\n".join([*written, *sorted(waiting)]) + "\n"


def facts(frames: list[RawMessage], timed: bool) -> list[ReferenceFact]:
    stations = sorted({frame.station for frame in frames})
    evses = [evse(number, evse_id=f"DE*ABC*E{i}*{number}", station=s) for i, s in enumerate(stations) for number in (1, 2)]
    events = [event for frame in frames for event in decode(frame, event_id)]
    tokens = sorted({t for e in events if isinstance(e, TransactionStarted | TransactionUpdated) and (t := e.token)})
    return [operator(SINCE), site(*evses, valid_from=SINCE), contract(*tokens, valid_from=SINCE), _tariff(timed)]


def _tariff(timed: bool) -> TariffPublished:
    """0.30 per kWh; `timed`: by day, 0.20 otherwise, and 3.00 per hour of idling. Net, with 19 % VAT."""
    energy = _component(Dimension.ENERGY, "0.30")
    by_day = Restrictions(start_time=time(6), end_time=time(22))
    elements = (
        TariffElement(components=(energy,), restrictions=by_day if timed else Restrictions()),
        TariffElement(components=(_component(Dimension.ENERGY, "0.20"), _component(Dimension.PARKING_TIME, "3.00"))),
    )
    tariff = Tariff(id=TariffId("day"), currency=Currency("EUR"), elements=elements if timed else elements[:1])
    return TariffPublished(tariff=tariff, valid_from=SINCE)


def _component(dimension: Dimension, price: str) -> PriceComponent:
    return PriceComponent(dimension=dimension, price=Decimal(price), vat_percent=Decimal(19))


def _frames(frames: list[RawMessage]) -> Iterator[str]:
    yield "frames and their events"
    for frame in frames:
        arrived = "?" if frame.received_at is None else _instant(frame.received_at)
        mark = ">" if frame.direction is Direction.FROM_STATION else "<"
        yield f"  {arrived} {frame.station} {mark} {_name(frame.frame)}"
        for event in decode(frame, event_id):
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
    fields = [f"{name} {value}" for name, value in told.items() if name not in _LEFT_OUT]
    samples = [" ".join(str(value) for value in sample.values()) for sample in told.get("samples", ())]
    signed = [f"signed {value['context']}" for value in told.get("signed", ())]
    return "  ".join([told["type"], *fields, *(f"[{sample}]" for sample in (*samples, *signed))])


def _conclusion(conclusion: Conclusion) -> Iterator[str]:
    match conclusion:
        case SessionClosed(session=session):
            yield from _session(session)
        case SessionFlagged():
            yield f"  finding  {conclusion.finding}"
            yield f"           {conclusion.detail}"
        case SessionMerged():
            yield "  merged into the session that it ends"
        case SignatureChecked() if conclusion.verdict is not Verdict.UNSIGNED:
            yield f"  signature  {conclusion.verdict}: {conclusion.reason}"
        case SessionRated():
            held = f"  held: {conclusion.held}" if conclusion.held else ""
            energy = f"{plain(conclusion.energy_wh)} Wh from {plain(conclusion.begin_wh)} to {plain(conclusion.end_wh)}"
            yield f"  rated    {conclusion.rated.total} {conclusion.rated.currency} for {energy}{held}"
            yield from (
                f"           {plain(line.billed)} {line.dimension} at {line.unit_price}" for line in conclusion.rated.lines
            )
        case _:
            pass


def _session(session: ChargingSession) -> Iterator[str]:
    yield f"  session  {_instant(session.start)} to {_instant(session.end)}  {plain(session.energy_wh)} Wh"
    yield f"           {session.energy_source}, {quality_of(session)}, {session.stop_reason}, EVSE {session.evse}"
    yield "           " + "  ".join(f"{_instant(r.at)[11:]} {plain(r.register_wh)}" for r in session.readings)
    yield "           " + "  ".join(f"{s.activity} until {_instant(s.end)[11:]}" for s in session.stretches)


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
