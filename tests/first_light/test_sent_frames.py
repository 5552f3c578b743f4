"""What wattbook sends to stations of all three versions is valid by OCPP's schemas: a day of the demo, answered by the desk."""

from collections import Counter
from pathlib import Path

from ingest.frame_verdict import FrameJudge, Judged
from vocabulary.charging import Direction, Protocol, RawMessage
from wattbook.demo_fleet import demo_messages
from wattbook.desk import Desk
from wattbook.init_files import write_example
from wattbook.settings import read_settings
from wattbook.wiring import create_app

AT_ONCE, EACH = 40, 30  # calls of each station: a session at least


def test_every_answer_and_cost_message_of_a_day_is_valid_by_its_schema(tmp_path: Path) -> None:
    settings = read_settings(home=tmp_path)
    write_example(settings.reference_path)
    app = create_app(settings)
    app.publish_reference()
    desk, judge, sent = Desk(app, lambda *_, **__: None), FrameJudge(), Counter[tuple[Protocol | None, str | None]]()
    with_cost: set[Protocol | None] = set()
    said = [message for message in demo_messages() if message.direction is Direction.FROM_STATION]
    calls = [
        call for station in sorted({call.station for call in said}) for call in [c for c in said if c.station == station][:EACH]
    ]
    for begin in range(0, len(calls), AT_ONCE):
        batch = calls[begin : begin + AT_ONCE]
        for call, frames in zip(batch, desk.handle(batch), strict=True):
            assert judge(call).verdict is Judged.VALID
            for frame in frames:
                answer = RawMessage(
                    station=call.station, frame=frame, direction=Direction.TO_STATION, protocol=call.protocol, received_at=None
                )
                verdict = judge(answer)
                assert verdict.verdict is Judged.VALID, (frame, verdict.found)
                with_cost |= {verdict.protocol} if '"totalCost"' in frame else set()
                sent[verdict.protocol, verdict.action] += 1
    app.close()
    assert sum(sent.values()) > len(calls)
    assert sent[Protocol.OCPP16, "DataTransfer"], (
        "2.x stations are told in the answer; CostUpdated: tests/ingest/test_ingest_encode.py"
    )
    assert with_cost == {Protocol.OCPP201, Protocol.OCPP21}
