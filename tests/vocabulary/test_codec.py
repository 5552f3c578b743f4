"""Equal values give equal bytes, and bytes give the value back with every digit."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path

import msgspec
import pytest

from ingest.captures import read_line
from ingest.decode import decode as decode_message
from vocabulary import billing, charging, codec, rated, reference, sessions, tariff
from vocabulary.charging import MeterSampled, Protocol, RawMessage, Sample
from vocabulary.codec import decode, encode, event_id
from vocabulary.identity import StationId, content_id, digest

FRAMES = sorted((Path(__file__).parent.parent / "data" / "ocpp").glob("*.ndjson"))
AT = datetime(2026, 10, 14, 8, tzinfo=UTC)


def test_decimals_keep_the_digits_that_came() -> None:
    event = MeterSampled(
        station=StationId("A"), protocol=Protocol.OCPP16, evse=1, samples=(Sample(at=AT, value=Decimal("2.50")),)
    )
    again = decode(encode(event))
    assert isinstance(again, MeterSampled)
    assert str(again.samples[0].value) == "2.50"


@pytest.mark.parametrize("path", FRAMES, ids=lambda path: path.stem)
def test_every_event_of_every_frame_goes_to_bytes_and_back_unchanged(path: Path) -> None:
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        raw = read_line(line, number)
        assert isinstance(raw, RawMessage)
        for event in (raw, *decode_message(raw, event_id)):
            again = decode(encode(event))
            assert again == event
            assert encode(again) == encode(event)


@pytest.mark.parametrize("module", [billing, charging, rated, reference, sessions, tariff], ids=lambda module: module.__name__)
def test_a_field_is_left_out_only_for_a_default_that_is_one_object(module: object) -> None:
    """msgspec leaves defaults out by identity: an equal text or decimal that is another object would give other bytes.

    The three texts that OCPP has defaults for are made that object in ingest (`ingest.fields.text_or`).
    """
    made_one_by_ingest = {("Sample", "measurand"), ("Sample", "context"), ("Sample", "location")}
    made_one_by_ingest |= {("TransactionEnded", "reason"), ("ConnectorStatusChanged", "error")}
    for name, kind in vars(module).items():
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__struct_config__.omit_defaults):
            continue
        for field in msgspec.structs.fields(kind):
            if (name, field.name) not in made_one_by_ingest and field.default is not msgspec.NODEFAULT:
                one = field.default in (None, "", ()) or isinstance(field.default, bool | Enum)
                assert one or (isinstance(field.default, int) and 0 <= field.default <= 256), f"{name}.{field.name}"


def test_identities_do_not_run_together() -> None:
    assert digest(b"ab", b"c") != digest(b"a", b"bc")
    assert content_id("kind", "a", "b") != content_id("kind", "a,b")


def test_every_stored_type_has_a_tag_of_its_own() -> None:
    tags = [kind.__struct_config__.tag for kind in codec.Event.__args__]
    assert len(tags) == len(set(tags))
    assert all(tags)
