"""What open transactions of producers hold back: records that stand in a topic, and that no reader is given before they end."""

from collections.abc import Mapping

from streams.kafka_client import Admin
from streams.kafka_following import TopicReader
from streams.places import Partition


def held_back(admin: Admin, reader: TopicReader) -> dict[Partition, int]:
    """By partition, how many offsets of the reader's topic; those of which nothing is held back are left out."""
    marks = admin.high_watermarks(reader.topic, reader.partitions)  # before the ends, which only come nearer
    return {partition: marks[partition] - end for partition, end in sorted(reader.end().items()) if marks[partition] > end}


def told(topic: str, held: Mapping[Partition, int]) -> str:
    """As `raw/0: 3 records wait behind an open transaction of a producer`."""
    (first, *others), records = held, sum(held.values())
    where = f"{topic}/{first}" if not others else f"{topic}, partitions {', '.join(map(str, held))}"
    wait = "1 record waits" if records == 1 else f"{records} records wait"
    return f"{where}: {wait} behind an open transaction of a producer"
