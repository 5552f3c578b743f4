"""A session is billed by its signed values only where no other one is by the same (`streams.signed.uses`).

What follows from a session is concluded; where it is to be billed by records that another one used, it is concluded again with
that doubt, by which the gate refuses them. Else they are its own as soon as that is written down.
"""

from collections.abc import Callable, Iterable

from msgspec import UNSET, structs

from streams.catalogue import Catalogue
from streams.decisions import Known as Decided
from streams.memory import Memory
from streams.rating import names_of
from streams.signed import uses, verdicts
from streams.signed.billed import is_pair
from streams.signed.uses import Known, Use, with_uses
from streams.states import States
from vocabulary.identity import SessionId, StationId
from vocabulary.rules import checks_records
from vocabulary.sessions import ChargingSession, Finding, SessionConclusion, doubts_of
from vocabulary.signatures import SignatureChecked

Conclude = Callable[[ChargingSession], tuple[SessionConclusion, ...]]


class Uses:
    """The uses of signed records that a batch works on. `is_free`: that a session was dropped."""

    def __init__(self, memory: Memory, states: States, is_free: Callable[[SessionId], bool]) -> None:
        self._memory, self._states, self._is_free = memory, states, is_free
        self.are_new = False

    def once(self, session: ChargingSession, conclude: Conclude) -> tuple[SessionConclusion, ...]:
        return used_once(session, conclude, self._known, self._is_free)

    def looked_at(self, known: Decided, catalogue: Catalogue) -> Decided:
        if known.closed is None:
            return known
        session = with_doubt(known.closed.session, catalogue, self._known, self._is_free)
        return known._replace(closed=structs.replace(known.closed, session=session))

    def kept(self, station: StationId, told: Iterable[SessionConclusion]) -> list[SessionConclusion]:
        """What is told of a session, and is used from now on. `are_new`: something is; it follows from facts as well as from
        events, so that the states must be saved with it.
        """
        found = [*told]
        for each in found:
            new = with_uses(station, each, self._known) if isinstance(each, SignatureChecked) else {}
            for key, use in new.items():
                self._memory.set(key, use)
            self.are_new |= bool(new)
        return found

    def _known(self, key: str) -> Use | None:
        return self._memory.use(key, self._states)


def used_once(
    session: ChargingSession, conclude: Conclude, known: Known, is_free: Callable[[SessionId], bool]
) -> tuple[SessionConclusion, ...]:
    """What follows from the session."""
    session = without_doubt(session)
    concluded = conclude(session)
    checked = _checked(concluded)
    if checked is None or not is_pair(checked):
        return concluded
    doubt = uses.against(session.station, checked, known, is_free)
    return concluded if doubt is None else conclude(structs.replace(session, doubts=(*doubts_of(session), doubt)))


def with_doubt(
    session: ChargingSession, catalogue: Catalogue, known: Known, is_free: Callable[[SessionId], bool]
) -> ChargingSession:
    """The session as it is to be looked at now, before a person's decision about it is carried out."""
    session, plug = without_doubt(session), catalogue.plug(session.station, session.evse, session.start)
    if plug is None or not session.signed or not checks_records(catalogue.rules):
        return session
    checked = verdicts.check_session(session, plug.evse, names_of(session, catalogue))
    doubt = uses.against(session.station, checked, known, is_free)
    return session if doubt is None else structs.replace(session, doubts=(*doubts_of(session), doubt))


def without_doubt(session: ChargingSession) -> ChargingSession:
    doubts = tuple(doubt for doubt in doubts_of(session) if doubt.finding is not Finding.SIGNED_RECORD_REUSED)
    return session if len(doubts) == len(doubts_of(session)) else structs.replace(session, doubts=doubts or UNSET)


def _checked(concluded: Iterable[SessionConclusion]) -> SignatureChecked | None:
    return next((each for each in concluded if isinstance(each, SignatureChecked)), None)
