"""How many messages stand in the raw topic that no worker has processed yet."""

from dataclasses import replace

from streams.kafka_client import BrokerUnavailable
from streams.kafka_following import TopicReader
from streams.lanes import RAW, next_offset
from streams.places import Offset, Partition, lane_of
from streams.sql_states import SqlStates
from wattbook.database import reading
from wattbook.wiring import App

_TIMEOUT_S = 5  # somebody waits for the answer, who wanted to know something else


def messages_waiting(app: App) -> int | None:
    """None: the brokers do not answer."""
    try:
        ends = _ends(app)
    except BrokerUnavailable:
        return None
    with reading(app.engine) as connection:
        processed = {p: next_offset(SqlStates(connection, lane_of(p)).position(RAW)) for p in ends}
    return sum(max(0, end - processed[partition]) for partition, end in ends.items())


def _ends(app: App) -> dict[Partition, Offset]:
    options = app.settings.kafka_options
    with TopicReader(replace(options, timeout_s=min(options.timeout_s, _TIMEOUT_S)), options.topic("raw")) as reader:
        return reader.end()
