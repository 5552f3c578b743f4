"""Reorder and repeat a capture as OCPP allows it, from a seed.

- Stations are independent: their messages interleave at will.
- An answer comes after its call.
- 1.6 transaction messages of a station stay in chronological order (§3.7); others may overtake them, not fall behind.
- 2.x TransactionEvents may come in any order (retries, 2.0.1 part 2 E13; offline queues).
- Any call may be sent again, under another message id, after it was sent first.
"""

import json
from random import Random
from typing import Any

Line = dict[str, Any]
Exchange = list[Line]  # a call, and its answer

_CHRONOLOGICAL = {"StartTransaction", "StopTransaction", "MeterValues"}


def shuffled(lines: list[Line], random: Random) -> list[Line]:
    """The same exchanges, in another order, with some sent twice."""
    stations: dict[str, list[Exchange]] = {}
    for exchange in _exchanges(lines):
        stations.setdefault(exchange[0]["station"], []).append(exchange)
    orders = [_reordered(_with_retries(exchanges, random), random) for exchanges in stations.values()]
    return [line for exchange in _interleaved(orders, random) for line in exchange]


def _exchanges(lines: list[Line]) -> list[Exchange]:
    exchanges: list[Exchange] = []
    waiting: dict[tuple[str, str], Exchange] = {}
    for line in lines:
        key = (line["station"], line["frame"][1])
        if line["frame"][0] == 2:
            waiting[key] = [line]
            exchanges.append(waiting[key])
        else:
            waiting[key].append(line)
    return exchanges


def _with_retries(exchanges: list[Exchange], random: Random) -> list[Exchange]:
    """Each exchange, and with some probability once more somewhere later, under another message id."""
    result: list[Exchange] = []
    for exchange in exchanges:
        result.append(exchange)
        if random.random() < 0.3:
            result.append([_renamed(line, f"retry-{random.randrange(10**9)}") for line in exchange])
    return result


def _renamed(line: Line, message_id: str) -> Line:
    copy = json.loads(json.dumps(line))
    copy["frame"][1] = message_id
    return copy


def _reordered(exchanges: list[Exchange], random: Random) -> list[Exchange]:
    """One station's exchanges: 2.x events at will, 1.6 others earlier at will."""
    if any(exchange[0]["protocol"] != "ocpp1.6" for exchange in exchanges):
        return random.sample(exchanges, len(exchanges))
    ordered = [exchange for exchange in exchanges if exchange[0]["action"] in _CHRONOLOGICAL]
    for place, exchange in enumerate(exchanges):
        if exchange[0]["action"] not in _CHRONOLOGICAL:
            behind = sum(other[0]["action"] in _CHRONOLOGICAL for other in exchanges[:place])
            latest = [i for i, other in enumerate(ordered) if other[0]["action"] in _CHRONOLOGICAL][:behind]
            ordered.insert(random.randint(0, latest[-1] + 1 if latest else 0), exchange)
    return ordered


def _interleaved(orders: list[list[Exchange]], random: Random) -> list[Exchange]:
    result = []
    while orders := [order for order in orders if order]:
        result.append(random.choice(orders).pop(0))
    return result
