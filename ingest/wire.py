"""OCPP-J text as we write it: exact numbers, and times that every station can read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from vocabulary.money import plain

Payload = Mapping[str, object]  # Decimals in it go through `number`, times through `time_text`


def call(message_id: str, action: str, payload: Payload) -> str:
    return json_text([2, message_id, action, payload])


def call_result(message_id: str, payload: Payload) -> str:
    return json_text([3, message_id, payload])


def call_error(message_id: str, code: str, description: str) -> str:
    """The description is for people: at most 255 characters, and nothing of the station's own text."""
    return json_text([4, message_id, code, description[:255], {}])


def json_text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def number(amount: Decimal) -> msgspec.Raw:
    """A JSON number with exactly the digits of the decimal: 2.50 stays 2.50 and never passes through a float."""
    assert amount.is_finite(), f"no JSON number: {amount}"
    return msgspec.Raw(plain(amount).encode())


def time_text(at: datetime) -> str:
    """Whole seconds and `Z`: some stations read neither fractions nor +00:00 (lbbrhzn/ocpp issue 512)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
