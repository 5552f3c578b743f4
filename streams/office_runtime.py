"""The runtime of the office, where messages go to a topic and workers process them.

What people do (reference facts, invoice runs) is processed here, in lane 0 of the database; what stations say is published and
is durable when `append` returns, but nothing follows from it yet: that is the workers' part (`streams.lanes`).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

from streams.catalogue import Catalogue
from streams.embedded_runtime import CarriedOut, Complete, EmbeddedRuntime, Input
from streams.log import Appended, Stream
from streams.memory import Memory
from streams.states import States
from vocabulary.charging import RawMessage
from vocabulary.codec import ReferenceFact
from vocabulary.identity import Position

Publish = Callable[[Sequence[RawMessage]], None]
"""Publish to the raw topic; returns when all in-sync replicas have all of it, raises when one has not."""


class OfficeRuntime:
    """The verbs of `EmbeddedRuntime`. `concludes_at_once` tells the two apart: whether `pump` processes messages too."""

    concludes_at_once = False

    def __init__(self, office: EmbeddedRuntime, publish: Publish, complete: Complete) -> None:
        self._office, self._publish, self._complete = office, publish, complete

    def append(self, inputs: Sequence[Input]) -> list[Appended]:
        """Make inputs durable. Messages are always taken for new: that they were told before shows when they are processed."""
        messages = [value for _, _, value in inputs if isinstance(value, RawMessage)]
        others = iter(self._office.append([each for each in inputs if each.stream is not Stream.RAW]))
        self._publish(messages)
        return [Appended(Position(0), is_new=True) if each.stream is Stream.RAW else next(others) for each in inputs]

    def publish(
        self, facts: Sequence[ReferenceFact], key: Callable[[ReferenceFact], str], tick_after: timedelta = timedelta(0)
    ) -> int:
        return self._office.publish(facts, key, tick_after)

    def pump(self, progress: Callable[[int], None] = lambda _: None) -> Counter[str]:
        return self._office.pump(progress)

    def pump_batch(self, limit: int, tally: Counter[str]) -> int:
        return self._office.pump_batch(limit, tally)

    def carry_out(self, command: Input) -> CarriedOut:
        """Whether a session is billed depends on whether its end has been processed: the command notes how far workers are."""
        return self._office.carry_out(command, self._complete)

    def memory(self, _states: States) -> Memory:
        """None: workers move the states on."""
        return Memory()

    def catalogue(self) -> Catalogue:
        """The reference facts in force now; others may have published some."""
        self._office.pump()
        return self._office.catalogue()
