"""Read a body of many messages, as a CSMS publishes them over HTTP: one item a line, or a JSON array of items. Pure.

An item is what a line of a capture is (`ingest.captures`, one reader for both), and a frame is kept as it stands in the body.
What is wrong with an item is told in its place, so that it does not refuse the others. What is wrong with the body as a whole
is `Unacceptable`. A body is a stranger's: every bound here is checked before memory is taken, and no input costs more than a
few passes over its length.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final, TypeVar

from ingest.captures import TIME_RULE, Unreadable, read_line, read_object
from ingest.local_times import ZoneNeeded
from vocabulary.charging import RawMessage

ITEMS_MAX: Final = 10_000
MEMBERS_MAX: Final = ITEMS_MAX  # of gzip: a publisher may have packed each item by itself
BRACKETS_MAX: Final = 2**20  # that open, in the whole body: each takes its time, and a message has one in 40 bytes
LINES_MAX: Final = 2 * ITEMS_MAX  # blank ones, and comments, among them
BODY_BYTES_MAX: Final = 16 * 2**20  # as sent, and unpacked

T = TypeVar("T")
Item = RawMessage | Unreadable

_GZIP = zlib.MAX_WBITS + 16
_INPUT_BYTES: Final = 2**14  # that are given to a decompressor at once
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb")*+[\[\]{}]", re.DOTALL)
_SCALAR = re.compile(_STRING + rb"|[^,\]\s]++", re.DOTALL)
_BLANKS = re.compile(rb"[ \t\r\n]*+")


class BatchFault(StrEnum):
    """Why a publisher is refused, as a whole: first what is looked at first. The last ones are no fault of the body."""

    NO_SUCH_PATH = "path_is_not_known"
    OTHER_METHOD = "method_is_not_known"
    NO_TOKEN = "token_is_not_known"  # noqa: S105 - a sentence
    NOT_A_PUBLISHER = "token_may_not_publish"
    OTHER_TYPE = "content_type_is_not_known"
    OTHER_ENCODING = "content_encoding_is_not_known"
    KEY_UNREADABLE = "idempotency_key_cannot_be_read"
    TOO_MANY_BODIES = "too_many_bodies_at_a_time"
    BUSY = "server_is_busy"
    TOO_LARGE = "body_is_too_large"
    TOO_SLOW = "body_comes_too_slowly"
    CUT_OFF = "body_ends_too_early"
    NOT_GZIP = "body_is_not_gzip"
    TOO_MANY_MEMBERS = "body_has_too_many_gzip_members"
    KEY_REUSED = "key_was_used_with_another_body"
    TOO_MANY_BRACKETS = "body_has_too_many_brackets"
    NOT_AN_ARRAY = "body_is_not_a_json_array"
    TOO_MANY = "body_has_too_many_items"
    METER_KEY = "meter_key_is_refused"
    LOG_AWAY = "log_is_away"


class Unacceptable(Exception):  # not an error of ours: a fact about the body, on its way to an answer
    def __init__(self, fault: BatchFault, remedy: str) -> None:
        super().__init__(fault, remedy)
        self.fault, self.remedy = fault, remedy


def unpacked(body: bytes) -> bytes:
    """What was packed by gzip, in one or several members; never more than BODY_BYTES_MAX of it is in memory.

    A decompressor is given little at a time: after each member it copies what it was given beyond.
    """
    parts, room, member, members = [], BODY_BYTES_MAX, None, 0
    try:
        for begin in range(0, len(body), _INPUT_BYTES):
            rest = body[begin : begin + _INPUT_BYTES]
            while rest:
                if member is None or member.eof:
                    member, members = zlib.decompressobj(_GZIP), members + 1
                part = member.decompress(rest, room + 1)
                if (room := room - len(part)) < 0:
                    raise Unacceptable(BatchFault.TOO_LARGE, f"unpacked, a body may have {BODY_BYTES_MAX} bytes: send several")
                if members > MEMBERS_MAX:
                    raise Unacceptable(
                        BatchFault.TOO_MANY_MEMBERS, f"pack the body at once, or in {MEMBERS_MAX} members at most"
                    )
                parts.append(part)
                rest = member.unused_data
    except zlib.error as error:
        raise Unacceptable(BatchFault.NOT_GZIP, f"{error}: pack the body by gzip, or leave out Content-Encoding") from None
    if member is not None and not member.eof:
        raise Unacceptable(BatchFault.NOT_GZIP, "the packed body ends too early: send all of it")
    return b"".join(parts)


def read_batch(body: bytes, is_array: bool) -> list[Item]:
    """The items in their order. Lines that say nothing are none. Raises Unacceptable."""
    if body.count(b"[") + body.count(b"{") > BRACKETS_MAX:
        raise Unacceptable(
            BatchFault.TOO_MANY_BRACKETS, f"write [ and {{ at most {BRACKETS_MAX} times in one body: send several"
        )
    found: list[Item] = []
    for item in _of_array(body) if is_array else _of_lines(body):
        if len(found) == ITEMS_MAX:
            raise Unacceptable(BatchFault.TOO_MANY, f"send at most {ITEMS_MAX} items in one body")
        found.append(item)
    return found


def _of_lines(body: bytes) -> Iterator[Item]:
    begin, number = 0, 0
    while begin < len(body):
        end = body.find(b"\n", begin)
        end = len(body) if end < 0 else end
        if (number := number + 1) > LINES_MAX:
            raise Unacceptable(BatchFault.TOO_MANY, f"send at most {LINES_MAX} lines in one body, blank ones included")
        item = _read(read_line, body[begin:end], number)
        if item is not None:
            yield item
        begin = end + 1


def _read(read: Callable[[bytes, int], T], text: bytes, number: int) -> T | Unreadable:
    """Nobody says in which zone a publisher's times are."""
    try:
        return read(text, number)
    except ZoneNeeded as needed:
        return Unreadable(number, f"at: {needed.text[:80]!r} bears no zone", TIME_RULE)


def _of_array(body: bytes) -> Iterator[Item]:
    """The elements, found by their brackets and commas: what stands in an object is its own reader's matter."""
    at, number = _after_blanks(body, 0), 0
    if body[at : at + 1] != b"[":
        raise _no_array("it does not begin with [")
    at = _after_blanks(body, at + 1)
    while body[at : at + 1] != b"]" or number:
        number += 1
        end = _end_of_element(body, at)
        yield _element(body[at:end], number)
        at = _after_blanks(body, end)
        if body[at : at + 1] == b"]":
            break
        if body[at : at + 1] != b",":
            raise _no_array(f"neither , nor ] after element {number}")
        at = _after_blanks(body, at + 1)
    if _after_blanks(body, at + 1) != len(body):
        raise _no_array("something stands after its end")


def _element(text: bytes, number: int) -> Item:
    if text[:1] == b"{":
        return _read(read_object, text, number)
    return Unreadable(number, "the element is no object", 'write {"station":…,"frame":[…]}')


def _end_of_element(body: bytes, at: int) -> int:
    if body[at : at + 1] not in (b"{", b"["):
        scalar = _SCALAR.match(body, at)
        if scalar is None:
            raise _no_array("an element is missing")
        return scalar.end()
    depth = 0
    while (bracket := _TO_BRACKET.match(body, at)) is not None:
        at = bracket.end()
        depth += 1 if body[at - 1] in b"[{" else -1
        if depth == 0:
            return at
    raise _no_array("it ends within an element")


def _after_blanks(body: bytes, at: int) -> int:
    found = _BLANKS.match(body, at)
    assert found is not None, "no blanks are blanks too"
    return found.end()


def _no_array(why: str) -> Unacceptable:
    return Unacceptable(BatchFault.NOT_AN_ARRAY, f"{why}: send one JSON array, or one item a line as application/x-ndjson")
