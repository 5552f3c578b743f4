"""Run the relay: one at a time over a database, until told to stop; a second one waits for the first to end.

The lock is held by a connection of its own. While that stands, no other relay publishes; when it breaks, this one stops before
it sends anything more, and whoever supervises it starts it again.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from itertools import islice

from sqlalchemy import Connection, Engine

from ledger.books import Booked
from ledger.sql_store import SqlLedger
from streams.kafka_client import Publisher
from streams.kafka_following import TopicReader
from streams.kafka_options import KafkaOptions
from streams.log import Head, Stored, Stream
from streams.places import Lane, Offset, Partition
from streams.postgres_log import PostgresLog, heads
from vocabulary.codec import decode
from vocabulary.identity import Position
from vocabulary.sessions import ChargingSession, SessionClosed, SessionRated
from wattbook.conclusions import dossier
from wattbook.database import APPLICATION_ID, explaining, reading
from wattbook.relaying import LastOf, Parcel, Relay, Tail, another_publishes, tail_of
from wattbook.wiring import store_on

PAUSE_S = 0.2  # between two looks at a database that had nothing new
_UNDER_WAY_BYTES_MAX = 2**24
_WAIT_S = 2  # between two tries to get the lock
_LOCK = 1_000_001  # beside the locks of the lanes, which are their numbers

Say = Callable[..., None]


class DatabaseOutbox:
    """`wattbook.relaying.Outbox` on a reading connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def heads(self) -> dict[tuple[Lane, Stream], Head]:
        return heads(self._connection)

    def records(self, lane: Lane, stream: Stream, after: Position, limit: int) -> list[Stored]:
        return PostgresLog(self._connection, lane).read((stream,), after, limit)

    def closed(self, rated: SessionRated, at: Position) -> ChargingSession:
        store = store_on(self._connection)
        row = store.states.rows((rated.session,))[rated.session]
        if row.closed_at is not None and row.closed_at < at:
            found = dossier(store, row).session
        else:
            log = PostgresLog(self._connection, store.states.lane_of(rated.session))
            before = [stored for stored in log.about(Stream.CONCLUSIONS, rated.session, Position(0)) if stored.position < at]
            closings = [event.session for stored in before if isinstance(event := decode(stored.body), SessionClosed)]
            found = closings[-1] if closings else None
        assert found is not None, f"session {rated.session} was rated and never closed"
        return found

    def entries(self, after: int, limit: int) -> list[Booked]:
        return list(islice(SqlLedger(self._connection).entries(after), limit))


def tails(options: KafkaOptions, topic: str) -> dict[Partition, Tail | None]:
    """The last record of each partition; None where that is empty."""
    name = options.topic(topic)
    with TopicReader(options, name) as reader:
        found = {taken.partition: tail_of(name, taken) for taken in reader.tails(1)}
        beginning, end = reader.beginning(), reader.end()
    for partition in end:
        if partition not in found and end[partition] > beginning[partition]:
            raise another_publishes(name, partition, Offset(end[partition] - 1), "a transaction's mark")
    return {partition: found.get(partition) for partition in end}


def relay_over(engine: Engine, options: KafkaOptions, partitions: int, publisher: Publisher) -> Callable[[], int]:
    """A function that publishes what is new and says how many records that were. For whoever holds the lock."""
    relay = Relay(lambda topic, parcels: _send(publisher, options.topic(topic), parcels), _last(options), partitions)

    def publish() -> int:
        with reading(engine) as connection:
            return relay.publish(DatabaseOutbox(connection))

    return publish


def run_relay(engine: Engine, options: KafkaOptions, partitions: int, say: Say) -> None:
    """Until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with _alone(engine, stop, say) as is_held:
        if is_held():
            with Publisher(options) as publisher:
                publish = relay_over(engine, options, partitions, publisher)
                say("relay_started", partitions=partitions)
                while not stop.is_set() and is_held():
                    _once(publish, stop, say)
    say("relay_stopped")


def _once(publish: Callable[[], int], stop: threading.Event, say: Say) -> None:
    began = time.monotonic()
    if count := publish():
        say("relayed", records=count, ms=round((time.monotonic() - began) * 1000))
    else:
        stop.wait(PAUSE_S)


@contextmanager
def _alone(engine: Engine, stop: threading.Event, say: Say) -> Iterator[Callable[[], bool]]:
    """Hold the relay's lock once nobody else does. The function says whether it is held.

    Raises DatabaseError if its connection broke.
    """
    with explaining(engine), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        held = False
        try:
            while not stop.is_set() and not (held := _ask(connection, "pg_try_advisory_lock")):
                say("relay_waits", reason="another relay is at work")
                stop.wait(_WAIT_S)
            yield lambda: held and bool(connection.exec_driver_sql("SELECT 1").scalar())
        finally:
            if not connection.invalidated:
                connection.detach()  # the lock ends with the connection, which is not used for anything else


def _ask(connection: Connection, function: str) -> bool:
    return bool(connection.exec_driver_sql(f"SELECT {function}(%s, %s)", (APPLICATION_ID, _LOCK)).scalar())


def _last(options: KafkaOptions) -> LastOf:
    """Each topic is looked at once."""
    found = cache(partial(tails, options))
    return lambda topic, partition: found(topic)[partition]


def _send(publisher: Publisher, topic: str, parcels: Sequence[Parcel]) -> None:
    """Flushed every so often: what is under way has a time by which it must be acknowledged, however much stands before it."""
    bytes_under_way = 0
    for parcel in parcels:
        publisher.send(topic, parcel.partition, parcel.key, parcel.value, parcel.headers)
        bytes_under_way += len(parcel.value)
        if bytes_under_way > _UNDER_WAY_BYTES_MAX:
            publisher.flush()
            bytes_under_way = 0
    publisher.flush()
