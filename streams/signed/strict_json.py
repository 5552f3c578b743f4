"""JSON that says one thing: no key twice in an object, no number that is none, UTF-8, and nested no deeper than can be read.

Readers differ on which of two values of one key counts, so that a text with both could be shown as one and billed as the other.
"""

import json
from typing import TypeVar

import msgspec

from streams.signed.record import CannotJudge, unreadable

T = TypeVar("T")


def decoded(data: bytes, decoder: "msgspec.json.Decoder[T]", objects: str = "") -> T:
    """By types, after it was read once more for what that does not see. `objects`: a key under which a list of objects stands,
    the only ones in most texts. Raises CannotJudge without a word of what was read: it may name a person.
    """
    try:
        if not _is_plain(data, objects):
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


def _is_plain(data: bytes, objects: str) -> bool:
    """Whether no key can stand twice: a reader of whom the last one wins finds as many keys as the text can have at most.

    A colon behind a quote, or behind a blank, may stand in a text; a key without one is none.
    """
    if b"\t" in data or b"\n" in data or b"\r" in data:
        return False
    top = _ANY.decode(data)
    if type(top) is not dict:
        return False
    inner = top.get(objects)
    keys = len(top) + (sum(map(len, inner)) if type(inner) is list and all(type(one) is dict for one in inner) else 0)
    return keys == data.count(b'":') + data.count(b" :")


def _once(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise unreadable("a key stands twice in an object")


def _no_number(_constant: str) -> None:
    raise unreadable("a number that is none: NaN or infinite")


_ANY = msgspec.json.Decoder(float_hook=str)
_read = json.JSONDecoder(object_pairs_hook=_once, parse_float=str, parse_int=str, parse_constant=_no_number).raw_decode
