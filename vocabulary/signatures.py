"""Verdicts on signed meter values: on each record, and on whether a session may be billed by its records.

Two questions, two fields: does every signature hold (`SignatureChecked.verdict`), and do the records make a pair of readings
that may be billed (`billing`). A genuine record may say of itself that it is not to be billed.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from vocabulary.identity import SessionId
from vocabulary.quantities import WattHours


class Verdict(StrEnum):
    VERIFIED = "verified"
    FAILED = "failed"
    UNVERIFIABLE = "unverifiable"  # unknown format or curve, or no trusted key: says nothing about the values
    UNSIGNED = "unsigned"


class SignatureReason(StrEnum):
    """Why a verdict is what it is, in order of precedence; each has a paragraph in docs/errors.md."""

    UNSIGNED = "no_signed_values_in_the_messages"
    FORMAT_UNKNOWN = "format_of_signed_values_is_not_supported"
    RECORD_UNREADABLE = "signed_record_cannot_be_read"
    CONTAINER_UNSUPPORTED = "container_of_signed_values_is_not_supported"
    ALGORITHM_UNSUPPORTED = "signature_algorithm_is_not_supported"
    KEY_NOT_REGISTERED = "no_meter_key_is_registered_for_the_evse"
    KEY_UNREADABLE = "meter_key_cannot_be_read"
    KEY_OUT_OF_INTERVAL = "meter_key_was_not_valid_then"
    SIGNATURE_MALFORMED = "signature_is_no_signature"
    KEY_CURVE_MISMATCH = "meter_key_is_of_another_curve_than_the_signature"
    KEY_CONFLICT = "signed_by_the_key_in_the_message_and_not_by_the_registered_one"
    SIGNATURE_MISMATCH = "signature_does_not_match_the_registered_key"
    FIELD_UNSIGNED = "unsigned_field_contradicts_the_signed_part"
    METERS_DIFFER = "signed_by_another_meter"
    METER_NOT_AT_EVSE = "meter_is_not_the_one_registered_at_the_evse"
    CONTEXT_CONFLICT = "context_of_the_message_contradicts_the_record"
    READING_MISSING = "begin_or_end_reading_is_missing"
    BEGIN_MISSING = "signed_begin_is_missing"
    END_MISSING = "signed_end_is_missing"
    BEGIN_TWICE = "signed_begin_is_told_twice"
    END_TWICE = "signed_end_is_told_twice"
    REGISTER_UNKNOWN = "register_has_no_legal_meaning"
    REGISTER_IS_EXPORT = "register_counts_what_was_fed_back"
    REGISTERS_DIFFER = "begin_and_end_are_of_two_registers"
    LOSSES_DIFFER = "begin_and_end_have_two_cable_losses"
    READING_NOT_GOOD = "meter_marked_the_reading_as_not_good"
    ENERGY_UNUSABLE = "meter_says_that_the_energy_is_not_usable"
    BILLING_REFUSED = "meter_says_that_it_is_not_to_be_billed"
    EXCEPTION_BETWEEN = "exception_was_signed_between_begin_and_end"
    VALUE_FELL = "signed_register_went_backwards"
    TIME_FELL = "signed_end_is_before_the_signed_begin"
    PAGINATION = "pagination_does_not_rise_from_begin_to_end"
    PAGINATION_FISCAL = "pagination_is_of_fiscal_readings"
    TRANSACTIONS_DIFFER = "begin_and_end_are_of_two_transactions_of_the_meter"
    IDS_DIFFER = "begin_and_end_name_two_identifications"
    ID_REFUSED = "identification_was_refused_by_the_meter"
    TOKEN_DIFFERS = "signed_identification_is_another_token"  # noqa: S105
    RECORD_REUSED = "signed_record_was_used_by_another_session"
    TIME_WINDOW = "signed_time_is_outside_the_transaction"
    VERIFIED = "signature_matches_the_registered_key"


class KeyClaim(StrEnum):
    """What a message says of the key, beside the registered one that decides."""

    NONE = "none"
    SAME = "same"
    OTHER = "other"
    UNREADABLE = "unreadable"


class Nature(StrEnum):
    """What a signed reading is of its transaction."""

    BEGIN = "begin"
    END = "end"
    INTERMEDIATE = "intermediate"  # charging, suspended, or at a change of tariff
    EXCEPTION = "exception"  # from here on the meter vouches for nothing
    UNSAID = "unsaid"  # the format does not tell


class MeterClock(StrEnum):
    """How far the meter vouches for the time of a reading (OCMF table 15)."""

    SYNCHRONISED = "synchronised"
    RELATIVE = "relative"  # the time between two readings is legal, the time of day is not
    INFORMATIVE = "informative"
    UNKNOWN = "unknown"


class SignedPoint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A signed reading of energy, as billing uses it."""

    nature: Nature
    wh: WattHours
    register: str  # OBIS as signed
    at: datetime | None = None
    clock: MeterClock = MeterClock.UNKNOWN


class RecordChecked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The verdict on one record. `value`: which of the session's signed values holds it, from 0 on; one may hold several.

    `digest` is its identity: SHA-256 over the signed bytes, which no encoding and no second signature changes; over the text
    as it was carried where no record can be read in it.
    """

    value: int = 0
    digest: str
    verdict: Verdict
    reason: SignatureReason
    detail: str = ""
    format: str = ""  # as the transparency software names it: "OCMF", "EDL_40_P"
    version: str = ""
    algorithm: str = ""
    meter: str = ""
    page: str = ""  # its pagination, "T29"
    key_fingerprint: str = ""  # of the key that it was checked with: SHA-256 of the DER public key, hex
    claim: KeyClaim = KeyClaim.NONE
    claimed_fingerprint: str = ""
    points: tuple[SignedPoint, ...] = ()


class SignatureChecked(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="session.signature_checked"):
    """The verdict on the signed values of a session, and whether it may be billed by them.

    `verdict`: verified where every record is; else that of the worst. `billing` verified: `begin_wh` and `end_wh` are the
    signed pair. Rules before 6 told one field for both questions, and no `records`.
    """

    session: SessionId
    verdict: Verdict
    reason: SignatureReason
    detail: str = ""
    format: str = ""  # "OCMF 1.0"
    algorithm: str = ""  # "ECDSA-secp256r1-SHA256"
    meter: str = ""  # serial number as signed
    key_fingerprint: str = ""  # SHA-256 of the DER public key, hex
    begin_wh: WattHours | None = None
    end_wh: WattHours | None = None
    billing: Verdict | None = None
    billing_reason: SignatureReason | None = None
    billing_detail: str = ""
    register: str = ""  # OBIS, of begin and end
    begin_at: datetime | None = None  # as signed
    end_at: datetime | None = None
    begin_clock: MeterClock | None = None  # unknown where the meter says that its time is not usable
    end_clock: MeterClock | None = None
    between: tuple[SignedPoint, ...] = ()  # of the same register, by a synchronised clock; in order of time
    loss: str = ""  # how the meter compensates for a cable, in words: name, resistance
    place: str = ""  # the EVSE as signed
    claims_other_key: bool = False  # a message names a key that is not the registered one
    records: tuple[RecordChecked, ...] = ()
