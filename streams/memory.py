"""The states that a runtime works on: loaded when first asked for, remembered between batches, saved with each batch or later.

Bounded: beyond `MOST` the states that were not touched longest are forgotten, but for those that no store holds yet. What it
takes to forget does not grow with what is remembered: a server forgets several times for each message.

The states and what they are made of are structs with `gc=False`: none can refer to itself, and Python's collector, which would
stop a server for half a second with a few thousand sessions in memory, passes over them.
"""

from collections.abc import Iterable
from itertools import islice

import msgspec

from streams.meters import MetersState
from streams.reservations import Reservations
from streams.sessions import Closed, Gathering, SessionState
from streams.signed.uses import RecordUse, SignedSpans, Use
from streams.states import States
from streams.station_states import StationState
from vocabulary.identity import SessionId, StationId

MOST = 20_000

State = StationState | MetersState | Reservations | RecordUse | SignedSpans | Gathering | Closed

_ENCODER = msgspec.msgpack.Encoder(decimal_format="string")
_DECODER: msgspec.msgpack.Decoder[State] = msgspec.msgpack.Decoder(State)


def station_key(station: StationId) -> str:
    return f"station:{station}"


def meters_key(station: StationId) -> str:
    return f"meters:{station}"


def reservations_key(station: StationId) -> str:
    return f"reservations:{station}"


def session_key(session: SessionId) -> str:
    return f"session:{session}"


class Memory:
    """States by key. What is set stays unsaved until `changed` is called; `forget` drops all after a failed transaction."""

    def __init__(self) -> None:
        self._known: dict[str, State | None] = {}
        self._unsaved: dict[str, State] = {}
        self._passing: set[str] = set()  # keys that are not worth remembering: closed sessions, and what has no state

    def prefetch(self, keys: Iterable[str], states: States) -> None:
        """One query for all that is not known yet. A key without a state is remembered as such."""
        unknown = [key for key in dict.fromkeys(keys) if key not in self._known]
        if unknown:
            found = states.load(unknown)
            for key in unknown:
                self._remember(key, _DECODER.decode(found[key]) if key in found else None)

    def station(self, station: StationId, states: States) -> StationState:
        state = self._get(station_key(station), states) or StationState()
        assert isinstance(state, StationState)
        return state

    def session(self, session: SessionId, states: States) -> SessionState | None:
        state = self._get(session_key(session), states)
        assert not isinstance(state, StationState | MetersState | Reservations | RecordUse | SignedSpans)
        return state

    def meters(self, station: StationId, states: States) -> MetersState:
        state = self._get(meters_key(station), states) or MetersState()
        assert isinstance(state, MetersState)
        return state

    def reservations(self, station: StationId, states: States) -> Reservations:
        state = self._get(reservations_key(station), states) or Reservations()
        assert isinstance(state, Reservations)
        return state

    def use(self, key: str, states: States) -> Use | None:
        """What is kept of signed records (`streams.signed.uses`)."""
        state = self._get(key, states)
        assert state is None or isinstance(state, RecordUse | SignedSpans)
        return state

    def set(self, key: str, state: State) -> None:
        self._known.pop(key, None)  # the newest stand last
        self._remember(key, state)
        self._unsaved[key] = state

    @property
    def unsaved(self) -> int:
        """How many states `changed` would give."""
        return len(self._unsaved)

    def changed(self) -> dict[str, bytes]:
        """The states set since the last call, as bytes to save."""
        changed, self._unsaved = self._unsaved, {}
        return {key: _ENCODER.encode(state) for key, state in changed.items()}

    def forget(self, closed: bool = False) -> None:
        """Everything; or only what is closed, and what exceeds the bound. What is unsaved stays then."""
        if not closed:
            self._known, self._unsaved, self._passing = {}, {}, set()
            return
        for key in self._passing - self._unsaved.keys():
            del self._known[key]
        self._passing &= self._unsaved.keys()
        exceeding = islice((key for key in self._known if key not in self._unsaved), max(0, len(self._known) - MOST))
        for key in [*exceeding]:
            del self._known[key]

    def _remember(self, key: str, state: State | None) -> None:
        self._known[key] = state
        if state is None or isinstance(state, Closed | RecordUse | SignedSpans):
            self._passing.add(key)
        else:
            self._passing.discard(key)

    def _get(self, key: str, states: States) -> State | None:
        self.prefetch((key,), states)
        return self._known[key]


def as_written_today(body: bytes) -> bytes:
    """A stored state as it would be written now; what is no state stays as it is."""
    try:
        return _ENCODER.encode(_DECODER.decode(body))
    except msgspec.MsgspecError:
        return body
