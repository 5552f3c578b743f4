"""The fuzzer's targets hold for what it begins with, and for what it ever found."""

import pytest

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import one

FOUND: list[bytes] = []  # nothing yet


@pytest.mark.parametrize("data", [b"", *FOUND, *seeds()])
def test_a_seed_breaks_no_promise(data: bytes) -> None:
    one(data)
