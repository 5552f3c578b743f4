"""Schema verdicts beside the path: which schema a frame is judged by, and what is decoded all the same."""

from pathlib import Path

import msgspec
import pytest

from ingest.captures import read_lines
from ingest.frame_verdict import FrameJudge, FrameVerdict, Judged
from tests.ingest.notation import message
from vocabulary.charging import Direction, Protocol, RawMessage

FOLDER = Path(__file__).parent.parent / "data" / "ocpp"
FROM, TO = Direction.FROM_STATION, Direction.TO_STATION
START = '[2,"a","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":0,"timestamp":"2026-03-02T08:00:00Z"}]'


def verdicts(*frames: tuple[Direction, str], protocol: Protocol | None = Protocol.OCPP16) -> list[FrameVerdict]:
    judge = FrameJudge()
    return [judge(message(frame, protocol, direction, None)) for direction, frame in frames]


class Marked(msgspec.Struct):
    schema: str


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.ndjson")), ids=lambda file: file.stem)
def test_recorded_frames_are_judged_as_they_are_marked(file: Path) -> None:
    lines, judge = file.read_bytes().splitlines(), FrameJudge()
    messages = [item for item in read_lines(lines) if isinstance(item, RawMessage)]
    marks = [msgspec.json.decode(line, type=Marked).schema for line in lines if line.strip()]
    judged = [judge(each).verdict for each in messages]
    assert [each is Judged.VIOLATES for each in judged] == [mark not in ("valid", "n/a") for mark in marks]
    assert all(each is Judged.VALID for each, mark in zip(judged, marks, strict=True) if mark == "valid")


def test_an_answer_is_judged_by_the_call_of_the_other_side() -> None:
    answer = '[3,"a",{"idTagInfo":{"status":"Accepted"},"transactionId":1}]'
    start, fine, other = verdicts((FROM, START), (TO, answer), (FROM, answer))
    assert (start.verdict, start.events) == (Judged.VALID, ("transaction.started", "transaction.start_requested"))
    assert (fine.action, fine.verdict) == ("StartTransaction", Judged.VALID)
    assert fine.events == ("transaction.start_answered", "token.answered")
    assert (other.action, other.verdict) == (None, Judged.NOT_JUDGED)


def test_an_answer_belongs_to_the_latest_call_of_that_id() -> None:
    *_, beat = verdicts((FROM, START), (FROM, '[2,"a","Heartbeat",{}]'), (TO, '[3,"a",{"status":"Accepted"}]'))
    assert (beat.action, beat.found) == ("Heartbeat", "FormatViolation: . breaks additionalProperties")


def test_what_violates_the_schema_is_decoded_all_the_same() -> None:
    [found] = verdicts((FROM, START.replace('"A"', '"A-TOKEN-OF-21-LETTERS"')))
    assert (found.verdict, found.found) == (Judged.VIOLATES, "TypeConstraintViolation: .idTag breaks maxLength")
    assert found.events and found.rejection is None


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        ("{}", "frame_is_not_an_ocpp_j_array: Expected `array`, got `object`"),
        ("[2", "frame_is_not_json: Input data was truncated"),
        ('[2,"a","MakeCoffee",{}]', "NotImplemented: ocpp1.6 has no such action"),
        ('[2,"a","../../../../x",{}]', "NotImplemented: ocpp1.6 has no such action"),
        ('[2,"a","x\\u0000",{}]', "NotImplemented: ocpp1.6 has no such action"),
        ('[2,"a","AuthorizeResponse",{}]', "NotImplemented: ocpp1.6 has no such action"),
        (
            '[2,"a","StartTransaction",{"meterStart":1%s}]' % ("0" * 5000),
            "TypeConstraintViolation: a number is beyond all bounds",
        ),
        (
            '[2,"a","StartTransaction",{"meterStart":1e9999999999999999999}]',
            "TypeConstraintViolation: a number is beyond all bounds",
        ),
    ],
)
def test_what_is_no_frame_or_no_action_violates(frame: str, found: str) -> None:
    [verdict] = verdicts((FROM, frame))
    assert (verdict.verdict, verdict.found) == (Judged.VIOLATES, found)


def test_a_send_is_judged_by_its_own_schema() -> None:
    sent = '[6,"m","NotifyPeriodicEventStream",{"id":1,"pending":0,"basetime":"2026-03-02T08:00:00Z","data":[%s]}]'
    fine, broken = verdicts((FROM, sent % '{"t":0,"v":"1"}'), (FROM, sent % ""), protocol=Protocol.OCPP21)
    assert (fine.verdict, fine.events) == (Judged.VALID, ("stream.reported",))
    assert broken.verdict is Judged.VIOLATES


def test_without_a_version_nothing_is_judged_unless_it_is_told() -> None:
    untold = message(START, None)
    assert (FrameJudge()(untold).verdict, FrameJudge(Protocol.OCPP16)(untold).verdict) == (Judged.NOT_JUDGED, Judged.VALID)
