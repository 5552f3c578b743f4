"""A frame and what it means, side by side.

    ocpp1.6  [2,"s-4","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Charging"}]
    -----
    connector.status  evse 1  at 2026-03-02T08:00:20Z  status Charging

Above the line stands the version (or `?` where the source did not tell) and a frame, over as many lines as it takes; below
it each event with its fields, in the order of their declaration, defaults left out. Samples and signed values follow their
event in lines of their own. An indented line goes on with the one above; blanks do not count. `-----` with nothing below: the
frame means nothing to a bill.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from textwrap import dedent

from ingest.decode import decode
from vocabulary.charging import ClockCompared, Direction, Protocol, RawMessage, StartAnswered, StartRequested
from vocabulary.codec import as_plain
from vocabulary.decoded import Decoded
from vocabulary.fact import Fact
from vocabulary.identity import EventId, StationId

STATION = StationId("CP-1")
MESSAGE = EventId("0" * 64)
ARRIVAL = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_CONTEXT = (
    "type",
    "station",
    "protocol",
    "samples",
    "signed",
    "start",
    "message",
)  # start and message are hashes
_OF_FACTS = ("of", "received_at")  # which event a fact stands beside is a hash


def message(
    frame: str, protocol: Protocol | None, direction: Direction = Direction.FROM_STATION, arrival: datetime | None = ARRIVAL
) -> RawMessage:
    return RawMessage(station=STATION, frame=frame, protocol=protocol, direction=direction, received_at=arrival)


def events(
    frame: str,
    protocol: Protocol | None = Protocol.OCPP16,
    direction: Direction = Direction.FROM_STATION,
    arrival: datetime | None = ARRIVAL,
) -> tuple[Decoded, ...]:
    """Where the test says nothing of an arrival, what it says of the clock is not asked for."""
    found = decode(message(frame, protocol, direction, arrival), lambda _: MESSAGE)
    return tuple(event for event in found if arrival is not ARRIVAL or not isinstance(event, ClockCompared))


def check(text: str, direction: Direction = Direction.FROM_STATION, arrival: datetime | None = ARRIVAL) -> tuple[Decoded, ...]:
    written, _, expected = dedent(text).partition("-----")
    version, _, frame = written.strip().partition(" ")
    found = events(frame.strip(), None if version == "?" else Protocol(version), direction, arrival)
    assert [line for event in found for line in lines(event)] == list(_unfolded(expected))
    return found


def _unfolded(text: str) -> Iterator[str]:
    """Its lines; one that is indented goes on with the line before."""
    joined = dedent(text).strip().replace("\n ", " ")
    yield from (_squeezed(line) for line in joined.splitlines())


def lines(event: Decoded) -> Iterator[str]:
    plain = as_plain(event)
    hidden = {*_CONTEXT, *(_OF_FACTS if isinstance(event, Fact | StartRequested | StartAnswered) else ())}
    yield _fields(plain["type"], {name: value for name, value in plain.items() if name not in hidden})
    for kind in ("samples", "signed"):
        for part in plain.get(kind, ()):
            yield _fields(kind.removesuffix("s"), part)


def _fields(kind: str, fields: dict[str, object]) -> str:
    return _squeezed(" ".join([kind, *(f"{name} {value}" for name, value in fields.items())]))


def _squeezed(line: str) -> str:
    return " ".join(line.split())
