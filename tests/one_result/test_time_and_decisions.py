"""Ticks and decisions among the messages: the runtime does what the fold does, and the books follow the last charge."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.captures import read_line
from ledger.post import post
from tests.one_result.digests import Result, assert_same
from tests.one_result.network import STATIONS, corrected, facts
from tests.one_result.pure_fold import Input, PureFold, fold
from tests.one_result.traffic import sequences
from tests.one_result.ways import RUN, embedded, once
from vocabulary.billing import Entry
from vocabulary.charging import Protocol, RawMessage
from vocabulary.codec import decode, decode_entry
from vocabulary.identity import SessionId
from vocabulary.reference import ClockTicked, Decision, RulesAdopted, SessionDecided
from vocabulary.rules import RULES
from vocabulary.sessions import (
    ChargeReversed,
    Finding,
    ReversalReason,
    SessionClosed,
    SessionDropped,
    SessionFlagged,
    SessionRated,
)

BEGIN = datetime(2026, 10, 1, 6, tzinfo=UTC)


@st.composite
def stories(draw: st.DrawFn) -> list[Input]:
    """Messages, with ticks that never go back, decisions about sessions of them, a late contract, a corrected tariff and an
    invoice run between.
    """
    messages: list[Input] = [*draw(sequences(rounds_max=1, stations_max=3))]
    sessions = sorted(PureFold().tell([*facts()[0], *messages]).sessions())
    between: list[Input] = [*facts()[1]]
    at = BEGIN
    for hours in draw(st.lists(st.sampled_from([1, 10, 30, 80, 4000]), max_size=4)):
        at += timedelta(hours=hours)
        between.append(ClockTicked(at=at))
    chosen = draw(st.lists(st.sampled_from(sessions), max_size=4)) if sessions else []
    for number, session in enumerate(chosen):
        decision = draw(st.sampled_from(Decision))
        between.insert(
            draw(st.integers(0, len(between))),
            SessionDecided(session=SessionId(session), decision=decision, reason=f"reason {number}", at=BEGIN),
        )
    for each in (RUN, corrected()):
        if draw(st.booleans()):
            between.insert(draw(st.integers(0, len(between))), each)
    places = sorted(draw(st.integers(0, len(messages))) for _ in between)
    for place, each in reversed(list(zip(places, between, strict=True))):
        messages.insert(place, each)
    adopted = [RulesAdopted(number=RULES)] if draw(st.booleans()) else []
    return [*facts()[0], *adopted, *messages]


@settings(max_examples=30, deadline=None)
@given(stories(), st.sampled_from([1, 7, 100]))
def test_the_runtime_concludes_what_the_fold_does(story: list[Input], batch: int) -> None:
    assert_same(fold(once(story)), embedded(story, batch), "the embedded runtime")


def said(station: str, transaction: str, number: int, at: str, wh: int) -> RawMessage:
    body = {
        "eventType": "Updated" if number else "Started",
        "timestamp": f"2026-10-01T{at}:00Z",
        "triggerReason": "MeterValuePeriodic",
        "seqNo": number,
        "transactionInfo": {"transactionId": transaction},
        "evse": {"id": 1, "connectorId": 1},
        "idToken": {"idToken": "TOKEN-A", "type": "Central"},
        "meterValue": [{"timestamp": f"2026-10-01T{at}:00Z", "sampledValue": [{"value": wh}]}],
    }
    line = f'2026-10-01T{at}:00Z {station} > [2,"{transaction}{number}","TransactionEvent",{json.dumps(body)}]'
    read = read_line(line.encode(), 1)
    assert isinstance(read, RawMessage)
    return read


def test_sessions_that_one_tick_concludes_are_compared_in_the_order_of_their_starts() -> None:
    """Not in that of their ids: the same register twice is billed in the first, and held in the second."""
    stations = sorted(station for station, protocol in STATIONS.items() if protocol is Protocol.OCPP201)
    messages = [
        said(station, f"{name} {station}", number, at, wh)
        for station in stations
        for name, number, at, wh in (
            ("b", 0, "08:00", 0),
            ("b", 1, "09:00", 9000),
            ("a", 0, "08:30", 0),
            ("a", 1, "09:30", 9500),
        )
    ]
    story = [*facts()[0], RulesAdopted(number=RULES), *messages, ClockTicked(at=BEGIN + timedelta(days=9))]
    result = fold(story)
    assert_same(result, embedded(story), "the embedded runtime")
    told = [decode(body) for body in result.conclusions]
    starts = {each.session.id: each.session.start for each in told if isinstance(each, SessionClosed)}
    held = [e for e in told if isinstance(e, SessionFlagged) and e.finding is Finding.OVERLAPS]
    assert len(held) == len(stations) > 3
    assert {starts[each.session] for each in held} == {BEGIN + timedelta(hours=2.5)}


@settings(max_examples=60, deadline=None)
@given(stories())
def test_the_entries_of_a_session_come_to_its_last_charge(story: list[Input]) -> None:
    """Or to nothing, where it is reversed or dropped. Each charge is posted once, and each reversal takes back one whole."""
    result = fold(story)
    expected, found = booked_by_charges(result), booked_by_entries(result)
    assert found == expected
    assert not result.twice()
    assert sum(balance.balance_micro for balance in result.balances) == 0


@settings(max_examples=40, deadline=None)
@given(sequences(rounds_max=1, stations_max=3), st.booleans())
def test_re_rating_reverses_what_costs_something_else_and_nothing_else(messages: list[Input], is_corrected: bool) -> None:
    """By the same facts nothing follows from it; by a corrected tariff each charge that changed is reversed once."""
    story = [*facts()[0], *facts()[1], RulesAdopted(number=RULES), *messages, *([corrected()] if is_corrected else [])]
    sessions = sorted(PureFold().tell(story).sessions())
    decided = [SessionDecided(session=SessionId(s), decision=Decision.RERATE, reason="why", at=BEGIN) for s in sessions]
    before, once_, twice = fold(story), fold([*story, *decided]), fold([*story, *decided, *decided])
    assert twice.conclusions == once_.conclusions and twice.entries == once_.entries
    reversed_ = [e for b in once_.conclusions if isinstance(e := decode(b), ChargeReversed)]
    added = Counter(e.session for b in once_.conclusions - before.conclusions if isinstance(e := decode(b), SessionRated))
    mine = [e.rated.session for e in reversed_ if e.reason is ReversalReason.RERATED]
    assert added == Counter(mine) and (is_corrected or not mine)
    assert not is_corrected or once_.conclusions - before.conclusions or not charged(before)
    assert_same(once_, embedded([*story, *decided], 7), "the embedded runtime")


def charged(result: Result) -> list[SessionRated]:
    """What costs anything by the tariff that is corrected: its price is higher by what it was charged for."""
    charges = [e for b in result.conclusions if isinstance(e := decode(b), SessionRated)]
    return [charge for charge in charges if charge.rated.total and charge.tariff == corrected().tariff.id]


@settings(max_examples=60, deadline=None)
@given(stories())
def test_nothing_is_billed_for_what_was_dropped_and_nothing_twice(story: list[Input]) -> None:
    conclusions = [decode(body) for body in fold(story).conclusions]
    dropped = {each.session for each in conclusions if isinstance(each, SessionDropped)}
    charges = Counter(each.session for each in conclusions if isinstance(each, SessionRated))
    reversals = Counter(each.rated.session for each in conclusions if isinstance(each, ChargeReversed))
    for session, times in charges.items():
        assert times - reversals[session] in ((0,) if session in dropped else (0, 1)), session


def booked_by_charges(result: Result) -> dict[str, dict[str, int]]:
    """By session, what its unbilled receivable comes to by the charges that stand."""
    charges = [event for body in result.conclusions if isinstance(event := decode(body), SessionRated)]
    reversed_ = {(e.rated.session, e.rated.revision) for b in result.conclusions if isinstance(e := decode(b), ChargeReversed)}
    standing = [charge for charge in charges if (charge.session, charge.revision) not in reversed_]
    return {charge.session: sums(post(charge)) for charge in standing if sums(post(charge))}


def booked_by_entries(result: Result) -> dict[str, dict[str, int]]:
    entries = [decode_entry(body) for body in result.entries]
    of_sessions = [entry for entry in entries if entry.kind.startswith("session_rated")]
    subjects = {entry.subject for entry in of_sessions}
    found = {subject: sums(entry for entry in of_sessions if entry.subject == subject) for subject in subjects}
    return {subject: accounts for subject, accounts in found.items() if accounts}


def sums(entries: Iterable[Entry]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for entry in entries:
        for posting in entry.postings:
            totals[posting.account] += posting.amount_micro
    return {account: amount for account, amount in totals.items() if amount}
