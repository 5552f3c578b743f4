"""The verdict of OCPP's own JSON schemas on a payload, as the `ocpp` package ships them: its only door.

For checks beside the path and for tests. It is far too slow for the path itself (some 2 000 messages a second), and refuses
what is common in the field and can be understood, so it never decides whether a message is decoded or answered. Formats
(`date-time`) are not checked by it.
"""

import json
from decimal import Decimal
from typing import Final

from ocpp.messages import MessageType, get_validator

from vocabulary.charging import Protocol

_VERSIONS: Final = {Protocol.OCPP16: "1.6", Protocol.OCPP201: "2.0.1", Protocol.OCPP21: "2.1"}
_SEND: Final = 6  # whose schema bears the action's name alone
_TOLD: Final = 30  # signs of a value: no longer than the words that OCPP lists
_KINDS: Final = {
    "type": "TypeConstraintViolation",
    "maxLength": "TypeConstraintViolation",
    "required": "ProtocolError",
}


def violation(protocol: Protocol, action: str, payload: str, is_answer: bool, is_send: bool = False) -> str | None:
    """The first violation as an OCPP error code, the place and the broken rule; None where the payload is valid.

    `payload` is JSON text, whose numbers are compared exactly. The words hold no value of the payload, which may be a token,
    but the beginning of one that stands where OCPP lists the words.
    """
    if not action.isidentifier() or action.endswith(("Request", "Response")):  # it becomes the name of a file
        return f"NotImplemented: {protocol.value} has no such action"
    message_type = MessageType.CallResult if is_answer else _SEND if is_send else MessageType.Call
    try:
        validator = get_validator(message_type, action, _VERSIONS[protocol], parse_float=Decimal)
    except OSError:
        return f"NotImplemented: {protocol.value} has no such action"
    try:
        error = next(validator.iter_errors(json.loads(payload, parse_float=Decimal)), None)
    except (ArithmeticError, ValueError):  # a billion digits, or an exponent of that size
        return "TypeConstraintViolation: a number is beyond all bounds"
    if error is None:
        return None
    steps, told = list(error.absolute_path), ""
    if error.validator == "required":
        steps += [next(name for name in error.validator_value if name not in error.instance)]
    if error.validator == "enum" and isinstance(error.instance, str):
        told = f': "{error.instance[:_TOLD]}{"…" if len(error.instance) > _TOLD else ""}"'
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return f"{_KINDS.get(error.validator, 'FormatViolation')}: {place or '.'} breaks {error.validator}{told}"
