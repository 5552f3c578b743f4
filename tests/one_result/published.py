"""What the relay published, beside what the database holds: the same records, in the same order, each once."""

import time
from collections.abc import Iterable, Iterator
from itertools import groupby

from streams.parts import Joining
from streams.places import Taken, place_of
from tests.one_result.site import Site
from vocabulary.codec import decode, encode
from vocabulary.identity import Position, SessionId
from vocabulary.money import plain
from vocabulary.sessions import SessionClosed, SessionRated
from wattbook.cost_frames import cost_frame, message_name
from wattbook.costs import Cost
from wattbook.relaying import place_in

Published = tuple[int, str, bytes]  # partition, id, value

_LANES = {"events": "log_events", "conclusions": "log_conclusions", "quarantine": "log_quarantine"}
_OFFICE = {"reference": "log_reference", "commands": "log_commands", "documents": "log_conclusions"}
TOPICS = (*_LANES, *_OFFICE, "journal", "station-messages")


def unpublished(site: Site, within_s: int = 60) -> list[str]:
    """Wait for the relay to come to the end; what is not as it should be even then."""
    stored, give_up_at = {name: _stored(site, name) for name in TOPICS}, time.monotonic() + within_s
    while True:
        found = {name: once_each(records) for name, records in site.topics(*TOPICS).items()}
        wrong = [name for name in TOPICS if found[name] != stored[name]]
        if not wrong or time.monotonic() > give_up_at:
            break
        time.sleep(0.5)
    told = "{}: {} in the database, {} in the topic, or not in that order"
    return [told.format(name, len(stored[name]), len(found[name])) for name in wrong]


def once_each(records: Iterable[Taken]) -> list[Published]:
    """By the rule for readers: a record whose place is not higher than the one before it in its partition is passed over."""
    found = []
    for partition, run in groupby(records, key=lambda taken: taken.partition):
        joining = Joining()
        for taken in run:
            assert place_in(taken.headers)
            if joined := joining.take(taken):
                found.append((partition, dict(taken.headers)["id"].decode(), joined.taken.value or b""))
    return found


def repeats(site: Site) -> int:
    """How many records stand in the topics again, which a reader passes over."""
    return sum(len(records) - len(once_each(records)) for records in site.topics(*TOPICS).values())


def _stored(site: Site, name: str) -> list[Published]:
    """The records that belong into a topic, in order of partition and place."""
    if name == "journal":
        entries = sorted(site.entries(), key=lambda booked: (_partition_of(booked.cause), booked.number))
        return [(_partition_of(booked.cause), booked.entry.id, encode(booked.entry)) for booked in entries]
    if name == "station-messages":
        return list(_final_costs(site))
    table, where = (_OFFICE[name], "lane = 0") if name in _OFFICE else (_LANES[name], "lane > 0")
    rows = site.rows(f"SELECT position, id, body FROM {table} WHERE {where} ORDER BY lane, position")
    return [(_partition_of(at), bytes(id_).hex(), bytes(body)) for at, id_, body in rows]


def _final_costs(site: Site) -> Iterator[Published]:
    """The frames for the stations, as they are made of what was concluded: one for each rating, of the closing before it."""
    closings: dict[SessionId, SessionClosed] = {}
    for at, id_, body in site.rows("SELECT position, id, body FROM log_conclusions ORDER BY lane, position"):
        concluded = decode(bytes(body))
        if isinstance(concluded, SessionClosed):
            closings[concluded.session.id] = concluded
        elif isinstance(concluded, SessionRated) and closings[concluded.session].session.transaction:
            yield _partition_of(at), bytes(id_).hex(), _final_cost(concluded, closings[concluded.session])


def _final_cost(rated: SessionRated, closed: SessionClosed) -> bytes:
    name = message_name(rated.station, rated.session, plain(rated.rated.total), "final")
    return cost_frame(name, closed.session.transaction, Cost(rated.rated, closed.session, final=True)).encode()


def _partition_of(position: int) -> int:
    """What follows from the office's inputs goes to the first."""
    return max(place_of(Position(position))[1] - 1, 0)
