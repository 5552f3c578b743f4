"""The raw topic's record format: a message comes back as it was, and what is wrong outside the frame is told, never raised."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kafka.partitioner import murmur2

from streams.places import Offset, Partition, Taken, Unread
from streams.raw_records import (
    VALUE_BYTES_MAX,
    Poison,
    misplaced,
    partition_of,
    poison,
    quarantined,
    raw_message,
    raw_record,
)
from vocabulary.charging import Direction, Protocol, RawMessage, Source
from vocabulary.codec import decode, encode
from vocabulary.identity import StationId
from vocabulary.quarantine import Kept, KeptBatch, Quarantined, QuarantineReason

FRAME = b'[2,"a","Heartbeat",{}]'
APPENDED_AT = datetime(2026, 10, 14, 5, 58, 20, 251000, tzinfo=UTC)
APPENDED_MS = 1_791_957_500_251


def taken(
    key: bytes | None = b"HAM-0001", value: bytes | None = FRAME, timestamp_ms: int = APPENDED_MS, **headers: bytes
) -> Taken:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Taken(Partition(3), Offset(41), key, value, named, timestamp_ms)


def read(record: Taken) -> RawMessage:
    message = raw_message(record)
    assert isinstance(message, RawMessage), message
    return message


# Messages

names = st.text("ABCXYZabcxyz0189*-_=:+|@.", min_size=1, max_size=48).filter(lambda name: name not in (".", ".."))
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=zones)
frames = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(lambda text: (text, False)),
    st.binary(max_size=40)
    .filter(lambda data: data.decode(errors="replace").encode() != data)
    .map(lambda data: (b64encode(data).decode(), True)),
)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@st.composite
def messages(draw: st.DrawFn) -> RawMessage:
    frame, is_base64 = draw(frames)
    return RawMessage(
        station=StationId(draw(names)),
        frame=frame,
        base64=is_base64,
        direction=draw(st.sampled_from(Direction)),
        protocol=draw(st.none() | st.sampled_from(Protocol)),
        received_at=draw(moments),
        source=draw(st.none() | st.builds(Source, form=texts, file=texts, line=st.integers(1, 2**40), text=texts)),
        security_profile=draw(st.none() | st.integers(0, 3)),
    )


@given(messages())
def test_a_message_is_the_same_after_it_was_a_record(message: RawMessage) -> None:
    key, headers, value = raw_record(message)
    again = read(Taken(Partition(0), Offset(0), key, value, tuple(headers), 0))
    assert again == message
    assert again.received_at is not None and again.received_at.tzinfo is UTC
    assert encode(again) == encode(read(Taken(Partition(9), Offset(7), key, value, tuple(headers), 5)))


@pytest.mark.parametrize("value", [b"", b"4", b"-1", b"02", b"\xff"])
def test_a_security_profile_that_is_none_says_nothing(value: bytes) -> None:
    record = taken()._replace(headers=(("security-profile", value),))
    assert read(record) == read(taken()._replace(headers=(("protocol", b""),)))


def test_a_message_whose_security_profile_is_not_known_has_the_bytes_that_it_always_had() -> None:
    assert b"security" not in encode(RawMessage(station=StationId("HAM-0001"), frame="x"))


def test_where_headers_say_nothing_defaults_and_the_brokers_time_hold() -> None:
    wanted = RawMessage(station=StationId("HAM-0001"), frame=FRAME.decode(), received_at=APPENDED_AT)
    assert read(taken()) == read(taken(protocol=b"", direction=b"", received_at=b"", trace_id=b"\xff")) == wanted
    assert raw_record(wanted) == (b"HAM-0001", [("received-at", b"2026-10-14T05:58:20.251000+00:00")], FRAME)


def test_a_message_that_does_not_say_when_it_came_is_produced_without_a_time() -> None:
    message = RawMessage(station=StationId("HAM-0001"), frame="x", protocol=Protocol.OCPP16)
    assert raw_record(message) == (b"HAM-0001", [("protocol", b"ocpp1.6")], b"x")


@pytest.mark.parametrize("timestamp_ms", [-1, 10**15])
def test_a_time_of_the_broker_that_is_none_is_none(timestamp_ms: int) -> None:
    assert read(taken(timestamp_ms=timestamp_ms)).received_at is None


def test_a_header_that_stands_twice_counts_as_it_stands_last() -> None:
    record = taken()._replace(headers=(("protocol", b"ocpp9"), ("protocol", b"ocpp2.1")))
    assert read(record).protocol is Protocol.OCPP21


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (b"2026-10-14T05:58:20Z", datetime(2026, 10, 14, 5, 58, 20, tzinfo=UTC)),
        (b"2026-10-14t05:58:20.000001z", datetime(2026, 10, 14, 5, 58, 20, 1, tzinfo=UTC)),
        (b"2026-10-14T07:58:20.251+02:00", APPENDED_AT),
        (b"2026-10-14T05:58:20.251000999Z", APPENDED_AT),
        (b"0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_the_time_of_arrival_is_exact_to_the_microsecond(text: bytes, moment: datetime) -> None:
    assert read(taken(received_at=text)).received_at == moment


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xff\xfe")
@example(b"[" * 100_000)
@example(b"\0" * 1000)
def test_no_frame_is_poison(frame: bytes) -> None:
    message = read(taken(value=frame))
    assert raw_record(message)[2] == frame


# Poison


@pytest.mark.parametrize(
    ("record", "reason", "detail"),
    [
        (taken(key=None), QuarantineReason.KEY_MISSING, "the key is the station's name"),
        (taken(key=b""), QuarantineReason.KEY_MISSING, "the key is the station's name"),
        (taken(key=b"HAM 1"), QuarantineReason.KEY_IS_NO_STATION, "'HAM 1': 1 to 48 of the characters"),
        (taken(key=b"\xff\0"), QuarantineReason.KEY_IS_NO_STATION, "'\ufffd\\x00': 1 to 48"),
        (taken(key=b".."), QuarantineReason.KEY_IS_NO_STATION, "'..': 1 to 48"),
        (taken(key=b"A" * 49), QuarantineReason.KEY_IS_NO_STATION, "'AAAA"),
        (taken(value=None), QuarantineReason.VALUE_MISSING, "a record without a value deletes nothing here"),
        (taken(value=b" " * (VALUE_BYTES_MAX + 1)), QuarantineReason.VALUE_TOO_LONG, "1048577 bytes, at most 1048576"),
        (
            taken()._replace(headers=(("x", b""), ("\udcffé\udcfe", b""))),
            QuarantineReason.HEADER_NAME_UNREADABLE,
            "'\\\\xffé\\\\xfe': header names are UTF-8",
        ),
        (taken(protocol=b"OCPP1.6"), QuarantineReason.PROTOCOL_UNKNOWN, "'OCPP1.6': ocpp1.6, ocpp2.0.1 or ocpp2.1"),
        (taken(direction=b"up"), QuarantineReason.DIRECTION_UNKNOWN, "'up': station->csms or csms->station"),
        *(
            (taken(received_at=text), QuarantineReason.RECEIVED_AT_UNREADABLE, repr(text.decode())[:10])
            for text in (
                b"yesterday",
                b"2026-10-14",
                b"2026-10-14T05:58:20",
                b"2026-10-14 05:58:20Z",
                b"2026-13-14T05:58:20Z",
                b"2026-10-14T05:58:60Z",
                b"0001-01-01T00:00:00+23:59",
                b"1791957500251",
            )
        ),
    ],
)
def test_what_is_wrong_outside_the_frame_is_poison(record: Taken, reason: QuarantineReason, detail: str) -> None:
    found = raw_message(record)
    assert isinstance(found, Poison)
    assert found.reason is reason
    assert found.detail.startswith(detail)
    assert len(found.detail) <= 200


def test_the_first_reason_is_told() -> None:
    wrong = taken(key=None, value=None, protocol=b"x", direction=b"x", received_at=b"x", wattbook_source=b"x")
    named = wrong.headers
    wrong = wrong._replace(headers=(("\udcff", b""), *named))
    reasons = []
    for better in (
        {},
        {"key": b"HAM 1"},
        {"key": b"A"},
        {"value": b"." * (VALUE_BYTES_MAX + 1)},
        {"value": FRAME},
        {"headers": named},
        {"headers": named[1:]},
        {"headers": named[2:]},
        {"headers": named[3:]},
    ):
        wrong = wrong._replace(**better)
        found = raw_message(wrong)
        assert isinstance(found, Poison)
        reasons.append(found.reason)
    assert reasons == list(QuarantineReason)[2:-2], "before them stand those of whole batches"


@given(
    st.none() | st.binary(max_size=60),
    st.none() | st.binary(max_size=60),
    st.lists(
        st.tuples(st.sampled_from(["protocol", "direction", "received-at", "x", "é", "\udc80"]), st.binary(max_size=30)),
        max_size=4,
    ).map(tuple),
    st.integers(-(2**63), 2**63 - 1),
)
def test_any_record_is_a_message_or_poison_and_can_be_quarantined(
    key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes], ...], timestamp_ms: int
) -> None:
    record = Taken(Partition(3), Offset(41), key, value, headers, timestamp_ms)
    found = raw_message(record)
    why = found if isinstance(found, Poison) else Poison(QuarantineReason.STEPS_FAIL, "")
    kept = quarantined(record, why)
    assert decode(encode(kept)) == kept
    assert (kept.partition, kept.offset, kept.reason) == (3, 41, why.reason)


# Quarantine


def test_a_header_name_that_is_not_utf8_is_kept_readable() -> None:
    record = taken()._replace(headers=(("\udcffé\udcfe", b"1"), ("é" * 300, b"")))
    kept = quarantined(record, Poison(QuarantineReason.HEADER_NAME_UNREADABLE, "why"))
    assert kept.headers[0] == ("\\xffé\\xfe", Kept(text="1", length=1))
    assert kept.headers[1][0] == "é" * 200
    assert decode(encode(kept)) == kept


def test_quarantine_keeps_all_that_came() -> None:
    record = taken(key=b"\xff", value=FRAME, protocol=b"x")
    kept = quarantined(record, Poison(QuarantineReason.KEY_IS_NO_STATION, "why"))
    assert kept == Quarantined(
        partition=3,
        offset=41,
        appended_at_ms=APPENDED_MS,
        reason=QuarantineReason.KEY_IS_NO_STATION,
        detail="why",
        key=Kept(text="/w==", length=1, base64=True),
        value=Kept(text=FRAME.decode(), length=len(FRAME)),
        headers=(("protocol", Kept(text="x", length=1)),),
    )


def test_what_is_kept_fits_into_a_record_however_long_it_came() -> None:
    many = tuple((f"{n}" * 500, b"\0" * 100_000) for n in range(100))
    record = taken(key=b"\0" * 10**6, value=b"\0" * 8 * 10**6)._replace(headers=many)
    kept = quarantined(record, Poison(QuarantineReason.VALUE_TOO_LONG, "x" * 1000))
    assert kept.value is not None and kept.value.length == 8 * 10**6 and len(kept.value.text) == 4096
    assert len(encode(kept)) < 2**20
    longest = quarantined(taken(value=b"\0" * VALUE_BYTES_MAX), poison(KeyError()))
    assert longest.value is not None and len(longest.value.text) == VALUE_BYTES_MAX
    assert len(encode(longest)) < 8 * 2**20


def test_a_mistake_of_ours_is_told_by_its_place_and_not_by_what_it_quotes() -> None:
    try:
        {}["token 04A2B3C4D5E680"]
    except KeyError as error:
        found = poison(error)
    assert found.reason is QuarantineReason.STEPS_FAIL
    assert found.detail.startswith("KeyError in tests.streams.test_raw_records.test_a_mistake")


@given(st.binary(min_size=1, max_size=60), st.integers(1, 4095))
def test_a_keys_partition_is_the_one_that_the_clients_choose(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


def test_a_record_in_another_partition_than_its_keys_is_poison() -> None:
    belongs = partition_of(b"HAM-0001", 12)
    assert misplaced(taken()._replace(partition=belongs), 12) is None
    found = misplaced(taken()._replace(partition=Partition((belongs + 1) % 12)), 12)
    assert found is not None and found.reason is QuarantineReason.KEY_IN_ANOTHER_PARTITION
    assert f"partition {belongs} of 12" in found.detail


# A batch that nobody unpacks

BATCH = Unread(Offset(38), Offset(41), 4, "zstd", 900, 2**32 - 1, bytes(32), APPENDED_MS, fits=False)


@pytest.mark.parametrize(
    ("unread", "reason", "detail"),
    [
        (BATCH, QuarantineReason.BATCH_TOO_LARGE, "offsets 38 to 41, 900 bytes (zstd): more than a reader takes"),
        (
            BATCH._replace(fits=True, records=5),
            QuarantineReason.BATCH_UNREADABLE,
            "offsets 38 to 41, 900 bytes (zstd): not the 5 records of its header",
        ),
    ],
)
def test_a_batch_that_is_not_unpacked_is_poison_as_a_whole(unread: Unread, reason: QuarantineReason, detail: str) -> None:
    record = Taken(Partition(3), Offset(41), None, None, (), APPENDED_MS, unread)
    found = raw_message(record)
    assert found == Poison(reason, detail)
    assert isinstance(found, Poison)
    kept = quarantined(record, found)
    assert kept.batch == KeptBatch(first=38, records=unread.records, codec="zstd", length=900, crc=2**32 - 1)
    assert (kept.offset, kept.key, kept.value, kept.headers) == (41, None, None, ())
    assert decode(encode(kept)) == kept


def test_a_record_in_quarantine_has_the_bytes_that_it_had_before_there_were_batches() -> None:
    assert b"batch" not in encode(quarantined(taken(), Poison(QuarantineReason.KEY_MISSING, "why")))
