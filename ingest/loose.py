"""A payload whose fields are taken for what they can be: where one cannot be read it is None, and its neighbours stay.

For messages that are rare and of which little is needed. What arrives every second has records of its own (`ingest.samples`).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from ingest.fields import Refused, decoder, instant, number
from vocabulary.charging import Rejection
from vocabulary.identity import TokenUid, TransactionId

T = TypeVar("T")
_OBJECT = decoder(dict[str, Any])
_RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])
_WHOLE_MAX = 2**63 - 1  # what the log can hold


class Fields:
    """A JSON object. `need_…` refuses the message where it says nothing without that field."""

    __slots__ = ("_held", "_path")

    def __init__(self, held: Mapping[str, object], path: str = "") -> None:
        self._held, self._path = held, path

    def __contains__(self, name: str) -> bool:
        """Whether it is there and not null."""
        return self._held.get(name) is not None

    def text(self, name: str) -> str | None:
        """Not empty."""
        value = self._held.get(name)
        return value if isinstance(value, str) and value else None

    def number(self, name: str) -> Decimal | None:
        return number(self._held.get(name))

    def integer(self, name: str) -> int | None:
        """Also `"1"` and `1.0`."""
        return whole(self._held.get(name))

    def flag(self, name: str) -> bool | None:
        value = self._held.get(name)
        return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())

    def instant(self, name: str) -> datetime | None:
        return instant(self._held.get(name))

    def part(self, name: str) -> "Fields":
        """The object in a field; an empty one where there is none."""
        value = self._held.get(name)
        return Fields(value if isinstance(value, dict) else {}, f"{self._path}{name}.")

    def parts(self, name: str) -> Iterator["Fields"]:
        """The objects of a list."""
        return (Fields(value, f"{self._path}{name}[].") for value in self.items(name) if isinstance(value, dict))

    def items(self, name: str) -> list[object]:
        value = self._held.get(name)
        return value if isinstance(value, list) else []

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(value for value in self.items(name) if isinstance(value, str) and value)

    def need_text(self, name: str) -> str:
        return self._needed(name, self.text(name))

    def need_integer(self, name: str) -> int:
        return self._needed(name, self.integer(name))

    def need_number(self, name: str) -> Decimal:
        return self._needed(name, self.number(name))

    def need_instant(self, name: str) -> datetime:
        return self._needed(name, self.instant(name), Rejection.TIMESTAMP_UNREADABLE)

    def _needed(self, name: str, value: T | None, unreadable: Rejection = Rejection.FIELD_UNREADABLE) -> T:
        if value is None:
            raise Refused(unreadable if name in self and self._held[name] != "" else Rejection.FIELD_MISSING, self._path + name)
        return value

    def token(self, name: str = "idToken") -> tuple[TokenUid | None, str | None]:
        """2.x IdTokenType: the token and its type. An empty one is none."""
        held = self.part(name)
        text = held.text("idToken")
        return TokenUid(text) if text else None, held.text("type")

    def transaction(self, name: str = "transactionId") -> TransactionId | None:
        """2.x: a text; 1.6: an integer, written in decimal."""
        value = self._held.get(name)
        if isinstance(value, str):
            return TransactionId(value) if value else None
        found = whole(value)
        return None if found is None else TransactionId(str(found))


def whole(value: object) -> int | None:
    """An integer that the log can hold; None where it is none."""
    found = number(value)
    if found is None or found != found.to_integral_value() or abs(found) > _WHOLE_MAX:
        return None
    return int(found)


def fields(payload: msgspec.Raw | bytes | str) -> Fields:
    try:
        return Fields(_OBJECT.decode(payload))
    except msgspec.ValidationError as error:
        raise Refused(Rejection.FIELD_UNREADABLE, str(error)) from None


def raw_text(payload: msgspec.Raw, name: str) -> str:
    """The JSON text in a field, character for character; "" where there is none."""
    return bytes(_RAW.decode(payload).get(name, b"")).decode()
