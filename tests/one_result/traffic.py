"""Messages as networks send them: several stations at once, late, twice, and out of order; and every frame of tests/data/ocpp.

One sequence is made from a source of chance, and fed to all. What a station sends may come in any order here, also in one that
OCPP forbids: whoever gets the same messages of a station in the same order must conclude the same from them.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import groupby
from pathlib import Path
from random import Random
from typing import NamedTuple

from hypothesis import strategies as st
from msgspec import structs

from ingest.captures import read_lines
from tests.one_result.network import STATIONS, TOKENS
from vocabulary.charging import Protocol, RawMessage
from vocabulary.identity import StationId
from wattbook.fleet import Visit, messages

FILES = tuple(sorted((Path(__file__).parent.parent / "data" / "ocpp").glob("*.ndjson")))
_BEGIN = datetime(2026, 10, 1, 6, tzinfo=UTC)
_MESSAGE_ID = re.compile(r'^\[2,"([^"\\]*)"')

Conversation = Sequence[RawMessage]


class Habits(NamedTuple):
    """How a network misbehaves: the share of messages that come twice, and of those that come late."""

    twice: float = 0.15
    late: float = 0.2
    late_by_max: int = 40  # messages


GOOD = Habits(0, 0)
WILD = Habits(0.5, 0.8)


@cache
def recorded() -> tuple[Conversation, ...]:
    """All frames of the field, one conversation for each file and station, in their order."""
    read = [message for file in FILES for message in read_lines(file.read_bytes().splitlines())]
    assert all(isinstance(message, RawMessage) and message.received_at for message in read), "every line is a message"
    by_station = sorted(read, key=lambda message: message.station)
    return tuple(tuple(conversation) for _, conversation in groupby(by_station, key=lambda message: message.station))


def visits(random: Random, stations: Sequence[StationId], rounds: int) -> list[Conversation]:
    """One vehicle after the other at each station, `rounds` times."""
    return [tuple(messages([_visit(random, station, number)])) for number in range(rounds) for station in stations]


def sequence(random: Random, conversations: Iterable[Conversation], habits: Habits = Habits()) -> list[RawMessage]:  # noqa: B008
    """The conversations at the same time, each message at least once."""
    interleaved = _interleaved(random, [list(conversation) for conversation in conversations])
    sent = [copy for message in interleaved for copy in _copies(random, message, habits.twice)]
    places = [
        (place + random.randint(1, habits.late_by_max) if is_again or random.random() < habits.late else place, place)
        for place, (_, is_again) in enumerate(sent)
    ]
    return [sent[place][0] for _, place in sorted(places)]


@st.composite
def sequences(draw: st.DrawFn, rounds_max: int = 2, stations_max: int = 5) -> list[RawMessage]:
    """For properties: some visits, some recorded conversations, and a network of any habits."""
    random = draw(st.randoms(use_true_random=False))
    stations = draw(st.lists(st.sampled_from(sorted(STATIONS)), min_size=1, max_size=stations_max, unique=True))
    recordings = draw(st.lists(st.sampled_from(range(len(recorded()))), max_size=2, unique=True))
    habits = draw(st.sampled_from([GOOD, Habits(), WILD]))
    conversations = visits(random, stations, draw(st.integers(1, rounds_max)))
    return sequence(random, [*conversations, *(recorded()[number] for number in recordings)], habits)


def _visit(random: Random, station: StationId, number: int) -> Visit:
    """Mostly plausible. A few of them deliver more than their EVSE can, or nothing."""
    charging_s = random.randint(300, 5400)
    plausible_wh = charging_s * random.randint(1, 20_000) // 3600
    return Visit(
        station=station,
        protocol=STATIONS[station],
        evse=random.choice((1, 1, 2)),
        token=random.choice(TOKENS),
        plugged=_BEGIN + timedelta(hours=3 * number, seconds=random.randint(0, 3000)),
        register_wh=Decimal(number * 100_000 + random.randint(0, 9999)),
        energy_wh=Decimal(random.choices((plausible_wh, 0, 90_000), (20, 1, 1))[0]),
        charging_s=charging_s,
        idle_s=random.choice((0, 0, 900)),
        transaction=str(number + 1) if STATIONS[station] is Protocol.OCPP16 else f"tx-{number}",
        sample_s=random.choice((300, 900)),
        offline_s=random.choice((0, 0, 7200)),
        retries=random.random() < 0.2,
    )


def _interleaved(random: Random, waiting: list[list[RawMessage]]) -> list[RawMessage]:
    """Of one station, a later conversation does not begin before the earlier one has ended: they queue."""
    queues: dict[StationId, list[RawMessage]] = {}
    for conversation in waiting:
        queues.setdefault(conversation[0].station, []).extend(conversation)
    order = [station for station, queue in queues.items() for _ in queue]
    random.shuffle(order)
    following = {station: iter(queue) for station, queue in queues.items()}
    return [next(following[station]) for station in order]


def _copies(random: Random, message: RawMessage, twice: float) -> list[tuple[RawMessage, bool]]:
    """The message, and maybe once more: byte for byte, or as a station sends it again, under another message id."""
    if random.random() >= twice:
        return [(message, False)]
    return [(message, False), (message if random.random() < 0.5 else _sent_again(message, random.randrange(10**9)), True)]


def _sent_again(message: RawMessage, number: int) -> RawMessage:
    assert message.received_at is not None
    frame = _MESSAGE_ID.sub(f'[2,"again-{number}"', message.frame)
    return structs.replace(message, frame=frame, received_at=message.received_at + timedelta(seconds=30))
