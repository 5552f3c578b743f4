"""The shapes of reference data as people write it: the fields of each item, read from text, exactly.

They mirror `vocabulary.reference`, with two differences: a contract's holder stands here in the clear, and `valid_from` may
be a day. A day begins at midnight in the site's zone for sites and meter keys, and in the operator's for all else
(`time_zone` of the operator, which is there for this alone). Every message says what is wrong and what to write instead;
values that belong to a person (names, addresses, tokens) are never repeated in one.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainValidator, StringConstraints

from streams.signed.obis import is_export
from vocabulary import zones
from wattbook.meter_keys import normalise_public_key
from wattbook.suggest import did_you_mean

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)

_COUNTRIES = frozenset(
    re.findall(r"^[A-Z]{2}", files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text("utf-8"), re.MULTILINE)
)
_ZONES = frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())
_VAT_ID = re.compile(r"[A-Z]{2}[A-Z0-9+*]{2,13}")
_VAT_ID_OF = {"AT": r"ATU\d{8}", "BE": r"BE[01]\d{9}", "DE": r"DE\d{9}", "NL": r"NL[A-Z0-9+*]{10}\d\d"}
_VAT_PREFIXES = _COUNTRIES | {"EL", "XI"}  # Greece, Northern Ireland


def local_instant(day_or_instant: date, zone: str) -> datetime:
    """The instant, or the midnight with which the day begins in the zone; UTC."""
    if isinstance(day_or_instant, datetime):
        return day_or_instant.astimezone(UTC)
    return datetime.combine(day_or_instant, time.min, zones.zone(zone)).astimezone(UTC)


def effective(text: Any) -> date:
    """A day (`date`), or an instant with its offset (`datetime`). Raises ValueError."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) and len(text) > len("2026-01-01") else _day(text)
    except ValueError:
        found = None
    if found is not None and not 1970 <= found.year < 3000:
        raise ValueError("is not between 1970 and 2999: check the year")
    if found is None:
        raise ValueError("is not a date: write a day such as 2026-01-01, or an instant such as 2026-01-01T06:00:00+01:00")
    if isinstance(found, datetime) and found.tzinfo is None:
        raise ValueError("has a time but no offset from UTC: write such as 2026-01-01T06:00:00+01:00, or the day alone")
    return found


def _day(text: Any) -> date | None:
    is_day = isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII)
    return date.fromisoformat(text) if is_day else None


def _matches(pattern: str, otherwise: str) -> AfterValidator:
    """The text has this shape, or `otherwise` is what is wrong with it."""
    compiled = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(otherwise)
        return text

    return AfterValidator(check)


def _number(pattern: str, kind: Callable[[str], Any], least: int, most: int, otherwise: str) -> PlainValidator:
    """The text is such a number, within these bounds inclusive."""

    def check(text: Any) -> Any:
        if not isinstance(text, str) or not re.fullmatch(pattern, text, re.ASCII) or not least <= kind(text) <= most:
            raise ValueError(otherwise)
        return kind(text)

    return PlainValidator(check)


def _whole(least: int, most: int, otherwise: str) -> PlainValidator:
    return _number(r"\d{1,9}", int, least, most, otherwise)


def _degrees(most: int) -> PlainValidator:
    return _number(
        r"-?\d{1,3}(\.\d{1,12})?", Decimal, -most, most, f"is not an angle from -{most} to {most}: write such as 53.5416"
    )


def country(code: str) -> str:
    """The two letters of a country. Raises ValueError."""
    if code not in _COUNTRIES:
        raise ValueError("is not a country: write its two letters of ISO 3166-1, such as DE")
    return code


def _zone(name: str) -> str:
    if name not in _ZONES:
        raise ValueError(f"is not a time zone{did_you_mean(name, _ZONES)}: write an IANA name, such as Europe/Berlin")
    return name


def _vat_id(text: str) -> str:
    vat_id = text.replace(" ", "")
    pattern = re.compile(_VAT_ID_OF.get(vat_id[:2], _VAT_ID))
    if vat_id and (vat_id[:2] not in _VAT_PREFIXES or not pattern.fullmatch(vat_id)):
        raise ValueError("is not a VAT number: write it with its country, such as DE123456789")
    return vat_id


def _iban(text: str) -> str:
    """ISO 13616: with the first four characters moved to the end and letters as 10 to 35, the rest by 97 is 1."""
    iban = text.replace(" ", "").upper()
    if iban and not re.fullmatch(r"[A-Z]{2}\d\d[A-Z0-9]{11,30}", iban, re.ASCII):
        raise ValueError("is not an IBAN: write it as the bank does, such as DE02 1203 0000 0000 2020 51")
    if iban and int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 != 1:
        raise ValueError("is not an IBAN: its check digits do not fit, so a digit is wrong or two are swapped")
    return iban


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
OptionalText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255)]
Id = Annotated[
    str, _matches(r"[A-Za-z0-9][A-Za-z0-9._*-]{0,35}", "is not an id: write letters, digits and . _ * -, at most 36 characters")
]
Country = Annotated[str, AfterValidator(country)]
Zone = Annotated[str, AfterValidator(_zone)]
PartyId = Annotated[str, _matches(r"[A-Z0-9]{3}", "is not a party id: OCPI has three capital letters or digits, such as WAT")]
Currency = Annotated[str, _matches(r"[A-Z]{3}", "is not a currency: write its three letters of ISO 4217, such as EUR")]
Email = Annotated[str, _matches(r"([^@\s]+@[^@\s]+)?", "is not an e-mail address: write such as billing@example.org")]
Bic = Annotated[str, _matches(r"([A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?)?", "is not a BIC: it has 8 or 11 letters and digits")]
VatId = Annotated[str, AfterValidator(_vat_id)]
Iban = Annotated[str, AfterValidator(_iban)]
Effective = Annotated[date, PlainValidator(effective)]
PublicKey = Annotated[str, AfterValidator(normalise_public_key)]
EvseId = Annotated[
    str, _matches(r"[A-Z]{2}\*?[A-Z0-9]{3}\*?E[A-Z0-9][A-Z0-9*]{0,29}", "is not an EVSE id of eMI3: write such as DE*WAT*E0001")
]
Station = Annotated[
    str,
    _matches(
        r"(?!\.{1,2}\Z)[A-Za-z0-9*_=:+|@.-]{1,48}", "is not a station's identity: write the last part of its connection URL"
    ),
]
Token = Annotated[
    str, _matches(r"[!-~]{1,36}", "is not a token: write its characters without blanks, at most 36, in quotes if need be")
]


def _of_import(register: str) -> str:
    if is_export(register):
        raise ValueError("counts what was fed back, and no session is billed by it: leave it out")
    return register


Register = Annotated[
    str,
    _matches(
        r"[0-9A-Fa-f]{1,2}-[0-9A-Fa-f]{1,2}:([0-9A-Fa-f]{1,2}\.){2}[0-9A-Fa-f]{1,2}(\*[0-9]{1,3}|\.[0-9A-Fa-f]{1,2})?",
        "is not a register: write its OBIS code as the meter signs it, such as 1-0:1.8.0*198",
    ),
    AfterValidator(_of_import),
]
REGISTERS_MAX = 16  # that are named with a key
SERIAL_MAX = 60


def meter_serial(text: str) -> str:
    """A meter's serial number as it is compared with what is signed; empty: none. Raises ValueError."""
    text = text.strip()
    if len(text) > SERIAL_MAX:
        raise ValueError(f"has {len(text)} characters: write at most {SERIAL_MAX}")
    if not text.isprintable():
        raise ValueError("has control characters: write it as it is printed on the meter")
    return text


def _few(registers: tuple[str, ...]) -> tuple[str, ...]:
    if len(registers) > REGISTERS_MAX:
        raise ValueError(f"are {len(registers)}, more than a meter has: write at most {REGISTERS_MAX}")
    return registers


Signatures = Literal["required", "preferred", "ignored"]
Language = Annotated[str, _matches(r"[a-z]{2}", "is not a language: write its two letters of ISO 639-1, such as en")]
ConnectorStandard = Literal[  # OCPI 2.2.1 ConnectorType
    "CHADEMO", "CHAOJI", "DOMESTIC_A", "DOMESTIC_B", "DOMESTIC_C", "DOMESTIC_D", "DOMESTIC_E", "DOMESTIC_F", "DOMESTIC_G",
    "DOMESTIC_H", "DOMESTIC_I", "DOMESTIC_J", "DOMESTIC_K", "DOMESTIC_L", "DOMESTIC_M", "DOMESTIC_N", "DOMESTIC_O", "GBT_AC",
    "GBT_DC", "IEC_60309_2_single_16", "IEC_60309_2_three_16", "IEC_60309_2_three_32", "IEC_60309_2_three_64", "IEC_62196_T1",
    "IEC_62196_T1_COMBO", "IEC_62196_T2", "IEC_62196_T2_COMBO", "IEC_62196_T3A", "IEC_62196_T3C", "NEMA_5_20", "NEMA_6_30",
    "NEMA_6_50", "NEMA_10_30", "NEMA_10_50", "NEMA_14_30", "NEMA_14_50", "PANTOGRAPH_BOTTOM_UP", "PANTOGRAPH_TOP_DOWN",
    "TESLA_R", "TESLA_S",
]  # fmt: skip


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dated(Shape):
    """A version of a thing, in force from a day or an instant on."""

    valid_from: Effective = ALWAYS


class AddressShape(Shape):
    street: Text
    postal_code: Text
    city: Text
    country: Country


class OperatorShape(Dated):
    country_code: Country
    party_id: PartyId
    name: Text
    address: AddressShape
    vat_id: Annotated[VatId, StringConstraints(min_length=1)]
    tax_number: OptionalText = ""
    registration: OptionalText = ""
    email: Email = ""
    phone: OptionalText = ""
    website: OptionalText = ""
    iban: Iban = ""
    bic: Bic = ""
    currency: Currency
    invoice_prefix: OptionalText = ""
    payment_days: Annotated[int, _whole(0, 365, "is not a number of days from 0 to 365")] = 14
    close_with_gap_after_h: Annotated[int, _whole(1, 8760, "is not a number of hours from 1 to 8760")] = 24
    close_without_end_after_h: Annotated[int, _whole(1, 8760, "is not a number of hours from 1 to 8760")] = 72
    time_zone: Zone


class MeterKeyShape(Shape):
    public_key: PublicKey
    meter: Annotated[str, AfterValidator(meter_serial)] = ""
    valid_from: Effective | None = None
    valid_until: Effective | None = None
    registers: Annotated[tuple[Register, ...], AfterValidator(_few)] = ()


_NUMBER = _whole(1, 9999, "is not a number from 1 on: write the EVSE's number in its station")


_TIME = _matches(r"([01]\d|2[0-3]):[0-5]\d", "is not a time of day: write such as 22:00")


class AssignmentShape(Dated):
    """Which tariff, for what. A field that is left out holds for every session."""

    id: Id
    tariff: Text
    token: Token | None = None
    contract: Text | None = None
    partner: Text | None = None
    evse: EvseId | None = None
    site: Text | None = None
    payment: Literal["contract", "roaming", "direct_payment", "ad_hoc"] | None = None
    weekdays: tuple[Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"], ...] = ()
    start_time: Annotated[str, _TIME] | None = None
    end_time: Annotated[str, _TIME] | None = None
    policy: Literal["guaranteed", "switching"] = "guaranteed"
    valid_until: Effective | None = None


class EvseNameShape(Shape):
    station: Station
    number: Annotated[int, _NUMBER]


class EvseShape(Shape):
    evse_id: EvseId
    station: Station
    number: Annotated[int, _NUMBER]
    tariff: Text | None = None
    power_w_max: Annotated[int, _whole(1000, 10_000_000, "is not a power in watts: write 22000 for 22 kW")]
    connector_standard: ConnectorStandard = "IEC_62196_T2"
    connector_format: Literal["SOCKET", "CABLE"] = "SOCKET"
    power_type: Literal["AC_1_PHASE", "AC_2_PHASE", "AC_2_PHASE_SPLIT", "AC_3_PHASE", "DC"] = "AC_3_PHASE"
    meter_keys: tuple[MeterKeyShape, ...] = ()
    signatures: Signatures | None = None
    also_known_as: tuple[EvseNameShape, ...] = ()
    battery_capacity_wh: (
        Annotated[int, _whole(100, 1_000_000, "is not the capacity of a battery in Wh: write 6000 for 6 kWh")] | None
    ) = None


class SiteShape(Dated):
    id: Id
    name: Text
    address: AddressShape
    time_zone: Zone
    latitude: Annotated[Decimal, _degrees(90)]
    longitude: Annotated[Decimal, _degrees(180)]
    signatures: Signatures = "preferred"  # of its EVSEs that do not say it themselves
    evses: tuple[EvseShape, ...]


class PartyShape(Shape):
    name: Text
    address: AddressShape
    email: Email = ""
    vat_id: VatId = ""
    reference: OptionalText = ""


class ContractShape(Dated):
    id: Id
    holder: PartyShape
    language: Language = "en"
    tokens: tuple[Token, ...]
    tariff: Text | None = None
    plan: Text | None = None


class PartnerTokenShape(Shape):
    uid: Token
    contract_id: Text
    type: Literal["AD_HOC_USER", "APP_USER", "OTHER", "RFID"] = "RFID"


class PartnerShape(Dated):
    name: Text
    country_code: Country
    party_id: PartyId
    tokens: tuple[PartnerTokenShape, ...]
    tariff: Text | None = None

    @property
    def id(self) -> str:
        """As OCPI names a party: "NL*EMS"."""
        return f"{self.country_code}*{self.party_id}"
