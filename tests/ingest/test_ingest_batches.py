"""A body of many messages, as a CSMS publishes them: what is read, what is refused, and what it costs."""

import gzip
import json
import time
import tracemalloc
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.batches import (
    BODY_BYTES_MAX,
    ITEMS_MAX,
    LINES_MAX,
    BatchFault,
    Unacceptable,
    read_batch,
    unpacked,
)
from ingest.captures import Unreadable, read_line
from tests.first_light.homes import CAPTURES
from vocabulary.charging import RawMessage

FRAME = '[2, "a",\t"Heartbeat",{"x":1.50,  "y":"\\u00e4, ] } \\" ä"}]'
ITEM = f'{{"at":"2026-10-14T05:58:20Z","station":"CP-1","protocol":"ocpp1.6","frame":{FRAME}}}'


def frames(body: str | bytes, is_array: bool) -> list[Any]:
    items = read_batch(body.encode() if isinstance(body, str) else body, is_array)
    return [item.frame if isinstance(item, RawMessage) else item.reason for item in items]


@pytest.mark.parametrize("body", [ITEM, ITEM + "\n", "\n# a word\n" + ITEM + "\r\n", f"CP-1 {FRAME}"])
def test_a_frame_of_a_line_is_kept_character_for_character(body: str) -> None:
    assert frames(body, is_array=False) == [FRAME]


@pytest.mark.parametrize("body", [f"[{ITEM}]", f" [\n {ITEM}\t]\r\n"])
def test_a_frame_of_an_array_is_kept_character_for_character(body: str) -> None:
    assert frames(body, is_array=True) == [FRAME]


def test_both_forms_of_a_body_are_the_lines_of_a_capture() -> None:
    for file in CAPTURES:
        lines = file.read_bytes().splitlines()
        wanted = [read_line(line, number) for number, line in enumerate(lines, 1)]
        assert read_batch(b"\n".join(lines), is_array=False) == wanted
        assert read_batch(b"[" + b" ,".join(lines) + b"]", is_array=True) == wanted


def test_an_item_that_cannot_be_read_refuses_no_other() -> None:
    found = read_batch(f'[{ITEM},{{"station":"CP-1"}},17,"{{",{ITEM}]'.encode(), is_array=True)
    assert [type(item) for item in found] == [RawMessage, Unreadable, Unreadable, Unreadable, RawMessage]
    assert [item.number for item in found if isinstance(item, Unreadable)] == [2, 3, 4]


def test_items_nested_too_deep_are_told_and_the_others_are_read() -> None:
    deep = '{"station":"CP-1","frame":' + "[" * 5000 + "]" * 5000 + "}"
    found = read_batch(f"[{deep},{ITEM}]".encode(), is_array=True)
    assert isinstance(found[0], Unreadable) and "nested deeper" in found[0].reason
    assert isinstance(found[1], RawMessage)


@pytest.mark.parametrize("body", ["", "{}", ITEM, "[", f"[{ITEM}", f"[{ITEM},]", f"[{ITEM}{ITEM}]", f"[{ITEM}] x", "[,]", '["'])
def test_what_is_no_array_is_refused_as_a_whole(body: str) -> None:
    with pytest.raises(Unacceptable) as caught:
        read_batch(body.encode(), is_array=True)
    assert caught.value.fault is BatchFault.NOT_AN_ARRAY


def test_an_empty_batch_has_no_items() -> None:
    assert read_batch(b"[ ]", is_array=True) == read_batch(b"\n\n", is_array=False) == []


def test_as_many_items_as_may_be_are_read_and_one_more_is_refused() -> None:
    item = b'{"station":"A","frame":[]}'
    for is_array in (True, False):
        whole = [item] * ITEMS_MAX
        assert len(read_batch(_joined(whole, is_array), is_array)) == ITEMS_MAX
        with pytest.raises(Unacceptable) as caught:
            read_batch(_joined([*whole, item], is_array), is_array)
        assert caught.value.fault is BatchFault.TOO_MANY


def _joined(items: list[bytes], is_array: bool) -> bytes:
    return b"[" + b",".join(items) + b"]" if is_array else b"\n".join(items)


def test_blank_lines_have_a_bound_too() -> None:
    with pytest.raises(Unacceptable):
        read_batch(b"\n" * (LINES_MAX + 1), is_array=False)


def test_a_packed_body_is_unpacked_also_from_several_members() -> None:
    assert unpacked(gzip.compress(b"one ") + gzip.compress(b"two")) == b"one two"


def test_a_bomb_is_refused_before_it_takes_memory() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(1024)) + packer.flush()
    assert len(bomb) < BODY_BYTES_MAX
    tracemalloc.start()
    with pytest.raises(Unacceptable) as caught:
        unpacked(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.fault is BatchFault.TOO_LARGE
    assert peak < 3 * BODY_BYTES_MAX  # it unpacks to 64 times as much


@pytest.mark.parametrize(
    "packed", [b"no gzip", gzip.compress(b"x" * 100)[:-9], gzip.compress(b"x") + b"rest"], ids=["none", "torn", "more"]
)
def test_what_is_no_gzip_is_told(packed: bytes) -> None:
    with pytest.raises(Unacceptable) as caught:
        unpacked(packed)
    assert caught.value.fault is BatchFault.NOT_GZIP


@pytest.mark.parametrize(
    "body", [b"[1" + b",1" * 10**6, b"[" * 10**6, b'["' + b'\\"' * 10**6, b'[{"' + b'\\"' * 10**6, b"[" + b" " * 10**6]
)
def test_a_hostile_body_costs_no_more_than_its_length(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(Unacceptable):
        read_batch(body, is_array=True)
    assert time.process_time() - started < 3


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_items_or_refused(body: bytes, is_array: bool) -> None:
    with suppress(Unacceptable):
        assert len(read_batch(body, is_array)) <= len(body)


def test_base64_and_received_at_are_read() -> None:
    line = {"station": "A", "received_at": "2026-10-14T05:58:20Z", "frame": "WyL/Il0=", "base64": True}
    found = read_line(json.dumps(line).encode(), 1)
    assert isinstance(found, RawMessage)
    assert (found.frame, found.base64, str(found.received_at)) == ("WyL/Il0=", True, "2026-10-14 05:58:20+00:00")
    text = read_line(json.dumps(line | {"frame": "W10="}).encode(), 1)
    assert isinstance(text, RawMessage) and (text.frame, text.base64) == ("[]", False), "what is text is kept as text"


@pytest.mark.parametrize("frame", ["WyI", "[]", "ä", ["x"]])
def test_what_is_no_base64_is_told(frame: object) -> None:
    found = read_line(json.dumps({"station": "A", "frame": frame, "base64": True}).encode(), 1)
    assert isinstance(found, Unreadable) and "base64" in found.reason
