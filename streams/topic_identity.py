"""Which topic the offsets of a lane count: its id, by which Kafka tells it from another one of its name, and its full name.

Both are kept beside the states of a lane, under `topic:<partition>`, and follow from no input.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from streams.log import LogUnusable
from streams.places import Partition
from streams.states import States


class TopicIdentity(NamedTuple):
    """`id` empty: the brokers know no such thing, or nobody has asked. `name` empty: not known, as in databases of before."""

    id: str
    name: str


class TopicWatch(NamedTuple):
    """`ask` the brokers which topic bears the raw topic's name; `say` whose offsets lanes count from now on. `glance` is for
    whoever has time: it does not wait for brokers that are away, and tells None then.

    `now_ms`: milliseconds of a clock that does not go back, by which it is glanced.
    """

    ask: Callable[[], TopicIdentity]
    say: Callable[[Sequence[Partition], TopicIdentity], None]
    glance: Callable[[], TopicIdentity | None] = lambda: None
    now_ms: Callable[[], int] = lambda: 0


class TopicMadeAnew(LogUnusable):
    """The topic bears the name of the one whose messages were processed, and is another: its offsets are other messages."""

    def __init__(self, partition: Partition, known: str, found: TopicIdentity) -> None:
        super().__init__(
            f"{found.name}/{partition}: the topic was made anew: its id is {found.id}, and that of the one whose messages were "
            f"processed is {known}. Give the new records a topic of their own: a new WATTBOOK_KAFKA_PREFIX with a new "
            "database. Only where it was restored from a copy, each record at its old offset: `wattbook topics adopt`"
        )


class TopicUnknown(LogUnusable):
    """Messages of a topic were processed, and nothing says which topic that was."""

    def __init__(self, partition: Partition, found: TopicIdentity) -> None:
        super().__init__(
            f"{found.name}/{partition}: {UNKNOWN}. A version that did not note it was at work, or the note was removed past "
            "wattbook. Only if this is the topic that was processed, each record at its old offset: `wattbook topics adopt`"
        )


UNKNOWN = "the database has processed messages and has no note of the topic from which they came"


def topic_of(states: States, partition: Partition) -> TopicIdentity:
    """The topic whose offsets the lane counts, as far as it is known."""
    key = f"topic:{partition}"
    found, _, name = states.load([key]).get(key, b"").decode().partition(" ")
    return TopicIdentity(found, name)


def adopt_topic(states: States, partition: Partition, found: TopicIdentity, may_be_another: bool) -> bool:
    """Note in a lane which topic its offsets are of; whether that is news. Raises TopicMadeAnew where they are another's, and
    TopicUnknown where nothing says whose they are.

    `may_be_another`: the lane has taken nothing yet, or whoever asks answers for it that the topic is a copy.
    """
    known = topic_of(states, partition)
    if is_another(known, found) and not may_be_another:
        raise TopicMadeAnew(partition, known.id, found)
    if is_unknown(known, found) and not may_be_another:
        raise TopicUnknown(partition, found)
    if known == found or (known.id and not found.id and not may_be_another):
        return False
    states.save({f"topic:{partition}": f"{found.id} {found.name}".encode()})
    return True


def is_another(known: TopicIdentity, found: TopicIdentity) -> bool:
    """By the ids, where both are known."""
    return bool(known.id and found.id) and known.id != found.id


def is_unknown(known: TopicIdentity, found: TopicIdentity) -> bool:
    """Whether nothing tells the topic that was processed from any other. Brokers that know no ids leave the name."""
    return not known.id and bool(found.id or not known.name)
