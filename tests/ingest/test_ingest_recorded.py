"""Every frame of tests/data/ocpp, and the events it becomes: tests/ingest/golden/<file>.txt, to be read beside it.

python -m tests.ingest.test_ingest_recorded     writes them anew; read the difference before you commit it
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.captures import read_lines
from ingest.decode import decode, passed_by
from tests.ingest.notation import lines
from vocabulary.charging import MessageRejected, RawMessage
from vocabulary.codec import event_id

FOLDER = Path(__file__).parent.parent / "data" / "ocpp"
GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(FOLDER.glob("*.ndjson"))


def messages(file: Path) -> list[RawMessage]:
    return [message for message in read_lines(file.open("rb")) if isinstance(message, RawMessage)]


def written(file: Path) -> Iterator[str]:
    for number, message in enumerate(messages(file), start=1):
        events = decode(message, event_id)
        yield f"{number} {message.station} {message.frame[:40]}"
        yield from (f"    {line}" for event in events for line in lines(event))
        if not events:
            yield f"    no event: {passed_by(message)}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_frame_becomes_the_events_that_are_written_down(file: Path) -> None:
    assert "\n".join(written(file)) + "\n" == (GOLDEN / f"{file.stem}.txt").read_text()


def test_all_frames_are_here_and_the_one_that_is_broken_is_rejected_by_name() -> None:
    """Its session stays: the messages around it are events. What breaks only the schema is understood."""
    read = [message for file in FILES for message in messages(file)]
    rejected = [e for message in read for e in decode(message, event_id) if isinstance(e, MessageRejected)]
    assert len(read) == 437
    assert [(e.reason.value, e.detail) for e in rejected] == [
        ("field_cannot_be_read", "meterValue: none of 3 sampled values can be read")
    ]


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for each in FILES:
        (GOLDEN / f"{each.stem}.txt").write_text("\n".join(written(each)) + "\n")
