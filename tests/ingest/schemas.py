"""Payloads that are valid by OCPP's own JSON schemas, made at random: for fuzzing the readers with what a station may say."""

import json
from datetime import UTC
from importlib.resources import files
from typing import Any

from hypothesis import strategies as st

from vocabulary.charging import Protocol

_FOLDERS = {Protocol.OCPP16: "v16", Protocol.OCPP201: "v201", Protocol.OCPP21: "v21"}
_TIMES = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat().replace("+00:00", "Z"))


def payloads(protocol: Protocol, name: str) -> st.SearchStrategy[Any]:
    """`name`: the schema's, as `TransactionEventRequest`. Times are times and integers are 32 bits, which no schema says."""
    text = files(f"ocpp.{_FOLDERS[protocol]}.schemas").joinpath(f"{name}.json").read_text("utf-8-sig")
    schema = json.loads(text)
    return _values(schema, schema.get("definitions", {}), 0)


def _values(schema: dict[str, Any], named: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        schema = named[schema["$ref"].rpartition("/")[2]]
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object":
            return _objects(schema, named, depth)
        case "array":
            most = min(schema.get("maxItems", 3), 3)
            return st.lists(_values(schema["items"], named, depth + 1), min_size=schema.get("minItems", 0), max_size=most)
        case "string" if schema.get("format") == "date-time":
            return _TIMES
        case "string":
            return st.text(min_size=1, max_size=min(schema.get("maxLength", 20), 20))
        case "integer":
            return st.integers(max(int(schema.get("minimum", 0)), 0), min(int(schema.get("maximum", 2**31 - 1)), 2**31 - 1))
        case "number":
            return st.decimals(-(10**6), 10**6, places=3, allow_nan=False).map(float)
        case "boolean":
            return st.booleans()
        case _:
            return st.none() | st.booleans() | st.text(max_size=5)


def _objects(schema: dict[str, Any], named: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    parts = {name: part for name, part in schema.get("properties", {}).items() if name != "customData"}
    needed = set(schema.get("required", ()))
    must = {name: _values(part, named, depth + 1) for name, part in parts.items() if name in needed}
    may = {name: _values(part, named, depth + 1) for name, part in parts.items() if name not in needed and depth < 4}
    return st.fixed_dictionaries(must, optional=may)
