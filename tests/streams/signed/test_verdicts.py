"""A session's signed values: the verdict, by keys that are registered, and what becomes of the bill."""

import base64
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import structs
from msgspec.json import encode

from streams.rating import conclude
from streams.signed.verdicts import check_session
from tests.streams.folding import fold
from tests.streams.material import catalogue, contract, evse, operator, partner, site, tariff
from tests.streams.notation import events
from tests.streams.ocmf_meter import OcmfMeter, begin, end, reading, with_flipped_bit
from vocabulary.charging import SignedValue
from vocabulary.reference import Evse, MeterKey
from vocabulary.rules import CHOICES
from vocabulary.sessions import ChargingSession, Doubt, Finding, SessionFlagged, SessionRated
from vocabulary.signatures import KeyClaim, SignatureChecked, Verdict
from vocabulary.tariff import Dimension, PriceComponent, Restrictions, TariffElement, TariffPublished

METER, STRANGER = OcmfMeter(), OcmfMeter()
KEY = METER.key()
AN_END = {"TM": "2026-10-05T09:00:00,000+0000 S"}
HONEST = METER.record(begin(1.0), end(8.5, **AN_END))
BEGIN, END = METER.record(begin(1.0), PG="T1"), METER.record(end(8.5, **AN_END), PG="T2")


@cache
def session(energy_wh: int = 7500) -> ChargingSession:
    [closed] = fold(events(f"08:00 started #0 begin 1000 evse 1 token A\n09:00 ended #1 end {1000 + energy_wh}")).closed
    return closed.session


def value(data: str, context: str = "Sample.Periodic", **more: Any) -> SignedValue:
    return SignedValue(at=session().start, data=data, context=context, **more)


def signed(*records: str | SignedValue, energy_wh: int = 7500) -> ChargingSession:
    values = [value(each) if isinstance(each, str) else each for each in records]
    values = [structs.replace(each, at=each.at + timedelta(minutes=n)) for n, each in enumerate(values)]
    return structs.replace(session(energy_wh), signed=tuple(values))


def checked(*records: str | SignedValue, keys: tuple[MeterKey, ...] = (KEY,)) -> SignatureChecked:
    return check_session(signed(*records), evse(meter_keys=keys))


def told(*records: str | SignedValue, keys: tuple[MeterKey, ...] = (KEY,)) -> tuple[str, str, str, str]:
    """Signature and billing, each with its reason."""
    found = checked(*records, keys=keys)
    assert found.billing is not None and found.billing_reason is not None
    return found.verdict.value, found.reason.name, found.billing.value, found.billing_reason.name


VERIFIED = ("verified", "VERIFIED", "verified", "VERIFIED")


# Verdicts


@pytest.mark.parametrize("records", [(HONEST,), (BEGIN, END), (HONEST, HONEST), (BEGIN, END, END, BEGIN)])
def test_a_pair_is_verified_in_one_record_or_in_two_however_often_it_came(records: tuple[str, ...]) -> None:
    found = checked(*records)
    assert told(*records) == VERIFIED
    assert (found.begin_wh, found.end_wh, found.register) == (Decimal("1000.0"), Decimal("8500.0"), "1-b:1.8.0")
    assert (found.meter, found.format, len(found.records)) == ("M1", "OCMF 1.0", len(records))


def test_of_a_record_with_thousands_of_readings_a_verdict_keeps_the_first_fifty_beside_begin_and_end() -> None:
    bare: dict[str, Any] = dict.fromkeys(("TM", "RI", "RU", "ST"))
    hundreds = [reading("C", 1.0 + n / 1000, **bare) for n in range(1500)]
    found = checked(METER.record(begin(1.0), *hundreds, end(8.5)))
    assert [point.nature for point in found.records[0].points] == ["begin", *["intermediate"] * 50, "end"]
    assert found.billing is Verdict.VERIFIED
    registers = [begin(1.0, **bare | {"RI": f"1-0:9.{n:x}.0"}) for n in range(1000)]
    whole = checked(METER.record(begin(1.0, RI="x"), *registers))
    assert len(whole.records[0].points) == 50 and len(whole.billing_detail) <= 200
    assert max(len(encode(found)), len(encode(whole))) < 30_000


def test_every_record_is_told_with_its_readings_its_key_and_its_place() -> None:
    first, last = checked(BEGIN, END).records
    assert (first.value, last.value) == (0, 1)
    assert [point.wh for point in (*first.points, *last.points)] == [Decimal("1000.0"), Decimal("8500.0")]
    assert first.key_fingerprint == last.key_fingerprint != ""
    assert first.digest != last.digest
    assert checked(METER.sign(METER.payload([begin(1.0)], PG="T1"), bare=True)).records[0].digest == first.digest


def test_a_changed_record_fails_and_so_does_the_session() -> None:
    failed = ("failed", "SIGNATURE_MISMATCH", "failed", "SIGNATURE_MISMATCH")
    assert told(with_flipped_bit(HONEST, 1)) == failed
    assert told(BEGIN, with_flipped_bit(END, 1)) == failed


def test_a_genuine_record_may_say_that_it_is_not_to_be_billed() -> None:
    bad = METER.record(begin(1.0), end(8.5, ST="M", **AN_END))
    assert told(bad) == ("verified", "VERIFIED", "failed", "READING_NOT_GOOD")


def test_what_cannot_be_read_is_unverifiable_beside_whatever_else_was_signed() -> None:
    assert told(HONEST, "?") == ("unverifiable", "FORMAT_UNKNOWN", "unverifiable", "FORMAT_UNKNOWN")
    assert told("?", with_flipped_bit(HONEST, 1))[0::2] == ("failed", "failed"), "what failed hides behind nothing"


def test_nothing_signed_is_unsigned() -> None:
    assert told() == ("unsigned", "UNSIGNED", "unsigned", "UNSIGNED")


# Keys


def test_without_a_key_nothing_can_be_said() -> None:
    assert told(HONEST, keys=()) == ("unverifiable", "KEY_NOT_REGISTERED", "unverifiable", "KEY_NOT_REGISTERED")


def test_a_key_in_the_message_is_compared_and_never_trusted() -> None:
    claimed = METER.public_key
    assert told(value(HONEST, public_key=claimed), keys=())[1] == "KEY_NOT_REGISTERED"
    assert checked(value(HONEST, public_key=claimed)).records[0].claim is KeyClaim.SAME
    other = checked(value(HONEST, public_key=STRANGER.public_key))
    assert (other.verdict, other.records[0].claim, other.claims_other_key) == (Verdict.VERIFIED, KeyClaim.OTHER, True)
    unread = checked(value(HONEST, public_key="${jndi:ldap://x}"))
    assert (unread.verdict, unread.records[0].claim) == (Verdict.VERIFIED, KeyClaim.UNREADABLE)


def test_who_signs_for_himself_and_sends_his_key_along_fails_and_that_is_told() -> None:
    forged = value(STRANGER.record(begin(1.0), end(2.0, **AN_END)), public_key=STRANGER.public_key)
    assert told(forged)[:2] == ("failed", "KEY_CONFLICT")


def test_an_unreadable_key_in_the_message_is_the_reason_where_none_is_registered() -> None:
    assert told(value(HONEST, public_key="${jndi:ldap://x}"), keys=())[1] == "KEY_UNREADABLE"


WRITINGS = {
    "hex": lambda der: der.hex(),
    "base64": lambda der: base64.b64encode(der).decode(),
    "base64 of hex": lambda der: base64.b64encode(der.hex().encode()).decode(),
    "envelope": lambda der: base64.b64encode(b"oca:base16:asn1:" + der.hex().encode()).decode(),
    "bare envelope": lambda der: "oca:base16:asn1:0x" + der.hex(),
    "point": lambda der: der[-65:].hex(),
    "X and Y": lambda der: der[-64:].hex(),
}


@pytest.mark.parametrize("writing", WRITINGS)
def test_the_key_of_a_message_is_read_in_each_of_its_writings(writing: str) -> None:
    text = WRITINGS[writing](bytes.fromhex(METER.public_key))  # type: ignore[no-untyped-call]
    assert checked(value(HONEST, public_key=text)).records[0].claim is KeyClaim.SAME


@pytest.mark.parametrize(
    ("since", "until", "reason"),
    [
        (0, None, "VERIFIED"),
        (1, None, "KEY_OUT_OF_INTERVAL"),
        (None, 61, "VERIFIED"),
        (None, 60, "KEY_OUT_OF_INTERVAL"),
        (None, 30, "KEY_OUT_OF_INTERVAL"),
    ],
)
def test_a_key_counts_for_sessions_that_lie_whole_in_its_interval(since: int | None, until: int | None, reason: str) -> None:
    def at(minutes: int | None) -> datetime | None:
        return None if minutes is None else session().start + timedelta(minutes=minutes)

    key = METER.key(valid_from=at(since), valid_until=at(until))
    assert told(HONEST, keys=(key,))[1] == reason
    assert told(HONEST, keys=(key, STRANGER.key()))[1] == reason


def test_a_meter_that_was_exchanged_is_verified_by_the_key_that_was_its_own_then() -> None:
    half = session().start + timedelta(hours=5)
    before, after = METER.key(valid_until=half), STRANGER.key(valid_from=half)
    assert told(HONEST, keys=(before, after)) == VERIFIED
    other = STRANGER.record(begin(1.0), end(8.5, **AN_END))
    assert told(other, keys=(before, after))[1] == "KEY_OUT_OF_INTERVAL"


@pytest.mark.parametrize(("serial", "reason"), [("M1", "VERIFIED"), ("G1", "METER_NOT_AT_EVSE"), ("M2", "METER_NOT_AT_EVSE")])
def test_a_key_may_be_registered_for_one_meter_only(serial: str, reason: str) -> None:
    """Not for the gateway (G1) that signs for two: each of them would be verified at the EVSE of the other."""
    assert told(HONEST, keys=(METER.key(meter=serial),))[1] == reason


@pytest.mark.parametrize(("serial", "reason"), [("G1", "VERIFIED"), ("M1", "METER_NOT_AT_EVSE")])
def test_the_serial_of_what_signs_counts_where_no_meter_is_named(serial: str, reason: str) -> None:
    record = METER.record(begin(1.0), end(8.5, **AN_END), MS=None, GS="G1")
    assert told(record, keys=(METER.key(meter=serial),))[1] == reason


def test_a_key_of_another_curve_than_the_record_names_is_a_wrong_key() -> None:
    other = OcmfMeter(ec.SECP384R1())
    assert told(HONEST, keys=(other.key(),))[1] == "KEY_CURVE_MISMATCH"


def test_a_register_that_was_allowed_with_the_key_is_billed() -> None:
    record = METER.record(begin(1.0, RI="1-0:1.8.0*198"), end(8.5, RI="1-0:1.8.0*198", **AN_END))
    assert told(record)[2:] == ("unverifiable", "REGISTER_UNKNOWN")
    assert told(record, keys=(METER.key(registers=("1-0:1.8.0*198",)),)) == VERIFIED


def test_the_token_that_was_signed_must_be_that_of_the_session() -> None:
    def by(uid: str) -> str:
        return METER.record(begin(1.0), end(8.5, **AN_END), IT="ISO14443", ID=uid)

    assert told(by("A")) == VERIFIED
    assert told(by("B")) == ("verified", "VERIFIED", "failed", "TOKEN_DIFFERS")


def test_no_verdict_tells_a_token() -> None:
    found = checked(METER.record(begin(1.0), end(8.5, **AN_END), IT="ISO14443", ID="04A1B2C3D4E5F6"))
    assert "04A1B2C3D4E5F6" not in repr(found)


# The bill


def concluded(
    given: ChargingSession,
    known: Evse | None = None,
    price: Any = None,
    rules: int | None = None,
    waived: tuple[Finding, ...] = (),
) -> tuple[SessionRated | None, list[SessionFlagged]]:
    known = known or evse(meter_keys=(KEY,))
    facts = catalogue(operator(), site(known), contract(), partner(), price or tariff())
    found = conclude(given, facts if rules is None else structs.replace(facts, rules=rules), waived=waived)
    charge = found[-1] if isinstance(found[-1], SessionRated) else None
    return charge, [each for each in found if isinstance(each, SessionFlagged)]


def names(flags: list[SessionFlagged]) -> list[str]:
    return [flag.finding.name for flag in flags]


def test_what_is_billed_is_the_signed_difference() -> None:
    charge, flags = concluded(signed(METER.record(begin(1.0004), end(8.5, **AN_END)), energy_wh=7501))
    assert charge is not None
    assert (charge.begin_wh, charge.end_wh, charge.energy_wh) == (Decimal("1000.4"), Decimal("8500.0"), Decimal("7499.6"))
    assert charge.rated.lines[0].quantity == Decimal("7499.6")
    assert (charge.held, names(flags)) == (None, [])


def test_by_older_rules_it_is_what_the_messages_tell() -> None:
    charge, _ = concluded(signed(METER.record(begin(1.0004), end(8.5, **AN_END))), rules=CHOICES)
    assert charge is not None
    assert charge.energy_wh == 7500


@pytest.mark.parametrize("told_wh", [7497, 6750, 8333])
def test_messages_that_tell_nearly_the_same_energy_inform_and_the_signed_one_is_billed(told_wh: int) -> None:
    charge, flags = concluded(signed(HONEST, energy_wh=told_wh))
    assert charge is not None
    assert (charge.energy_wh, charge.held, names(flags)) == (7500, None, ["SIGNED_ENERGY_BILLED"])
    assert flags[0].detail == f"signed 7500 Wh, messages {told_wh} Wh"


@pytest.mark.parametrize("told_wh", [750, 6749, 8334, 15000])
def test_messages_that_tell_quite_another_energy_hold_the_amount(told_wh: int) -> None:
    """A pair may be genuine and of another session, from before anybody here knew the meter."""
    charge, flags = concluded(signed(HONEST, energy_wh=told_wh))
    assert charge is not None
    assert (charge.energy_wh, charge.held) == (7500, Finding.SIGNED_ENERGY_DIFFERS)
    assert (names(flags), flags[0].detail) == (["SIGNED_ENERGY_DIFFERS"], f"signed 7500 Wh, messages {told_wh} Wh")


@pytest.mark.parametrize("energy_wh", [20, 120])
def test_of_little_energy_a_hundred_watt_hours_are_nearly_the_same(energy_wh: int) -> None:
    record = METER.record(begin(1.0), end(1.12, **AN_END))
    charge, _ = concluded(signed(record, energy_wh=energy_wh))
    assert charge is not None
    assert (charge.energy_wh, charge.held) == (120, None)


@pytest.mark.parametrize(("told", "by"), [("NL-EMS-P", "P"), ("nl*ems*P", "P"), ("C1", "A")])
def test_a_meter_may_sign_the_contract_of_the_holder_instead_of_his_token(told: str, by: str) -> None:
    record = METER.record(begin(1.0), end(8.5, **AN_END), IT="EMAID", ID=told)
    charge, _ = concluded(structs.replace(signed(record), token=by))
    assert charge is not None
    assert charge.held is None
    other, _ = concluded(structs.replace(signed(record), token="A" if by == "P" else "P"))
    assert other is not None
    assert other.held is Finding.SIGNATURE_FAILED


def test_where_signatures_are_ignored_the_messages_are_billed() -> None:
    charge, flags = concluded(signed(HONEST, energy_wh=5000), evse(meter_keys=(KEY,), signatures="ignored"))
    assert charge is not None
    assert (charge.energy_wh, charge.held, names(flags)) == (5000, None, [])


def test_no_evse_delivers_more_than_it_can_whoever_signs_it() -> None:
    charge, flags = concluded(signed(METER.record(begin(1.0), end(800.0, **AN_END))))
    assert (charge, names(flags)[-1]) == (None, "ENERGY_IMPLAUSIBLE")


def test_a_doubt_about_the_energy_of_the_messages_falls_where_the_meter_signed_it() -> None:
    doubt = Doubt(finding=Finding.REGISTER_FELL, detail="9000 Wh, then 8500 Wh")
    doubted = structs.replace(signed(HONEST), doubts=(doubt,))
    charge, flags = concluded(doubted)
    assert charge is not None
    assert (charge.held, names(flags)) == (None, [])
    charge, flags = concluded(structs.replace(doubted, signed=()))
    assert (charge, names(flags)[-1]) == (None, "REGISTER_FELL")


TAMPERED = with_flipped_bit(HONEST, 1)


@pytest.mark.parametrize(
    ("records", "ignored", "preferred", "required"),
    [
        pytest.param((HONEST,), None, None, None, id="verified"),
        pytest.param((), None, None, Finding.SIGNATURE_UNVERIFIABLE, id="unsigned"),
        pytest.param(("?",), None, Finding.SIGNATURE_UNVERIFIABLE, Finding.SIGNATURE_UNVERIFIABLE, id="unverifiable"),
        pytest.param((END,), None, Finding.SIGNATURE_UNVERIFIABLE, Finding.SIGNATURE_UNVERIFIABLE, id="no begin"),
        pytest.param((TAMPERED,), None, Finding.SIGNATURE_FAILED, Finding.SIGNATURE_FAILED, id="failed"),
    ],
)
@pytest.mark.parametrize("policy", ["ignored", "preferred", "required"])
def test_an_amount_is_held_back_by_the_policy_of_the_evse(
    policy: str, records: tuple[str, ...], ignored: Finding | None, preferred: Finding | None, required: Finding | None
) -> None:
    wanted = {"ignored": ignored, "preferred": preferred, "required": required}[policy]
    known = evse(meter_keys=(KEY,), signatures=policy)
    charge, flags = concluded(signed(*records), known)
    assert charge is not None
    assert charge.held is wanted
    assert [flag.finding for flag in flags] == ([wanted] if wanted else [])
    released, flags = concluded(signed(*records), known, waived=(wanted,) if wanted else ())
    assert released is not None
    assert (released.held, flags) == (None, [])


def test_the_finding_tells_the_reason_and_what_was_seen() -> None:
    _, [flag] = concluded(signed(METER.record(begin(9.0), end(8.5, **AN_END))))
    assert flag.detail == "signed_register_went_backwards: begin 9000 Wh, end 8500 Wh"


def test_a_record_of_another_session_holds_the_amount() -> None:
    doubt = Doubt(finding=Finding.SIGNED_RECORD_REUSED, detail="the same record was used by session 4711")
    charge, flags = concluded(structs.replace(signed(HONEST), doubts=(doubt,)))
    assert charge is not None
    assert charge.held is Finding.SIGNATURE_FAILED
    assert {flag.finding for flag in flags} == {Finding.SIGNED_RECORD_REUSED, Finding.SIGNATURE_FAILED}


def test_where_no_key_is_registered_none_is_another() -> None:
    _, flags = concluded(signed(value(HONEST, public_key=STRANGER.public_key)), evse())
    assert flags == []


@pytest.mark.parametrize(("place", "told"), [("DE*ABC*E1", []), ("DEABCE1", []), ("DE*XYZ*E9", ["SIGNED_PLACE_DIFFERS"])])
def test_another_evse_in_the_record_informs(place: str, told: list[str]) -> None:
    charge, flags = concluded(signed(METER.record(begin(1.0), end(8.5, **AN_END), CT="EVSEID", CI=place)))
    assert charge is not None
    assert (charge.held, names(flags)) == (None, told)


def test_another_key_in_the_message_informs() -> None:
    charge, flags = concluded(signed(value(HONEST, public_key=STRANGER.public_key)))
    assert charge is not None
    assert (charge.held, names(flags)) == (None, ["KEY_CLAIM_DIFFERS"])


# The time, where signatures are required

REQUIRED = evse(meter_keys=(KEY,), signatures="required")


def by_time() -> TariffPublished:
    """1.20 EUR an hour beside the energy."""
    hour = PriceComponent(dimension=Dimension.TIME, price=Decimal("1.20"), vat_percent=Decimal(19))
    [element] = tariff().tariff.elements
    timed = structs.replace(element, components=(*element.components, hour))
    return structs.replace(tariff(), tariff=structs.replace(tariff().tariff, elements=(timed,)))


def dearer_from(local: time) -> TariffPublished:
    """0.30 EUR/kWh, from that time of day on 0.50."""
    [element] = tariff().tariff.elements
    dear = PriceComponent(dimension=Dimension.ENERGY, price=Decimal("0.50"), vat_percent=Decimal(19))
    late = TariffElement(components=(dear,), restrictions=Restrictions(start_time=local, end_time=time(23, 59)))
    return structs.replace(tariff(), tariff=structs.replace(tariff().tariff, elements=(late, element)))


def clocks(first: str, last: str, **more: Any) -> str:
    return METER.record(
        begin(1.0, TM=f"2026-10-05T08:00:00,000+0000 {first}"), end(8.5, TM=f"2026-10-05T09:00:00,000+0000 {last}", **more)
    )


@pytest.mark.parametrize(
    ("first", "last", "held"),
    [("S", "S", None), ("R", "R", None), ("I", "R", "x"), ("I", "I", "x"), ("U", "U", "x"), ("S", "R", "x"), ("R", "S", "x")],
)
def test_time_has_a_price_only_by_a_clock_that_the_meter_vouches_for(first: str, last: str, held: str | None) -> None:
    charge, _flags = concluded(signed(clocks(first, last)), REQUIRED, by_time())
    assert charge is not None
    assert charge.held is (Finding.SIGNED_CLOCK_UNTRUSTED if held else None)
    assert charge.energy_wh == 7500
    assert concluded(signed(clocks(first, last)), REQUIRED)[1] == [], "energy alone needs no clock"
    assert concluded(signed(clocks(first, last)), evse(meter_keys=(KEY,)), by_time())[1] == [], "nor where it is preferred"


def test_a_flag_that_the_time_is_not_usable_counts_as_no_clock() -> None:
    charge, _ = concluded(signed(clocks("S", "S", EF="t")), REQUIRED, by_time())
    assert charge is not None
    assert charge.held is Finding.SIGNED_CLOCK_UNTRUSTED


def at_half(**more: Any) -> dict[str, Any]:
    return reading("T", 3.0, TM="2026-10-05T08:30:00,000+0000 S", **more)


def test_a_price_that_changes_needs_a_signed_reading_at_the_change() -> None:
    """10:30 in Hamburg is 08:30 UTC."""
    priced = dearer_from(time(10, 30))
    charge, flags = concluded(signed(HONEST), REQUIRED, priced)
    assert charge is not None
    assert (charge.held, names(flags)) == (Finding.SIGNED_INTERMEDIATE_MISSING, ["SIGNED_INTERMEDIATE_MISSING"])
    assert concluded(signed(HONEST), REQUIRED, dearer_from(time(11, 30)))[1] == [], "after the session it changes nothing"
    assert concluded(signed(HONEST), evse(meter_keys=(KEY,)), priced)[1] == [], "nor is it asked where signatures are preferred"
    split = METER.record(begin(1.0), at_half(), end(8.5, **AN_END))
    charge, flags = concluded(signed(split), REQUIRED, priced)
    assert charge is not None
    assert (charge.held, names(flags)) == (None, [])
    assert [(line.quantity, line.unit_price) for line in charge.rated.lines] == [
        (Decimal("2000.0"), Decimal("0.30")),
        (Decimal("5500.0"), Decimal("0.50")),
    ]


def test_a_time_that_the_meter_did_not_measure_is_not_charged_as_measured() -> None:
    """By its clock it was a minute, by the station's an hour."""
    minute = METER.record(begin(1.0, TM="2026-10-05T08:30:00,000+0000 S"), end(8.5, TM="2026-10-05T08:31:00,000+0000 S"))
    charge, [flag] = concluded(signed(minute), REQUIRED, by_time())
    assert charge is not None
    assert charge.held is Finding.SIGNED_CLOCK_UNTRUSTED
    assert flag.detail == "TIME has a price; by the meter it lasted 3540 s less or more than by the station"
    relative = METER.record(begin(1.0, TM="1970-01-01T00:00:00,000+0000 R"), end(8.5, TM="1970-01-01T00:00:05,000+0000 R"))
    charge, _ = concluded(signed(relative), REQUIRED, by_time())
    assert charge is not None
    assert charge.held is Finding.SIGNED_CLOCK_UNTRUSTED


def test_readings_in_between_tell_the_split_only_where_they_are_good_and_numbered_in_between() -> None:
    priced = dearer_from(time(10, 30))
    for bad in (METER.record(begin(1.0), at_half(ST="M"), end(8.5, **AN_END)),):
        charge, _ = concluded(signed(bad), REQUIRED, priced)
        assert charge is not None
        assert charge.held is Finding.SIGNED_INTERMEDIATE_MISSING
    records = [METER.record(begin(1.0), PG="T5"), METER.record(at_half(), PG="T2"), METER.record(end(8.5, **AN_END), PG="T6")]
    charge, _ = concluded(signed(*records), REQUIRED, priced)
    assert charge is not None
    assert charge.held is Finding.SIGNED_INTERMEDIATE_MISSING


def test_many_readings_before_the_change_hide_no_gap_across_it() -> None:
    early = [reading("C", 1.0 + n / 100, TM=f"2026-10-05T08:{n // 4:02}:{n % 4 * 15:02},000+0000 S") for n in range(1, 40)]
    charge, flags = concluded(signed(METER.record(begin(1.0), *early, end(8.5, **AN_END))), REQUIRED, dearer_from(time(10, 30)))
    assert charge is not None
    assert (charge.held, names(flags)) == (Finding.SIGNED_INTERMEDIATE_MISSING, ["SIGNED_INTERMEDIATE_MISSING"])
