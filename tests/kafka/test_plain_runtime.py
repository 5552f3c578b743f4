"""The pump without a framework: the rules of every pump, and what it tells the group."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from streams.kafka_client import BrokerUnavailable
from streams.kafka_options import KafkaOptions
from streams.places import Offset, Partition, Taken
from streams.plain_runtime import PlainPump
from tests.kafka.pump_process import Lines, StoredLanes
from tests.kafka.pump_rules import PumpRules

P0 = Partition(0)


class TestPlain(PumpRules):
    engine = "plain"


def test_what_an_outage_kept_from_being_processed_is_never_told_to_the_group_as_done(tmp_path: Path) -> None:
    """There is a hole before the records, and nobody answers what the topic holds."""
    pump = PlainPump("raw", "group", KafkaOptions(servers=("127.0.0.1:1",)), StoredLanes(tmp_path / "done.db"), Lines())
    polled = {P0: [Taken(P0, Offset(5), None, b"5", (), 0)]}
    reader = SimpleNamespace(owned={P0}, poll=lambda *_: polled, beginning=lambda _: Offset(0), end=lambda _: Offset(9))
    pump._reader = reader  # type: ignore[assignment]
    pump._assigned(P0)

    def nobody_answers(_: Partition) -> Offset:
        raise BrokerUnavailable

    reader.end = nobody_answers
    with pytest.raises(BrokerUnavailable):
        pump._turn()
    assert pump._done == {}
