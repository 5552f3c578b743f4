"""Long records in parts: cut anywhere, joined again whatever comes twice."""

from hypothesis import example, given
from hypothesis import strategies as st

from streams.parts import WHOLE, Joining, Part, cut, headers_of, part_in
from streams.places import Offset, Partition, Taken

P0 = Partition(0)


def parts_of(place: int, value: bytes, bytes_max: int) -> list[Taken]:
    """As the relay publishes a record; offsets come later."""
    pieces = cut(value, bytes_max)
    headers = [
        (("id", b"%d" % place), ("place", b"%d" % place), *headers_of(Part(number, len(pieces))))
        for number in range(1, len(pieces) + 1)
    ]
    return [Taken(P0, Offset(0), b"key", piece, given, 0) for piece, given in zip(pieces, headers, strict=True)]


def read(records: list[Taken]) -> list[tuple[int, bytes | None]]:
    joining, found = Joining(), []
    for offset, taken in enumerate(records):
        if joined := joining.take(taken._replace(offset=Offset(offset))):
            assert "parts" not in dict(joined.taken.headers)
            assert joined.first <= joined.taken.offset == offset
            found.append((int(dict(joined.taken.headers)["place"]), joined.taken.value))
    return found


@example(b"\x80" * 6, 4)  # no text: it was looked for the beginning of a character for ever
@given(st.binary(max_size=60), st.integers(4, 20))
def test_pieces_are_short_enough_and_together_the_value(value: bytes, bytes_max: int) -> None:
    pieces = cut(value, bytes_max)
    assert b"".join(pieces) == value
    assert all(len(piece) <= bytes_max for piece in pieces)
    assert len(pieces) == 1 or all(pieces)


@given(st.text(max_size=60), st.integers(4, 20))
def test_text_is_cut_between_characters(text: str, bytes_max: int) -> None:
    assert "".join(piece.decode() for piece in cut(text.encode(), bytes_max)) == text


def test_what_fits_has_no_headers_of_a_part() -> None:
    [whole] = parts_of(7, b"12345", 5)
    assert [name for name, _ in whole.headers] == ["id", "place"]
    assert part_in(whole.headers) == WHOLE
    assert [part_in(taken.headers) for taken in parts_of(7, b"123456", 5)] == [Part(1, 2), Part(2, 2)]


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6),
)
def test_each_record_is_read_once_and_whole_however_often_the_relay_began_again(
    lengths: list[int], restarts: list[tuple[int, int]]
) -> None:
    """It ends anywhere, and begins again with the first record that is not whole; or with one before it, where a broker took
    what the relay did not hear of.
    """
    values = [(place, bytes([64 + place]) * length) for place, length in enumerate(lengths, start=1)]
    stream = [parts_of(place, value, 7) for place, value in values]
    published: list[Taken] = []
    for ends_after, begins_before in restarts:
        left = [taken for parts in stream for taken in parts][: ends_after + 1]
        whole = max((int(dict(t.headers)["place"]) for t in left if part_in(t.headers).is_last), default=0)
        published += left
        first = max(0, whole - begins_before % 3)
        published += [taken for parts in stream[first:] for taken in parts][: ends_after % 5]
    published += [taken for parts in stream for taken in parts]
    assert read(published) == values


def test_a_part_of_an_earlier_record_that_comes_late_spoils_nothing() -> None:
    one, two = parts_of(1, b"a" * 12, 5), parts_of(2, b"b" * 12, 5)
    assert read([*one, two[0], one[2], two[1], two[0], two[2], one[0], *two]) == [(1, b"a" * 12), (2, b"b" * 12)]


def test_parts_of_two_ways_of_cutting_are_not_mixed() -> None:
    long, short = parts_of(1, b"0123456789", 6), parts_of(1, b"0123456789", 4)
    assert read([long[0], *short, long[1]]) == [(1, b"0123456789")]


def test_what_is_not_the_relay_s_is_whole() -> None:
    taken = Taken(P0, Offset(3), None, None, (("other", b"1"),), 0)
    assert Joining().take(taken) == (taken, 3)
