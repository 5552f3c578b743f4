"""The billing gate: each check has records that fail there and nowhere else."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from streams.signed.check import Judged
from streams.signed.ecdsa import Curve, PublicKey
from streams.signed.gate import Beside, Billed, Evidence, gate
from streams.signed.record import Format, Signature, SignedReading, SignedRecord, Writing
from vocabulary.quantities import WattHours
from vocabulary.signatures import MeterClock, Nature, SignatureReason, Verdict

START = datetime(2026, 10, 5, 8, tzinfo=UTC)
END = START + timedelta(hours=1)
KEY, OTHER_KEY = PublicKey(b"key", Curve.SECP256R1), PublicKey(b"other", Curve.SECP256R1)
PLAIN, COMPENSATED, EXPORT, UNKNOWN = "1-b:1.8.0", "1-b:98.8.0", "1-b:2.8.0", "1-b:1.8.0*198"
GOOD = Judged(Verdict.VERIFIED, SignatureReason.VERIFIED, "", KEY)
FAILED = Judged(Verdict.FAILED, SignatureReason.SIGNATURE_MISMATCH, "", KEY)
UNJUDGED = Judged(Verdict.UNVERIFIABLE, SignatureReason.KEY_NOT_REGISTERED)
SESSION = Beside(("04A1B2C3",), START, END)


def reading(nature: Nature, wh: str | None, at: datetime, **more: Any) -> SignedReading:
    told = {"register": PLAIN, "clock": MeterClock.SYNCHRONISED} | more
    return SignedReading(nature, None if wh is None else WattHours(Decimal(wh)), at=at, **told)


def begin(wh: str = "1000", at: datetime = START, **more: Any) -> SignedReading:
    return reading(Nature.BEGIN, wh, at, **more)


def end(wh: str = "8500", at: datetime = END, **more: Any) -> SignedReading:
    return reading(Nature.END, wh, at, **more)


def between(wh: str, nature: Nature = Nature.INTERMEDIATE, **more: Any) -> SignedReading:
    return reading(nature, wh, START + timedelta(minutes=30), **more)


def evidence(*readings: SignedReading, judged: Judged = GOOD, context: str = "", **more: Any) -> Evidence:
    told = {"meter": "M1", "pagination": 7, "identification": "04a1b2c3", "signed": repr((readings, more)).encode()} | more
    signature = Signature(b"", Writing.DER, (Curve.SECP256R1,))
    return Evidence(SignedRecord(format=Format.OCMF, signature=signature, readings=readings, **told), judged, context)


def pair(begin_more: dict[str, Any] | None = None, end_more: dict[str, Any] | None = None) -> list[Evidence]:
    """Begin and end in two records, with what is told of each."""
    return [evidence(begin(), **(begin_more or {})), evidence(end(), **({"pagination": 8} | (end_more or {})))]


def why(found: list[Evidence], beside: Beside = SESSION) -> tuple[str, str]:
    billed = gate(found, beside)
    assert (billed.pair is None) is (billed.verdict is not Verdict.VERIFIED)
    return billed.verdict.value, billed.reason.name


def energy(billed: Billed) -> Decimal:
    assert billed.pair is not None, (billed.reason, billed.detail)
    first, last = billed.pair.begin.reading.wh, billed.pair.end.reading.wh
    assert first is not None and last is not None
    return last - first


def test_begin_and_end_in_one_record_are_billed() -> None:
    assert energy(gate([evidence(begin(), end())], SESSION)) == 7500


def test_begin_and_end_in_two_records_are_billed_in_whatever_order_they_came() -> None:
    assert energy(gate(pair(), SESSION)) == energy(gate(pair()[::-1], SESSION)) == 7500


def test_records_of_a_file_are_judged_without_a_session() -> None:
    assert energy(gate(pair())) == 7500


def test_readings_in_between_are_kept() -> None:
    billed = gate([evidence(begin(), between("4000"), end())], SESSION)
    assert billed.pair is not None
    assert [place.reading.wh for place in billed.pair.between] == [4000]


def test_the_same_record_told_twice_counts_once() -> None:
    assert energy(gate([*pair(), *pair()], SESSION)) == 7500


def test_a_copy_with_a_broken_signature_takes_nothing_from_a_record_that_is_verified() -> None:
    first, last = pair()
    assert energy(gate([first._replace(judged=FAILED), last, first], SESSION)) == 7500


def test_the_begin_may_stand_in_the_record_of_the_end_as_well() -> None:
    assert energy(gate([evidence(begin()), evidence(begin(), end(), pagination=8)], SESSION)) == 7500


# Each check alone. The name of a case is what is wrong with it.

_BEFORE, _AFTER = START - timedelta(minutes=11), END + timedelta(minutes=11)
REFUSED: dict[str, tuple[list[Evidence], str, str]] = {
    "one record failed": (pair(end_more={"judged": FAILED}), "failed", "SIGNATURE_MISMATCH"),
    "one record has no key": (pair(end_more={"judged": UNJUDGED}), "unverifiable", "KEY_NOT_REGISTERED"),
    "one failed and another has no key": (pair({"judged": UNJUDGED}, {"judged": FAILED}), "failed", "SIGNATURE_MISMATCH"),
    "the meter says that it is not to be billed": (
        pair(end_more={"problem": SignatureReason.BILLING_REFUSED}),
        "failed",
        "BILLING_REFUSED",
    ),
    "the identification was refused": (pair({"problem": SignatureReason.ID_REFUSED}), "failed", "ID_REFUSED"),
    "an unsigned field contradicts": (pair(end_more={"problem": SignatureReason.FIELD_UNSIGNED}), "failed", "FIELD_UNSIGNED"),
    "the contexts are swapped": (
        pair({"context": "Transaction.End"}, {"context": "Transaction.Begin"}),
        "failed",
        "CONTEXT_CONFLICT",
    ),
    "there is no reading of energy": ([evidence(begin(None), end(None))], "unverifiable", "BEGIN_MISSING"),  # type: ignore[arg-type]
    "there is no begin": ([evidence(end())], "unverifiable", "BEGIN_MISSING"),
    "there is no end": ([evidence(begin(), between("2000"))], "unverifiable", "END_MISSING"),
    "there are two begins": ([*pair(), evidence(begin("1001"), pagination=9)], "failed", "BEGIN_TWICE"),
    "there are two ends": ([*pair(), evidence(end("8501"), pagination=9)], "failed", "END_TWICE"),
    "nobody knows the register": (
        [evidence(begin(register=UNKNOWN), end(register=UNKNOWN))],
        "unverifiable",
        "REGISTER_UNKNOWN",
    ),
    "the register counts export": ([evidence(begin(register=EXPORT), end(register=EXPORT))], "failed", "REGISTER_IS_EXPORT"),
    "begin and end are of two registers": ([evidence(begin(), end(register=COMPENSATED))], "failed", "REGISTERS_DIFFER"),
    "the begin is not good": (
        [evidence(begin(problem=SignatureReason.READING_NOT_GOOD), end())],
        "failed",
        "READING_NOT_GOOD",
    ),
    "the end is not good": ([evidence(begin(), end(problem=SignatureReason.READING_NOT_GOOD))], "failed", "READING_NOT_GOOD"),
    "the energy is not usable": (
        [evidence(begin(), end(problem=SignatureReason.ENERGY_UNUSABLE))],
        "failed",
        "ENERGY_UNUSABLE",
    ),
    "the meters differ": (pair(end_more={"meter": "M2"}), "failed", "METERS_DIFFER"),
    "the keys differ": (pair(end_more={"judged": GOOD._replace(key=OTHER_KEY)}), "failed", "METERS_DIFFER"),
    "a reading in between is of another meter": (
        [*pair(), evidence(between("4000"), meter="M2", pagination=9)],
        "failed",
        "METERS_DIFFER",
    ),
    "the cable losses differ": (pair({"loss": "5 mOhm"}, {"loss": "6 mOhm"}), "failed", "LOSSES_DIFFER"),
    "the pagination stands still": (pair({"pagination": 8}), "failed", "PAGINATION"),
    "the pagination falls": (pair({"pagination": 9}), "failed", "PAGINATION"),
    "the pagination is fiscal": (pair({"is_fiscal": True}, {"is_fiscal": True}), "failed", "PAGINATION_FISCAL"),
    "the meter counts two transactions": (
        pair({"meter_transaction": "1"}, {"meter_transaction": "2"}),
        "failed",
        "TRANSACTIONS_DIFFER",
    ),
    "the value falls": ([evidence(begin("8501"), end())], "failed", "VALUE_FELL"),
    "a value in between is above the end": ([evidence(begin(), between("8501"), end())], "failed", "VALUE_FELL"),
    "the time falls": ([evidence(begin(at=END), end(at=START))], "failed", "TIME_FELL"),
    "an exception is between": ([evidence(begin(), between("4000", Nature.EXCEPTION), end())], "failed", "EXCEPTION_BETWEEN"),
    "two identifications": (pair(end_more={"identification": "99"}), "failed", "IDS_DIFFER"),
    "the identification is another token": ([evidence(begin(), end(), identification="99")], "failed", "TOKEN_DIFFERS"),
    "the begin was before the session": ([evidence(begin(at=_BEFORE), end())], "failed", "TIME_WINDOW"),
    "the end was after the session": ([evidence(begin(), end(at=_AFTER))], "failed", "TIME_WINDOW"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_fails_one_check_is_refused_by_it(case: str) -> None:
    found, verdict, reason = REFUSED[case]
    assert why(found) == (verdict, reason)


def test_each_reason_that_the_gate_gives_has_its_case() -> None:
    given = {reason for _, _, reason in REFUSED.values()} | {"RECORD_REUSED"}
    of_records = SignatureReason.__members__.keys() - given
    assert of_records == {
        *("UNSIGNED", "FORMAT_UNKNOWN", "RECORD_UNREADABLE", "CONTAINER_UNSUPPORTED", "ALGORITHM_UNSUPPORTED"),
        *("KEY_UNREADABLE", "KEY_OUT_OF_INTERVAL", "SIGNATURE_MALFORMED", "KEY_CURVE_MISMATCH", "KEY_CONFLICT"),
        *("METER_NOT_AT_EVSE", "READING_MISSING", "VERIFIED"),
    }, "these are of a record, or of rules before 6; every other one is the gate's"


def test_a_record_of_another_session_is_refused_and_says_whose_it_is() -> None:
    billed = gate(pair(), SESSION._replace(reused="the same record was used by session 4711"))
    assert (billed.reason, billed.detail) == (SignatureReason.RECORD_REUSED, "the same record was used by session 4711")


# What passes though it looks odd


@pytest.mark.parametrize("written", ["04A1B2C3", "04:a1:b2:c3", "C3B2A104", "c3-b2-a1-04"])
def test_a_uid_may_be_written_in_either_order_of_its_bytes(written: str) -> None:
    assert energy(gate([evidence(begin(), end(), identification=written)], SESSION)) == 7500


@pytest.mark.parametrize("written", ["DE-ABC-C12345678-9", "DEABCC123456789", "DE*ABC*C12345678"])
def test_an_emaid_may_be_written_with_or_without_separators_and_check_digit(written: str) -> None:
    beside = SESSION._replace(names=("04A1B2C3", "DEABCC123456789"))
    assert energy(gate([evidence(begin(), end(), identification=written)], beside)) == 7500


def test_where_no_token_was_signed_none_is_compared() -> None:
    assert energy(gate([evidence(begin(), end(), identification="")], SESSION)) == 7500


def test_a_compensated_register_is_billed_before_a_plain_one() -> None:
    both = evidence(
        begin(), begin("10", register=COMPENSATED), begin("1", register=EXPORT), end(), end("17", register=COMPENSATED)
    )
    assert energy(gate([both], SESSION)) == 7


def test_a_compensated_register_that_is_told_once_is_not_replaced_by_the_plain_one() -> None:
    """Who withholds one of its readings would choose what is billed."""
    assert why([evidence(begin(), end(), end("17", register=COMPENSATED))]) == ("unverifiable", "BEGIN_MISSING")
    assert why([evidence(begin(), begin("10", register=COMPENSATED), end())]) == ("unverifiable", "END_MISSING")


def test_the_total_is_billed_before_what_came_at_one_tariff() -> None:
    parts = (begin("10", register="1-b:1.8.1"), end("20", register="1-b:1.8.1"))
    assert energy(gate([evidence(*parts, begin(), end())], SESSION)) == 7500
    assert energy(gate([evidence(*parts)], SESSION)) == 10
    two = (*parts, begin("10", register="1-b:1.8.2"), end("25", register="1-b:1.8.2"))
    assert why([evidence(*two)]) == ("unverifiable", "REGISTER_UNKNOWN")


def test_an_exception_counts_of_whatever_quantity_and_in_whatever_record() -> None:
    exception = reading(Nature.EXCEPTION, None, START + timedelta(minutes=5), register="")
    assert why([evidence(begin(), exception, end())]) == ("failed", "EXCEPTION_BETWEEN")
    assert why([*pair(), evidence(exception, pagination=9)]) == ("failed", "EXCEPTION_BETWEEN")


def test_begin_and_end_at_two_evses_are_no_pair() -> None:
    assert why(pair({"place": "DE*ABC*E1"}, {"place": "DE*ABC*E2"})) == ("failed", "METERS_DIFFER")
    assert energy(gate(pair({"place": "DE*ABC*E1"}, {"place": "DEABCE1"}), SESSION)) == 7500


def test_a_record_of_ocmf_without_pagination_is_none() -> None:
    assert why([evidence(begin(), end(), pagination=None)]) == ("failed", "PAGINATION")


@pytest.mark.parametrize(
    ("signed", "token"),
    [("12345678901234", "123456789012345"), ("AB", "ABC"), ("E6D5C4B3A204", "04A2B3C4D5E68"), ("C3B2A1", "A1B2C3")],
)
def test_what_only_looks_alike_is_another_token(signed: str, token: str) -> None:
    found = [evidence(begin(), end(), identification=signed)]
    assert why(found, SESSION._replace(names=(token,))) == ("failed", "TOKEN_DIFFERS")


def test_all_spellings_of_a_register_are_one() -> None:
    assert energy(gate([evidence(begin(register="1-0:1.8.0"), end(register="01-00:01.08.00.FF"))], SESSION)) == 7500


def test_a_register_of_export_is_never_billed_whatever_is_allowed() -> None:
    beside = SESSION._replace(registers=frozenset({EXPORT}))
    assert why([evidence(begin(register=EXPORT), end(register=EXPORT))], beside) == ("failed", "REGISTER_IS_EXPORT")


def test_two_meters_are_told_before_their_two_registers() -> None:
    assert why([evidence(begin()), evidence(end(register=COMPENSATED), meter="M2")]) == ("failed", "METERS_DIFFER")


def test_another_token_is_told_by_its_end_alone() -> None:
    billed = gate([evidence(begin(), end(), identification="04DEADBEEF77")], SESSION)
    assert billed.detail == "signed …77 of 12 characters, the session's is …C3 of 8 characters"


def test_a_register_that_the_operator_allows_is_billed() -> None:
    beside = SESSION._replace(registers=frozenset({UNKNOWN}))
    assert energy(gate([evidence(begin(register=UNKNOWN), end(register=UNKNOWN))], beside)) == 7500


@pytest.mark.parametrize(
    ("clock", "hours", "passes"), [("INFORMATIVE", 23, True), ("INFORMATIVE", 25, False), ("UNKNOWN", 99999, True)]
)
def test_how_far_a_clock_may_be_off_depends_on_what_it_vouches_for(clock: str, hours: int, passes: bool) -> None:
    off = timedelta(hours=hours)
    told = evidence(begin(at=START - off, clock=MeterClock[clock]), end(at=END - off, clock=MeterClock[clock]))
    assert (gate([told], SESSION).verdict is Verdict.VERIFIED) is passes


# Formats that do not say what a reading is


def unsaid(wh: str, context: str, page: int) -> Evidence:
    return evidence(reading(Nature.UNSAID, wh, START), context=context, pagination=page)


def test_the_context_says_what_a_reading_is_where_its_format_does_not() -> None:
    found = [unsaid("4000", "Sample.Periodic", 2), unsaid("8500", "Transaction.End", 3), unsaid("1000", "Transaction.Begin", 1)]
    billed = gate(found, SESSION)
    assert energy(billed) == 7500
    assert billed.pair is not None and len(billed.pair.between) == 1


def test_without_a_context_the_first_is_the_begin_and_the_last_the_end() -> None:
    assert energy(gate([unsaid("1000", "", 1), unsaid("4000", "", 2), unsaid("8500", "", 3)])) == 7500


def test_two_samples_on_the_way_are_neither_begin_nor_end() -> None:
    assert why([unsaid("1000", "Sample.Periodic", 1), unsaid("8500", "Sample.Clock", 2)]) == ("unverifiable", "BEGIN_MISSING")
