"""One source, one canonical result: the same session through every door gives the same events, byte for byte.

The session is `tests/data/ocpp/ocpp16-session.ndjson`, with the transaction number that a new home gives, since over the
WebSocket it is wattbook that answers. What a table of transactions does not hold, its events do not say either. A fact
that is known by its message bears its arrival, which is the door's; where wattbook answers, what it says of tokens is its own.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from datetime import UTC
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from msgspec import structs
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from ingest.captures import read_lines
from ingest.decode import decode
from ingest.websocket_server import StationServer
from streams.log import Stream
from streams.places import Offset, Partition, Taken
from streams.raw_records import raw_message, raw_record
from tests.first_light.homes import DATA, new_home
from tests.http.test_publishing import wait_until
from tests.http.world import add_token, door
from tests.streams.folding import Folding
from vocabulary.charging import (
    ClockCompared,
    Direction,
    RawMessage,
    StartAnswered,
    StartRequested,
    TransactionEnded,
    TransactionStarted,
)
from vocabulary.codec import decode as decode_body
from vocabulary.codec import encode, event_id
from vocabulary.cost_facts import CostShown
from vocabulary.decoded import Decoded
from vocabulary.fact import Carried
from vocabulary.identity import Position
from vocabulary.rules import RULES
from vocabulary.station_facts import MessageAnswered, TokenAnswered
from wattbook.desk import Desk
from wattbook.importing import import_files
from wattbook.serving import Counter
from wattbook.wiring import App

CAPTURE = (DATA / "ocpp" / "ocpp16-session.ndjson").read_bytes().replace(b"50017", b"1")
MESSAGES = [message for message in read_lines(CAPTURE.splitlines()) if isinstance(message, RawMessage)]


def read_again(messages: Iterable[RawMessage]) -> list[Decoded]:
    """As a home keeps them: an answer of which the arrival is not known names its start."""
    folding = Folding()
    return [folding.joined(e) for m in messages for e in decode(m, event_id, RULES) if folding.tell([e])]


def canonical(events: Iterable[Decoded]) -> list[bytes]:
    """The events of what was said, each once, in an order of their own: when it arrived is the door's."""
    return sorted({encode(_undated(event)) for event in events if not isinstance(event, ClockCompared)})


def _undated(event: Decoded) -> Decoded:
    """An answer names its start where no arrival tells which one it is."""
    if isinstance(event, StartAnswered):
        return structs.replace(event, received_at=None, start=None)
    if isinstance(event, StartRequested):
        return structs.replace(event, received_at=None)
    return structs.replace(event, received_at=None) if isinstance(event, Carried) else event


def by_the_station(events: Iterable[Decoded]) -> list[Decoded]:
    """Without what a CSMS says beside giving the transaction its number."""
    return [event for event in events if not isinstance(event, TokenAnswered | MessageAnswered | CostShown)]


WANTED = read_again(MESSAGES)


def by_file(name: str, write: Callable[[], bytes]) -> Callable[[App, Path], None]:
    def imported(app: App, folder: Path) -> None:
        (folder / name).write_bytes(write())
        summary = import_files(app.runtime, [folder / name], 500, zone=UTC)
        assert summary.unreadable == 0 and summary.messages

    return imported


def by_http(app: App, _folder: Path) -> None:
    add_token(app)
    with door(app) as http:
        assert http.post(b"[" + b",".join(CAPTURE.split(b"\n")[:-1]) + b"]", kind="application/json").status == 200
        wait_until(lambda: http.desk.behind == 0)


def by_websocket(app: App, _folder: Path) -> None:
    asyncio.run(_converse(app))


async def _converse(app: App) -> None:
    """A station that says what it said in the session, each call after the answer to the one before."""
    counter = Counter(Desk(app, lambda *_, **__: None).handle)
    server, work = StationServer(counter.receive, lambda *_, **__: None), asyncio.create_task(counter.work())
    port = await server.start("127.0.0.1", 0)
    address, protocol = f"ws://127.0.0.1:{port}/ocpp/{MESSAGES[0].station}", Subprotocol("ocpp1.6")
    async with connect(address, subprotocols=[protocol]) as station:
        for message in MESSAGES:
            if message.direction is Direction.FROM_STATION:
                await station.send(message.frame)
                while json.loads(await station.recv())[0] == 2:  # what a session costs is told in between
                    pass
    await server.stop()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    counter.close()


def steve_log() -> bytes:
    lines = []
    for message in MESSAGES:
        assert message.received_at is not None
        word = "Received" if message.direction is Direction.FROM_STATION else "Sending"
        at = message.received_at.strftime("%Y-%m-%d %H:%M:%S,000")
        where = f"[chargeBoxId={message.station}, sessionId=4f-1]"
        lines.append(f"[INFO ] {at} de.rwth.idsg.steve.ocpp.ws.WebSocketLogger (qtp-1) - {where} {word}: {message.frame}\n")
    return "".join(lines).encode()


def soap() -> bytes:
    """The same calls and answers as envelopes, as a charge point and a central system would exchange them."""
    actions: dict[str, str] = {}
    return "\n".join(_envelope(message, actions) for message in MESSAGES).encode()


def _envelope(message: RawMessage, actions: dict[str, str]) -> str:
    frame = json.loads(message.frame)
    if frame[0] == 2:
        actions[frame[1]] = frame[2]
        header = f"<o:chargeBoxIdentity>{message.station}</o:chargeBoxIdentity><a:MessageID>{frame[1]}</a:MessageID>"
        name, payload = f"{frame[2]}Request", frame[3]
    else:
        header, name, payload = f"<a:RelatesTo>{frame[1]}</a:RelatesTo>", f"{actions[frame[1]]}Response", frame[2]
    body = _element("o:" + name[0].lower() + name[1:], payload)
    return (
        '<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing" '
        f'xmlns:o="urn://Ocpp/Cs/2015/10/"><S:Header>{header}</S:Header><S:Body>{body}</S:Body></S:Envelope>'
    )


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, each) for each in value)
    inside = (
        "".join(_element(f"o:{key}", each) for key, each in value.items()) if isinstance(value, dict) else escape(str(value))
    )
    return f"<{name}>{inside}</{name}>"


DOORS = {
    "a capture": by_file("session.ndjson", lambda: CAPTURE),
    "HTTP": by_http,
    "the WebSocket": by_websocket,
    "a log of SteVe": by_file("steve.log", steve_log),
    "SOAP": by_file("session.xml", soap),
}


@pytest.mark.parametrize("name", DOORS)
def test_a_session_gives_the_same_events_through(name: str, tmp_path: Path) -> None:
    app = new_home(tmp_path / "home")
    DOORS[name](app, tmp_path)
    with app.reading() as store:
        stored: list[Any] = [decode_body(event.body) for event in store.log.read((Stream.EVENTS,), Position(0), 10_000)]
        kept = [decode_body(each.body) for each in store.log.read((Stream.RAW,), Position(0), 10_000)]
    app.close()
    again = read_again(message for message in kept if isinstance(message, RawMessage))
    assert canonical(again) == canonical(stored), "and again from what was kept"
    said = by_the_station if name == "the WebSocket" else list[Decoded]
    assert canonical(said(stored)) == canonical(said(WANTED))


def test_a_record_of_the_raw_topic_is_the_message_that_was_published() -> None:
    again = []
    for offset, message in enumerate(MESSAGES):
        key, headers, value = raw_record(message)
        again.append(raw_message(Taken(Partition(0), Offset(offset), key, value, tuple(headers), 0)))
    assert again == MESSAGES


def test_what_was_written_from_something_else_says_so_in_the_raw_topic_too(tmp_path: Path) -> None:
    for message in _of_csv(tmp_path):
        key, headers, value = raw_record(message)
        again = raw_message(Taken(Partition(0), Offset(0), key, value, tuple(headers), -1))
        assert again == message and message.source is not None


CSV = b"""transaction_pk,charge_box_id,connector_id,id_tag,start_timestamp,start_value,stop_timestamp,stop_value,stop_reason
1,CP16-01,1,04A1B2C3D4E5F6,%s,%d,%s,%d,%s
"""


def _of_csv(folder: Path) -> list[RawMessage]:
    """The row that SteVe would export of the session, imported."""
    calls = [json.loads(m.frame) for m in MESSAGES if m.direction is Direction.FROM_STATION]
    start = next(call[3] for call in calls if call[2] == "StartTransaction")
    stop = next(call[3] for call in calls if call[2] == "StopTransaction")
    row = (
        start["timestamp"].encode(),
        start["meterStart"],
        stop["timestamp"].encode(),
        stop["meterStop"],
        stop["reason"].encode(),
    )
    app = new_home(folder / "home")
    by_file("transactions.csv", lambda: CSV % row)(app, folder)
    with app.reading() as store:
        kept = [decode_body(stored.body) for stored in store.log.read((Stream.RAW,), Position(0), 100)]
        sessions = store.states.find("")
    app.close()
    assert [(session.progress, session.energy_wh) for session in sessions] == [
        ("rated", stop["meterStop"] - start["meterStart"])
    ]
    return [message for message in kept if isinstance(message, RawMessage)]


def test_a_row_of_steves_transactions_gives_the_facts_that_it_has(tmp_path: Path) -> None:
    found = [event for message in _of_csv(tmp_path) for event in decode(message, event_id)]
    wanted = [event for message in MESSAGES for event in decode(message, event_id)]
    assert _one(found, TransactionStarted) == _one(wanted, TransactionStarted)
    ours, theirs = _one(found, TransactionEnded), _one(wanted, TransactionEnded)
    for fact in ("at", "transaction", "reason", "meter_stop_wh"):
        assert getattr(ours, fact) == getattr(theirs, fact)
    assert (ours.token, ours.samples) == (None, ()), "what the row does not say, nobody adds"


def _one(events: list[Any], kind: type[Any]) -> Any:
    [event] = [event for event in events if isinstance(event, kind)]
    return event
