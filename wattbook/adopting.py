"""Let workers go on in a raw topic that is a copy of the one whose messages were processed: each record at its old offset."""

from collections.abc import Mapping

from streams.lanes import RAW, next_offset
from streams.places import Bounds, Offset, Partition, lane_of
from streams.sql_states import SqlStates
from streams.topic_identity import TopicIdentity, adopt_topic
from wattbook.settings import Settings
from wattbook.wiring import NotReady, unit_over, workers_database


def adopt_copy(settings: Settings, topic: TopicIdentity, held: Mapping[Partition, Bounds]) -> list[Partition]:
    """Note the topic in all lanes at once. The partitions for which it is news.

    `held`: what the brokers hold of it. Raises NotReady, and changes nothing, where that is less than was processed.
    """
    with workers_database(settings, may_be_renamed=True) as engine, unit_over(engine) as unit:
        assert isinstance(unit.states, SqlStates)
        partitions = [Partition(number) for number in range(settings.kafka_partitions)]
        for lane, raw in unit.states.held_positions(RAW, map(lane_of, partitions)).items():
            _demand_held(topic.name, Partition(lane - 1), next_offset(raw), held)
        return [each for each in partitions if adopt_topic(unit.states, each, topic, may_be_another=True)]


def _demand_held(topic: str, partition: Partition, until: Offset, held: Mapping[Partition, Bounds]) -> None:
    bounds = held.get(partition, Bounds(Offset(0), Offset(0)))
    if gone := bounds.gone(until):
        raise NotReady(
            f"{topic}/{partition} {bounds.shown}, but offsets 0 to {until - 1} were processed: {gone} are not there, so it is "
            "no copy of the topic that was processed. Nothing was changed. Is WATTBOOK_KAFKA_PREFIX right?"
        )
