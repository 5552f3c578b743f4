"""The chain over a partition's records and its checkpoints: nothing can be changed, removed, added or moved unseen."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from streams.places import Bounds, Offset, Partition, Taken, Unread
from streams.seal_verdicts import Break, Fault, Span, arrange, check, differences, held_to, spans, within
from streams.seals import GENESIS, Chain, NotASeal, Seal, chain_from, checkpoint, follow, read, seal
from vocabulary.identity import digest

TOPIC, PARTITION = "wattbook.raw", Partition(3)
AT = datetime(2026, 11, 21, 14, 3, tzinfo=UTC)
KEY, OTHER_KEY = sha256(b"key").hexdigest(), sha256(b"other key").hexdigest()


def sign(body: bytes, key: str = KEY) -> bytes:
    """Stands for Ed25519, which tests/test_seal_key.py holds to its word: 64 bytes that only the key's holder makes."""
    return digest(key.encode(), body) * 2


def is_genuine(key: str, signed: bytes, signature: bytes) -> bool:
    return key == KEY and signature == sign(signed)


def taken(offset: int, value: bytes | None = b"frame", key: bytes | None = b"HAM-0001", **given: object) -> Taken:
    return Taken(PARTITION, Offset(offset), key, value, (), 1_760_000_000_000 + offset)._replace(**given)


def sealed(records: Sequence[Taken], every: int, key: str = KEY) -> list[Seal]:
    """What a sealer writes about these records; after the last one too, as when it is stopped."""
    chain, seals = Chain(TOPIC, PARTITION), []
    for start in range(0, len(records), every):
        chain = follow(chain, records[start : start + every])
        at = AT + timedelta(minutes=len(seals))
        seals.append(seal(checkpoint(chain, at, key), lambda body: sign(body, key)))
        chain = chain_from(seals[-1])
    return seals


def breaks(records: Sequence[Taken], lines: Iterable[bytes], held: Bounds | None = None) -> list[Break]:
    """What an auditor is told who finds these records and these lines."""
    arranged = arrange(TOPIC, PARTITION, lines, is_genuine)
    end = Offset(max((record.offset + 1 for record in records), default=0))
    found = check(spans(TOPIC, PARTITION, arranged.seals), records, held or Bounds(Offset(0), end))
    return [*arranged.breaks, *(one for one in found if one)]


def lines(seals: Iterable[Seal]) -> list[bytes]:
    return [one.line for one in seals]


CONTENT = st.none() | st.binary(max_size=6)
HEADERS = st.lists(st.tuples(st.sampled_from(["protocol", "received-at", ""]), st.binary(max_size=4)), max_size=3).map(tuple)


@st.composite
def partitions(draw: st.DrawFn) -> list[Taken]:
    """Records of a partition; between some there are gaps, as a transaction's marks leave them."""
    gaps = draw(st.lists(st.sampled_from([1, 1, 1, 2, 3]), min_size=1, max_size=12))
    return [
        Taken(PARTITION, Offset(sum(gaps[:n])), draw(CONTENT), draw(CONTENT), draw(HEADERS), draw(st.integers(-1, 2**41)))
        for n in range(len(gaps))
    ]


# The chain


def test_a_link_is_the_hash_of_all_parts_each_after_its_length() -> None:
    record = taken(7, b"frame", None, headers=(("protocol", b"ocpp1.6"), ("\udcff", b"")), timestamp_ms=1_760_000_000_123)

    def number(value: int) -> bytes:
        return value.to_bytes(8, "big", signed=True)

    def part(body: bytes) -> bytes:
        return number(len(body)) + body

    wanted = part(b"wattbook.raw") + part(number(3)) + part(GENESIS) + part(number(7)) + part(number(1_760_000_000_123))
    wanted += number(-1) + number(2) + part(b"protocol") + part(b"ocpp1.6") + part(b"\xff") + part(b"") + part(b"frame")
    assert follow(Chain(TOPIC, PARTITION), [record]).link == sha256(wanted).digest()


@given(partitions(), st.lists(st.integers(1, 5)), st.integers(1, 5))
def test_how_the_stream_is_cut_into_batches_does_not_matter(records: list[Taken], sizes: list[int], every: int) -> None:
    chain, rest, seals = Chain(TOPIC, PARTITION), records, []
    for size in [*sizes, *[1] * len(records)]:
        while rest and size:
            room = min(size, every - chain.records)
            chain, rest, size = follow(chain, rest[:room]), rest[room:], size - room
            if chain.records == every or not rest:
                at = AT + timedelta(minutes=len(seals))
                seals.append(seal(checkpoint(chain, at, KEY), sign))
                chain = chain_from(seals[-1])
    assert seals == sealed(records, every)


@given(partitions(), st.integers(1, 5))
def test_what_was_sealed_and_not_touched_is_whole(records: list[Taken], every: int) -> None:
    assert breaks(records, lines(sealed(records, every))) == []


FIELDS = st.sampled_from(["key", "value", "headers", "timestamp_ms"])


@given(partitions(), st.integers(1, 5), st.data())
def test_any_change_of_any_field_of_any_record_is_found_in_its_range(
    records: list[Taken], every: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(records) - 1))
    field = data.draw(FIELDS)
    drawn = {"headers": HEADERS, "timestamp_ms": st.integers(-1, 2**41)}.get(field, CONTENT)
    value = data.draw(drawn.filter(lambda value: value != getattr(records[at], field)))
    forged = [*records[:at], records[at]._replace(**{field: value}), *records[at + 1 :]]
    seals = sealed(records, every)
    found = breaks(forged, lines(seals))
    assert [one.fault for one in found] == [Fault.RECORDS_DIFFER]
    assert found[0].number == at // every + 1
    assert found[0].first <= records[at].offset <= (found[0].last or 0)


@given(partitions(), st.integers(1, 5), st.data())
def test_a_record_that_is_removed_is_missed_in_its_range(records: list[Taken], every: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(records) - 1))
    found = breaks([*records[:at], *records[at + 1 :]], lines(sealed(records, every)), Bounds(Offset(0), Offset(10_000)))
    assert [(one.fault, one.number) for one in found] == [(Fault.RECORDS_DIFFER, at // every + 1)]
    assert f"{min(every, len(records) - at // every * every) - 1} records" in found[0].found


@given(partitions(), st.integers(1, 5), st.data())
def test_a_record_that_is_added_is_found_in_its_range(records: list[Taken], every: int, data: st.DataObject) -> None:
    seals = sealed(records, every)
    free = sorted(set(range(records[-1].offset)) - {record.offset for record in records})
    if not free:
        return
    added = taken(data.draw(st.sampled_from(free)))
    found = breaks(sorted([*records, added], key=lambda record: record.offset), lines(seals))
    assert [one.fault for one in found] == [Fault.RECORDS_DIFFER]
    assert found[0].first <= added.offset <= (found[0].last or 0) or found[0].number == 1


@given(partitions(), st.integers(1, 5), st.data())
def test_two_records_that_changed_places_are_found(records: list[Taken], every: int, data: st.DataObject) -> None:
    if len(records) < 2:
        return
    one, two = sorted(data.draw(st.lists(st.integers(0, len(records) - 1), min_size=2, max_size=2, unique=True)))
    forged = list(records)
    forged[one] = records[two]._replace(offset=records[one].offset)
    forged[two] = records[one]._replace(offset=records[two].offset)
    found = breaks(forged, lines(sealed(records, every)))
    assert [f.number for f in found] == ([] if forged == records else sorted({one // every + 1, two // every + 1}))


@given(partitions(), st.integers(1, 5))
def test_records_that_are_cut_off_at_the_end_are_missed(records: list[Taken], every: int) -> None:
    seals = sealed(records, every)
    [found] = breaks(records[:-1], lines(seals), Bounds(Offset(0), records[-1].offset))
    assert found.fault == Fault.MISSING_AT_THE_END
    assert (found.number, found.last) == (len(seals), records[-1].offset)


@given(partitions(), st.integers(1, 5), st.data())
def test_records_that_are_deleted_from_the_head_are_missed(records: list[Taken], every: int, data: st.DataObject) -> None:
    gone = data.draw(st.integers(1, len(records)))
    beginning = Offset(records[gone - 1].offset + 1)
    found = breaks(records[gone:], lines(sealed(records, every)), Bounds(beginning, Offset(records[-1].offset + 1)))
    assert [(one.fault, one.number) for one in found] == [
        (Fault.DELETED_FROM_THE_HEAD, number + 1) for number in range((gone - 1) // every + 1)
    ]


def test_what_is_null_is_not_what_is_empty() -> None:
    for field in ("key", "value"):
        null, empty = taken(0, **{field: None}), taken(0, **{field: b""})
        assert follow(Chain(TOPIC, PARTITION), [null]).link != follow(Chain(TOPIC, PARTITION), [empty]).link


def test_what_moves_from_one_field_to_the_next_changes_the_link() -> None:
    pairs = [
        (taken(0, key=b"ab", value=b"c"), taken(0, key=b"a", value=b"bc")),
        (taken(0, headers=(("ab", b"c"),)), taken(0, headers=(("a", b"bc"),))),
        (taken(0, headers=(("a", b""), ("b", b""))), taken(0, headers=(("b", b""), ("a", b"")))),
    ]
    for one, other in pairs:
        assert follow(Chain(TOPIC, PARTITION), [one]).link != follow(Chain(TOPIC, PARTITION), [other]).link


def test_the_same_records_in_another_partition_or_topic_have_other_links() -> None:
    here = follow(Chain(TOPIC, PARTITION), [taken(0)])
    assert here.link != follow(Chain("wattbook.events", PARTITION), [taken(0)]).link
    assert here.link != follow(Chain(TOPIC, Partition(4)), [taken(0, partition=Partition(4))]).link


def test_sealing_may_begin_where_the_topic_begins() -> None:
    records = [taken(offset) for offset in range(40, 50)]
    assert breaks(records, lines(sealed(records, 4)), Bounds(Offset(40), Offset(50))) == []


# Checkpoints

RECORDS = [taken(offset) for offset in range(20)]
SEALS = sealed(RECORDS, 4)  # numbers 1 to 5: offsets 0–3, 4–7, 8–11, 12–15, 16–19


def test_a_line_is_read_as_it_was_written() -> None:
    for one in SEALS:
        assert read(one.line) == one
        assert one.line == one.signed[:-1] + b',"signature":"' + one.signature.hex().encode() + b'"}'


def test_checkpoints_follow_one_another() -> None:
    assert [(s.checkpoint.number, s.checkpoint.first, s.checkpoint.last, s.checkpoint.records) for s in SEALS][:2] == [
        (1, 0, 3, 4),
        (2, 4, 7, 4),
    ]
    assert [s.checkpoint.previous for s in SEALS] == ["0" * 64, *(sha256(s.line).hexdigest() for s in SEALS[:-1])]


@given(st.integers(0, 4), st.data())
def test_a_checkpoint_of_which_any_byte_was_changed_is_found(number: int, data: st.DataObject) -> None:
    line = SEALS[number].line
    place = data.draw(st.integers(0, len(line) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[place]))
    forged = [*lines(SEALS[:number]), line[:place] + bytes([byte]) + line[place + 1 :], *lines(SEALS[number + 1 :])]
    found = breaks(RECORDS, forged)
    assert found
    assert found[0].fault in (Fault.NO_CHECKPOINT, Fault.NOT_GENUINE)
    missing = [one for one in found if one.fault == Fault.MISSING]
    assert [(one.number, one.first, one.last) for one in missing] == (
        [(number + 1, number * 4, number * 4 + 3)] if number < 4 else []
    )


@pytest.mark.parametrize("number", range(4))
def test_a_checkpoint_that_was_removed_is_missed_and_its_records_are_still_checked(number: int) -> None:
    left = [*SEALS[:number], *SEALS[number + 1 :]]
    [missing] = breaks(RECORDS, lines(left))
    assert (missing.fault, missing.number, missing.first, missing.last) == (
        Fault.MISSING,
        number + 1,
        number * 4,
        number * 4 + 3,
    )
    if number == 0:
        return  # nothing vouches for the link before the second one's records: nothing is said about the first one's
    forged = [*RECORDS]
    forged[number * 4] = taken(number * 4, b"forged")
    assert [one.fault for one in breaks(forged, lines(left))] == [Fault.MISSING, Fault.RECORDS_DIFFER]


def test_checkpoints_that_another_key_signed_are_not_believed() -> None:
    found = breaks(RECORDS, lines(sealed(RECORDS, 4, OTHER_KEY)))
    assert [(one.fault, one.number) for one in found] == [(Fault.NOT_GENUINE, number) for number in range(1, 6)]
    assert (found[0].first, found[0].last) == (0, 3)


def test_a_chain_that_was_made_anew_over_forged_records_does_not_follow() -> None:
    forged = [*RECORDS[:5], taken(5, b"forged"), *RECORDS[6:]]
    anew = sealed(forged, 4)  # with the key: whoever has it can do that
    found = breaks(forged, [*lines(SEALS[:3]), *lines(anew[3:])])
    assert [(one.fault, one.number) for one in found] == [
        (Fault.DOES_NOT_FOLLOW, 4),
        (Fault.RECORDS_DIFFER, 2),
        (Fault.RECORDS_DIFFER, 4),
    ]


def test_two_checkpoints_with_one_number_are_a_fork() -> None:
    anew = sealed([*RECORDS[:5], taken(5, b"forged")], 4)
    found = breaks(RECORDS, [*lines(SEALS), anew[1].line])
    assert [(one.fault, one.number) for one in found] == [(Fault.FORKED, 2)]


def test_a_line_that_is_there_twice_is_there_once() -> None:
    assert breaks(RECORDS, [*lines(SEALS), SEALS[-1].line, SEALS[0].line]) == []


def test_what_is_no_checkpoint_of_the_partition_is_told() -> None:
    elsewhere = seal(structs.replace(SEALS[-1].checkpoint, partition=4), sign)
    found = breaks(RECORDS, [*lines(SEALS), b"{}", elsewhere.line])
    assert [(one.fault, one.number, one.first, one.last) for one in found] == [(Fault.NO_CHECKPOINT, None, 20, None)] * 2


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        SEALS[0].signed,
        SEALS[0].line.replace(b'"number":1', b'"number": 1'),
        SEALS[0].line.replace(b'"number":1', b'"number":0'),
        SEALS[0].line.replace(SEALS[0].signature.hex().encode(), SEALS[0].signature.hex().upper().encode()),
        SEALS[0].line + b"\n",
    ],
)
def test_only_the_bytes_in_which_a_checkpoint_is_written_are_one(line: bytes) -> None:
    with pytest.raises(NotASeal):
        read(line)


def test_a_checkpoint_that_one_of_two_stores_lacks_is_missed() -> None:
    database = {one.checkpoint.number: one for one in SEALS}

    def without(*numbers: int) -> dict[int, Seal]:
        return {number: one for number, one in database.items() if number not in numbers}

    assert list(differences(database, database)) == []
    assert list(differences(database, without(5))) == []  # on its way
    assert [(b.fault, b.number) for b in differences(database, without(2, 5))] == [(Fault.NOT_IN_TOPIC, 2)]
    assert [(b.fault, b.number) for b in differences(database, without(4, 5))] == [(Fault.NOT_IN_TOPIC, 4)], "one at a time"
    assert [b.number for b in differences(database, {})] == [1, 2, 3, 4]
    assert [(b.fault, b.number) for b in differences(without(5), database)] == [(Fault.NOT_IN_DATABASE, 5)]


def test_records_and_checkpoints_that_are_cut_off_together_are_missed_by_who_has_a_published_one() -> None:
    cut, left = RECORDS[:12], SEALS[:3]
    assert breaks(cut, lines(left)) == []
    assert list(held_to([SEALS[2]], left)) == []
    [found] = held_to([SEALS[4]], left)
    assert (found.fault, found.number, found.found) == (Fault.NOT_AS_PUBLISHED, 5, "nothing")


def test_a_range_is_widened_to_whole_checkpoints() -> None:
    all_spans = list(spans(TOPIC, PARTITION, SEALS))

    def numbers(first: int | None, last: int | None) -> list[int]:
        found: list[Span] = within(all_spans, first, last)
        return [span.seal.checkpoint.number for span in found]

    assert numbers(None, None) == [1, 2, 3, 4, 5]
    assert numbers(5, 5) == [2]
    assert numbers(7, 8) == [2, 3]
    assert numbers(None, 3) == [1]
    assert numbers(20, None) == []


def test_a_range_is_checked_without_what_comes_before_it() -> None:
    some = within(spans(TOPIC, PARTITION, SEALS), 9, 13)
    forged = [taken(0, b"forged"), *RECORDS[1:]]
    whole = Bounds(Offset(0), Offset(20))
    assert list(check(some, forged[8:16], whole)) == [None, None]
    assert list(check(some, forged, whole)) == [None, None]
    assert [one.number for one in check(some, [*RECORDS[8:14], *RECORDS[15:]], whole) if one] == [4]


# Batches that are not unpacked

BATCH = Unread(Offset(5), Offset(7), 3, "zstd", 900, 1, bytes(range(32)), 1_760_000_000_123, fits=False)


def stands(unread: Unread) -> Taken:
    return Taken(PARTITION, unread.last, None, None, (), unread.timestamp_ms, unread)


def test_the_link_of_a_batch_that_is_not_unpacked_is_over_what_the_broker_has() -> None:
    def number(value: int) -> bytes:
        return value.to_bytes(8, "big", signed=True)

    def part(body: bytes) -> bytes:
        return number(len(body)) + body

    wanted = part(b"wattbook.raw") + part(number(3)) + part(GENESIS) + part(number(7)) + part(number(1_760_000_000_123))
    wanted += number(-2) + part(number(5)) + part(bytes(range(32)))
    chain = follow(Chain(TOPIC, PARTITION), [stands(BATCH)])
    assert (chain.link, chain.first, chain.next, chain.records) == (sha256(wanted).digest(), 5, 8, 1)


@pytest.mark.parametrize("changed", [{"first": Offset(4)}, {"last": Offset(8)}, {"digest": bytes(32)}, {"timestamp_ms": 1}])
def test_another_batch_in_its_place_has_another_link(changed: dict[str, object]) -> None:
    links = [follow(Chain(TOPIC, PARTITION), [stands(one)]).link for one in (BATCH, BATCH._replace(**changed))]
    assert links[0] != links[1]
    assert links[0] != follow(Chain(TOPIC, PARTITION), [stands(BATCH)._replace(unread=None)]).link
