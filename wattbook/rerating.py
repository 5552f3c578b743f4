"""Rate charged sessions anew: first what would change, then a decision for each. The books see reversals and new entries.

What would change is kept in a file without a name: a million sessions of it are in no memory while a person looks at the sums.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice

import msgspec

from streams.rerating import Compared
from vocabulary.identity import SessionId
from vocabulary.reference import Decision, SessionDecided
from wattbook.comparing import Part
from wattbook.comparison import Sums
from wattbook.fact_keys import key_of
from wattbook.wiring import App

_AT_ONCE = 500  # decisions that are noted in one transaction
_DECODER = msgspec.json.Decoder(Compared)


class Changes:
    """What would change, in order of session, and the sums over all that was looked at."""

    def __init__(self) -> None:
        self.sums = Sums()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with what holds it
        self._encoder = msgspec.json.Encoder(decimal_format="string")

    def add(self, part: Part) -> None:
        self.sums.merge(part.sums)
        self._file.write(self._encoder.encode_lines(part.changed))

    def __iter__(self) -> Iterator[Compared]:
        self._file.seek(0)
        yield from map(_DECODER.decode, self._file)

    def close(self) -> None:
        self._file.close()


def found(parts: Iterable[Part], progress: Callable[[int], None]) -> Changes:
    changes = Changes()
    for part in parts:
        changes.add(part)
        progress(part.seen)
    return changes


def rerate(app: App, changes: Iterable[Compared], reason: str, by: str, now: datetime, progress: Callable[[int], None]) -> int:
    """Note a decision for each session, and apply those that are noted before the next ones; how many.

    What stops it leaves whole decisions: what is left is found again by looking again.
    """
    sessions, noted = (each.session for each in changes), 0
    while some := [*islice(sessions, _AT_ONCE)]:
        app.runtime.publish([_decision(session, reason, by, now) for session in some], key_of)
        app.runtime.pump()
        noted += len(some)
        progress(len(some))
    return noted


def _decision(session: SessionId, reason: str, by: str, now: datetime) -> SessionDecided:
    return SessionDecided(session=session, decision=Decision.RERATE, reason=reason, by=by, at=now)
