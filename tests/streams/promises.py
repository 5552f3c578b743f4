"""What holds of every session and of every state, for properties and for the fuzzer."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from streams.memory import Memory, State, session_key, station_key
from tests.streams.folding import Folding
from vocabulary.sessions import ChargingSession


def assert_whole(session: ChargingSession) -> None:
    """The promises of `ChargingSession`."""
    assert session.start <= session.end
    edges = [session.start, *(stretch.end for stretch in session.stretches)]
    assert [stretch.start for stretch in session.stretches] == edges[:-1], "contiguous from the start on"
    assert edges[-1] == session.end, "until the end"
    assert all(stretch.start < stretch.end for stretch in session.stretches)
    kinds = [stretch.activity for stretch in session.stretches]
    assert all(one != other for one, other in pairwise(kinds)), "neighbours differ"
    values = [reading.register_wh for reading in session.readings]
    assert values == sorted(values), "a register never falls"
    assert values[-1] - values[0] == session.energy_wh
    times = [reading.at for reading in session.readings]
    assert (times[0], times[-1]) == (session.start, session.end)
    assert times == sorted(times)


class DictStates:
    """As much of `streams.states.States` as `Memory` needs."""

    def __init__(self, saved: Mapping[str, bytes]) -> None:
        self.saved = saved

    def load(self, keys: Sequence[str]) -> dict[str, bytes]:
        return {key: self.saved[key] for key in keys if key in self.saved}


def stored(folding: Folding) -> None:
    """The folding's states, written and read again."""
    before = Memory()
    for station, state in folding.stations.items():
        before.set(station_key(station), state)
    for session, known in folding.sessions.items():
        before.set(session_key(session), known)
    states, after = DictStates(before.changed()), Memory()
    folding.stations = {station: after.station(station, states) for station in folding.stations}  # type: ignore[arg-type]
    read: dict[str, State | None] = {s: after.session(s, states) for s in folding.sessions}  # type: ignore[arg-type]
    folding.sessions = read  # type: ignore[assignment]
