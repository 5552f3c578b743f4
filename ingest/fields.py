"""Read single fields as stations write them: numbers, instants, and what to say where one cannot be read.

Numbers become decimals from their text and never pass through a float. Instants become UTC; a time without a zone is read
as UTC (OCPP 1.6 §3.15 recommends it, stations omit it). Nothing here depends on a decimal context, a locale or the clock, and
no input costs more than a few passes over its length. What cannot be read is None, or `Refused` where all depends on it.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal
from itertools import accumulate
from typing import Annotated, Final, TypeVar

import msgspec

from vocabulary.charging import Rejection

T = TypeVar("T")
Integer = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]  # what the log can hold; OCPP's own are of 32 bits

NESTING_MAX: Final = 100  # OCPP needs about ten levels; customData may add some
MAGNITUDE_MAX: Final = 18  # decimal places left or right of the point: beyond any meter, short of any trouble

_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]{1,24}(?:\.[0-9]{0,24})?|\.[0-9]{1,24})(?:[eE][+-]?[0-9]{1,2})?\s*", re.ASCII)
_NUMBER_LENGTH_MAX: Final = 64
_is_plain = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?", re.ASCII).fullmatch  # nearly all: within the magnitude by its form
_WHOLE_MAX: Final = 10**MAGNITUDE_MAX
_EXACT = Context(prec=200)
_UNIT_STEP = Decimal(1)
_NULL = msgspec.Raw(b"null")
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_ALL_BUT_BRACKETS_AND_QUOTES = bytes({*range(256)} - {*b'[]{}"'})
_LEVEL = {ord(bracket): level for bracket, level in zip("[{]}", (1, 1, -1, -1), strict=True)}


class Refused(Exception):  # not an error of ours: a fact about the input, on its way to a MessageRejected
    """Nothing can be made of this frame. `detail` names the field, and never shows a token or a name."""

    def __init__(self, reason: Rejection, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def number(value: object) -> Decimal | None:
    """A decimal from a JSON number or from a string that holds one, digits kept; None where it is neither or absurd.

    Blanks around the digits are accepted (" 9.6" is seen in the field). A decimal comma is not: "3,600" may mean two things.
    """
    if isinstance(value, str):
        return _decimal(value)
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and -_WHOLE_MAX < value < _WHOLE_MAX:
        return Decimal(value)
    return None


def _decimal(text: str) -> Decimal | None:
    """Also the decoders' hook for JSON numbers with a point or an exponent, so `1e999999` never becomes a number."""
    if _is_plain(text):
        return Decimal(text)
    if len(text) > _NUMBER_LENGTH_MAX or _NUMBER.fullmatch(text) is None:
        return None
    value = Decimal(text)
    return value if not value or -MAGNITUDE_MAX <= value.adjusted() < MAGNITUDE_MAX else None


def scaled(value: Decimal, power: int) -> Decimal:
    """value x 10^power, exactly, written without an exponent where it is whole: 9.6 kWh are 9600 Wh, not 9.6E+3."""
    moved = value.scaleb(power, _EXACT)
    return moved.quantize(_UNIT_STEP, context=_EXACT) if moved == moved.to_integral_value(context=_EXACT) else moved


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """A decoder that tolerates `"1"` and `1.0` for 1 and `"true"` for true, and keeps the digits of numbers."""
    return msgspec.json.Decoder(kind, strict=False, float_hook=_decimal)


def instant(value: object) -> datetime | None:
    """A time in RFC 3339, with any fraction and offset, as UTC. None where it is no such time."""
    if type(value) is not str:
        return None
    try:
        at = msgspec.convert(value.strip(), datetime)
        return at if at.tzinfo is UTC else _as_utc(at)
    except (ValueError, OverflowError):  # the second: year 1 with an offset to the east has no UTC
        return None


def _as_utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def required_instant(value: object, field: str) -> datetime:
    """The time without which the message says nothing."""
    if value is None:
        raise Refused(Rejection.FIELD_MISSING, field)
    at = instant(value)
    if at is None:
        shown = repr(value[:80]) if isinstance(value, str) else type(value).__name__
        raise Refused(Rejection.TIMESTAMP_UNREADABLE, f"{field}: {shown}")
    return at


def default_of(kind: type[msgspec.Struct], field: str) -> str:
    """The very object that is the field's default. msgspec leaves out a default by identity, not by equality, so a text that
    equals it must be it: else equal events would have other bytes, and another identity."""
    default = {found.name: found.default for found in msgspec.structs.fields(kind)}[field]
    assert isinstance(default, str), f"{kind.__name__}.{field} has no text as its default"
    return default


def text_or(text: str | None, default: str) -> str:
    """The text, or the default where it is absent, empty or equal to it."""
    return default if not text or text == default else text


def read(payload: msgspec.Raw, kind: msgspec.json.Decoder[T], required: Sequence[str]) -> T:
    """The payload as a record, or `Refused`: first for a required field that is missing, then for one that cannot be read."""
    try:
        return kind.decode(payload)
    except msgspec.ValidationError as error:
        missing = next((path for path in required if _is_missing(payload, path.split("."))), None)
        if missing is not None:
            raise Refused(Rejection.FIELD_MISSING, missing) from None
        raise Refused(Rejection.FIELD_UNREADABLE, str(error)) from None


def _is_missing(value: msgspec.Raw, path: list[str]) -> bool:
    """Absent or null, itself or an object on the way to it. Where something else stands in such an object's place: no."""
    for name in path:
        try:
            value = _OBJECT.decode(value).get(name, _NULL)
        except msgspec.ValidationError:
            return False
        if bytes(value) == b"null":
            return True
    return False


def is_too_deep(text: str, levels: int = NESTING_MAX) -> bool:
    """Whether JSON text nests deeper than that. Decided here, so that it never depends on the stack below us."""
    if text.count("[") + text.count("{") <= levels:
        return False
    return max(accumulate(map(_LEVEL.__getitem__, _brackets(text))), default=0) > levels


def _brackets(text: str) -> bytes:
    """The brackets that stand outside of strings. Where nothing is escaped, every other quote ends a string: two with nothing
    between them tell no other bracket whether it stands inside one, so they can go.
    """
    plain = text if "\\" not in text else _STRING.sub("", text)
    found = plain.encode(errors="surrogatepass").translate(None, _ALL_BUT_BRACKETS_AND_QUOTES).replace(b'""', b"")
    return found if b'"' not in found else b"".join(found.split(b'"')[::2])
