"""What we conclude about charging: sessions, signature verdicts, rated charges, findings.

A session is one delivery of energy to one vehicle as one transaction of a station told it. It is closed, and rated by one
tariff version; what is concluded is never changed. What comes later is a new event: a session that was closed on less than
everything is closed again, under the next revision, and a charge that no longer holds is reversed and rated anew.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType

from vocabulary.assignment import TariffChoice
from vocabulary.charging import Protocol, SignedValue
from vocabulary.circumstances import Sample
from vocabulary.exchanged import BatteriesSwapped, ExportRegister
from vocabulary.identity import (
    ContractId,
    PartnerId,
    SessionId,
    StationId,
    TariffId,
    TokenUid,
    TransactionId,
    VersionHash,
)
from vocabulary.quantities import WattHours
from vocabulary.rated import Rated
from vocabulary.signatures import SignatureChecked


class Activity(StrEnum):
    """What the vehicle did in a stretch of a session."""

    CHARGING = "charging"  # energy flows, or the station holds it back: a pause that the vehicle did not cause
    IDLE = "idle"  # the vehicle asks for no power, or is still plugged in after charging: priced as parking time
    WAITING = "waiting"  # plugged in, charging not yet begun (2.x EVConnected): priced by neither


class Stretch(Struct, frozen=True, kw_only=True):
    """Half-open, UTC; the stretches of a session are contiguous and cover it from start to end."""

    start: datetime
    end: datetime
    activity: Activity


class Reading(Struct, frozen=True, kw_only=True):
    """A register at an instant, absolute: the one that counts what is delivered, or in `exported` what is fed back."""

    at: datetime
    register_wh: WattHours


class EnergySource(StrEnum):
    """Where the first and the last register reading come from, in order of trust."""

    TRANSACTION_SAMPLES = "transaction_begin_and_end_samples"
    METER_START_STOP = "meter_start_and_stop"
    FIRST_AND_LAST_SAMPLE = "first_and_last_sample"
    INLET_SAMPLES = "first_and_last_sample_at_the_inlet"  # before conversion: more than what the vehicle got
    INTERVALS = "sum_of_interval_samples"
    SIGNED = "signed_begin_and_end"  # of a record or two that the meter signed
    UNUSED = "none_the_reservation_expired"  # nobody charged: there is no reading
    STATE_OF_CHARGE = "state_of_charge_of_swapped_batteries"  # and their capacity, which the reference data have


class Quality(StrEnum):
    """How much of a session was told by the station."""

    COMPLETE = "complete"  # start, end, and (2.x) every message between
    GAP = "gap"  # messages between start and end are missing, and were waited for long enough
    ESTIMATED = "estimated"  # its end, or its energy, was not told and is concluded from what was
    DISPUTED = "disputed"  # what was told contradicts itself: two ends, or values between them that fit neither


class Finding(StrEnum):
    """What is wrong with a session; each has a paragraph in docs/errors.md. In order of precedence.

    A blocking finding keeps the session from being rated; one that holds keeps its amount from being invoiced; the others
    inform. CLOCK_UNTRUSTED blocks only where the price depends on the time.
    """

    END_WITHOUT_START = "transaction_ended_without_start"
    ANSWER_WITHOUT_START = "answer_waited_for_its_start_in_vain"
    ENERGY_UNKNOWN = "energy_is_unknown"
    REGISTER_FELL = "meter_register_went_backwards"
    UNITS_CONTRADICT = "meter_values_are_a_thousand_times_apart"
    END_BEFORE_START = "session_ends_before_it_starts"
    DURATION_IMPLAUSIBLE = "session_lasts_longer_than_30_days"
    CLOCK_UNTRUSTED = "station_clock_cannot_be_trusted"
    UNIT_IMPLAUSIBLE = "energy_is_a_thousand_times_too_high"
    ENERGY_IMPLAUSIBLE = "energy_exceeds_what_the_evse_can_deliver"
    RESERVATION_UNKNOWN = "reservation_expired_and_nobody_told_its_beginning"
    EVSE_UNKNOWN = "evse_is_not_in_the_reference_data"
    CAPACITY_UNKNOWN = "capacity_of_the_batteries_is_not_known"
    TOKEN_UNKNOWN = "token_belongs_to_no_contract_or_partner"  # noqa: S105
    TARIFF_MISSING = "no_tariff_in_force"
    PRICE_NOT_PUBLISHED = "price_of_the_series_is_not_published"
    VAT_UNFIT = "tariff_has_other_vat_than_the_site"
    TAX_UNKNOWN = "taxes_are_not_known"
    TAXES_UNFIT = "taxes_cannot_stand_on_an_invoice"
    LIMIT_UNFIT = "limit_of_the_tariff_contradicts_its_vat"
    AMOUNT_TOO_HIGH = "amount_is_more_than_a_session_may_cost"
    STEPS_FAIL = "steps_fail_on_the_session"
    BEGIN_PLACEHOLDER = "begin_register_of_zero_was_no_reading"
    REGISTER_RESET = "meter_register_was_reset_during_the_session"
    END_ESTIMATED = "stop_one_second_after_the_start"
    UNIT_TOO_LOW = "energy_is_a_thousand_times_below_the_power_told"
    OVERLAPS = "another_session_has_the_same_energy"
    NO_END = "session_has_no_end"
    MESSAGES_MISSING = "messages_are_missing_and_the_price_depends_on_time"
    ENERGY_UNTIMED = "price_depends_on_when_energy_came_and_nobody_measured_it"
    POWER_NOT_MEASURED = "price_depends_on_power_that_was_not_measured"
    PAYMENT_UNKNOWN = "price_depends_on_a_payment_that_is_not_known"
    RESERVATION_UNTIMED = "reservation_has_a_price_and_its_beginning_is_not_known"
    EXPORT_UNKNOWN = "what_was_fed_back_is_not_known"
    DEAUTHORISED = "token_was_deauthorised_during_the_session"
    SIGNATURE_FAILED = "meter_signature_failed"
    SIGNED_ENERGY_DIFFERS = "signed_energy_differs_from_session"
    SIGNATURE_UNVERIFIABLE = "meter_signature_cannot_be_checked"
    SIGNED_CLOCK_UNTRUSTED = "time_has_a_price_and_the_meter_does_not_vouch_for_it"
    SIGNED_INTERMEDIATE_MISSING = "price_changed_and_no_signed_reading_says_when"
    SIGNED_RECORD_REUSED = "signed_record_is_of_another_session"
    SIGNED_ENERGY_BILLED = "signed_energy_is_billed_and_messages_tell_another"
    SIGNED_PLACE_DIFFERS = "signed_evse_is_another_one"
    KEY_CLAIM_DIFFERS = "message_names_another_meter_key"
    CLOCK_CORRECTED = "station_clock_was_corrected"
    ROLLED_OVER = "meter_register_rolled_over"
    SAMPLES_RELATIVE = "samples_count_from_the_start_of_the_session"
    ONE_PHASE_TAKEN = "total_is_labelled_as_one_phase"
    ENDS_NOT_TOLD = "energy_at_start_or_end_was_not_told"
    NEVER_CONNECTED = "vehicle_was_never_connected"
    REGISTER_LOWER = "register_is_lower_than_at_the_end_before"
    SECOND_END = "second_end_of_the_same_transaction"
    END_OF_ANOTHER = "end_may_be_of_another_session"
    SEQUENCE_CONFLICT = "same_sequence_number_with_other_content"
    FACT_AFTER_CLOSE = "message_arrived_after_the_session_was_closed"
    START_UNANSWERED = "start_waited_for_its_answer_in_vain"
    CREDIT_WAITS = "credit_waits_for_an_invoice_that_owes"
    TRUTH_DIFFERS = "truth_differs_from_what_was_invoiced"


class Doubt(Struct, frozen=True, kw_only=True):
    """What was noticed as a session was closed, with the evidence in words. The gate decides what it means for the bill."""

    finding: Finding
    detail: str


class ChargingSession(Struct, frozen=True, kw_only=True):
    """A closed session, or one so far.

    `readings` are in order of time, the first at or near `start`, the last at or near `end`, and never fall;
    `energy_wh` is last minus first. They are the register's own values as long as it told one story; where it rolled over, was
    reset, or was told in two ways, they go on counting from the first, and `doubts` say so.
    """

    id: SessionId
    station: StationId
    protocol: Protocol
    transaction: TransactionId
    evse: int
    connector: int | None = None
    token: TokenUid | None
    token_type: str | None = None
    start: datetime
    end: datetime
    energy_wh: WattHours
    energy_source: EnergySource
    readings: tuple[Reading, ...]
    stretches: tuple[Stretch, ...]
    signed: tuple[SignedValue, ...] = ()
    stop_reason: str = "Local"
    offline: bool = False  # some message of it was queued by the station while it had no connection
    quality: Quality | UnsetType = UNSET  # not set, and not in the bytes, where it is complete
    doubts: tuple[Doubt, ...] | UnsetType = UNSET  # as they take precedence; not set where there is none
    power_w: tuple[Sample, ...] | UnsetType = UNSET  # by time; not set where no price may depend on it, or none was told
    current_a: tuple[Sample, ...] | UnsetType = UNSET  # the same, the sum of the phases
    payment_brand: str | UnsetType = UNSET  # of the card that pays, in the words of the terminal; not set where nobody told it
    payment_recognition: str | UnsetType = UNSET
    reserved: bool | UnsetType = UNSET  # it ended a reservation; not set where no message says so
    kept_free: tuple[datetime, datetime] | UnsetType = (
        UNSET  # from when to when; not set where nobody told, or no price asks for it
    )
    exported: tuple[Reading, ...] | UnsetType = UNSET  # of what was fed back; empty: nothing was; not set where it is not kept
    swap: BatteriesSwapped | UnsetType = UNSET  # it is no charging but a swap; its energy follows from the reference data


def exported_of(session: ChargingSession) -> tuple[Reading, ...]:
    """The register of what the vehicle fed back; empty where that is nothing, or is not kept."""
    return () if session.exported is UNSET else session.exported


def exported_wh(session: ChargingSession) -> WattHours:
    readings = exported_of(session)
    return WattHours(readings[-1].register_wh - readings[0].register_wh if readings else Decimal(0))


def quality_of(session: ChargingSession) -> Quality:
    return Quality.COMPLETE if session.quality is UNSET else session.quality


def is_unused(session: ChargingSession) -> bool:
    return session.energy_source is EnergySource.UNUSED


def doubts_of(session: ChargingSession) -> tuple[Doubt, ...]:
    return () if session.doubts is UNSET else session.doubts


BLOCKING = frozenset(
    {
        Finding.END_WITHOUT_START,
        Finding.ANSWER_WITHOUT_START,
        Finding.ENERGY_UNKNOWN,
        Finding.REGISTER_FELL,
        Finding.UNITS_CONTRADICT,
        Finding.END_BEFORE_START,
        Finding.DURATION_IMPLAUSIBLE,
        Finding.CLOCK_UNTRUSTED,
        Finding.UNIT_IMPLAUSIBLE,
        Finding.ENERGY_IMPLAUSIBLE,
        Finding.RESERVATION_UNKNOWN,
        Finding.EVSE_UNKNOWN,
        Finding.CAPACITY_UNKNOWN,
        Finding.TOKEN_UNKNOWN,
        Finding.TARIFF_MISSING,
        Finding.PRICE_NOT_PUBLISHED,
        Finding.VAT_UNFIT,
        Finding.TAX_UNKNOWN,
        Finding.TAXES_UNFIT,
        Finding.LIMIT_UNFIT,
        Finding.AMOUNT_TOO_HIGH,
        Finding.STEPS_FAIL,
    }
)
HOLDING = frozenset(
    {
        Finding.BEGIN_PLACEHOLDER,
        Finding.REGISTER_RESET,
        Finding.END_ESTIMATED,
        Finding.UNIT_TOO_LOW,
        Finding.OVERLAPS,
        Finding.NO_END,
        Finding.MESSAGES_MISSING,
        Finding.ENERGY_UNTIMED,
        Finding.POWER_NOT_MEASURED,
        Finding.PAYMENT_UNKNOWN,
        Finding.RESERVATION_UNTIMED,
        Finding.EXPORT_UNKNOWN,
        Finding.DEAUTHORISED,
        Finding.SIGNATURE_FAILED,
        Finding.SIGNED_ENERGY_DIFFERS,
        Finding.SIGNATURE_UNVERIFIABLE,
        Finding.SIGNED_CLOCK_UNTRUSTED,
        Finding.SIGNED_INTERMEDIATE_MISSING,
    }
)
ESTIMATING = frozenset({Finding.BEGIN_PLACEHOLDER, Finding.REGISTER_RESET, Finding.END_ESTIMATED, Finding.ENDS_NOT_TOLD})


CONTRADICTING = frozenset({Finding.REGISTER_FELL, Finding.UNITS_CONTRADICT})
"""Those that a person may set aside where start and end give an energy: the session is closed with it, and says so."""

WAIVABLE = frozenset({Finding.DURATION_IMPLAUSIBLE, Finding.CLOCK_UNTRUSTED, Finding.ENERGY_IMPLAUSIBLE})
"""The blocking findings that a person may set aside: there is a price in spite of them."""


class SessionClosed(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="session.closed"):
    """`revision` counts how often the session was closed before. `held`: what it comes to is not to be billed before somebody
    has looked at it, for this reason.
    """

    session: ChargingSession
    revision: int = 0
    held: Finding | None = None


class SessionFlagged(Struct, frozen=True, kw_only=True, tag="session.flagged"):
    """A finding about a session, with the evidence in words (no token, no name)."""

    session: SessionId
    finding: Finding
    detail: str = ""


class SessionMerged(Struct, frozen=True, kw_only=True, tag="session.merged"):
    """What was taken for a session of its own (an end without its start) belongs to another one: nothing is left to do."""

    session: SessionId
    into: SessionId


class VatDecision(Struct, frozen=True, kw_only=True):
    """Which VAT rule was applied to a session, with its inputs, so that an auditor can replay it."""

    rule: str  # "place-of-consumption": the rates of the tariff, in the country of the charging point (Dir. 2006/112 Art. 39)
    country: str


class SessionRated(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="session.rated"):
    """What a session costs, to whom, by which tariff version, and why. Self-contained: documents are made of it alone."""

    session: SessionId
    station: StationId
    site: str
    site_name: str
    evse_id: str
    start: datetime
    end: datetime
    ended_on: date  # in the site's own time zone: the tax point
    time_zone: str
    energy_wh: WattHours
    begin_wh: WattHours  # the first and last reading that are billed by: what the gate made of the session's
    end_wh: WattHours
    contract: ContractId | None = None  # exactly one of contract and partner
    partner: PartnerId | None = None
    token: TokenUid
    tariff: TariffId
    tariff_version: VersionHash
    rated: Rated
    vat: VatDecision
    held: Finding | None = None  # the amount goes to held revenue and on no invoice
    revision: int = 0  # how often the session was rated before; each time that was reversed first
    chosen: TariffChoice | None = None  # why by this tariff; None: rated by rules that did not tell
    series: tuple[VersionHash, ...] = ()  # the publications that priced it (`codec.publication_hash`)
    unused: bool = False  # a reservation that expired: nobody charged, and there are no readings
    exported: ExportRegister | None = None  # None: nothing was fed back


class ReversalReason(StrEnum):
    """Why a charge does not hold any more."""

    TOLD_LATER = "station_told_more_of_the_session"
    RELEASED = "released_by_a_person"
    DROPPED = "dropped_by_a_person"
    RERATED = "rated_anew_by_a_person"
    NOT_OWED = "nothing_is_owed_by_what_was_told_later"  # rules before 6 told it as if a person had dropped it
    KEY_CAME = "meter_key_was_registered"


class ChargeReversed(Struct, frozen=True, kw_only=True, tag="charge.reversed"):
    """A charge is taken back whole, as it was rated: what the session costs instead, if anything, is rated anew."""

    rated: SessionRated
    reason: ReversalReason


class SessionDropped(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="session.dropped"):
    """A person decided that nothing is billed for a session, whatever else is told of it."""

    session: SessionId
    reason: str
    by: str = ""


SessionConclusion = (
    SessionClosed | SessionFlagged | SessionMerged | SignatureChecked | SessionRated | ChargeReversed | SessionDropped
)


class Progress(StrEnum):
    """Where a session stands, for people."""

    OPEN = "open"
    ENDED = "ended"  # its end is known, messages in between are not: waits for them
    FLAGGED = "flagged"  # a blocking finding; on the worklist
    HELD = "held"
    RATED = "rated"
    INVOICED = "invoiced"
    MERGED = "merged"  # it was another session's end
    DROPPED = "dropped"  # a person decided that nothing is billed
    EMPTY = "empty"  # no vehicle came: there is nothing to bill
