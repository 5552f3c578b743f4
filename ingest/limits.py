"""How much one caller may ask of the server, so that nobody's share is taken by another. Pure: the moment is an argument.

Bucket      so many at once, and so many a second after that
Failures    a bucket for each name (an address, a station); of the names only the latest are remembered
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

AGAIN_S: Final = 6  # after too many failed logins one more is looked at in each so many seconds
_NAMES_MAX: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What `wattbook serve` bears of its stations. Seconds and bytes; see docs/for-csms.md for what happens beyond each."""

    frame_bytes_max: int = 2**20
    header_bytes_max: int = 2**14
    messages_per_s: int = 20
    messages_burst: int = 200
    flood_s: int = 30
    connections_max: int = 10_000
    connections_per_address_max: int = 500
    handshake_s: int = 10
    send_s: int = 10
    ping_s: int = 30

    @property
    def refilled_s(self) -> float:
        """After how long an empty bucket of messages is full again."""
        return self.messages_burst / self.messages_per_s


class Bucket:
    """`burst` tokens, `per_s` new ones each second."""

    def __init__(self, per_s: float, burst: int, now: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._tokens, self._at = float(burst), now

    def take(self, now: float) -> float:
        """Take one; gives the seconds to wait until it is there, 0 where it was."""
        self._fill(now)
        self._tokens -= 1
        return max(0.0, -self._tokens / self._per_s)

    def take_all(self, now: float) -> int:
        """Take what is there; gives how many."""
        taken = self.left(now)
        self._tokens -= taken
        return taken

    def left(self, now: float) -> int:
        """How many are there."""
        self._fill(now)
        return max(0, int(self._tokens))

    def is_empty(self, now: float) -> bool:
        self._fill(now)
        return self._tokens < 1

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_s)
        self._at = now


class Failures:
    """Failed logins by name: `burst` at once, then `per_s`. What is remembered does not grow with the number of names."""

    def __init__(self, per_s: float = 1 / AGAIN_S, burst: int = 10) -> None:
        self._per_s, self._burst = per_s, burst
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def has_too_many(self, name: str, now: float) -> bool:
        bucket = self._buckets.get(name)
        return bucket is not None and bucket.is_empty(now)

    def note(self, name: str, now: float) -> None:
        bucket = self._buckets.pop(name, None) or Bucket(self._per_s, self._burst, now)
        bucket.take(now)
        self._buckets[name] = bucket
        if len(self._buckets) > _NAMES_MAX:
            self._buckets.popitem(last=False)
