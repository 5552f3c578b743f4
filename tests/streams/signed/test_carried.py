"""Signed values as OCPP carries them, from the frame to the verdict: in each shape, in one container or two."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.cases.outcome import inputs_of
from tests.cases.story import story_of
from tests.one_result.pure_fold import fold
from vocabulary.codec import decode
from vocabulary.sessions import SessionRated
from vocabulary.signatures import KeyClaim, SignatureChecked, Verdict
from wattbook.demo_meter import DemoMeter

START, END = "2026-03-10T08:00:00Z", "2026-03-10T09:00:00Z"
BEGIN_CONTEXT, END_CONTEXT = "Transaction.Begin", "Transaction.End"
DER = bytes.fromhex(DemoMeter("M1").public_key())


def records() -> tuple[str, str]:
    meter = DemoMeter("M1")
    first, last = datetime(2026, 3, 10, 8, tzinfo=UTC), datetime(2026, 3, 10, 9, tzinfo=UTC)
    return meter.sign("B", first, Decimal(1000), "A"), meter.sign("E", last, Decimal(6000), "A")


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


SHAPES = {  # of 1.6 (OCA note 2025, be.ENERGISED, and the bare record)
    "note": lambda r, key: json.dumps(
        {"signedMeterData": b64(r), "signingMethod": "", "encodingMethod": "OCMF", "publicKey": key}
    ),
    "older name": lambda r, key: json.dumps({"signedMeterValue": b64(r), "encodingMethod": "OCMF", "publicKey": key}),
    "text": lambda r, _: r,
    "hex of the text": lambda r, _: r.encode().hex(),
    "base64 of the text": lambda r, _: b64(r),
}
KEYS = {
    "none": "",
    "envelope": b64("oca:base16:asn1:" + DER.hex()),
    "base64 of hex": b64(DER.hex()),
    "base64": b64encode(DER).decode(),
    "hex": DER.hex().upper(),
    "point": DER[-65:].hex(),
    "X and Y": DER[-64:].hex(),
}


def checked(lines: list[tuple[str, str, list[Any]]]) -> tuple[SignatureChecked, SessionRated]:
    """What follows from frames of CP7, whose meter's key is registered and whose signatures are required."""
    story = ["2026-03-09T08:00:00Z publish CP7/1 22 kW, signed", "2026-03-09T08:00:00Z publish key CP7/1 M1"]
    story += [f"{at} CP7 {way} {json.dumps(frame)}" for at, way, frame in lines]
    told = [decode(body) for body in fold(inputs_of(story_of("\n".join(story)))).conclusions]
    [verdict] = [each for each in told if isinstance(each, SignatureChecked)]
    [charge] = [each for each in told if isinstance(each, SessionRated)]
    return verdict, charge


def sampled(at: str, context: str, value: str) -> dict[str, Any]:
    return {"timestamp": at, "sampledValue": [{"value": value, "context": context, "format": "SignedData"}]}


def in_16(values: list[dict[str, Any]], between: list[dict[str, Any]] | None = None) -> list[tuple[str, str, list[Any]]]:
    start = {"connectorId": 1, "idTag": "A", "meterStart": 1000, "timestamp": START}
    stop = {"transactionId": 7, "idTag": "A", "meterStop": 6000, "timestamp": END, "transactionData": values}
    lines: list[tuple[str, str, list[Any]]] = [
        (START, ">", [2, "s1", "StartTransaction", start]),
        (START, "<", [3, "s1", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}]),
    ]
    if between:
        told = {"connectorId": 1, "transactionId": 7, "meterValue": between}
        lines.append(("2026-03-10T08:30:00Z", ">", [2, "m1", "MeterValues", told]))
    return [*lines, (END, ">", [2, "e1", "StopTransaction", stop])]


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_of_16_is_verified_and_billed(shape: str) -> None:
    first, last = (SHAPES[shape](record, KEYS["envelope"]) for record in records())  # type: ignore[no-untyped-call]
    verdict, charge = checked(in_16([sampled(START, BEGIN_CONTEXT, first), sampled(END, END_CONTEXT, last)]))
    assert (verdict.verdict, verdict.billing, charge.held) == (Verdict.VERIFIED, Verdict.VERIFIED, None)
    assert charge.energy_wh == 5000


def test_what_is_told_in_meter_values_and_at_the_stop_again_in_another_shape_counts_once() -> None:
    first, last = records()
    between = [sampled(START, BEGIN_CONTEXT, SHAPES["hex of the text"](first, ""))]  # type: ignore[no-untyped-call]
    at_the_stop = [
        sampled(START, BEGIN_CONTEXT, SHAPES["note"](first, KEYS["hex"])),  # type: ignore[no-untyped-call]
        sampled(END, END_CONTEXT, SHAPES["text"](last, "")),  # type: ignore[no-untyped-call]
    ]
    verdict, charge = checked(in_16(at_the_stop, between))
    assert (verdict.billing, len(verdict.records), charge.held) == (Verdict.VERIFIED, 3, None)


@pytest.mark.parametrize("key", KEYS)
def test_the_key_of_a_message_is_compared_in_each_writing_and_its_lack_changes_nothing(key: str) -> None:
    first, last = (SHAPES["note"](record, KEYS[key]) for record in records())  # type: ignore[no-untyped-call]
    verdict, _ = checked(in_16([sampled(START, BEGIN_CONTEXT, first), sampled(END, END_CONTEXT, last)]))
    claim = KeyClaim.NONE if key == "none" else KeyClaim.SAME
    assert [record.claim for record in verdict.records] == [claim, claim]
    assert verdict.billing is Verdict.VERIFIED


def in_2x(version: str, moments: list[tuple[str, int, str, str, int, str | None]]) -> list[tuple[str, str, list[Any]]]:
    """Per message: its type, number, trigger, time, register, and what is signed."""
    lines: list[tuple[str, str, list[Any]]] = []
    for what, seq, trigger, at, wh, record in moments:
        context = {"Started": BEGIN_CONTEXT, "Ended": END_CONTEXT}.get(what, BEGIN_CONTEXT)
        signed = {"signedMeterData": b64(record), "encodingMethod": "OCMF"} if record else {}
        signed |= {"signingMethod": "", "publicKey": ""} if record and version == "2.0.1" else {}
        value = {"value": wh, "context": context} | ({"signedMeterValue": signed} if signed else {})
        event = {"eventType": what, "timestamp": at, "triggerReason": trigger, "seqNo": seq}
        event |= {"transactionInfo": {"transactionId": "tx"}, "meterValue": [{"timestamp": at, "sampledValue": [value]}]}
        if what == "Started":
            event |= {"evse": {"id": 1, "connectorId": 1}, "idToken": {"idToken": "A", "type": "ISO14443"}}
        lines.append((at, ">", [2, f"m{seq}", "TransactionEvent", event]))
    return lines


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
@pytest.mark.parametrize("order", [[0, 1, 2], [0, 2, 1], [2, 1, 0]])
def test_2x_signs_late_and_its_messages_come_in_any_order(version: str, order: list[int]) -> None:
    """`SignedDataReceived`: the meter signs the begin after the start was told."""
    first, last = records()
    moments = [
        ("Started", 0, "Authorized", START, 1000, None),
        ("Updated", 1, "SignedDataReceived", START, 1000, first),
        ("Ended", 2, "EVDeparted", END, 6000, last),
    ]
    lines = in_2x(version, moments)
    verdict, charge = checked([lines[place] for place in order])
    assert (verdict.billing, charge.held, charge.energy_wh) == (Verdict.VERIFIED, None, 5000)


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_one_container_with_both_readings_comes_at_the_end(version: str) -> None:
    both = in_one(*records())
    if version == "1.6":
        lines = in_16([sampled(END, END_CONTEXT, SHAPES["note"](both, ""))])  # type: ignore[no-untyped-call]
    else:
        lines = in_2x(version, [("Started", 0, "Authorized", START, 1000, None), ("Ended", 1, "EVDeparted", END, 6000, both)])
    verdict, charge = checked(lines)
    [record] = verdict.records
    assert [point.nature for point in record.points] == ["begin", "end"]
    assert (verdict.billing, charge.held, charge.energy_wh) == (Verdict.VERIFIED, None, 5000)


def in_one(first: str, last: str) -> str:
    """What the meter signed in two records, signed by it in one."""
    payload, other = (json.loads(record.split("|")[1]) for record in (first, last))
    payload["RD"] += other["RD"]
    return DemoMeter("M1").signed(json.dumps(payload))
