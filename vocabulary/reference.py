"""Reference facts: who sells, where, to whom. Effective-dated, published into the log, immutable there.

A fact of an id is in force from its `valid_from` until a later one of the same id. Names and addresses of persons are not
here: a contract carries its holder sealed (`Sealed`), readable only with a key that lives outside the log, so that
forgetting a person is destroying a key (DESIGN §7).

Two more kinds of facts come from the office, and stand in the same order: that time went by, and what a person decided.
"""

import re
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from msgspec import UNSET, Struct, UnsetType

from vocabulary.identity import ContractId, PartnerId, PlanId, Position, SessionId, StationId, TariffId, TokenUid
from vocabulary.money import Currency

Sealed = NewType("Sealed", str)  # "<key name>:<base64>", opened by the application's vault only


class Address(Struct, frozen=True, kw_only=True, omit_defaults=True):
    street: str
    postal_code: str
    city: str
    country: str  # ISO 3166-1 alpha-2


class Operator(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The legal entity that sells: the CPO in OCPI, the seller (BG-4) in EN 16931."""

    country_code: str  # OCPI, alpha-2
    party_id: str  # OCPI, 3 characters
    name: str
    address: Address
    vat_id: str
    tax_number: str = ""
    registration: str = ""  # "HRB 12345, Amtsgericht Hamburg"
    email: str = ""
    phone: str = ""
    website: str = ""
    iban: str = ""
    bic: str = ""
    currency: Currency
    invoice_prefix: str = ""
    payment_days: int = 14
    close_with_gap_after_h: int = 24  # hours after the last message, where messages between start and end are missing
    close_without_end_after_h: int = 72  # the same, where the end is missing


class MeterKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A meter's public key, trusted because the operator registered it. DER SubjectPublicKeyInfo as hex.

    It is in force from `valid_from` (inclusive; None: since ever) until `valid_until` (exclusive; None: it does not end), and
    counts for a session that lies whole in its interval. `registers`: what the meter counts the energy of a session on, beside
    the registers whose OBIS code says so.
    """

    public_key: str
    meter: str = ""  # serial number; empty: any meter that signs with this key
    valid_from: datetime | None = None
    valid_until: datetime | None = None  # exclusive
    registers: tuple[str, ...] = ()


class EvseName(Struct, frozen=True, kw_only=True):
    """What messages call an EVSE: a station's identity, and a number in it."""

    station: StationId
    number: int


class Evse(Struct, frozen=True, kw_only=True):
    """`also_known_as`: by what other names messages speak of the same EVSE, of this station or of others (the merge map)."""

    evse_id: str  # "DE*ABC*E0001", eMI3
    station: StationId
    number: int  # 1.6 connectorId, 2.x evse.id
    tariff: TariffId | None = None  # None: it is assigned (`vocabulary.assignment`)
    power_w_max: int
    connector_standard: str = "IEC_62196_T2"  # OCPI ConnectorType
    connector_format: str = "SOCKET"
    power_type: str = "AC_3_PHASE"
    meter_keys: tuple[MeterKey, ...] = ()
    signatures: str = "preferred"  # "required": what is unsigned is held back as well; "preferred"; "ignored"
    also_known_as: tuple[EvseName, ...] | UnsetType = UNSET  # not set, and not in the bytes, where there is none
    battery_capacity_wh: int | UnsetType = UNSET  # nominal, of a battery that is swapped there; not set where none is


def plain_evse_id(evse_id: str) -> str:
    """The two separators before the E are optional in eMI3: `DE*WAT*E1` and `DEWATE1` are one id."""
    return re.sub(r"^(..)\*?(...)\*?", r"\1\2", evse_id)


def names_of(evse: Evse) -> tuple[EvseName, ...]:
    """Its own name, then the others."""
    others = () if evse.also_known_as is UNSET else evse.also_known_as
    return (EvseName(station=evse.station, number=evse.number), *others)


class Site(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place with EVSEs: the Location of OCPI. `time_zone` is an IANA name; tariffs' local times are in it."""

    id: str
    name: str
    address: Address
    time_zone: str
    latitude: Decimal
    longitude: Decimal
    evses: tuple[Evse, ...]


class Party(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A contract's holder, in the clear: never in an event, never in a log line."""

    name: str
    address: Address
    email: str = ""
    vat_id: str = ""
    reference: str = ""  # the buyer's own reference (BT-10)


class Contract(Struct, frozen=True, kw_only=True):
    id: ContractId
    holder: Sealed
    language: str = "en"
    tokens: tuple[TokenUid, ...]
    tariff: TariffId | None = None  # instead of the EVSE's
    plan: PlanId | UnsetType = UNSET  # not set, and not in the bytes, where there is none


class Partner(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A roaming partner (eMSP) whose tokens charge here; sessions go to it as CDRs, not on invoices to drivers."""

    id: PartnerId
    name: str
    country_code: str
    party_id: str
    tokens: tuple["PartnerToken", ...]
    tariff: TariffId | None = None


class PartnerToken(Struct, frozen=True, kw_only=True):
    """OCPI CdrToken without its party: the token and the contract that the partner knows it by."""

    uid: TokenUid
    contract_id: str
    type: str = "RFID"


class OperatorPublished(Struct, frozen=True, kw_only=True, tag="operator.published"):
    operator: Operator
    valid_from: datetime


class SitePublished(Struct, frozen=True, kw_only=True, tag="site.published"):
    site: Site
    valid_from: datetime


class ContractPublished(Struct, frozen=True, kw_only=True, tag="contract.published"):
    contract: Contract
    valid_from: datetime


class PartnerPublished(Struct, frozen=True, kw_only=True, tag="partner.published"):
    partner: Partner
    valid_from: datetime


class MeterKeyPublished(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="meter-key.published"):
    """A key of the register, beside those that sites carry. The last one of an EVSE and public key counts, whatever they say.

    The EVSE may be unknown: it counts once a site has it. `revoked`: why its interval was closed; empty: it was not revoked.
    """

    evse_id: str
    key: MeterKey
    revoked: str = ""
    by: str = ""


class RulesAdopted(Struct, frozen=True, kw_only=True, tag="rules.adopted"):
    """From here on these rules hold (`vocabulary.rules`); where none were adopted, the first."""

    number: int


class ClockTicked(Struct, frozen=True, kw_only=True, tag="clock.ticked"):
    """It was this time, by the clock of whoever noted it: deadlines are judged by ticks alone, which never go back."""

    at: datetime


class Decision(StrEnum):
    RELEASE = "release"  # bill the session in spite of what was found
    DROP = "drop"  # bill nothing for it
    RERATE = "re-rate"  # charge what it comes to by what is in force now


class SessionDecided(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="session.decided"):
    """What a person decided about a session. `at`: by the clock of whoever noted it."""

    session: SessionId
    decision: Decision
    reason: str
    by: str = ""
    at: datetime


class ReferenceTaken(Struct, frozen=True, kw_only=True, tag="reference.taken"):
    """From this message of a partition on, the reference facts up to the position `until` are in force there.

    Where a log has one order, that order says it; where partitions are processed side by side, each records it for itself.
    """

    partition: int
    offset: int
    until: Position
