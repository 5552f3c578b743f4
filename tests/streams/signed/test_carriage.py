"""What is kept of texts that were read: each is asked for twice, and nobody may fill the memory by them."""

from streams.signed import carriage
from streams.signed.carriage import unpacked
from tests.streams.ocmf_meter import OcmfMeter, begin, end

METER = OcmfMeter()


def test_only_texts_of_a_usual_length_are_kept_and_not_many() -> None:
    carriage._kept.cache_clear()
    short, long = METER.record(begin(), end()), METER.record(begin(), end(), U1="x" * 4_096)
    assert unpacked(short) is unpacked(short) and unpacked(long) == unpacked(long)
    assert carriage._kept.cache_info().currsize == 1
    for number in range(200):
        unpacked(short.replace("OCMF|", "OCMF|" + " " * number))
    assert carriage._kept.cache_info().currsize == 128
