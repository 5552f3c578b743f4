"""Tariffs as lines of reference/tariffs.yaml: what `wattbook.reference_yaml` reads, laid out for people who edit it.

One field on a line, one price on a line. What another reader of YAML would take for something else (22:00, NO, 0x1) stands in
quotes; numbers keep their digits.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from vocabulary.money import plain
from wattbook.shown import shown_json

_PLAIN = re.compile(r"[A-Z][A-Z_]{2,}|[a-z][a-z-]*[a-z]|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z")
_MEANS_MORE = {word for plain in ("true", "false", "null", "yes", "no", "on", "off") for word in (plain, plain.upper())}
_IN_QUOTES = {"id", "text", "name"}  # what somebody chose


def tariffs_yaml(tariffs: Sequence[Mapping[str, Any]]) -> str:
    """The whole file, or what is to be added to it."""
    lines = [line for tariff in tariffs for line in _item(tariff, "  ")]
    return "\n".join(["tariffs:", *lines]) + "\n"


def _item(fields: Mapping[str, Any], indent: str) -> Iterator[str]:
    """An item of a list: its first field beside the dash."""
    for number, (name, value) in enumerate(fields.items()):
        yield from _field(name, value, f"{indent}{'  ' if number else '- '}", f"{indent}  ")


def _field(name: str, value: Any, begin: str, indent: str) -> Iterator[str]:
    match value:
        case [Mapping(), *_] if name == "elements":
            yield f"{begin}{name}:"
            for item in value:
                yield from _item(item, f"{indent}  ")
        case [Mapping(), *_]:
            yield f"{begin}{name}:"
            yield from (f"{indent}  - {_flow(item)}" for item in value)
        case _:
            yield f"{begin}{name}: {_flow(value, name)}"


def _flow(value: Any, name: str = "") -> str:
    match value:
        case Mapping():
            return "{" + ", ".join(f"{key}: {_flow(inner, key)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case Decimal():
            return plain(value)
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case _:
            return _text(str(value), name)


def _text(text: str, name: str) -> str:
    is_flag = name in ("per_minute", "is_green_energy") and text in ("true", "false")
    if is_flag or (_PLAIN.fullmatch(text) and text not in _MEANS_MORE and name not in _IN_QUOTES):
        return text
    return shown_json(json.dumps(text, ensure_ascii=False))
