"""The CDR of OCPI 2.2.1 as its object tables describe it: a check on bytes before they leave, and in tests.

Written from the tables and not from our writer (`ocpi_cdr`), so that each can find the other wrong. Types, lengths,
cardinalities and enumerations come first; then what the tables leave to the reader: that volumes and costs add up. An
unknown field is refused too: here it is a slip of ours. Lengths are those of the errata of 2026-05.
"""

import json
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from vocabulary.money import round_half_up
from vocabulary.quantities import seconds_between


def objections(body: bytes) -> tuple[str, ...]:
    """What a partner could object to in a CDR: each with the field's path, never with its content."""
    document = json.loads(body, parse_float=Decimal)
    nulls = tuple(f"{path}: null; an absent value is left out" for path in _nulls(document, ""))
    try:
        cdr = CdrDocument.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return nulls + tuple(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found)
    return nulls + tuple(contradictions(cdr))


def _nulls(value: Any, path: str) -> Iterator[str]:
    match value:
        case None:
            yield path
        case dict():
            for key, inner in value.items():
                yield from _nulls(inner, f"{path}.{key}".removeprefix("."))
        case list():
            for index, inner in enumerate(value):
                yield from _nulls(inner, f"{path}.{index}")


# The types of OCPI (types.asciidoc)


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("a JSON number is expected")
    return Decimal(value)


def _printable(text: str) -> str:
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text):
        raise ValueError("only printable characters are allowed")
    return text


def _instant(text: str) -> str:
    datetime.fromisoformat(text)  # ValueError: no such day or hour
    return text


_CI = r"^[\x20-\x7e]+$"  # CiString: printable ASCII
CiString2 = Annotated[str, Field(max_length=2, pattern=_CI)]
CiString3 = Annotated[str, Field(max_length=3, pattern=_CI)]
CiString32 = Annotated[str, Field(max_length=32, pattern=_CI)]
CiString36 = Annotated[str, Field(max_length=36, pattern=_CI)]
CiString39 = Annotated[str, Field(max_length=39, pattern=_CI)]
CiString48 = Annotated[str, Field(max_length=48, pattern=_CI)]

_String = Annotated[str, Field(min_length=1), AfterValidator(_printable)]
String10 = Annotated[_String, Field(max_length=10)]
String20 = Annotated[_String, Field(max_length=20)]
String45 = Annotated[_String, Field(max_length=45)]
String255 = Annotated[_String, Field(max_length=255)]
String512 = Annotated[_String, Field(max_length=512)]
String5000 = Annotated[_String, Field(max_length=5000)]

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
CountryAlpha3 = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]
DateTime = Annotated[
    str, Field(max_length=25, pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,4})?Z?$"), AfterValidator(_instant)
]
LocalTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
LocalDate = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$"), AfterValidator(_instant)]
AnyNumber = Annotated[Decimal, BeforeValidator(_number)]  # a tariff's price is exact, whatever its digits
Number = Annotated[AnyNumber, Field(decimal_places=4)]  # "numbers use 4 decimals"
Base64 = Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9+/]*={0,2}$")]


class _Object(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Price(_Object):
    excl_vat: Number
    incl_vat: Number | None = None


class DisplayText(_Object):
    language: Language
    text: String512


# Tariffs (mod_tariffs.asciidoc), as a CDR embeds them


class PriceComponent(_Object):
    type: Literal["ENERGY", "FLAT", "PARKING_TIME", "TIME"]
    price: AnyNumber
    vat: AnyNumber | None = None
    step_size: int


class TariffRestrictions(_Object):
    start_time: LocalTime | None = None
    end_time: LocalTime | None = None
    start_date: LocalDate | None = None
    end_date: LocalDate | None = None
    min_kwh: AnyNumber | None = None
    max_kwh: AnyNumber | None = None
    min_current: AnyNumber | None = None
    max_current: AnyNumber | None = None
    min_power: AnyNumber | None = None
    max_power: AnyNumber | None = None
    min_duration: int | None = None
    max_duration: int | None = None
    day_of_week: list[Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]] = []
    reservation: Literal["RESERVATION", "RESERVATION_EXPIRES"] | None = None


class TariffElement(_Object):
    price_components: Annotated[list[PriceComponent], Field(min_length=1)]
    restrictions: TariffRestrictions | None = None


class Tariff(_Object):
    country_code: CiString2
    party_id: CiString3
    id: CiString36
    currency: Currency
    type: Literal["AD_HOC_PAYMENT", "PROFILE_CHEAP", "PROFILE_FAST", "PROFILE_GREEN", "REGULAR"] | None = None
    tariff_alt_text: list[DisplayText] = []
    tariff_alt_url: String255 | None = None
    min_price: Price | None = None
    max_price: Price | None = None
    elements: Annotated[list[TariffElement], Field(min_length=1)]
    start_date_time: DateTime | None = None
    end_date_time: DateTime | None = None
    energy_mix: dict[str, Any] | None = None  # not looked into: prices do not depend on it
    last_updated: DateTime


# Charge detail records (mod_cdrs.asciidoc)


class CdrToken(_Object):
    country_code: CiString2
    party_id: CiString3
    uid: CiString36
    type: Literal["AD_HOC_USER", "APP_USER", "OTHER", "RFID"]
    contract_id: CiString36


class GeoLocation(_Object):
    latitude: Annotated[str, Field(max_length=10, pattern=r"^-?[0-9]{1,2}\.[0-9]{5,7}$")]
    longitude: Annotated[str, Field(max_length=11, pattern=r"^-?[0-9]{1,3}\.[0-9]{5,7}$")]


_CONNECTORS = (
    *("CHADEMO", "CHAOJI", *(f"DOMESTIC_{letter}" for letter in "ABCDEFGHIJKLMNO"), "GBT_AC", "GBT_DC"),
    *("IEC_60309_2_single_16", "IEC_60309_2_three_16", "IEC_60309_2_three_32", "IEC_60309_2_three_64"),
    *("IEC_62196_T1", "IEC_62196_T1_COMBO", "IEC_62196_T2", "IEC_62196_T2_COMBO", "IEC_62196_T3A", "IEC_62196_T3C"),
    *("NEMA_5_20", "NEMA_6_30", "NEMA_6_50", "NEMA_10_30", "NEMA_10_50", "NEMA_14_30", "NEMA_14_50"),
    *("PANTOGRAPH_BOTTOM_UP", "PANTOGRAPH_TOP_DOWN", "TESLA_R", "TESLA_S"),
)


class CdrLocation(_Object):
    id: CiString36
    name: String255 | None = None
    address: String45  # 255 in a Location, but not here
    city: String45
    postal_code: String10 | None = None
    state: String20 | None = None
    country: CountryAlpha3
    coordinates: GeoLocation
    evse_uid: CiString36
    evse_id: CiString48
    connector_id: CiString36
    connector_standard: Annotated[str, Field(pattern=f"^({'|'.join(_CONNECTORS)})$")]
    connector_format: Literal["SOCKET", "CABLE"]
    connector_power_type: Literal["AC_1_PHASE", "AC_2_PHASE", "AC_2_PHASE_SPLIT", "AC_3_PHASE", "DC"]


class CdrDimension(_Object):
    type: Literal[
        "ENERGY", "MAX_CURRENT", "MIN_CURRENT", "MAX_POWER", "MIN_POWER", "PARKING_TIME", "RESERVATION_TIME", "TIME"
    ]  # the other dimensions are for sessions only
    volume: Number


class ChargingPeriod(_Object):
    start_date_time: DateTime
    dimensions: Annotated[list[CdrDimension], Field(min_length=1)]
    tariff_id: CiString36 | None = None


class SignedValue(_Object):
    nature: CiString32
    plain_data: String5000  # 512 before the errata
    signed_data: Annotated[Base64, Field(max_length=5000)]


class SignedData(_Object):
    encoding_method: CiString36
    encoding_method_version: int | None = None
    public_key: Annotated[Base64, Field(max_length=512)] | None = None
    signed_values: Annotated[list[SignedValue], Field(min_length=1)]
    url: String512 | None = None


class CdrDocument(_Object):
    country_code: CiString2
    party_id: CiString3
    id: CiString39
    start_date_time: DateTime
    end_date_time: DateTime
    session_id: CiString36 | None = None
    cdr_token: CdrToken
    auth_method: Literal["AUTH_REQUEST", "COMMAND", "WHITELIST"]
    authorization_reference: CiString36 | None = None
    cdr_location: CdrLocation
    meter_id: String255 | None = None
    currency: Currency
    tariffs: list[Tariff] = []
    charging_periods: Annotated[list[ChargingPeriod], Field(min_length=1)]
    signed_data: SignedData | None = None
    total_cost: Price
    total_fixed_cost: Price | None = None
    total_energy: Number
    total_energy_cost: Price | None = None
    total_time: Number
    total_time_cost: Price | None = None
    total_parking_time: Number | None = None
    total_parking_cost: Price | None = None
    total_reservation_cost: Price | None = None
    remark: String255 | None = None
    invoice_reference_id: CiString39 | None = None
    credit: bool | None = None
    credit_reference_id: CiString39 | None = None
    home_charging_compensation: bool | None = None
    last_updated: DateTime


# What the tables leave to the reader


def contradictions(cdr: CdrDocument) -> Iterator[str]:
    """Where a CDR of the right shape contradicts itself."""
    if len(cdr.id) > 36 and not cdr.credit:
        yield "id: only a credit CDR may have more than 36 characters"
    if cdr.credit and not cdr.credit_reference_id:
        yield "credit_reference_id: missing in a credit CDR"
    yield from _about_periods(cdr)
    yield from _about_volumes(cdr)
    yield from _about_costs(cdr)


def _about_periods(cdr: CdrDocument) -> Iterator[str]:
    starts = [_utc(period.start_date_time) for period in cdr.charging_periods]
    if starts[0] != _utc(cdr.start_date_time):
        yield "charging_periods: the first does not begin with the session"
    if any(earlier >= later for earlier, later in pairwise(starts)):
        yield "charging_periods: not in the order of time"
    if starts[-1] > _utc(cdr.end_date_time):
        yield "charging_periods: the last begins after the end"
    if not {period.tariff_id for period in cdr.charging_periods} <= {None, *(tariff.id for tariff in cdr.tariffs)}:
        yield "charging_periods: a tariff_id names no tariff of the CDR"


def _about_volumes(cdr: CdrDocument) -> Iterator[str]:
    if _volume(cdr, "ENERGY") != cdr.total_energy:
        yield "total_energy: not the sum of the periods"
    if _volume(cdr, "PARKING_TIME") != (cdr.total_parking_time or 0):
        yield "total_parking_time: not the sum of the periods"
    seconds = seconds_between(_utc(cdr.start_date_time), _utc(cdr.end_date_time))
    if round_half_up(Fraction(seconds, 3600), 4) != cdr.total_time:
        yield "total_time: not the time from start to end"


def _about_costs(cdr: CdrDocument) -> Iterator[str]:
    costs = [cdr.total_fixed_cost, cdr.total_energy_cost, cdr.total_time_cost, cdr.total_parking_cost]
    given = [cost for cost in (*costs, cdr.total_reservation_cost) if cost]
    net = cdr.total_cost.excl_vat - sum((cost.excl_vat for cost in given), Decimal(0))
    if not _by_limits(net, cdr):
        yield "total_cost.excl_vat: not the sum of the costs"
    gross = _with_vat(cdr.total_cost) - sum(map(_with_vat, given), Decimal(0))
    if not _by_limits(gross, cdr):
        yield "total_cost.incl_vat: not the sum of the costs"


def _with_vat(price: Price) -> Decimal:
    return price.excl_vat if price.incl_vat is None else price.incl_vat


def _by_limits(difference: Decimal, cdr: CdrDocument) -> bool:
    """Whether limits of the tariffs may have made the total that much more, or less, than its parts: they have no field."""
    has_min = any(tariff.min_price for tariff in cdr.tariffs)
    has_max = any(tariff.max_price for tariff in cdr.tariffs)
    return not difference or (difference > 0 and has_min) or (difference < 0 and has_max)


def _volume(cdr: CdrDocument, dimension: str) -> Decimal:
    volumes = (one.volume for period in cdr.charging_periods for one in period.dimensions if one.type == dimension)
    return sum(volumes, Decimal(0))


def _utc(text: str) -> datetime:
    """OCPI: a timestamp without a designator is UTC as well."""
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
