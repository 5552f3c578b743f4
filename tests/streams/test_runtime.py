"""The runtime: how inputs are cut into batches changes nothing, a crash leaves nothing half, what waits is concluded later."""

import base64
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from streams import sessions
from streams.embedded_runtime import CONSUMER, EmbeddedRuntime, Input
from streams.log import Stream
from streams.memory import MOST, Memory, session_key
from streams.said import End
from streams.sessions import Closed, Gathering
from streams.sql_states import SqlStates
from streams.states import PositionMoved
from streams.unit import Unit
from tests.streams.desk import Desk, inputs
from tests.streams.frames import raw
from tests.streams.material import contract, evse, operator, partner, site, tariff
from tests.streams.notation import DAY
from tests.streams.ocmf_meter import OcmfMeter, begin, end, with_flipped_bit
from vocabulary.billing import InvoiceIssued, InvoiceRunRequested
from vocabulary.charging import RawMessage, TransactionUpdated
from vocabulary.codec import ReferenceFact
from vocabulary.identity import EventId, Position, SessionId, StationId, TariffId
from vocabulary.quarantine import QuarantineReason
from vocabulary.reference import RulesAdopted
from vocabulary.rules import RULES
from vocabulary.sessions import (
    Finding,
    Progress,
    SessionClosed,
    SessionFlagged,
    SessionRated,
    doubts_of,
)
from vocabulary.signatures import SignatureChecked, Verdict
from wattbook.database import writing
from wattbook.wiring import VERBS, NotReady, unit_on

METER = OcmfMeter()
HONEST = base64.b64encode(METER.record(begin(1.0), end(6.0)).encode()).decode()
TAMPERED = base64.b64encode(with_flipped_bit(METER.record(begin(1.0), end(6.0)), 1).encode()).decode()

KAI = site(evse(1), evse(2), evse(1, station=StationId("CP2"), evse_id="DE*ABC*E3", meter_keys=(METER.key(),)))
INVOICE_RUN = InvoiceRunRequested(month="2026-10", issued_on=date(2026, 11, 2), requested_at=datetime(2026, 11, 2, tzinfo=UTC))
SECOND_RUN = InvoiceRunRequested(month="2026-10", issued_on=date(2026, 11, 3), requested_at=datetime(2026, 11, 3, tzinfo=UTC))

ORDINARY = """
    CP1  08:42  status SuspendedEV
    CP1  08:00  start 1000  token A
    CP1  08:00  answer 17
    CP1  08:00  start 1000  token A  message m9
    CP1  08:30  meter 3000  tx 17
    CP1  09:00  stop 6000
    CP1  09:00  stop 6000
    CP1  09:00  status Available
"""
SIGNED = f"""
    CP2  08:00  started #0  begin 1000  token A  tx T1  evse 1
    CP2  09:00  ended #2  end 6000  tx T1  signed {HONEST}
    CP2  08:30  updated #1  Charging  tx T1
    CP2  10:00  started #0  begin 1000  token A  tx T2  evse 1
    CP2  11:00  ended #1  end 6000  tx T2  signed {TAMPERED}
"""
NOBODYS = """
    CP1  10:00  start 6000  token X  message m2
    CP1  10:00  answer 18   message m2
    CP1  11:00  stop 8000   tx 18
"""
NOWHERE = """
    CP3  10:00  started #0  begin 0  token A  tx T3  evse 1
    CP3  11:00  ended #1  end 5000  tx T3
"""
TOO_MUCH = """
    CP1  12:00  start 8000   token A  message m3
    CP1  12:00  answer 19    message m3
    CP1  13:00  stop 98000   tx 19
"""
STRANGE = """
    CP1  14:00  stop 98000   tx 99
    CP1  14:00  start 98000  token A  message m4
    CP1  14:00  answer 20    message m4
    CP1  15:00  stop 97000   tx 20
    CP2  16:00  started #0  begin 0  token A  tx T4  evse 1
    CP2  17:00  ended #2  end 5000  tx T4
"""
ROAMING = """
    CP1  18:00  start 97000  token P  message m5
    CP1  18:00  answer 21    message m5
    CP1  19:00  stop 99000   tx 21
"""
NOISE = (
    RawMessage(station=StationId("CP1"), frame='[2,"1","Heartbeat",{}]'),
    RawMessage(station=StationId("CP1"), frame="{"),
    RawMessage(station=StationId("CP1"), frame='[2,"2","StopTransaction",{"timestamp":"2026-10-05T08:00:00Z"}]'),
)


def everything() -> list[Input]:
    """Sessions of all kinds, and the facts that some of them wait for, between two invoice runs."""
    return inputs(
        *(operator(), KAI, contract("A"), tariff(), partner("P", tariff=TariffId("roaming"))),
        *(ORDINARY, *NOISE, SIGNED, NOBODYS, NOWHERE, TOO_MUCH, STRANGE, ROAMING, INVOICE_RUN, ORDINARY),
        contract("X", name="C2"),
        site(evse(1, station=StationId("CP3"), evse_id="DE*ABC*E4"), id="quay"),
        site(*[structs.replace(one, power_w_max=150_000) for one in KAI.site.evses]),
        tariff("0.20", name="roaming"),
        SECOND_RUN,
    )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    opened: list[Desk] = []

    def open_desk(**how: Any) -> Desk:
        opened.append(Desk(tmp_path / f"{len(opened)}.db", **how))
        return opened[-1]

    yield open_desk
    for one in opened:
        one.engine.dispose()


def worked_through(desk: Desk, given: list[Input]) -> Desk:
    desk.runtime.append(given)
    desk.runtime.pump()
    return desk


def found(desk: Desk, kind: type) -> list[Any]:
    return [event for event in desk.said(Stream.CONCLUSIONS) if isinstance(event, kind)]


def progress(desk: Desk) -> list[str]:
    """Where each session stands, and why, by transaction."""
    rows = sorted(desk.rows(), key=lambda row: row.transaction or "~")
    return [f"{row.transaction} {row.progress} {row.finding or ''}".strip() for row in rows]


# What comes of it all


def test_sessions_of_all_kinds_come_to_where_they_belong(desk: Callable[..., Desk]) -> None:
    done = worked_through(desk(), everything())
    assert progress(done) == [
        "17 invoiced",
        "18 invoiced",
        "19 invoiced",
        "20 flagged meter_register_went_backwards",
        "21 rated",
        "T1 invoiced",
        "T2 held meter_signature_failed",
        "T3 invoiced",
        "T4 ended",
        "None flagged transaction_ended_without_start",
    ]
    assert [checked.verdict for checked in found(done, SignatureChecked)].count(Verdict.FAILED) == 1


def test_a_session_on_which_the_steps_fail_as_a_fact_comes_waits_for_the_next_one_and_stops_no_other(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = worked_through(desk(), inputs(operator(), KAI, contract("A"), tariff(), ORDINARY, NOBODYS, NOWHERE))
    assert progress(opened)[:2] == ["17 rated", "18 flagged token_belongs_to_no_contract_or_partner"]
    with monkeypatch.context() as broken:
        broken.setattr("streams.batch.conclude", fail)
        worked_through(opened, inputs(contract("X", name="C2")))
    [flagged] = [one for one in found(opened, SessionFlagged) if one.finding is Finding.STEPS_FAIL]
    assert flagged.detail == "KeyError in tests.streams.test_runtime.fail", "and not what it quotes"
    assert progress(opened) == [
        "17 rated",
        "18 flagged steps_fail_on_the_session",
        "T3 flagged evse_is_not_in_the_reference_data",
    ]
    worked_through(opened, inputs(tariff("0.31", name="another")))
    assert progress(opened)[1] == "18 rated"


def test_a_charge_that_cannot_be_posted_as_a_fact_comes_is_not_written_either(desk: Callable[..., Desk]) -> None:
    opened = worked_through(desk(), inputs(operator(), KAI, tariff(), ORDINARY))
    opened.runtime._verbs = VERBS._replace(post=fail)
    worked_through(opened, inputs(contract("A")))
    assert progress(opened) == ["17 flagged steps_fail_on_the_session"]
    assert [opened.tables()[name] for name in ("entry", "posting", "balance")] == [[], [], []]
    opened.runtime._verbs = VERBS
    worked_through(opened, inputs(contract("A", name="C9")))
    assert progress(opened) == ["17 rated"]


@pytest.mark.parametrize("fails", ["post", "draw_up"])
def test_an_invoice_that_cannot_be_posted_is_left_out_and_the_others_are_issued(desk: Callable[..., Desk], fails: str) -> None:
    opened = worked_through(
        desk(), inputs(operator(), KAI, contract("A"), contract("X", name="C0"), tariff(), ORDINARY, NOBODYS)
    )

    def post(of: Any) -> Any:
        return fail() if isinstance(of, InvoiceIssued) and of.invoice.contract == "C0" else VERBS.post(of)

    def draw_up(request: Any, billables: Any, *rest: Any) -> Any:
        return fail() if any(each.rated.contract == "C0" for each in billables) else VERBS.draw_up(request, billables, *rest)

    opened.runtime._verbs = VERBS._replace(**{fails: {"post": post, "draw_up": draw_up}[fails]})
    worked_through(opened, inputs(INVOICE_RUN))
    assert [issued.invoice.contract for issued in found(opened, InvoiceIssued)] == ["C1"]
    assert progress(opened)[:2] == ["17 invoiced", "18 rated"]
    [flagged] = [one for one in found(opened, SessionFlagged) if one.finding is Finding.STEPS_FAIL]
    assert flagged.detail.startswith("KeyError in tests.streams.test_runtime.fail; left out of the run of ")
    opened.runtime._verbs = VERBS
    worked_through(opened, inputs(SECOND_RUN))
    assert progress(opened)[:2] == ["17 invoiced", "18 invoiced"]
    numbers = [issued.invoice.number for issued in found(opened, InvoiceIssued)]
    assert [number[-1] for number in numbers] == ["1", "2"], "without a gap"


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_a_message_on_which_the_steps_fail_goes_into_quarantine_and_stops_no_other(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    step = sessions.step

    def failing(state: Any, event: Any, *rest: Any) -> Any:
        return fail() if isinstance(event, TransactionUpdated) else step(state, event, *rest)

    monkeypatch.setattr("streams.sessions.step", failing)
    both = "\n".join(f"CP1 08:1{n} updated #{n} sample 1{n}00 tx T7 evse 1" for n in (1, 2))
    around = ("CP1 08:00 started #0 begin 1000 token A tx T7 evse 1", "CP1 09:00 ended #3 end 6000 tx T7 evse 1")
    opened = desk(batch=batch)
    given = inputs(operator(), KAI, contract("A"), tariff(), around[0], both, around[1], ORDINARY)
    worked_through(opened, given)
    assert progress(opened) == ["17 rated", "T7 ended"]
    put_aside = opened.said(Stream.QUARANTINE)
    assert [(each.reason, each.detail) for each in put_aside] == [
        (QuarantineReason.STEPS_FAIL, "KeyError in tests.streams.test_runtime.fail")
    ] * 2
    messages = opened.said(Stream.RAW)
    assert [each.value.text for each in put_aside] == [message.frame for message in messages if "Updated" in message.frame]
    before = opened.tables()
    worked_through(opened, given)
    assert opened.tables() == before


@pytest.mark.parametrize("apart", [1, 10], ids=["every other message", "one in eleven"])
def test_many_messages_on_which_the_steps_fail_do_not_have_the_others_done_again_for_each(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, apart: int
) -> None:
    step, decoded = sessions.step, Counter[str]()

    def failing(state: Any, event: Any, *rest: Any) -> Any:
        return fail() if isinstance(event, TransactionUpdated) else step(state, event, *rest)

    def decode(raw: RawMessage, *rest: Any) -> Any:
        decoded[raw.frame] += 1
        return VERBS.decode(raw, *rest)

    monkeypatch.setattr("streams.sessions.step", failing)
    told = [f"CP1 08:00 started #0 begin 1000 token A tx T{n} evse 1" for n in range(400)]
    told = [line if n % apart else f"{line}\nCP1 08:10 updated #1 sample 1100 tx T{n} evse 1" for n, line in enumerate(told)]
    opened = desk()
    opened.runtime._verbs = VERBS._replace(decode=decode)
    worked_through(opened, inputs(operator(), KAI, contract("A"), tariff(), *told))
    assert len(opened.said(Stream.QUARANTINE)) == 400 // apart
    assert len(progress(opened)) == 400
    assert decoded.total() < 10 * len(decoded), "each a few times, and not once more for each of 40 or 400 mistakes after it"


def test_where_comparing_a_session_with_others_fails_it_waits_and_stops_no_other(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("streams.meters.step", fail)
        opened = worked_through(desk(), inputs(RulesAdopted(number=RULES), operator(), KAI, contract("A"), tariff(), ORDINARY))
        assert progress(opened) == ["17 flagged steps_fail_on_the_session"]
        worked_through(opened, inputs(contract("X", name="C9")))
        assert progress(opened) == ["17 flagged steps_fail_on_the_session"], "nobody has compared it yet"
        assert [closed.revision for closed in found(opened, SessionClosed)] == [0]
    worked_through(opened, inputs(tariff("0.31", name="another")))
    assert progress(opened) == ["17 rated"], "the next fact compares it, where the mistake is mended"
    assert [(closed.revision, doubts_of(closed.session)) for closed in found(opened, SessionClosed)][1:] == [(1, ())]
    worked_through(opened, inputs(tariff("0.32", name="another")))
    assert len(found(opened, SessionClosed)) == 2
    assert not opened.said(Stream.QUARANTINE)


def fail(*_: object) -> Any:
    raise KeyError("token 04A2B3C4D5E680")


def test_a_failed_signature_is_held_back_from_the_invoice_and_its_reason_is_told(desk: Callable[..., Desk]) -> None:
    done = worked_through(desk(), inputs(operator(), KAI, contract("A"), tariff(), SIGNED, INVOICE_RUN))
    [good, failed] = found(done, SignatureChecked)
    assert (good.verdict, failed.verdict) == (Verdict.VERIFIED, Verdict.FAILED)
    [invoice] = [issued.invoice for issued in found(done, InvoiceIssued)]
    assert [(line.session, line.signature) for line in invoice.sessions] == [(good.session, good)]
    signed = [f for f in found(done, SessionFlagged) if f.finding is not Finding.REGISTER_LOWER]
    assert [(f.session, f.finding, f.detail) for f in signed] == [
        (failed.session, Finding.SIGNATURE_FAILED, "signature_does_not_match_the_registered_key")
    ]


def test_the_same_import_twice_changes_nothing(desk: Callable[..., Desk]) -> None:
    done = worked_through(desk(), everything())
    before = done.tables()
    worked_through(done, everything())
    assert done.tables() == before


# Batches


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_how_inputs_are_cut_into_batches_changes_nothing(desk: Callable[..., Desk], batch: int) -> None:
    whole, cut = (worked_through(desk(batch=size), everything()) for size in (1000, batch))
    assert cut.streams() == whole.streams()
    for table in ("state", "entry", "posting", "balance", "position"):
        assert cut.tables()[table] == whole.tables()[table]
    assert [_without_positions(row) for row in cut.rows()] == [_without_positions(row) for row in whole.rows()]


def _without_positions(row: Any) -> Any:
    return row._replace(closed_at=None, checked_at=None, rated_at=None)


def test_positions_in_the_index_name_the_conclusions(desk: Callable[..., Desk]) -> None:
    done = worked_through(desk(batch=3), everything())
    kinds = {"closed_at": SessionClosed, "checked_at": SignatureChecked, "rated_at": SessionRated}
    with done.runtime._writing() as unit:
        from vocabulary.codec import decode

        at = {s.position: decode(s.body) for s in unit.log.read([Stream.CONCLUSIONS], Position(0), 10_000)}
    for row in done.rows():
        for name, kind in kinds.items():
            position = getattr(row, name)
            assert position is None or isinstance(at[position], kind)


def test_a_runtime_that_is_opened_anew_goes_on_where_the_last_one_was(desk: Callable[..., Desk]) -> None:
    whole = worked_through(desk(), everything())
    resumed = desk()
    for one in everything():
        runtime = resumed.another_runtime()
        runtime.append([one])
        runtime.pump()
    assert _by_content(resumed) == _by_content(whole)


def _by_content(desk: Desk) -> dict[Stream, list[tuple[Any, ...]]]:
    """Without causes: inputs that come one by one stand at other positions than inputs that come together."""
    return {stream: [(told.id, told.key, told.body) for told in said] for stream, said in desk.streams().items()}


def test_raw_messages_that_are_shuffled_within_what_ocpp_allows_give_the_same_sessions(desk: Callable[..., Desk]) -> None:
    facts = (operator(), KAI, contract("A"), tariff())
    lines = ORDINARY.strip().splitlines()
    early = "\n".join([lines[0], lines[-1], *lines[1:-1]])
    signed = SIGNED.strip().splitlines()
    results = [
        worked_through(desk(), inputs(*given))
        for given in (
            (*facts, ORDINARY, SIGNED),
            (*facts, SIGNED, ORDINARY, SIGNED),
            ("\n".join(reversed(signed)), early, *facts),
            (ORDINARY, *facts, "\n".join(signed[::2]), "\n".join(signed[1::2])),
        )
    ]
    first, *others = [
        {kind: {repr(event) for event in found(done, kind)} for kind in (SessionClosed, SessionRated, SignatureChecked)}
        for done in results
    ]
    assert len(first[SessionClosed]) == 3
    assert all(other == first for other in others)


# Crashes


class Crash(Exception):
    """The process dies here."""


class Crashing:
    """A port that counts every call of every verb, over all ports of all units, and crashes at one: before it or after it."""

    def __init__(self, port: object, plan: "Plan") -> None:
        self._port, self._plan = port, plan

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._port, name)

        def counted(*given: Any) -> Any:
            self._plan.tick()
            result = verb(*given)
            self._plan.tick()
            return result

        return counted


class Plan:
    """At which of the coming operations to crash; 0: at none."""

    def __init__(self) -> None:
        self.crash_in = 0

    def tick(self) -> None:
        self.crash_in -= 1
        if self.crash_in == 0:
            raise Crash

    def wrap(self, unit: Unit) -> Unit:
        return Unit(*(Crashing(port, self) for port in unit))


SHORT = """
    CP1  08:00  start 1000  token A
    CP1  08:00  answer 17
    CP1  08:30  meter 3000  tx 17
    CP1  09:00  stop 6000
    CP2  08:00  started #0  begin 1000  token A  evse 1
    CP2  09:00  ended #1  end 6000
"""


def test_a_crash_at_any_operation_leaves_whole_batches_and_what_comes_after_it_is_the_same(desk: Callable[..., Desk]) -> None:
    """One process that crashes at the first operation, then at the second, and so on through every batch."""
    given = inputs(operator(), KAI, tariff(), SHORT, contract("A"), INVOICE_RUN)
    undisturbed = worked_through(desk(batch=4), given)
    opened, plan, crashes = desk(batch=4), Plan(), 0
    opened.runtime.append(given)
    crashing = opened.another_runtime(batch=4, wrap=plan.wrap)
    for done in range(0, len(given), 4):
        before = opened.tables()
        for plan.crash_in in count(1):
            crash_in = plan.crash_in
            try:
                assert crashing._pump_batch(Counter()) == min(4, len(given) - done)
                break
            except Crash:
                assert opened.tables() == before, f"crash at operation {crash_in}"
                crashes += 1
    assert crashes > 40, "every operation of every batch had its crash"
    assert opened.tables() == undisturbed.tables()


def test_a_crash_at_the_commit_leaves_whole_batches_too(desk: Callable[..., Desk]) -> None:
    """Everything is written, and then the transaction ends otherwise."""
    given = inputs(operator(), KAI, contract("A"), tariff(), SHORT)
    opened = desk()
    opened.runtime.append(given)
    before = opened.tables()

    @contextmanager
    def unit_that_never_commits() -> Iterator[Unit]:
        with writing(opened.engine) as connection:
            yield unit_on(connection)
            raise Crash

    runtime = EmbeddedRuntime(unit_that_never_commits, VERBS)
    for _ in range(2):
        with pytest.raises(Crash):
            runtime.pump()
        assert opened.tables() == before
    opened.runtime.pump()
    assert opened.tables() == worked_through(desk(), given).tables()


# Commands


def test_a_command_is_carried_out_with_all_that_stands_before_it(desk: Callable[..., Desk]) -> None:
    facts = inputs(operator(), KAI, contract("A"), tariff(), ORDINARY)
    ordered, carried_out = worked_through(desk(batch=4), [*facts, *inputs(INVOICE_RUN)]), desk(batch=4)
    carried_out.runtime.append(facts)
    tally = carried_out.runtime.carry_out(*inputs(INVOICE_RUN)).tally
    assert tally["invoices"] == 1
    assert _by_content(carried_out) == _by_content(ordered)
    assert progress(carried_out) == progress(ordered) == ["17 invoiced"]


def test_a_command_that_fails_leaves_no_trace_and_stops_nothing(desk: Callable[..., Desk]) -> None:
    """Without an operator nobody can issue an invoice."""
    opened = worked_through(desk(), inputs(KAI, contract("A"), tariff(), ORDINARY))
    before = opened.tables()
    with pytest.raises(NotReady):
        opened.runtime.carry_out(*inputs(INVOICE_RUN))
    assert opened.tables() == before
    worked_through(opened, inputs(operator()))
    assert opened.runtime.carry_out(*inputs(INVOICE_RUN)).tally["invoices"] == 1


# One owner


def test_a_position_that_another_owner_moved_stops_this_one(desk: Callable[..., Desk]) -> None:
    opened = desk()
    opened.runtime.append(inputs(operator(), KAI, contract("A"), tariff(), SHORT))

    class Overtaken:
        """States whose position is moved by someone else between our reading and our writing it."""

        def __init__(self, states: SqlStates) -> None:
            self._states = states

        def __getattr__(self, name: str) -> Any:
            return getattr(self._states, name)

        def position(self, consumer: str) -> Position:
            seen = self._states.position(consumer)
            self._states.move(consumer, seen, Position(seen + 1))
            return seen

    slow = opened.another_runtime(wrap=lambda unit: unit._replace(states=Overtaken(unit.states)))  # type: ignore[arg-type]
    before = opened.tables()
    with pytest.raises(PositionMoved):
        slow.pump()
    assert opened.tables() == before


def test_two_runtimes_over_one_database_may_take_turns(desk: Callable[..., Desk]) -> None:
    """Neither acts on what it remembers from before the other's turn: not on states, and not on reference facts."""
    given = inputs(operator(), KAI, contract("A"), tariff(), SHORT, ORDINARY, SIGNED, tariff("0.50"), NOBODYS, contract("X"))
    whole, opened = desk(), desk()
    turns = [opened.another_runtime(), opened.another_runtime()]
    for number, one in enumerate(given):
        worked_through(whole, [one])
        turns[number % 2].append([one])
        turns[number % 2].pump()
    assert opened.tables() == whole.tables()


@pytest.mark.parametrize("moved_to", [1, 7])
def test_the_position_is_compared_before_it_is_set(desk: Callable[..., Desk], moved_to: int) -> None:
    with writing(desk().engine) as connection:
        states = SqlStates(connection)
        assert states.position(CONSUMER) == 0
        states.move(CONSUMER, Position(0), Position(moved_to))
        assert states.position(CONSUMER) == moved_to
        for expected in (0, moved_to - 1, moved_to + 1):
            if expected != moved_to:
                with pytest.raises(PositionMoved):
                    states.move(CONSUMER, Position(expected), Position(9))
        states.move(CONSUMER, Position(moved_to), Position(9))
        assert (states.position(CONSUMER), states.position("another")) == (9, 0)


# What waits for reference data


@pytest.mark.parametrize(
    ("given", "waits_for", "then"),
    [
        pytest.param((KAI, tariff()), Finding.TOKEN_UNKNOWN, contract("A"), id="a contract"),
        pytest.param((KAI, tariff()), Finding.TOKEN_UNKNOWN, partner("A"), id="a partner"),
        pytest.param((contract("A"), tariff()), Finding.EVSE_UNKNOWN, KAI, id="a site"),
        pytest.param((KAI, contract("A")), Finding.TARIFF_MISSING, tariff(), id="a tariff"),
        pytest.param(
            (KAI, tariff(), contract("A", tariff=TariffId("none"))),
            Finding.TARIFF_MISSING,
            contract("A"),
            id="a contract with another tariff",
        ),
        pytest.param(
            (site(evse(1, tariff=TariffId("none"))), tariff(), contract("A")),
            Finding.TARIFF_MISSING,
            KAI,
            id="an EVSE with another tariff",
        ),
        pytest.param(
            (site(evse(1, power_w_max=1000)), tariff(), contract("A")),
            Finding.ENERGY_IMPLAUSIBLE,
            KAI,
            id="an EVSE with more power",
        ),
    ],
)
def test_a_session_that_waits_is_concluded_when_the_fact_comes(
    desk: Callable[..., Desk], given: tuple[Any, ...], waits_for: Finding, then: Any
) -> None:
    waiting = worked_through(desk(), inputs(operator(), *given, ORDINARY))
    [row] = waiting.rows()
    assert (row.progress, row.finding) == (Progress.FLAGGED, waits_for)
    worked_through(waiting, inputs(then))
    [row] = waiting.rows()
    assert (row.progress, row.finding) == (Progress.RATED, None)
    [rated] = found(waiting, SessionRated)
    assert (row.total, row.currency) == (rated.rated.total, "EUR")


def test_a_session_may_wait_for_one_thing_after_the_other_and_for_the_first_again(desk: Callable[..., Desk]) -> None:
    """The worklist shows what is missing now, also where it was missing before."""
    later = datetime(2026, 1, 2, tzinfo=UTC)
    waiting = worked_through(desk(), inputs(operator(), ORDINARY))
    steps: dict[ReferenceFact, Finding | None] = {
        site(evse(1, tariff=TariffId("none"))): Finding.TOKEN_UNKNOWN,
        contract("A"): Finding.TARIFF_MISSING,
        contract("B", valid_from=later): Finding.TOKEN_UNKNOWN,
        contract("A", valid_from=later, language="de"): Finding.TARIFF_MISSING,
        tariff(name="none"): None,
    }
    assert [row.finding for row in waiting.rows()] == [Finding.EVSE_UNKNOWN]
    for fact, finding in steps.items():
        worked_through(waiting, inputs(fact))
        assert [row.finding for row in waiting.rows()] == [finding]


def test_a_fact_that_changes_nothing_says_nothing_twice(desk: Callable[..., Desk]) -> None:
    waiting = worked_through(desk(), inputs(operator(), KAI, tariff(), ORDINARY))
    worked_through(waiting, inputs(contract("B"), contract("C", name="C3")))
    assert [f.finding for f in found(waiting, SessionFlagged)] == [Finding.TOKEN_UNKNOWN]


def test_what_is_rated_stays_as_it_was_rated(desk: Callable[..., Desk]) -> None:
    done = worked_through(desk(), inputs(operator(), KAI, contract("A"), tariff("0.30"), ORDINARY))
    before = done.streams()[Stream.CONCLUSIONS]
    worked_through(done, inputs(tariff("9.99"), contract("A", language="de")))
    assert done.streams()[Stream.CONCLUSIONS] == before


# Memory


def test_memory_forgets_what_is_closed_and_what_was_not_touched_longest() -> None:
    memory = Memory()
    end = End(1, DAY, EventId("e"), None, "Local")
    for number in range(MOST + 10):
        session = SessionId(f"{number}")
        memory.set(session_key(session), Gathering(session=session, station=StationId("CP1")))
    memory.set(session_key(SessionId("closed")), Closed(session=SessionId("closed"), start=DAY, end=end))
    memory.set(session_key(SessionId("0")), Gathering(session=SessionId("0"), station=StationId("CP2")))
    memory.changed()
    memory.forget(closed=True)
    assert len(memory._known) == MOST
    assert session_key(SessionId("0")) in memory._known
    assert session_key(SessionId("1")) not in memory._known


def test_a_runtime_remembers_running_sessions_and_stations_only(desk: Callable[..., Desk]) -> None:
    done = worked_through(desk(batch=5), [*inputs(RulesAdopted(number=RULES)), *everything()])
    known = done.runtime._memory._known
    assert {type(state).__name__ for state in known.values()} == {"Gathering", "MetersState", "StationState"}


def test_an_append_that_the_log_already_holds_keeps_its_place(desk: Callable[..., Desk]) -> None:
    opened, given = desk(), inputs(operator(), SHORT)
    first = opened.runtime.append(given)
    again = opened.runtime.append(given)
    assert [a.position for a in again] == [a.position for a in first]
    assert [a.is_new for a in again] == [False] * len(given)


@pytest.mark.parametrize("day", ["0001-01-01", "1970-01-01", "9999-12-31"])
def test_a_clock_that_is_far_out_crashes_nothing_and_bills_nothing(desk: Callable[..., Desk], day: str) -> None:
    frames = [
        RawMessage(station=StationId("CP2"), frame=raw("CP2", line).frame.replace("2026-10-05", day))
        for line in ("00:00 started #0 begin 0 token A evse 1", "23:59:59 ended #1 end 500")
    ]
    done = worked_through(desk(), inputs(operator(), KAI, contract("A"), tariff(), *frames))
    assert [row.progress for row in done.rows()] == [Progress.FLAGGED]
