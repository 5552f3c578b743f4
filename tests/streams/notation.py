"""What a station says and which sessions follow from it, in a notation that an OCPP engineer can read and contradict.

    08:00:14  start 1203400 Wh  connector 1  token A       OCPP 1.6, in the order of arrival; the times are the station's
    08:00:15  answer 17
    08:42:00  status SuspendedEV
    09:30:00  stop 1210950
    -----
    session   08:00:14 - 09:30:00  7550 Wh
    charging  08:00:14 - 08:42:00
    idle      08:42:00 - 09:30:00

1.6   `start` (`message m2` for another message id), `answer` by the CSMS, `meter` (MeterValues; `tx 17` where it says so),
      `status`, `stop`. Connector 1, transaction 17 and message m1 unless the line says otherwise.
2.x   `started #0`, `updated #1`, `ended #2`: the number is seqNo. A charging state is a bare word; transaction T1.
any   `token A`, `token A eMAID`, `evse 2`, `evse 2.1`, `reason Remote`, `offline`, `signed DATA`; samples are `begin`,
      `end`, `sample` or `clock` (the context), then values: `7550.4`, `L1 100 L2 200 L3 300`, `Inlet 99` (a location),
      and `at 08:59:59` where a sample was not taken at the time of its message. 1.6 carries them in `stop`.

any   `08:00 tick +1d`: the office's clock ticks, a day later.

Of what is expected, `session`, `open` (a session that is not closed), `quality`, `held`, `revision` and `finding` lines are
always compared; all other kinds (`reading`, `charging`, `idle`, `waiting`, `source`, `token`, `evse`, `transaction`, `reason`,
`sent`, `doubt`, `because`, `missing`)
where the text has at least one of the kind.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from textwrap import dedent
from typing import Any

from msgspec import UNSET

from streams.sessions import Gathering, missing_seqs
from tests.streams.folding import Folding
from vocabulary.charging import (
    ChargingEvent,
    ChargingState,
    ConnectorStatusChanged,
    MeterSampled,
    Protocol,
    Sample,
    SignedValue,
    StartAnswered,
    StartRequested,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.codec import event_id
from vocabulary.identity import StationId, TokenUid, TransactionId
from vocabulary.money import plain
from vocabulary.quantities import WattHours
from vocabulary.rules import RULES
from vocabulary.sessions import ChargingSession, SessionClosed, SessionMerged, doubts_of

STATION = StationId("CP1")
DAY = datetime(2026, 10, 5, tzinfo=UTC)
CONTEXTS = {
    "begin": "Transaction.Begin",
    "end": "Transaction.End",
    "sample": "Sample.Periodic",
    "meter": "Sample.Periodic",
    "clock": "Sample.Clock",
}
PHASES = ("L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N")
PLACES = ("Inlet", "Cable", "Body", "EV", "Upstream")
STATES = frozenset(state.value for state in ChargingState)
ALWAYS = {"session", "open", "finding", "quality", "held", "revision"}


def check(text: str, rules: int = RULES) -> Folding:
    """Fold the events of a text by these rules and compare what follows with what it expects."""
    story, _, wanted = dedent(text).partition("-----")
    expected = [_squeezed(line) for line in wanted.splitlines() if line.strip()]
    folding = told(story, rules)
    kinds = ALWAYS | {line.split()[0] for line in expected} | _stretch_kinds(wanted)
    actual = [_squeezed(line) for line in write(folding) if line.split()[0] in kinds]
    assert actual == expected, "\n".join(("", "expected", *expected, "got", *actual))
    return folding


def told(story: str, rules: int = RULES) -> Folding:
    """The story folded, line by line: a `tick` is the office's clock, every other line a message of the station."""
    folding = Folding()
    folding.rules = rules
    for line in filter(str.strip, story.splitlines()):
        when, word, *rest = line.split()
        if word == "tick":
            folding.tick(instant(when) + timedelta(days=int(rest[0].removeprefix("+").removesuffix("d")) if rest else 0))
        else:
            folding.tell(events(line))
    return folding


def instant(text: str) -> datetime:
    return datetime.combine(DAY, time.fromisoformat(text), UTC)


def _squeezed(line: str) -> str:
    return " ".join(line.split())


def _stretch_kinds(text: str) -> set[str]:
    stretches = {"charging", "idle", "waiting"}
    return stretches if any(line.split()[:1] and line.split()[0] in stretches for line in text.splitlines()) else set()


# Reading


@dataclass
class Line:
    """One line, taken apart. `number` is what stands right after the word: a register, or a seqNo after #."""

    at: datetime
    word: str
    number: str = ""
    options: dict[str, str] = field(default_factory=dict)
    state: ChargingState | None = None
    samples: list[Sample] = field(default_factory=list)
    signed: list[SignedValue] = field(default_factory=list)

    @property
    def register(self) -> WattHours | None:
        return WattHours(Decimal(self.number)) if self.number else None

    @property
    def message(self) -> str:
        return self.options.get("message", "m1")

    @property
    def connector(self) -> int:
        return int(self.options.get("connector", 1))


def events(story: str) -> list[ChargingEvent]:
    """The canonical events of a story, in its order. A 1.6 start is two: what was said, and under which message id."""
    return [event for line in story.splitlines() if line.strip() for event in _events(line_of(line))]


def line_of(text: str) -> Line:
    when, word, *rest = text.split()
    line = Line(instant(when), word)
    rest = [w for w in rest if w != "Wh"]
    if word == "meter":
        rest = ["meter", *rest]
    elif rest and re.fullmatch(r"#?-?[\d.]+", rest[0]):
        line.number = rest.pop(0).removeprefix("#")
    while rest:
        _option(line, rest)
    return line


def _option(line: Line, rest: list[str]) -> None:
    match rest.pop(0):
        case name if name in CONTEXTS:
            _samples(line, CONTEXTS[name], rest)
        case name if name in STATES and line.word != "status":
            line.state = ChargingState(name)
        case "offline":
            line.options["offline"] = "yes"
        case "signed":
            line.signed.append(SignedValue(at=line.at, data=rest.pop(0), context="Sample.Periodic"))
        case "token":
            line.options["token"] = rest.pop(0)
            if rest and rest[0] in ("ISO14443", "eMAID", "Central"):
                line.options["token_type"] = rest.pop(0)
        case "connector" | "evse" | "tx" | "message" | "reason" as name:
            line.options[name] = rest.pop(0)
        case name if line.word == "status":
            line.options["status"] = name
        case name:
            raise AssertionError(f"{name!r} means nothing here")


def _samples(line: Line, context: str, rest: list[str]) -> None:
    found: list[dict[str, Any]] = []
    at = line.at
    while rest:
        match rest[0]:
            case "at":
                at = instant(rest[1])
            case name if name in PHASES:
                found.append({"phase": name, "value": Decimal(rest[1])})
            case name if name in PLACES:
                found.append({"location": name, "value": Decimal(rest[1])})
            case value if re.fullmatch(r"-?[\d.]+", value):
                found.append({"value": Decimal(value)})
                rest.insert(0, "")
            case _:
                break
        del rest[:2]
    line.samples += [Sample(at=at, context=context, **one) for one in found]


def _events(line: Line) -> Iterator[ChargingEvent]:
    match line.word:
        case "start":
            started = TransactionStarted(
                evse=line.connector, meter_start_wh=line.register, samples=tuple(line.samples), **_ocpp16(line)
            )
            yield started
            yield StartRequested(station=STATION, message_id=line.message, start=event_id(started))
        case "answer":
            yield StartAnswered(station=STATION, message_id=line.message, transaction=TransactionId(line.number))
        case "meter":
            transaction = TransactionId(line.options["tx"]) if "tx" in line.options else None
            yield MeterSampled(
                station=STATION,
                protocol=Protocol.OCPP16,
                evse=line.connector,
                transaction=transaction,
                samples=tuple(line.samples),
                signed=tuple(line.signed),
            )
        case "status":
            status = line.options["status"]
            yield ConnectorStatusChanged(
                station=STATION, protocol=Protocol.OCPP16, evse=line.connector, at=line.at, status=status
            )
        case "stop":
            yield TransactionEnded(
                transaction=TransactionId(line.options.get("tx", "17")),
                meter_stop_wh=line.register,
                reason=line.options.get("reason", "Local"),
                samples=tuple(line.samples),
                signed=tuple(line.signed),
                **_ocpp16(line),
            )
        case "started":
            yield TransactionStarted(**_ocpp2(line))
        case "updated":
            yield TransactionUpdated(**_ocpp2(line))
        case "ended":
            yield TransactionEnded(reason=line.options.get("reason", "Local"), **_ocpp2(line))
        case word:
            raise AssertionError(f"{word!r} is no message")


def _ocpp16(line: Line) -> dict[str, Any]:
    return {"station": STATION, "protocol": Protocol.OCPP16, "at": line.at, "token": _token(line)}


def _token(line: Line) -> TokenUid | None:
    return TokenUid(line.options["token"]) if "token" in line.options else None


def _ocpp2(line: Line) -> dict[str, Any]:
    evse, _, connector = line.options.get("evse", "").partition(".")
    return {
        "station": STATION,
        "protocol": Protocol.OCPP201,
        "at": line.at,
        "transaction": TransactionId(line.options.get("tx", "T1")),
        "seq": int(line.number),
        "evse": int(evse) if evse else None,
        "connector": int(connector) if connector else None,
        "token": _token(line),
        "token_type": line.options.get("token_type"),
        "charging_state": line.state,
        "offline": "offline" in line.options,
        "samples": tuple(line.samples),
        "signed": tuple(line.signed),
    }


# Writing


def write(folding: Folding) -> Iterator[str]:
    """Everything that followed, in order; then what is still open."""
    for outcome in folding.out:
        if isinstance(outcome, SessionClosed):
            yield from write_session(outcome.session)
            yield from _doubts(outcome)
        elif isinstance(outcome, SessionMerged):
            yield "merged"
        else:
            yield f"finding {outcome.finding}"
            yield f"because {outcome.detail}"
    for state in folding.open:
        yield "open"
        yield from _missing(state)


def _doubts(closed: SessionClosed) -> Iterator[str]:
    if closed.session.quality is not UNSET:
        yield f"quality {closed.session.quality}"
    if closed.held:
        yield f"held {closed.held}"
    if closed.revision:
        yield f"revision {closed.revision}"


def write_session(session: ChargingSession) -> Iterator[str]:
    yield f"session {_span(session.start, session.end)} {plain(session.energy_wh)} Wh"
    yield f"source {session.energy_source}"
    for reading in session.readings:
        yield f"reading {_clock(reading.at)} {plain(reading.register_wh)}"
    for stretch in session.stretches:
        yield f"{stretch.activity} {_span(stretch.start, stretch.end)}"
    yield f"token {session.token} {session.token_type or ''}"
    yield f"evse {session.evse}{'' if session.connector is None else f'.{session.connector}'}"
    yield f"transaction {session.transaction}"
    yield f"reason {session.stop_reason}"
    yield f"sent {'offline' if session.offline else 'online'}"
    for doubt in doubts_of(session):
        yield f"doubt {doubt.finding}"


def _missing(state: Gathering) -> Iterator[str]:
    for first, last in missing_seqs(state):
        yield f"missing #{first}" if first == last else f"missing #{first}-#{last}"


def _span(start: datetime, end: datetime) -> str:
    return f"{_clock(start)} - {_clock(end)}"


def _clock(at: datetime) -> str:
    return at.time().isoformat().removesuffix("000")
