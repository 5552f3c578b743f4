"""How many partitions the raw topic has: noted in the database with its first message, and never another number.

By it stations have their partitions. With another one a station would go on in a second partition, and a replay would put into
quarantine what was processed. Like a topic's id it follows from no input.
"""

from typing import Final

from streams.log import LogUnusable
from streams.states import States

_KEY: Final = "partitions"


class OtherPartitions(LogUnusable):
    """The setting is wrong: it is not what the messages in the database were processed with."""

    def __init__(self, setting: int, known: int) -> None:
        super().__init__(
            f"WATTBOOK_KAFKA_PARTITIONS is {setting}, but the messages in this database were processed as those of a topic "
            f"with {known} partitions: the setting is what is wrong, write {known}. If the topic itself has another number "
            "now, it cannot be used any more: give new records a new WATTBOOK_KAFKA_PREFIX with a new database"
        )


def known_partitions(states: States) -> int | None:
    """None: no message was processed, or by a version that did not note it."""
    noted = states.load([_KEY]).get(_KEY)
    return int(noted) if noted else None


def demand_known_partitions(states: States, setting: int) -> None:
    """Raises OtherPartitions where another number is noted."""
    known = known_partitions(states)
    if known is not None and known != setting:
        raise OtherPartitions(setting, known)


def note_partitions(states: States, setting: int) -> None:
    """For whoever takes up messages. Raises OtherPartitions where another number is noted."""
    demand_known_partitions(states, setting)
    if known_partitions(states) is None:
        states.save({_KEY: str(setting).encode()})
