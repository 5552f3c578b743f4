"""The fuzzer's targets hold for what it begins with, and for what it ever found."""

import pytest

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import one

FOUND: list[bytes] = [b'\x80OCMF|{}|{"S\xedD":""}']  # a key of the signature section that is no UTF-8


@pytest.mark.parametrize("data", [b"", *FOUND, *seeds()])
def test_a_seed_breaks_no_promise(data: bytes) -> None:
    one(data)
