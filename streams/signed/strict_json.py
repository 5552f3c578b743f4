"""JSON that says one thing: no key twice in an object, no number that is none, UTF-8, and nested no deeper than can be read.

Readers differ on which of two values of one key counts, so that a text with both could be shown as one and billed as the other.
"""

import json
from typing import TypeVar

import msgspec

from streams.signed.record import CannotJudge, unreadable

T = TypeVar("T")


def decoded(data: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """By types, after it was read once more for what that does not see. Raises CannotJudge without a word of what was read: it
    may name a person.
    """
    try:
        _read(data.decode().lstrip())  # what follows is for the decoder to refuse
        return decoder.decode(data)
    except CannotJudge:
        raise
    except msgspec.ValidationError as error:
        raise unreadable(f"a field of another type than its format says: {error}") from None
    except RecursionError:
        raise unreadable("nested too deep") from None
    except (msgspec.MsgspecError, ValueError):
        raise unreadable("not JSON in UTF-8") from None


def _once(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise unreadable("a key stands twice in an object")


def _no_number(_constant: str) -> None:
    raise unreadable("a number that is none: NaN or infinite")


_read = json.JSONDecoder(object_pairs_hook=_once, parse_float=str, parse_int=str, parse_constant=_no_number).raw_decode
