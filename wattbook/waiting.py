"""How many messages stand in the raw topic that no worker has processed yet."""

from dataclasses import replace
from typing import NamedTuple

from streams.held_back import held_back
from streams.kafka_client import Admin, BrokerUnavailable
from streams.kafka_following import TopicReader
from streams.lanes import RAW, next_offset
from streams.places import Offset, Partition, lane_of
from streams.sql_states import SqlStates
from wattbook.database import reading
from wattbook.wiring import App

_TIMEOUT_S = 5  # somebody waits for the answer, who wanted to know something else


class Waiting(NamedTuple):
    """`held`: by partition, what no worker is given yet, since a producer's transaction is open; not among `messages`."""

    messages: int
    held: dict[Partition, int]


def messages_waiting(app: App) -> Waiting | None:
    """None: the brokers do not answer."""
    try:
        ends, held = _ends(app)
    except BrokerUnavailable:
        return None
    with reading(app.engine) as connection:
        processed = {p: next_offset(SqlStates(connection, lane_of(p)).position(RAW)) for p in ends}
    return Waiting(sum(max(0, end - processed[partition]) for partition, end in ends.items()), held)


def _ends(app: App) -> tuple[dict[Partition, Offset], dict[Partition, int]]:
    options = app.settings.kafka_options
    impatient = replace(options, timeout_s=min(options.timeout_s, _TIMEOUT_S))
    with Admin(impatient) as admin, TopicReader(impatient, options.topic("raw")) as reader:
        return reader.end(), held_back(admin, reader)
