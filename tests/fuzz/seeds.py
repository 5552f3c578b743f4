"""What the fuzzer begins with: each frame of tests/data/ocpp under its version and direction, and each line as it is."""

from collections.abc import Iterator
from pathlib import Path

from ingest.captures import read_lines
from vocabulary.charging import Direction, Protocol, RawMessage

_FOLDER = Path(__file__).parent.parent / "data" / "ocpp"
_PROTOCOLS = (None, *Protocol)


def seeds() -> Iterator[bytes]:
    for file in sorted(_FOLDER.glob("*.ndjson")):
        lines = file.read_bytes().splitlines()
        yield from (b"\0" + line for line in lines[:5])
        for message in read_lines(lines):
            if isinstance(message, RawMessage):
                choice = _PROTOCOLS.index(message.protocol) + 4 * (message.direction is Direction.TO_STATION)
                yield bytes([choice]) + message.frame.encode()
