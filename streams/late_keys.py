"""Sessions that are held, and of whose EVSE a key came: their signed values are checked again.

Only where the verdict is another one now does anything follow: the charge is then concluded anew, by what is in force, and what
was held is reversed where it comes to something else. What stands on an invoice, was released or dropped stays as it is.
"""

from collections.abc import Callable, Iterator

from streams.adjusting import adjusted
from streams.catalogue import Catalogue
from streams.decisions import standing_of
from streams.key_register import evses_of
from streams.memory import Memory, session_key
from streams.row_conclusions import Standing, conclusion, demanded
from streams.sessions import SessionState
from streams.states import SessionRow, States
from streams.unit import Unit
from vocabulary.codec import ReferenceFact
from vocabulary.reference import MeterKeyPublished, plain_evse_id
from vocabulary.rules import checks_records
from vocabulary.sessions import ReversalReason, SessionClosed, SessionConclusion
from vocabulary.signatures import SignatureChecked

Concluding = Callable[[SessionClosed, SessionState | None], tuple[SessionConclusion, ...]]


def checked_again(
    fact: ReferenceFact, catalogue: Catalogue, unit: Unit, memory: Memory, found: Concluding
) -> Iterator[tuple[SessionRow, tuple[SessionConclusion, ...]]]:
    """The sessions with what is to be written down of them. `found`: what follows from one by the facts in force now."""
    rows = _held_at(fact, catalogue, unit.states)
    memory.prefetch((session_key(row.session) for row in rows), unit.states)
    for row in rows:
        closed = demanded(unit.log, row, SessionClosed)
        yield row, _changes(unit.log, row, found(closed, memory.session(row.session, unit.states)))


def _held_at(fact: ReferenceFact, catalogue: Catalogue, states: States) -> list[SessionRow]:
    """The held sessions of the EVSEs of which the fact brings keys. By older rules a site brought none to them."""
    evses = evses_of(fact) if isinstance(fact, MeterKeyPublished) or checks_records(catalogue.rules) else frozenset()
    stations = sorted({station for evse in evses for station in catalogue.stations_of.get(evse, ())})
    rows = states.held_at(stations) if stations else []
    return [row for row in rows if evse_of(row, catalogue) in evses]


def _changes(log: Standing, row: SessionRow, concluded: tuple[SessionConclusion, ...]) -> tuple[SessionConclusion, ...]:
    """Nothing where its signatures are judged as before."""
    checked = next((each for each in concluded if isinstance(each, SignatureChecked)), None)
    if checked is None or checked == conclusion(log, row, SignatureChecked):
        return ()
    return adjusted(standing_of(log, row), concluded, ReversalReason.KEY_CAME)


def evse_of(row: SessionRow, catalogue: Catalogue) -> str | None:
    if row.start is None or row.evse is None:
        return None
    plug = catalogue.plug(row.station, row.evse, row.start)
    return None if plug is None else plain_evse_id(plug.evse.evse_id)
