"""Unpack what a producer compressed, piece by piece, and stop where it becomes too much.

A few kB of zeros are a GB when they are unpacked, and the client libraries unpack all at once. Here what is in memory never
exceeds `room` by more than a piece. The compressions are Kafka's, by their numbers in a batch's attributes:

    1 gzip      members, one after the other; zeros behind them say nothing
    2 snappy    one block, or blocks after their length, behind the mark of Java's library
    3 lz4       frames
    4 zstd      frames

What comes in absurdly many pieces is too much as well: each takes its time, and there is a group that waits for the reader.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final

import snappy
import zstandard
from lz4.frame import LZ4FrameDecompressor

_PIECE: Final = 2**20
_PIECES_MAX: Final = 2**16
_INPUT: Final = 2**16  # bytes that are given to a decompressor at once: it copies what it leaves over
_WINDOW_BYTES: Final = 2**23  # as much as any usual producer asks for
_SNAPPY_MARK: Final = b"\x82SNAPPY\0"
_SNAPPY_HEADER: Final = 16  # bytes: the mark, and two versions


class TooMuch(Exception):
    """It unpacks to more than there is room for."""


class Damaged(Exception):
    """It cannot be unpacked."""


def unpack(codec: int, packed: memoryview, onto: bytearray, room: int) -> None:
    """Append what `packed` unpacks to, at most `room` bytes. Raises TooMuch or Damaged."""
    if codec not in _PIECES_OF:
        raise Damaged
    for number, piece in enumerate(_PIECES_OF[codec](packed, room), start=1):
        room -= len(piece)
        if room < 0 or number > _PIECES_MAX:
            raise TooMuch
        onto += piece


def _gzip(packed: memoryview, _room: int) -> Iterator[bytes]:
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        for given in _inputs(packed):
            rest = given
            while rest:
                if member.eof:
                    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
                yield member.decompress(rest, _PIECE)
                rest = member.unused_data.lstrip(b"\0") if member.eof else member.unconsumed_tail
        while not member.eof and (piece := member.decompress(b"", _PIECE)):
            yield piece
    except zlib.error:
        raise Damaged from None
    if not member.eof:
        raise Damaged


def _snappy(packed: memoryview, room: int) -> Iterator[bytes]:
    if len(packed) < _SNAPPY_HEADER or bytes(packed[: len(_SNAPPY_MARK)]) != _SNAPPY_MARK:
        yield _snappy_block(packed, room)
        return
    at = _SNAPPY_HEADER
    while at < len(packed):
        if len(packed) - at < 4:
            raise Damaged
        (length,) = struct.unpack_from(">i", packed, at)
        at += 4
        if not 0 < length <= len(packed) - at:
            raise Damaged
        yield _snappy_block(packed[at : at + length], room)
        at += length


def _snappy_block(block: memoryview, room: int) -> bytes:
    """A block begins with the length that it unpacks to."""
    length = 0
    for place, byte in enumerate(block[:5]):
        length |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            break
    if length > room:
        raise TooMuch
    try:
        return bytes(snappy.uncompress(bytes(block)))
    except snappy.UncompressError:
        raise Damaged from None


def _lz4(packed: memoryview, _room: int) -> Iterator[bytes]:
    frame = LZ4FrameDecompressor()
    try:
        for given in _inputs(packed):
            rest = given
            while rest:
                if frame.eof:
                    frame = LZ4FrameDecompressor()
                yield frame.decompress(rest, _PIECE)
                while not frame.eof and not frame.needs_input:
                    yield frame.decompress(b"", _PIECE)
                rest = (frame.unused_data or b"") if frame.eof else b""
        while not frame.eof and (piece := frame.decompress(b"", _PIECE)):
            yield piece
    except RuntimeError:
        raise Damaged from None
    if not frame.eof:
        raise Damaged


def _zstd(packed: memoryview, room: int) -> Iterator[bytes]:
    """The window is memory too: a frame may ask for more of it than all the room."""
    window_bytes = max(room, _WINDOW_BYTES)
    try:
        if zstandard.get_frame_parameters(packed).window_size > window_bytes:
            raise TooMuch
        unpacker = zstandard.ZstdDecompressor(max_window_size=window_bytes)
        with unpacker.stream_reader(packed, read_across_frames=True) as reader:
            while piece := reader.read(_PIECE):
                yield piece
    except zstandard.ZstdError:
        raise Damaged from None


def _inputs(packed: memoryview) -> Iterator[bytes]:
    return (bytes(packed[at : at + _INPUT]) for at in range(0, len(packed), _INPUT))


_PIECES_OF: Final[dict[int, Callable[[memoryview, int], Iterator[bytes]]]] = {1: _gzip, 2: _snappy, 3: _lz4, 4: _zstd}
