"""What stations may say, for properties: whole transactions with OCPP's freedoms, and plain noise."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.streams.notation import DAY, STATION
from vocabulary.charging import (
    ChargingEvent,
    ChargingState,
    ConnectorStatusChanged,
    MeterSampled,
    Protocol,
    Sample,
    SignedValue,
    StartAnswered,
    StartRequested,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from vocabulary.codec import event_id
from vocabulary.identity import EventId, TokenUid, TransactionId
from vocabulary.quantities import WattHours

TRANSACTION_MINUTES = 60
STATUSES = ("Available", "Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Faulted")
CONTEXTS = ("Sample.Periodic", "Sample.Clock", "Transaction.Begin", "Transaction.End", "Other")

minutes = st.integers(-2, TRANSACTION_MINUTES + 2)
tokens = st.none() | st.sampled_from([TokenUid("A"), TokenUid("B")])
watt_hours = st.decimals(0, 10_000, places=1, allow_nan=False, allow_infinity=False)


def at(minute: int, day: int = 0) -> datetime:
    return DAY + timedelta(days=day, minutes=minute)


@st.composite
def samples(draw: st.DrawFn, day: int = 0) -> Sample:
    """Mostly what a good meter shows at that minute; now and then anything."""
    minute = draw(minutes)
    value = Decimal(max(minute, 0) * 100) + draw(st.decimals(0, 1, places=1))
    return Sample(
        at=at(minute, day),
        value=draw(st.just(value) | st.just(value) | st.just(value) | watt_hours),
        context=draw(st.sampled_from(CONTEXTS)),
        location=draw(st.sampled_from(["Outlet", "Outlet", "Outlet", "Inlet"])),
        phase=draw(st.sampled_from([None, None, None, "L1", "L2", "L3"])),
    )


signed = st.builds(
    SignedValue, at=minutes.map(at), data=st.sampled_from(["OCMF|1", "OCMF|2"]), public_key=st.sampled_from(["", "k", "l"])
)


@st.composite
def messages_2x(draw: st.DrawFn, seq: int, minute: int) -> dict[str, Any]:
    return {
        "station": STATION,
        "protocol": Protocol.OCPP201,
        "transaction": TransactionId("T1"),
        "at": at(minute),
        "seq": seq,
        "evse": draw(st.sampled_from([None, None, 1, 2])),
        "connector": draw(st.sampled_from([None, 1])),
        "token": draw(tokens),
        "token_type": draw(st.sampled_from([None, "eMAID", "ISO14443"])),
        "charging_state": draw(st.none() | st.sampled_from(ChargingState)),
        "offline": draw(st.booleans()),
        "samples": tuple(draw(st.lists(samples(), max_size=3))),
        "signed": tuple(draw(st.lists(signed, max_size=2))),
    }


@st.composite
def transactions_2x(draw: st.DrawFn) -> list[ChargingEvent]:
    """A complete transaction in the order of its numbers, and sometimes what must not come after its end."""
    first = draw(st.integers(-2, 5))
    updates = draw(st.integers(0, 5))
    last = first + updates + 1
    begin, end = (st.sampled_from([0, 0, 0, 5]), st.sampled_from([TRANSACTION_MINUTES, TRANSACTION_MINUTES, 1, -1]))
    return [
        TransactionStarted(**draw(messages_2x(first, draw(begin)))),
        *(TransactionUpdated(**draw(messages_2x(first + 1 + n, draw(minutes)))) for n in range(updates)),
        TransactionEnded(**draw(messages_2x(last, draw(end)))),
        *draw(
            st.lists(st.sampled_from([TransactionEnded, TransactionUpdated]), max_size=2).flatmap(
                lambda kinds: st.tuples(*(st.builds(kind, **_same(last + 1 + n)) for n, kind in enumerate(kinds)))
            )
        ),
    ]


def _same(seq: int) -> dict[str, Any]:
    """As strategies for `st.builds`: a message with this number."""
    return {
        "station": st.just(STATION),
        "protocol": st.just(Protocol.OCPP201),
        "transaction": st.just(TransactionId("T1")),
        "at": minutes.map(at),
        "seq": st.just(seq),
        "token": tokens,
        "evse": st.sampled_from([None, 7]),
        "charging_state": st.none() | st.sampled_from(ChargingState),
        "samples": st.lists(samples(), max_size=2).map(tuple),
        "signed": st.lists(signed, max_size=1).map(tuple),
        "offline": st.booleans(),
    }


@st.composite
def arrivals(draw: st.DrawFn, events: list[ChargingEvent]) -> list[ChargingEvent]:
    """The events in any order, some of them more than once."""
    again = draw(st.lists(st.sampled_from(events), max_size=4))
    return list(draw(st.permutations([*events, *again])))


# OCPP 1.6


@st.composite
def connectors_16(draw: st.DrawFn) -> tuple[list[ChargingEvent], list[ConnectorStatusChanged]]:
    """Sessions one after the other on one connector, a day apart: their transaction messages in order, and all statuses."""
    messages: list[ChargingEvent] = []
    statuses: list[ConnectorStatusChanged] = []
    answers = draw(st.booleans())
    for day in range(draw(st.integers(1, 3))):
        transaction = TransactionId(draw(st.sampled_from([f"{day}", "0", "-1"])))
        messages += draw(sessions_16(day, transaction, answers))
        statuses += draw(st.lists(statuses_16(day), max_size=5))
    return messages, statuses


@st.composite
def sessions_16(draw: st.DrawFn, day: int, transaction: TransactionId, answered: bool) -> list[ChargingEvent]:
    common: dict[str, Any] = {"station": STATION, "protocol": Protocol.OCPP16}
    started = TransactionStarted(
        **common,
        at=at(0, day),
        evse=1,
        token=TokenUid("A"),
        meter_start_wh=WattHours(Decimal(draw(st.sampled_from([0, 0, 1])))),
    )
    sampled = draw(st.lists(st.lists(samples(day), min_size=1, max_size=3), max_size=4))
    ended = TransactionEnded(
        **common,
        at=at(TRANSACTION_MINUTES, day),
        transaction=transaction,
        meter_stop_wh=WattHours(Decimal(draw(st.sampled_from([6000, 6000, 6000, 1])))),
        samples=tuple(draw(st.lists(samples(day), max_size=2))),
        signed=tuple(draw(st.lists(signed, max_size=2))),
    )
    asked: list[ChargingEvent] = [StartRequested(station=STATION, message_id=f"m{day}", start=EventId(event_id(started)))]
    asked += [StartAnswered(station=STATION, message_id=f"m{day}", transaction=transaction)] if answered else []
    meters = [
        MeterSampled(**common, evse=1, transaction=draw(st.sampled_from([transaction, None])), samples=tuple(group))
        for group in sampled
    ]
    return [started, *asked, *meters, ended]


@st.composite
def statuses_16(draw: st.DrawFn, day: int) -> ConnectorStatusChanged:
    return ConnectorStatusChanged(
        station=STATION, protocol=Protocol.OCPP16, evse=1, at=at(draw(minutes), day), status=draw(st.sampled_from(STATUSES))
    )


@st.composite
def noise(draw: st.DrawFn) -> list[ChargingEvent]:
    """Messages of both worlds with few ids, numbers and connectors, in no sensible order."""
    return draw(st.lists(st.one_of(noise_2x(), noise_16()), max_size=12))


def noise_2x() -> st.SearchStrategy[ChargingEvent]:
    kinds = (TransactionStarted, TransactionUpdated, TransactionEnded)
    return st.integers(-1, 3).flatmap(lambda seq: st.one_of(*(st.builds(kind, **_same(seq)) for kind in kinds)))


def noise_16() -> st.SearchStrategy[ChargingEvent]:
    common = {"station": st.just(STATION), "protocol": st.just(Protocol.OCPP16)}
    transactions = st.sampled_from([TransactionId("0"), TransactionId("1")])
    registers = st.none() | watt_hours.map(WattHours)
    found = {"samples": st.lists(samples(), max_size=2).map(tuple), "signed": st.lists(signed, max_size=1).map(tuple)}
    starts = st.builds(TransactionStarted, **common, at=minutes.map(at), evse=st.integers(0, 2), meter_start_wh=registers)
    return st.one_of(
        starts,
        starts.map(lambda start: StartRequested(station=STATION, message_id="m", start=event_id(start))),
        st.builds(StartAnswered, station=st.just(STATION), message_id=st.just("m"), transaction=transactions),
        st.builds(MeterSampled, **common, evse=st.integers(0, 2), transaction=st.none() | transactions, **found),
        st.builds(TransactionEnded, **common, at=minutes.map(at), transaction=transactions, meter_stop_wh=registers, **found),
        st.builds(
            ConnectorStatusChanged,
            **common,
            evse=st.integers(0, 2),
            at=minutes.map(at),
            status=st.sampled_from(STATUSES),
        ),
    )
