"""What docs/for-csms.md tells producers is so: its examples are run against a broker, and what they produce is read."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from streams.kafka_client import Admin, Reader
from streams.kafka_options import KafkaOptions
from streams.kafka_topics import Spec
from streams.places import Offset, Partition
from streams.raw_records import raw_message
from vocabulary.charging import Direction, Protocol, RawMessage

PAGE = Path(__file__).parent.parent.parent / "docs" / "for-csms.md"
SECTION = re.compile(r"(?ms)^## Produce raw messages to Kafka yourself$(.*?)^## ")
BLOCK = re.compile(r"(?ms)^```(\w+)\n(.*?)^```$")


@pytest.fixture
def examples(options: KafkaOptions) -> list[tuple[str, str]]:
    """The section's examples, each with its language, for this broker and prefix."""
    section = SECTION.search(PAGE.read_text("utf-8"))
    assert section
    here = section[1].replace("localhost:9092", options.servers[0]).replace("wattbook.raw", options.topic("raw"))
    return BLOCK.findall(here)


def run(options: KafkaOptions, folder: Path, examples: list[tuple[str, str]]) -> list[str]:
    """What each example prints. Of the shell they share the environment, as on the page."""
    tools = folder / "tools"
    tools.mkdir()
    for name, line in {
        "wattbook": f'exec "{sys.executable}" -m wattbook "$@"',
        "python3": f'exec "{sys.executable}" "$@"',
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{line}\n")
        (tools / name).chmod(0o755)
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "HOME": str(folder),
        "WATTBOOK_LOG": f"kafka://{options.servers[0]}",
        "WATTBOOK_KAFKA_PREFIX": options.prefix,
    }
    printed = []
    for language, text in examples:
        command = ["python3", "-c", text] if language == "python" else ["bash", "-euc", text]
        ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert ran.returncode == 0, (text, ran.stdout, ran.stderr)
        printed.append(ran.stdout)
    return printed


def test_the_documented_producers_produce_what_is_documented(
    options: KafkaOptions, examples: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert [language for language, _ in examples] == ["sh", "python", "sh", "sh"]
    made, partition, _, shown = run(options, tmp_path, examples)
    assert made.splitlines()[0].startswith("10 topics made: 12 partitions, 1 copy of each")

    at = Partition(int(partition))
    with Reader(options, options.topic("raw"), at) as reader:
        found = [raw_message(taken) for records in reader.to_end(Offset(0)) for taken in records]
    by_python, by_kcat = found
    assert isinstance(by_python, RawMessage) and isinstance(by_kcat, RawMessage)
    assert (by_python.station, by_python.protocol, by_python.direction) == ("HAM-0001", Protocol.OCPP16, Direction.FROM_STATION)
    assert (by_kcat.station, by_kcat.protocol, by_kcat.direction) == ("HAM-0001", Protocol.OCPP16, Direction.TO_STATION)
    assert by_python.frame.startswith('[2,"b1","StartTransaction",') and by_kcat.frame.startswith('[3,"b1",{"transactionId":17')
    assert str(by_python.received_at) == "2026-10-14 05:58:20.251000+00:00"
    assert str(by_kcat.received_at) == "2026-10-14 05:58:20.300000+00:00"
    assert ("HAM-0001" in shown) is (at == 0)
    with Admin(options) as admin:
        admin.delete(Spec(options.prefix, 12, 1).names())
