"""chargeIT's JSON: what is signed in it counts, and what contradicts that is told. No sample of it has a free licence."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from streams.signed import obis
from streams.signed.carriage import records_in
from streams.signed.chargeit import read
from streams.signed.check import claimed_key, judged
from streams.signed.record import CannotJudge, Format, SignedRecord
from tests.streams.signed.chargeit_meter import BSM, EMH, bsm, container, emh, measured, row
from tests.streams.signed.samples import samples
from vocabulary.signatures import MeterClock, Nature, SignatureReason, Verdict

Json = dict[str, Any]


def records(document: Json) -> tuple[SignedRecord, ...]:
    return records_in(json.dumps(document))


def record(value: Json) -> SignedRecord:
    (found,) = records(value)
    return found


def verdict(found: SignedRecord) -> Verdict:
    key = claimed_key(found, "")
    assert key is not None
    return judged(found, [key]).verdict


def changed(value: Json, *path: Any, to: Any) -> Json:
    """A copy with one field changed."""
    made = copy.deepcopy(value)
    place: Any = made
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return made


# Bauer BSM


def test_a_snapshot_is_verified_over_its_row_of_values() -> None:
    begin, end = records(container(bsm(), bsm(row(Typ=(2, 0, 255), RCR=(160, 0, 30), TotWhImp=(52610, 0, 30)))))
    assert verdict(begin) is verdict(end) is Verdict.VERIFIED
    assert [(one.nature, one.wh, one.register) for one in (*begin.readings, *end.readings)] == [
        (Nature.BEGIN, 52440, "1-0:1.8.0*255"),
        (Nature.BEGIN, 0, "1-0:1.8.0*198"),
        (Nature.END, 52610, "1-0:1.8.0*255"),
        (Nature.END, 160, "1-0:1.8.0*198"),
    ]
    assert begin.problem is end.problem is None


def test_a_snapshot_tells_meter_place_token_and_time() -> None:
    found = record(bsm())
    assert (found.format, found.version, found.meter) == (Format.CHARGEIT_BSM, "v0", "001BZR1521070006")
    assert (found.identification, found.place, found.pagination) == ("12345678abcdef", "DE*BDO*E8025334492*2", 22978)
    assert claimed_key(found, "") == BSM.key
    assert {(one.at, one.clock) for one in found.readings} == {
        (datetime(2021, 1, 1, 9, 0, 27, tzinfo=UTC), MeterClock.INFORMATIVE)
    }


@pytest.mark.parametrize(
    ("kind", "nature"),
    [(0, Nature.INTERMEDIATE), (1, Nature.BEGIN), (2, Nature.END), (3, Nature.BEGIN), (4, Nature.END), (5, Nature.UNSAID)],
)
def test_the_type_of_a_snapshot_says_what_it_is_and_is_signed(kind: int, nature: Nature) -> None:
    assert {one.nature for one in record(bsm(row(Typ=(kind, 0, 255)))).readings} == {nature}


def test_values_are_scaled_and_texts_are_bytes_of_their_encoding() -> None:
    found = record(bsm(row(TotWhImp=(5244, 1, 30), Meta3="Säule 1")))
    assert found.readings[0].wh == Decimal(52440) and verdict(found) is Verdict.VERIFIED


def test_events_of_the_meter_make_a_reading_not_good() -> None:
    assert {one.problem for one in record(bsm(row(Evt=(4, 0, 255)))).readings} == {SignatureReason.READING_NOT_GOOD}


def test_a_clock_that_was_never_set_tells_no_time() -> None:
    made = bsm(row(Epoch=(0xFFFF_FFFF, 0, 7), TZO=(-0x8000, 0, 6)))
    del made["time"]
    for place in (7, 8):
        made["additionalValues"][place]["measuredValue"]["value"] = None
    found = record(made)
    assert verdict(found) is Verdict.VERIFIED and found.problem is None
    assert {(one.at, one.clock) for one in found.readings} == {(None, MeterClock.UNKNOWN)}


OUTSIDE: list[tuple[tuple[Any, ...], Any, str]] = [
    (("value", "measuredValue", "value"), 1, "value"),
    (("value", "measuredValue", "scale"), 1, "value"),
    (("value", "measuredValue", "unitEncoded"), 31, "value"),
    (("value", "measurand", "name"), "TotWhImp", "value"),
    (("value", "measurand", "id"), "1-0:1.8.0*255", "value"),
    (("measurementId",), 22979, "measurementId"),
    (("meterInfo", "meterId"), "001BZR1521070007", "meterInfo.meterId"),
    (("contract", "id"), "12345678abcdee", "contract.id"),
    (("time",), "2021-01-01T10:00:28+01:00", "time"),
    (("time",), "2021-01-01T10:00:27", "time"),
    (("time",), "tomorrow", "time"),
    (("timestamp",), 1_609_491_628, "time"),
    (("additionalValues", 1, "measurand", "id"), "1-0:1.8.0*255", "measurand.id"),
    (("additionalValues", 2, "measurand", "id"), "1-0:2.8.0*255", "measurand.id"),
]


@pytest.mark.parametrize(("path", "to", "field"), OUTSIDE)
def test_a_field_outside_that_contradicts_what_is_signed_is_told(path: tuple[Any, ...], to: Any, field: str) -> None:
    found = record(changed(bsm(), *path, to=to))
    assert (found.problem, found.detail) == (SignatureReason.FIELD_UNSIGNED, field)
    assert verdict(found) is Verdict.VERIFIED and found.readings == record(bsm()).readings


def test_the_place_in_a_container_must_be_the_signed_one() -> None:
    (found,) = records(container(bsm(), placeInfo={"evseId": "DE*BDO*E8025334492*1"}))
    assert (found.problem, found.detail) == (SignatureReason.FIELD_UNSIGNED, "evseId")
    (found,) = records(container(bsm(row(Meta2="")), placeInfo={"evseId": "DE*BDO*E8025334492*1"}))
    assert found.problem is None


@pytest.mark.parametrize(
    "contract", ["12345678abcdef", "rfid:12345678abcdef", "contract-id: rfid:12345678abcdef", "evse-id: DE*BDO*E8025334492*2"]
)
def test_a_contract_may_be_cut_out_of_any_text_of_the_station(contract: str) -> None:
    assert record(bsm(contract={"id": contract})).problem is None


@pytest.mark.parametrize("contract", [None, {}, {"id": None}])
def test_a_contract_may_be_left_out(contract: object) -> None:
    assert record(bsm(contract=contract)).problem is None


def test_a_text_without_a_tag_names_no_token() -> None:
    made = bsm(row(Meta1="chargeIT up 12*4, id: 12345678abcdef"), contract={"id": "chargeIT up 12*4, id: 12345678abcdef"})
    assert (record(made).problem, record(made).identification) == (None, "")


INSIDE: list[tuple[tuple[Any, ...], Any]] = [
    *[(("additionalValues", place, "measuredValue", "value"), 7) for place in (0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 16)],
    *[(("additionalValues", place, "measuredValue", "value"), "x") for place in (4, 13, 14, 15)],
    *[(("additionalValues", place, "measuredValue", "scale"), 3) for place in (1, 2, 7)],
    *[(("additionalValues", place, "measuredValue", "unitEncoded"), 27) for place in (1, 2, 7)],
]


@pytest.mark.parametrize(("path", "to"), INSIDE)
def test_a_change_in_the_row_fails_the_signature(path: tuple[Any, ...], to: Any) -> None:
    assert verdict(record(changed(bsm(), *path, to=to))) is Verdict.FAILED


def _swapped(made: Json) -> None:
    values = made["additionalValues"]
    values[1], values[2] = values[2], values[1]


def _renamed(made: Json) -> None:
    values = made["additionalValues"]
    values[1]["measurand"], values[2]["measurand"] = values[2]["measurand"], values[1]["measurand"]


def _longer(made: Json) -> None:
    made["additionalValues"].append(measured("Evt", (0, 0, 255)))


def _value(place: int, to: object, field: str = "value") -> Callable[[Json], None]:
    return lambda made: made["additionalValues"][place]["measuredValue"].update({field: to})


BROKEN = [
    _swapped,
    _renamed,
    _longer,
    lambda made: made["additionalValues"].pop(),
    lambda made: made["additionalValues"].clear(),
]
BROKEN += [_value(1, 1 << 32), _value(1, -1), _value(1, "1"), _value(1, 1 << 300), _value(3, 1 << 31), _value(1, 200, "scale")]
BROKEN += [
    _value(1, 256, "unitEncoded"),
    _value(4, 5),
    _value(4, "x", "valueEncoding"),
    _value(5, None),
    _value(13, "\N{EURO SIGN}" * 9),
]


@pytest.mark.parametrize("break_it", [*BROKEN[:-1]])
def test_a_row_that_is_none_of_this_meter_is_unreadable(break_it: Callable[[Json], None]) -> None:
    made = bsm()
    break_it(made)
    assert reason_of(made) is SignatureReason.RECORD_UNREADABLE


def test_a_text_that_its_encoding_does_not_have_is_unreadable() -> None:
    made = bsm(row(Meta3="\N{EURO SIGN}"))
    made["additionalValues"][15]["measuredValue"]["valueEncoding"] = "ISO-8859-1"
    assert reason_of(made) is SignatureReason.RECORD_UNREADABLE


def test_names_of_values_cannot_be_moved_from_one_to_the_other() -> None:
    """They are not signed: with them moved, the register of the session would be taken for that of the meter."""
    made = bsm()
    _renamed(made)
    assert reason_of(made) is SignatureReason.RECORD_UNREADABLE


# EMH


def test_a_value_of_emh_is_verified_over_the_block_of_its_meter() -> None:
    begin, end = records(container(emh(), emh(value=120281, page=26)))
    assert verdict(begin) is verdict(end) is Verdict.VERIFIED
    assert [(one.readings[0].nature, one.readings[0].wh, one.pagination) for one in (begin, end)] == [
        (Nature.BEGIN, Decimal("11028.1"), 25),
        (Nature.END, Decimal("12028.1"), 26),
    ]
    assert obis.is_import(begin.readings[0].register)


def test_a_value_of_emh_tells_meter_token_and_time() -> None:
    found = record(emh())
    assert (found.format, found.meter, found.identification) == (Format.CHARGEIT_EMH, "0901454D4800007F9F3E", "235DD5BB")
    assert claimed_key(found, "") == EMH.key and found.place == ""
    (reading,) = found.readings
    assert (reading.nature, reading.at) == (Nature.UNSAID, datetime(2019, 1, 8, 15, 27, 50, tzinfo=UTC))


def test_values_between_begin_and_end_are_in_between() -> None:
    found = records(container(emh(), emh(page=26), emh(page=27)))
    assert [one.readings[0].nature for one in found] == [Nature.BEGIN, Nature.INTERMEDIATE, Nature.END]


@pytest.mark.parametrize("status", [0x89, 0xC8])
def test_a_status_of_an_error_or_a_magnet_is_not_good(status: int) -> None:
    assert record(emh(status=status)).readings[0].problem is SignatureReason.READING_NOT_GOOD


FIELDS: list[tuple[tuple[Any, ...], Any]] = [
    (("meterInfo", "meterId"), "0901454D4800007F9F3F"),
    (("contract", "id"), "235DD5BC"),
    (("contract", "timestampLocal", "timestamp"), 1),
    (("measurand", "id"), "0100010800FF"),
    (("measuredValue", "value"), "110282"),
    (("measuredValue", "unitEncoded"), 31),
    (("measuredValue", "scale"), 0),
    (("measuredValue", "timestampLocal", "timestamp"), 1_546_961_271),
    (("measuredValue", "timestampLocal", "localOffset"), 61),
    (("measuredValue", "timestampLocal", "seasonOffset"), 60),
    (("measurementId",), "0000001a"),
    (("additionalInfo", "status"), "08"),
    (("additionalInfo", "indexes", "timer"), 1758262),
    (("additionalInfo", "indexes", "logBook"), "0005"),
]


@pytest.mark.parametrize(("path", "to"), FIELDS)
def test_a_change_of_any_field_fails_the_signature(path: tuple[Any, ...], to: Any) -> None:
    assert verdict(record(changed(emh(), *path, to=to))) is Verdict.FAILED


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("measuredValue", "value"), "1.5"),
        (("measuredValue", "value"), None),
        (("measuredValue", "value"), "9" * 5000),
        (("measuredValue", "value"), 1 << 64),
        (("measuredValue", "value"), -5),
        (("measuredValue", "scale"), 100),
        (("measuredValue", "unitEncoded"), None),
        (("measuredValue", "timestampLocal"), None),
        (("measuredValue", "timestampLocal", "timestamp"), -5000),
        (("measuredValue", "timestampLocal", "timestamp"), 10**30),
        (("measuredValue", "timestampLocal", "localOffset"), 10**9),
        (("measurementId",), 25),
        (("measurementId",), "zz"),
        (("measurementId",), "0" * 3000),
        (("meterInfo",), None),
        (("meterInfo", "meterId"), ""),
        (("measurand", "id"), None),
        (("additionalInfo",), None),
        (("additionalInfo", "status"), "0188"),
        (("additionalInfo", "indexes", "timer"), 1 << 32),
        (("contract", "id"), "ü"),
        (("contract", "id"), "x" * 129),
        (("signature",), None),
    ],
)
def test_a_value_that_is_none_is_unreadable(path: tuple[Any, ...], to: Any) -> None:
    assert reason_of(changed(emh(), *path, to=to)) is SignatureReason.RECORD_UNREADABLE


# The container, and what is none


def reason_of(document: object) -> SignatureReason:
    with pytest.raises(CannotJudge) as problem:
        read(json.dumps(document).encode())
    return problem.value.reason


def test_a_container_may_hold_the_meter_for_all_of_its_values() -> None:
    value = emh()
    meter = value.pop("meterInfo")
    assert records(container(value, meterInfo=meter)) == records(container(value | {"meterInfo": meter}))


def test_records_of_alfen_stand_in_it_too() -> None:
    (sample,) = samples("alfen-begin-ok.xml")
    (found,) = records(container({"format": "ALFEN", "payload": sample.text}))
    assert verdict(found) is Verdict.VERIFIED and found.format is Format.ALFEN
    assert reason_of(container({"payload": "OCMF|{}|{}"})) is SignatureReason.RECORD_UNREADABLE


@pytest.mark.parametrize("name", ["signature"])
@pytest.mark.parametrize("make", [bsm, emh])
def test_a_signature_that_is_none_fails(make: Callable[..., Json], name: str) -> None:
    key = BSM.key if make is bsm else EMH.key
    assert judged(record(make(signature="zz")), [key]).reason is SignatureReason.SIGNATURE_MALFORMED


@pytest.mark.parametrize(
    "text",
    [
        '{"signedMeterValues":[]}',
        '{"signedMeterValues":null}',
        '{"signedMeterValues":[1]}',
        '{"signedMeterValues":[{}]}',
        '{"signedMeterValues":[{"additionalValues":{}}]}',
        '{"signedMeterValues":[],"signedMeterValues":[]}',
        '{"signedMeterValues":[{"a":NaN}]}',
        '{"signedMeterValues":' + "[" * 60_000,
        '{"x":' * 10_000 + '"signedMeterValues"',
        '{"signedMeterValues":"' + "x" * 70_000 + '"}',
        '{"measuredValue":{"value":1e999999999}}',
        '{"additionalValues":',
    ],
    ids=lambda text: text[:40],
)
def test_a_broken_document_is_unreadable(text: str) -> None:
    with pytest.raises(CannotJudge) as problem:
        read(text.encode())
    assert problem.value.reason is SignatureReason.RECORD_UNREADABLE


def test_bytes_that_are_no_utf_8_are_unreadable() -> None:
    with pytest.raises(CannotJudge):
        read(b'{"signedMeterValues":"\xff"}')


def test_other_json_is_left_to_others() -> None:
    assert read(b"") is read(b"[]") is read(b"{}") is read(b'{"signedMeterData":"x"}') is None
