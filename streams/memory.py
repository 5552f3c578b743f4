"""The states that a runtime works on: loaded when first asked for, remembered between batches, saved with each batch or later.

Bounded: beyond `MOST` the states that were not touched longest are forgotten, but for those that no store holds yet.
"""

from collections.abc import Iterable

import msgspec

from streams.connectors import StationState
from streams.meters import MetersState
from streams.sessions import Closed, Gathering, SessionState
from streams.states import States
from vocabulary.identity import SessionId, StationId

MOST = 20_000

State = StationState | MetersState | Gathering | Closed

_ENCODER = msgspec.msgpack.Encoder(decimal_format="string")
_DECODER: msgspec.msgpack.Decoder[State] = msgspec.msgpack.Decoder(State)


def station_key(station: StationId) -> str:
    return f"station:{station}"


def meters_key(station: StationId) -> str:
    return f"meters:{station}"


def session_key(session: SessionId) -> str:
    return f"session:{session}"


class Memory:
    """States by key. What is set stays unsaved until `changed` is called; `forget` drops all after a failed transaction."""

    def __init__(self) -> None:
        self._known: dict[str, State | None] = {}
        self._unsaved: dict[str, State] = {}

    def prefetch(self, keys: Iterable[str], states: States) -> None:
        """One query for all that is not known yet. A key without a state is remembered as such."""
        unknown = [key for key in dict.fromkeys(keys) if key not in self._known]
        if unknown:
            found = states.load(unknown)
            self._known |= {key: _DECODER.decode(found[key]) if key in found else None for key in unknown}

    def station(self, station: StationId, states: States) -> StationState:
        state = self._get(station_key(station), states) or StationState()
        assert isinstance(state, StationState)
        return state

    def session(self, session: SessionId, states: States) -> SessionState | None:
        state = self._get(session_key(session), states)
        assert not isinstance(state, StationState | MetersState)
        return state

    def meters(self, station: StationId, states: States) -> MetersState:
        state = self._get(meters_key(station), states) or MetersState()
        assert isinstance(state, MetersState)
        return state

    def set(self, key: str, state: State) -> None:
        self._known.pop(key, None)  # the newest stand last
        self._known[key] = self._unsaved[key] = state

    @property
    def unsaved(self) -> int:
        """How many states `changed` would give."""
        return len(self._unsaved)

    def changed(self) -> dict[str, bytes]:
        """The states set since the last call, as bytes to save."""
        changed, self._unsaved = self._unsaved, {}
        return {key: _ENCODER.encode(state) for key, state in changed.items()}

    def forget(self, closed: bool = False) -> None:
        """Everything; or only what is closed, and what exceeds the bound."""
        if not closed:
            self._known, self._unsaved = {}, {}
            return
        kept = {key: state for key, state in self._known.items() if isinstance(state, StationState | MetersState | Gathering)}
        self._known = {**dict(list(kept.items())[-MOST:]), **self._unsaved}

    def _get(self, key: str, states: States) -> State | None:
        self.prefetch((key,), states)
        return self._known[key]


def read_session(states: States, session: SessionId) -> SessionState | None:
    """A session's state as it is stored, for questions between two batches."""
    found = states.load((session_key(session),))
    state = next((_DECODER.decode(body) for body in found.values()), None)
    assert not isinstance(state, StationState | MetersState)
    return state


def read_station(states: States, station: StationId) -> StationState:
    """A station's state as it is stored."""
    found = states.load((station_key(station),))
    state = next((_DECODER.decode(body) for body in found.values()), StationState())
    assert isinstance(state, StationState)
    return state


def as_written_today(body: bytes) -> bytes:
    """A stored state as it would be written now; what is no state stays as it is."""
    try:
        return _ENCODER.encode(_DECODER.decode(body))
    except msgspec.MsgspecError:
        return body
