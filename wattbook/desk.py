"""The CSMS's desk: what a station is answered, and what it is told of its costs.

    messages ── append, durably ──▶ steps ──▶ decisions (who, which transaction, what it costs) ──▶ answers ── append ──▶ send

A message is durable before it is answered, and its content never delays or refuses the answer. Where the steps themselves
fail, they stop and say so; the desk goes on making messages durable and answering them, only without costs.

Where workers process the messages (`streams.office_runtime`), nothing is concluded of a message yet when it is answered. Costs
are then left out of the answers and told afterwards: the running cost by the clock, the final one when it is recorded. The same
holds while the desk is behind: where a CSMS has handed in many messages at once, no station waits until they are processed.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from ingest.answers import Decisions, PersonalMessage, TokenStatus, answer
from ingest.decode import decode
from ingest.presented import Presented, presented
from streams.assignment import Asked, tariff_at
from streams.catalogue import Catalogue
from streams.embedded_runtime import Input
from streams.log import Stream
from streams.memory import Memory
from streams.session_names import session_id
from streams.sessions import Gathering, last_told
from vocabulary.charging import (
    Direction,
    MeterSampled,
    Protocol,
    RawMessage,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.codec import ReferenceFact, event_id
from vocabulary.decoded import Decoded
from vocabulary.identity import SessionId, StationId, TokenUid, TransactionId
from vocabulary.money import plain
from vocabulary.quarantine import QuarantineReason
from vocabulary.reference import ClockTicked, Contract, Partner
from vocabulary.rules import FIRST
from vocabulary.sessions import Progress
from vocabulary.tariff import Tariff
from wattbook.cost_frames import cost_frame, message_name
from wattbook.costs import Cost, cost_of, final_cost
from wattbook.database import DatabaseError
from wattbook.fact_keys import key_of
from wattbook.prices import price_text
from wattbook.wiring import App, Store

_COUNTER = "counter:transaction"
_LIVE = timedelta(
    hours=24
)  # a session of which nothing was heard for longer, or that was stored offline, has no cost by the clock


class Sent(NamedTuple):
    """A frame for a station, as it goes out."""

    station: StationId
    protocol: Protocol
    frame: str
    security_profile: int | None = None


class Ended(NamedTuple):
    """A session's end that was said, by whom and when; nothing may be concluded of it yet, not even which session it was."""

    station: StationId
    at: datetime
    events: tuple[Decoded, ...]


class Desk:
    """Handles messages batch by batch; not for several threads at once. `say` takes the lines of the server's log."""

    def __init__(self, app: App, say: Callable[..., None]) -> None:
        self._app, self._say = app, say
        self._told: dict[SessionId, Decimal] = {}
        self._ended: list[Ended] = []
        self._steps_stopped = self._steps_wait = False
        self.behind = 0  # messages that were taken in and not processed yet

    def handle(self, messages: Sequence[RawMessage]) -> list[list[str]]:
        """For each message the frames to send to its station, the answer first. All of it is durable when this returns; the
        messages are processed, the answers by `settle`, or with the next messages.
        """
        self._app.runtime.append([Input(Stream.RAW, message.station, message) for message in messages])
        self._take_up(len(messages))
        numbers = self._transaction_numbers(messages)
        with self._app.reading() as store:
            view = self._view(store)
            replies = [list(self._reply(view, message, numbers.get(index))) for index, message in enumerate(messages)]
        now = max((m.received_at for m in messages if m.received_at is not None), default=None)
        self._note(
            [
                Sent(m.station, _protocol(m), f, m.security_profile)
                for m, frames in zip(messages, replies, strict=True)
                for f in frames
            ],
            now,
        )
        return replies

    def record(self, messages: Sequence[RawMessage]) -> list[list[str]]:
        """Make messages durable that others answer; nothing is sent."""
        self._app.runtime.append([Input(Stream.RAW, message.station, message) for message in messages])
        self._take_up(len(messages))
        return [[] for _ in messages]

    def take(self, messages: Sequence[RawMessage]) -> list[bool]:
        """Messages that nobody is answered: durable when this returns, in one transaction; whether each is new. `catch_up` is
        to follow: until then stations are answered without costs, instead of waiting for what others have handed in."""
        appended = self._app.runtime.append([Input(Stream.RAW, message.station, message) for message in messages])
        self.behind += len(messages) if self._app.runtime.concludes_at_once else 0
        return [is_new for _, is_new in appended]

    def catch_up(self, limit: int) -> None:
        """Process so much of what was taken in."""
        processed = self._guarded(lambda tally: self._app.runtime.pump_batch(limit, tally))
        self.behind = max(0, self.behind - processed) if processed else 0

    def tick(self, at: datetime, every: timedelta) -> bool:
        """Note what time it is, unless that was noted within the interval; what is overdue is concluded with what waits."""
        return bool(self.publish([ClockTicked(at=at)], every))

    def publish(self, facts: Sequence[ReferenceFact], tick_after: timedelta = timedelta(0)) -> int:
        """Note facts, and conclude what follows from them with what waits. How many were new."""
        noted = self._app.runtime.publish(facts, key_of, tick_after)
        self._take_up(noted)
        return noted

    def settle(self) -> None:
        """Process the answers that were given last. Until then they wait for what comes next."""
        self._take_up(0)

    def running_costs(self, now: datetime, stations: Sequence[StationId]) -> list[Sent]:
        """What the running sessions of these stations cost by now, where that is no longer what they were last told."""
        return self._told_costs(now, lambda view: self._updates(view, now, stations))

    def final_costs(self, now: datetime) -> list[Sent]:
        """Of the sessions whose end was said when nothing had been concluded of it: what has been since."""
        return self._told_costs(now, lambda view: self._final_costs(view, now))

    def _told_costs(self, now: datetime, costs: "Callable[[View], list[Sent]]") -> list[Sent]:
        self.settle()
        if self._steps_stopped:
            return []
        told, ended = self._told.copy(), self._ended
        with self._app.reading() as store:
            sent = costs(self._view(store))
        try:
            self._note(sent, now)
        except BaseException:  # nothing of it goes out
            self._told, self._ended = told, ended
            raise
        return sent

    def _updates(self, view: "View", now: datetime, stations: Sequence[StationId]) -> list[Sent]:
        rows = view.store.states.running(stations)
        return [update for row in rows if (update := self._update(view, row.session, row.station, now)) is not None]

    def _view(self, store: Store) -> "View":
        runtime = self._app.runtime
        return View(store, runtime.catalogue(), runtime.memory(store.states), self._app.settings.heartbeat_interval_s)

    def _final_costs(self, view: "View", now: datetime) -> list[Sent]:
        sent, waiting = [], []
        for ended in self._ended:
            session = view.session_of(ended.events)
            cost = None if session is None else final_cost(view.store, session)
            if session is None or cost is None:
                waiting += [ended] if now - ended.at < _LIVE else []
                continue
            self._told.pop(session, None)
            transaction = cost.session.transaction or view.transaction_16(ended.station, session)
            if transaction is not None:
                name = message_name(ended.station, session, plain(cost.rated.total), "final")
                sent.append(Sent(ended.station, cost.session.protocol, cost_frame(name, transaction, cost)))
        self._ended = waiting
        return sent

    def _update(self, view: "View", session: SessionId, station: StationId, now: datetime) -> Sent | None:
        said = view.last_said(session)
        cost = view.cost(session, now) if said is not None and timedelta() <= now - said < _LIVE else None
        if cost is None or cost.final or cost.session.offline or self._told.get(session) == cost.rated.total:
            return None
        transaction = cost.session.transaction or view.transaction_16(station, session)
        if transaction is None:
            return None
        self._told[session] = cost.rated.total
        name = message_name(station, session, plain(cost.rated.total), now.isoformat())
        return Sent(station, cost.session.protocol, cost_frame(name, transaction, cost))

    def _reply(self, view: "View", message: RawMessage, number: int | None) -> Iterator[str]:
        """The answer, then what else the station shall know of its costs."""
        assert message.received_at is not None
        call = presented(message.frame, _protocol(message))
        events = view.events(message)
        session = view.session_of(events)
        at_once = self._app.runtime.concludes_at_once and not (self._steps_stopped or self._steps_wait or self.behind)
        cost = view.cost(session) if session is not None and at_once else None
        if not at_once and events and isinstance(events[0], TransactionEnded):
            self._ended.append(Ended(message.station, message.received_at, events))
        decisions = view.decisions(message, call, cost, number)
        has_ended = any(isinstance(event, TransactionEnded) for event in events)
        if session is not None and cost is None and at_once and has_ended and view.is_empty(session):
            decisions = replace(decisions, total_cost=Decimal(0))
        text = answer(_protocol(message), message.frame, message.received_at, decisions)
        if text is None:
            return
        yield text
        if session is not None and cost is not None and self._told.get(session) != cost.rated.total:
            yield from self._push(view, message, events, session, cost)

    def _push(
        self, view: "View", message: RawMessage, events: Sequence[Decoded], session: SessionId, cost: Cost
    ) -> Iterator[str]:
        """1.6 has no field for costs in its answers: they follow as a message of their own. 2.x was told in the answer."""
        assert message.received_at is not None
        if cost.final:
            self._told.pop(session, None)
        else:
            self._told[session] = cost.rated.total
        if _protocol(message) is Protocol.OCPP16 and not isinstance(events[0], TransactionStarted):
            transaction = cost.session.transaction or view.transaction_16(message.station, session)
            if transaction is not None:
                name = message_name(message.station, session, plain(cost.rated.total), message.received_at.isoformat())
                yield cost_frame(name, transaction, cost)

    def _transaction_numbers(self, messages: Sequence[RawMessage]) -> dict[int, int]:
        """The transaction ids of the 1.6 starts among messages: given once per start, the same again for a retry."""
        starts = {i: _start_key(m) for i, m in enumerate(messages) if _is_start_16(m)}
        if not starts:
            return {}
        with self._app.writing() as unit:
            known = unit.states.load([_COUNTER, *starts.values()])
            last, given = int(known.get(_COUNTER, b"0")), {key: int(body) for key, body in known.items() if key != _COUNTER}
            for key in starts.values():
                if key not in given:
                    last += 1
                    given[key] = last
            unit.states.save({key: str(value).encode() for key, value in (given | {_COUNTER: last}).items()})
        return {index: given[key] for index, key in starts.items()}

    def _note(self, sent: Sequence[Sent], now: datetime | None) -> None:
        """What goes out is a fact as well, and durable before it goes."""
        self._app.runtime.append(
            [
                Input(
                    Stream.RAW,
                    station,
                    RawMessage(
                        station=station,
                        frame=frame,
                        direction=Direction.TO_STATION,
                        protocol=protocol,
                        received_at=now,
                        security_profile=profile,
                    ),
                )
                for station, protocol, frame, profile in sent
            ]
        )

    def _take_up(self, messages: int) -> None:
        """Process what there is, unless that is more than a station would wait for."""
        if self.behind:
            self.behind += messages
        else:
            self._guarded(self._pump)

    def _pump(self, tally: Counter[str]) -> int:
        tally.update(self._app.runtime.pump())
        return tally.total()

    def _guarded(self, steps: Callable[[Counter[str]], int]) -> int:
        """What the steps return, which add to the tally; 0 where they failed. Messages that were put aside are told."""
        if self._steps_stopped:
            return 0
        tally = Counter[str]()
        try:
            processed = steps(tally)
        except DatabaseError as error:  # what waits is processed with the next message
            if not self._steps_wait:
                self._say("steps_wait", error=str(error))
            self._steps_wait = True
            return 0
        except Exception as error:  # noqa: BLE001 - the steps may stop; making messages durable and answering may not
            self._steps_stopped = True
            self._say("steps_stopped", error=type(error).__name__, remedy="messages stay durable; stop, mend, start again")
            return 0
        if self._steps_wait:
            self._say("steps_go_on")
        self._steps_wait = False
        if put_aside := tally[f"quarantined: {QuarantineReason.STEPS_FAIL}"]:
            self._say("quarantined", reason=str(QuarantineReason.STEPS_FAIL), messages=put_aside)
        return processed


class View(NamedTuple):
    """What the desk knows at one moment."""

    store: Store
    catalogue: Catalogue
    memory: Memory
    heartbeat_interval_s: int

    def events(self, message: RawMessage) -> tuple[Decoded, ...]:
        """What it tells of charging; what stands beside that, and that its clock was compared, is for the steps."""
        return decode(message, event_id, FIRST)

    def session_of(self, events: Sequence[Decoded]) -> SessionId | None:
        """The session that a message is about; 1.6 messages name it by the transaction that their station is in."""
        match events:
            case [TransactionStarted() as event, *_]:
                return session_id(event)
            case [(TransactionUpdated() | TransactionEnded()) as event, *_] if event.protocol is not Protocol.OCPP16:
                return session_id(event)
            case [(MeterSampled() | TransactionEnded()) as event, *_] if event.protocol is Protocol.OCPP16:
                state = self.memory.station(event.station, self.store.states)
                return next(
                    (s.session for s in reversed(state.sessions) if s.transaction and s.transaction == event.transaction), None
                )
            case _:
                return None

    def cost(self, session: SessionId, until: datetime | None = None) -> Cost | None:
        return cost_of(self.store, self.catalogue, session, until, self.memory)

    def last_said(self, session: SessionId) -> datetime | None:
        """By the station's clock, of a session that runs."""
        state = self.memory.session(session, self.store.states)
        return last_told(state) if isinstance(state, Gathering) else None

    def is_empty(self, session: SessionId) -> bool:
        """Whether no vehicle came: the session is free, which a total that is left out does not say."""
        row = self.store.states.rows([session]).get(session)
        return row is not None and row.progress is Progress.EMPTY

    def transaction_16(self, station: StationId, session: SessionId) -> TransactionId | None:
        state = self.memory.station(station, self.store.states)
        return next((s.transaction for s in state.sessions if s.session == session), None)

    def decisions(self, message: RawMessage, call: Presented | None, cost: Cost | None, number: int | None) -> Decisions:
        """Who, which transaction, and what it costs. A token that nobody holds or that cannot be read is told so; what it
        charges is kept all the same. Of a call that need not bear one, and does not, the answer says nothing.
        """
        assert message.received_at is not None
        holder = self.catalogue.holder(call.token, message.received_at) if call and call.token else None
        known = holder is not None or (call is not None and call.is_for_all)
        asks = call is not None and call.action == "Authorize" and holder is not None
        return Decisions(
            transaction_id=number,
            token_status=TokenStatus.ACCEPTED if known else TokenStatus.UNKNOWN,
            total_cost=cost.rated.total if cost is not None else None,
            personal_message=self._price(message, call.token, holder) if call and call.token and asks and holder else None,
            heartbeat_interval_s=self.heartbeat_interval_s,
        )

    def _price(self, message: RawMessage, token: TokenUid, holder: Contract | Partner) -> PersonalMessage | None:
        """The price that will apply, in the language of the contract."""
        assert message.received_at is not None
        tariff = self._tariff(message, token, holder)
        language = holder.language if isinstance(holder, Contract) else "en"
        return None if tariff is None else PersonalMessage(language, price_text(tariff, language))

    def _tariff(self, message: RawMessage, token: TokenUid, holder: Contract | Partner) -> Tariff | None:
        """That of the station's EVSEs for this token, where they all have the same: Authorize does not name an EVSE."""
        assert message.received_at is not None
        at, plugs = message.received_at, self.catalogue.plugs(message.station, message.received_at)
        offered = [tariff_at(Asked(plug, holder, at, token), at, self.catalogue) for plug in plugs]
        if not plugs and holder.tariff is not None:
            return self.catalogue.tariff(holder.tariff, at)
        return offered[0] if offered and all(tariff == offered[0] for tariff in offered) else None


def _protocol(message: RawMessage) -> Protocol:
    assert message.protocol is not None, "a connection has negotiated its protocol"
    return message.protocol


def _is_start_16(message: RawMessage) -> bool:
    call = presented(message.frame, Protocol.OCPP16) if message.protocol is Protocol.OCPP16 else None
    return call is not None and call.action == "StartTransaction"


def _start_key(message: RawMessage) -> str:
    """The start itself, not the message that carries it; the message where no start can be read in it."""
    started = next((e for e in decode(message, event_id, FIRST) if isinstance(e, TransactionStarted)), None)
    return f"transaction-id:{event_id(started if started is not None else message)}"
