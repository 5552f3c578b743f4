"""What is known of a session beside what it comes to: its findings, and what was told of one that is not concluded.

A person decides by it, and nothing else does: no bill is made of it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

from msgspec import Struct, structs

from streams import session_names, sessions
from streams.log import Stream
from streams.memory import Memory
from streams.places import OFFICE
from streams.registers import BEGIN, END, Register, last_of, registers
from streams.states import SessionRow
from streams.station_states import lost_session
from vocabulary.charging import TransactionEnded, TransactionStarted, TransactionUpdated
from vocabulary.codec import Event, decode
from vocabulary.identity import Position, SessionId, TokenUid
from vocabulary.sessions import (
    BLOCKING,
    HOLDING,
    ChargingSession,
    Finding,
    Progress,
    SessionFlagged,
    SessionMerged,
    doubts_of,
)
from wattbook.wiring import Store


class Told(Struct, frozen=True, kw_only=True):
    """What messages told of a session that is not concluded; None: not told, or not kept. `missing`: gaps in its sequence
    numbers, each as its first and its last. `last_wh`: the last value of the register. `into`: the session whose end it was.
    """

    transaction: str | None = None
    evse: int | None = None
    connector: int | None = None
    token: TokenUid | None = None
    token_type: str | None = None
    ended_by: TokenUid | None = None  # of an end without its start: who ended it, which need not be who charged
    start: datetime | None = None
    end: datetime | None = None
    begin_wh: Decimal | None = None
    end_wh: Decimal | None = None
    last_wh: Decimal | None = None
    last_at: datetime | None = None
    stop_reason: str | None = None
    missing: tuple[tuple[int, int], ...] = ()
    into: SessionId | None = None


class Found(Struct, frozen=True, kw_only=True):
    """A finding with its evidence. `holds` False: it blocked or held the session before, and does no more."""

    finding: Finding
    detail: str
    holds: bool


class Evidence(Struct, frozen=True, kw_only=True):
    """`findings` in order of precedence. `told` None: the session is concluded, and says it itself."""

    findings: tuple[Found, ...]
    told: Told | None


def evidence(store: Store, row: SessionRow, concluded: ChargingSession | None) -> Evidence:
    about = list(_conclusions(store, row))
    into = next((each.into for each, _ in about if isinstance(each, SessionMerged)), None)
    told = None if concluded else structs.replace(_told(store, row), into=into)
    flagged = [(each.finding, each.detail, is_since) for each, is_since in about if isinstance(each, SessionFlagged)]
    noticed = [(doubt.finding, doubt.detail, True) for doubt in (doubts_of(concluded) if concluded else ())]
    return Evidence(findings=tuple(_in_order(row, [*noticed, *flagged])), told=told)


class Ends:
    """Ends without a start, which wait for it: of OCPP 1.6 as the states of their stations remember them."""

    def __init__(self, store: Store) -> None:
        self._states, self._memory = store.states, Memory()

    def with_end(self, row: SessionRow) -> SessionRow:
        """The row with the transaction and the time of its end, where it is such an end and remembered."""
        if row.finding is Finding.END_WITHOUT_START and (end := self.of(row)):
            return row._replace(transaction=end.transaction, end=end.at)
        if row.progress is Progress.ENDED and row.start is None:
            state = self._memory.session(row.session, self._states)
            return row._replace(end=state.ends[0].at) if isinstance(state, sessions.Gathering) and state.ends else row
        return row

    def of(self, row: SessionRow) -> TransactionEnded | None:
        waiting = self._memory.station(row.station, self._states).orphans
        ends = (each for each in waiting if isinstance(each, TransactionEnded))
        return next((end for end in ends if lost_session(end) == row.session), None)


def _conclusions(store: Store, row: SessionRow) -> Iterator[tuple[Event, bool]]:
    """Of its own lane, and of the office's, whose invoice runs leave sessions out; and whether each was concluded since the
    charge that waits for an invoice.
    """
    own = store.states.lane_of(row.session)
    for lane in dict.fromkeys((own, OFFICE)):
        for stored in store.lanes[lane].about(Stream.CONCLUSIONS, row.session, Position(0)):
            is_since = row.rated_at is not None and (lane != own or stored.position > row.rated_at)
            yield decode(stored.body), is_since and row.progress is Progress.RATED


def _in_order(row: SessionRow, told: Iterable[tuple[Finding, str, bool]]) -> Iterator[Found]:
    precedence, found = list(Finding), dict[tuple[Finding, str], bool]()
    for finding, detail, holds in told:
        informs = finding not in BLOCKING | HOLDING
        found[finding, detail] = found.get((finding, detail), False) or holds or informs or finding is row.finding
    for finding, detail in sorted(found, key=lambda each: precedence.index(each[0])):
        yield Found(finding=finding, detail=detail, holds=found[finding, detail])


def _told(store: Store, row: SessionRow) -> Told:
    known = Told(transaction=row.transaction, evse=row.evse, start=row.start, end=row.end)
    match Memory().session(row.session, store.states):
        case sessions.Gathering() as state:
            return _of_gathering(known, state)
        case sessions.Closed() as state:
            return _of_gathering(known, _gathered_again(store, row, state))
        case None:
            end = Ends(store).of(row)
            return _of_end(known, end) if end else known


def _of_gathering(known: Told, state: sessions.Gathering) -> Told:
    """Also of one that contradicts itself: what was told, and not what would be concluded of it."""
    end = sessions.end_of(state) or next(iter(state.ends), None)
    tokens = [said.token for said in state.said if said.token is not None]
    _, token, token_type = min(tokens, key=lambda told: told[0], default=(None, None, None))
    begin = state.start.meter_wh if state.start else None
    told = [register for said in state.said for register in said.registers]
    last = last_of(told)
    return structs.replace(
        known,
        transaction=state.transaction or known.transaction,
        evse=known.evse if known.evse is not None else sessions.evse_of(state),
        connector=next((said.connector for said in state.said if said.connector is not None), None),
        token=token,
        token_type=token_type,
        start=state.start.at if state.start else known.start,
        end=end.at if end else known.end,
        begin_wh=_labelled(told, BEGIN) if begin is None else begin,
        end_wh=_labelled(told, END) if end is None or end.meter_wh is None else end.meter_wh,
        last_wh=last.wh if last else None,
        last_at=last.at if last else None,
        stop_reason=end.reason if end else None,
        missing=sessions.missing_seqs(state),
    )


def _gathered_again(store: Store, row: SessionRow, closed: sessions.Closed) -> sessions.Gathering:
    """What a session that was concluded without an energy was told: its state has forgotten it, and the log has it. Of OCPP 1.6
    the start and the end.
    """
    state = sessions.Gathering(session=row.session, station=row.station, transaction=closed.transaction)
    for stored in store.lanes[store.states.lane_of(row.session)].about(Stream.EVENTS, row.station, Position(0)):
        event = decode(stored.body)
        if isinstance(event, TransactionStarted | TransactionUpdated | TransactionEnded) and _is_of(event, row.session):
            state = sessions.gather(state, event)
    return state if state.ends else structs.replace(state, ends=(closed.end,))


def _is_of(event: TransactionStarted | TransactionUpdated | TransactionEnded, session: SessionId) -> bool:
    return session_names.session_id(event) == session


def _of_end(known: Told, end: TransactionEnded) -> Told:
    told = end.meter_stop_wh
    return structs.replace(
        known,
        transaction=end.transaction,
        ended_by=end.token,
        end=end.at,
        end_wh=_labelled(registers(end.samples), END) if told is None else told,
        stop_reason=end.reason,
    )


def _labelled(told: Iterable[Register], context: str) -> Decimal | None:
    return next((register.wh for register in told if register.context == context), None)
