"""JSON that says one thing: a key that stands twice is found however it is written, and nothing else is taken for one."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.signed.record import CannotJudge
from streams.signed.strict_json import decoded

ANY = msgspec.json.Decoder()
TEXTS = st.text(alphabet='ab":\\ \t{}[],é\n', max_size=4)
BLANKS = st.sampled_from(["", " ", "\t", "\n", "\r", "  ", " \n"])


def written(value: Any, blank: str) -> str:
    """Objects are lists of pairs, so that a key may stand twice; blanks stand wherever JSON lets them."""
    match value:
        case ("object", pairs):
            inner = f"{blank},{blank}".join(f"{key}{blank}:{blank}{written(one, blank)}" for key, one in pairs)
            return "{" + blank + inner + blank + "}"
        case list():
            return "[" + blank + f"{blank},{blank}".join(written(one, blank) for one in value) + blank + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def keys_stand_twice(value: Any) -> bool:
    match value:
        case ("object", pairs):
            names = [json.loads(key) for key, _ in pairs]
            return len(set(names)) < len(names) or any(keys_stand_twice(one) for _, one in pairs)
        case list():
            return any(keys_stand_twice(one) for one in value)
        case _:
            return False


# The same key with and without an escape is one key.
KEYS = TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False)) | st.sampled_from(
    ['"RD"', '"\\u0052D"', '"a"', '"\\u0061"']
)
SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(0, 9, allow_nan=False) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(st.just("object"), st.lists(st.tuples(KEYS, inner), max_size=4)),
)
OBJECTS = st.tuples(st.just("object"), st.lists(st.tuples(KEYS, VALUES), max_size=5))


@settings(max_examples=1000, deadline=None)
@given(OBJECTS, BLANKS, st.sampled_from(["", "RD", "a"]))
def test_a_key_that_stands_twice_is_found_and_only_that(value: Any, blank: str, objects: str) -> None:
    data = written(value, blank).encode()
    if keys_stand_twice(value):
        with pytest.raises(CannotJudge):
            decoded(data, ANY, objects)
    else:
        assert decoded(data, ANY, objects) == json.loads(data)


@pytest.mark.parametrize(
    "text", ["", "{", "nul", '{"a":1}x', '{"a":1}{"a":1}', "\ufeff{}", '{"a":NaN}', '{"a":1,}', "{'a':1}", '{"a":01}']
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(CannotJudge):
        decoded(text.encode(), ANY, "RD")
