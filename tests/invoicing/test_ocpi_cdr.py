"""Charge detail records: what a partner gets, checked as he would check it; and what is refused rather than cut."""

import json
from base64 import b64encode
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from invoicing.ocpi_cdr import CdrRefused, cdr
from invoicing.ocpi_document import objections
from streams import bearable
from tariffs.export_ocpi import document_of, ocpi_losses
from tariffs.rate import rate
from tests.invoicing.material import EUR, OPERATOR
from tests.invoicing.material import rated as costs
from tests.invoicing.test_any_tariff import circumstances, tariffs
from tests.tariffs.strategies import TARIFFS_OF_OCPI, sessions
from vocabulary.charging import Protocol, SignedValue
from vocabulary.codec import version_hash
from vocabulary.identity import PartnerId, SessionId, StationId, TariffId, TokenUid, TransactionId, content_id
from vocabulary.money import plain
from vocabulary.quantities import WattHours
from vocabulary.rated import LimitPart, RatedLine
from vocabulary.reference import Address, Evse, MeterKey, Partner, PartnerToken, Site
from vocabulary.sessions import (
    Activity,
    ChargingSession,
    EnergySource,
    Reading,
    SessionRated,
    Stretch,
    VatDecision,
)
from vocabulary.signatures import Nature, RecordChecked, SignatureChecked, SignatureReason, SignedPoint, Verdict
from vocabulary.tariff import PRICED_BY_OCPI, Dimension, PriceComponent, Profile, Restrictions, Tariff, TariffElement

START = datetime(2026, 10, 12, 6, 14, 5, 700_000, tzinfo=UTC)
ISSUED = datetime(2026, 10, 12, 8, 0, 3, 250_900, tzinfo=UTC)
KEY = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004") + bytes(range(64))
EVSE = Evse(
    evse_id="DE*ELB*E0007*2",
    station=StationId("ELB-0007"),
    number=2,
    tariff=TariffId("AC-STANDARD"),
    power_w_max=22_000,
    meter_keys=(MeterKey(public_key="00" * 91), MeterKey(public_key=KEY.hex())),
)
SITE = Site(
    id="HH-SPEICHER",
    name="Parkhaus Speicherstadt",
    address=Address(street="Am Sandtorkai 6", postal_code="20457", city="Hamburg", country="DE"),
    time_zone="Europe/Berlin",
    latitude=Decimal("53.5438"),
    longitude=Decimal("9.98812345"),
    evses=(EVSE,),
)
PARTNER = Partner(
    id=PartnerId("NL*EMS"),
    name="Eems Mobiliteit",
    country_code="NL",
    party_id="EMS",
    tokens=(PartnerToken(uid=TokenUid("04E91A5C"), contract_id="NL-EMS-C00001234-5"),),
)


def price(dimension: Dimension, amount: str, vat: str | None = "19", step_size: int = 1) -> PriceComponent:
    rate_of_vat = None if vat is None else Decimal(vat)
    return PriceComponent(dimension=dimension, price=Decimal(amount), vat_percent=rate_of_vat, step_size=step_size)


def tariff(*elements: TariffElement) -> Tariff:
    return Tariff(id=TariffId("ROAMING"), currency=EUR, elements=elements)


PER_KWH = tariff(TariffElement(components=(price(Dimension.ENERGY, "0.2400"),)))
ALL_DIMENSIONS = tariff(
    TariffElement(components=tuple(price(one, "0.37") for one in PRICED_BY_OCPI if one is not Dimension.FLAT)),
    TariffElement(components=(price(Dimension.FLAT, "0.333"),)),
)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def charged(**changes: Any) -> ChargingSession:
    """Waits 5 minutes, charges an hour (10 kWh), stands for half an hour."""
    ends = [START + minutes(5), START + minutes(65), START + minutes(95)]
    activities = (Activity.WAITING, Activity.CHARGING, Activity.IDLE)
    registers = ((START, "1000.0"), (ends[0], "1000.0"), (ends[1], "11000.4"), (ends[2], "11000.4"))
    session = ChargingSession(
        id=SessionId(content_id("session", "roaming")),
        station=StationId("ELB-0007"),
        protocol=Protocol.OCPP201,
        transaction=TransactionId("t-1"),
        evse=2,
        connector=1,
        token=TokenUid("04e91a5c"),
        start=START,
        end=ends[2],
        energy_wh=WattHours(Decimal("10000.4")),
        energy_source=EnergySource.TRANSACTION_SAMPLES,
        readings=tuple(Reading(at=at, register_wh=WattHours(Decimal(wh))) for at, wh in registers),
        stretches=tuple(
            Stretch(start=start, end=end, activity=activity)
            for start, end, activity in zip([START, *ends], ends, activities, strict=False)
        ),
    )
    return msgspec.structs.replace(session, **changes)


def issue(session: ChargingSession, priced_by: Tariff = PER_KWH, **changes: Any) -> bytes | CdrRefused:
    """The CDR of a session that is rated by the real thing. `billed`: what the gate made of it, where that differs."""
    site: Site = changes.get("site", SITE)
    billed: ChargingSession = changes.pop("billed", session)
    begin_wh = billed.readings[0].register_wh if billed.readings else WattHours(Decimal(1000))
    rated = SessionRated(
        session=session.id,
        station=session.station,
        site=site.id,
        site_name=site.name,
        evse_id=EVSE.evse_id,
        start=session.start,
        end=session.end,
        ended_on=session.end.date(),
        time_zone=site.time_zone,
        energy_wh=billed.energy_wh,
        begin_wh=begin_wh,
        end_wh=WattHours(billed.energy_wh + begin_wh),
        partner=PARTNER.id,
        token=TokenUid("04e91a5c"),
        tariff=priced_by.id,
        tariff_version=version_hash(priced_by),
        rated=changes.pop("priced", None) or rate(billed, priced_by, site.time_zone),
        vat=VatDecision(rule="place-of-consumption", country="DE"),
    )
    party = {"country_code": OPERATOR.country_code, "party_id": OPERATOR.party_id}
    parts: dict[str, Any] = {
        "site": SITE,
        "evse": EVSE,
        "partner": PARTNER,
        "operator": OPERATOR,
        "tariff": document_of(priced_by, last_updated=START, **party),
        "signature": None,
    }
    return cdr(rated=rated, session=session, last_updated=ISSUED, **(parts | changes))


def issued(session: ChargingSession, priced_by: Tariff = PER_KWH, **changes: Any) -> dict[str, Any]:
    body = issue(session, priced_by, **changes)
    assert isinstance(body, bytes), body
    document: dict[str, Any] = json.loads(body, parse_float=Decimal)
    return document


def refused(**changes: Any) -> tuple[str, ...]:
    session = changes.pop("session", charged())
    answer = issue(session, **changes)
    assert isinstance(answer, CdrRefused)
    return answer.objections


# What a partner gets


def test_a_session_is_told_as_ocpi_wants_it():
    document = issued(charged(), ALL_DIMENSIONS)
    assert document["id"] == document["session_id"] == charged().id[:32]
    assert document["start_date_time"] == "2026-10-12T06:14:05Z"
    assert document["end_date_time"] == "2026-10-12T07:49:05Z"
    assert document["last_updated"] == "2026-10-12T08:00:03.250Z"
    assert document["cdr_token"] == {
        "country_code": "NL",
        "party_id": "EMS",
        "uid": "04E91A5C",
        "type": "RFID",
        "contract_id": "NL-EMS-C00001234-5",
    }
    assert document["auth_method"] == "WHITELIST"
    assert document["cdr_location"]["country"] == "DEU"
    assert document["cdr_location"]["coordinates"] == {"latitude": "53.54380", "longitude": "9.9881235"}
    assert document["tariffs"][0]["id"] == "ROAMING"


def test_a_period_is_one_activity_and_waiting_is_neither_charging_nor_parking():
    periods = issued(charged())["charging_periods"]
    told = [
        (one["start_date_time"][11:19], {part["type"]: str(part["volume"]) for part in one["dimensions"]}) for one in periods
    ]
    assert told == [
        ("06:14:05", {"ENERGY": "0.0000"}),
        ("06:19:05", {"ENERGY": "10.0004", "TIME": "1.0000"}),
        ("07:19:05", {"ENERGY": "0.0000", "PARKING_TIME": "0.5000"}),
    ]


def test_a_period_ends_where_a_price_does():
    at_nine_local = tariff(
        TariffElement(
            components=(price(Dimension.ENERGY, "0.30"),), restrictions=Restrictions(end_time=datetime(1, 1, 1, 8, 45).time())
        ),
        TariffElement(components=(price(Dimension.ENERGY, "0.40"),)),
    )
    starts = [one["start_date_time"][11:19] for one in issued(charged(), at_nine_local)["charging_periods"]]
    assert starts == ["06:14:05", "06:19:05", "06:45:00", "07:19:05"]


def test_a_period_that_ends_at_an_amount_of_energy_has_exactly_that_energy():
    first_three_kwh = Restrictions(max_energy_wh=Decimal(3000))
    tiered = tariff(
        TariffElement(components=(price(Dimension.ENERGY, "0.30"),), restrictions=first_three_kwh),
        TariffElement(components=(price(Dimension.ENERGY, "0.40"),)),
    )
    volumes = [one["dimensions"][0]["volume"] for one in issued(charged(), tiered)["charging_periods"]]
    assert volumes == [Decimal(0), Decimal(3), Decimal("7.0004"), Decimal(0)]


def test_costs_are_what_is_owed_and_add_up_over_the_dimensions():
    """Energy 10.0004 kWh (rounded up to 10.001 by the step of 1 Wh), an hour, half an hour and a fee, each at 0.37."""
    document = issued(charged(), ALL_DIMENSIONS)
    assert document["total_cost"] == {"excl_vat": Decimal("4.59"), "incl_vat": Decimal("5.46")}
    assert document["total_energy_cost"] == {"excl_vat": Decimal("3.70"), "incl_vat": Decimal("4.40")}
    assert document["total_time_cost"] == {"excl_vat": Decimal("0.37"), "incl_vat": Decimal("0.44")}
    assert document["total_parking_cost"] == {"excl_vat": Decimal("0.18"), "incl_vat": Decimal("0.22")}
    assert document["total_fixed_cost"] == {"excl_vat": Decimal("0.34"), "incl_vat": Decimal("0.40")}


def test_where_no_vat_applies_no_amount_claims_to_include_it():
    untaxed = tariff(TariffElement(components=(price(Dimension.ENERGY, "0.24", vat=None),)))
    zero_rated = tariff(TariffElement(components=(price(Dimension.ENERGY, "0.24", vat="0"),)))
    assert issued(charged(), untaxed)["total_cost"] == {"excl_vat": Decimal("2.40")}
    assert issued(charged(), zero_rated)["total_cost"] == {"excl_vat": Decimal("2.40"), "incl_vat": Decimal("2.40")}


def line(dimension: Dimension, billed: str, unit_price: str, **more: Any) -> RatedLine:
    told: dict[str, Any] = {"since": START, "until": START + minutes(95), "vat_percent": Decimal(19), "element": 1}
    amount = Decimal(billed)
    return RatedLine(
        dimension=dimension, quantity=amount, billed=amount, unit_price=Decimal(unit_price), reason="", **told | more
    )


def limit(dimension: Dimension, net: str) -> RatedLine:
    part = LimitPart(net=net, tax=str(Fraction(net) * 19 / 100))
    return line(dimension, "1", "0", element=0, limit=part)


MINIMUM, MAXIMUM = ({name: {"excl_vat": Decimal(amount)}} for name, amount in (("min_price", 5), ("max_price", 1)))


def limited(*limits: dict[str, Any]) -> dict[str, Any]:
    """PER_KWH as an OCPI tariff with limits."""
    document = document_of(PER_KWH, last_updated=START, country_code=OPERATOR.country_code, party_id=OPERATOR.party_id)
    return {name: value for part in (document, *limits) for name, value in part.items()}


ENERGY = line(Dimension.ENERGY, "10000.4", "0.24")


@pytest.mark.parametrize(
    ("adds", "total", "gross"),
    [
        (limit(Dimension.MIN_PRICE, "2.599904"), "5.00", "5.95"),
        (limit(Dimension.MAX_PRICE, "-1.400096"), "1.00", "1.19"),
    ],
)
def test_a_limit_is_in_the_total_cost_and_in_no_other(adds: RatedLine, total: str, gross: str):
    document = issued(charged(), tariff=limited(MINIMUM, MAXIMUM), priced=costs(ENERGY, adds))
    assert document["total_cost"] == {"excl_vat": Decimal(total), "incl_vat": Decimal(gross)}
    assert document["total_energy_cost"] == {"excl_vat": Decimal("2.40"), "incl_vat": Decimal("2.86")}
    assert "total_fixed_cost" not in document


@pytest.mark.parametrize("limits", [(), (MINIMUM,)])
def test_a_total_below_its_parts_is_refused_where_the_tariff_has_no_maximum(limits: tuple[dict[str, Any], ...]):
    answer = issue(charged(), tariff=limited(*limits), priced=costs(ENERGY, limit(Dimension.MAX_PRICE, "-1.400096")))
    assert isinstance(answer, CdrRefused)
    assert answer.objections == (
        "total_cost.excl_vat: not the sum of the costs",
        "total_cost.incl_vat: not the sum of the costs",
    )


def test_a_reservation_has_its_own_cost_and_period_and_the_cdr_begins_with_it():
    before = {"since": START - minutes(20), "until": START, "reserved": True}
    fee, time = line(Dimension.FLAT, "1", "0.50", **before), line(Dimension.TIME, "1200", "3.00", **before)
    document = issued(charged(), priced=costs(fee, time, line(Dimension.FLAT, "1", "0.30"), ENERGY))
    assert document["total_reservation_cost"] == {"excl_vat": Decimal("1.50"), "incl_vat": Decimal("1.78")}
    assert document["total_fixed_cost"] == {"excl_vat": Decimal("0.30"), "incl_vat": Decimal("0.36")}
    assert document["start_date_time"] == "2026-10-12T05:54:05Z"
    assert document["total_time"] == Decimal("1.9167")
    first, second, *_ = document["charging_periods"]
    assert first["dimensions"] == [{"type": "RESERVATION_TIME", "volume": Decimal("0.3333")}]
    assert second["start_date_time"] == "2026-10-12T06:14:05Z"


def test_a_price_that_switches_is_told_with_both_tariffs_and_a_period_for_each():
    later = limited() | {"id": "LATER"}
    document = issued(charged(), then=[(START + minutes(35), later)])
    assert [one["id"] for one in document["tariffs"]] == ["ROAMING", "LATER"]
    told = [(one["start_date_time"][11:19], one["tariff_id"]) for one in document["charging_periods"]]
    assert told == [("06:14:05", "ROAMING"), ("06:19:05", "ROAMING"), ("06:49:05", "LATER"), ("07:19:05", "LATER")]


def test_a_free_session_has_a_cdr_too():
    document = issued(charged(), tariff(TariffElement(components=(price(Dimension.FLAT, "0.00"),))))
    assert document["total_cost"] == {"excl_vat": 0, "incl_vat": 0}
    assert document["total_energy"] == Decimal("10.0004")


def test_numbers_are_numbers_with_their_digits():
    body = issue(charged())
    assert isinstance(body, bytes)
    assert b'"total_energy":10.0004' in body
    assert b'"price":0.2400' in body
    assert b'"total_cost":{"excl_vat":2.40,"incl_vat":2.86}' in body


def test_the_same_session_gives_the_same_bytes():
    assert issue(charged(), ALL_DIMENSIONS) == issue(charged(), ALL_DIMENSIONS)


@settings(max_examples=150, deadline=None)
@given(sessions(), TARIFFS_OF_OCPI)
def test_any_session_under_any_tariff_is_told_without_contradiction(session: ChargingSession, priced_by: Tariff):
    session = msgspec.structs.replace(session, id=charged().id)
    document = issued(session, priced_by)
    rated = rate(session, priced_by, SITE.time_zone)
    assert document["total_cost"].get("incl_vat", document["total_cost"]["excl_vat"]) == rated.total
    assert document["total_cost"]["excl_vat"] == sum(part.net for part in rated.owed)
    assert all(part["volume"] >= 0 for one in document["charging_periods"] for part in one["dimensions"])
    energy = sum(
        part["volume"] for one in document["charging_periods"] for part in one["dimensions"] if part["type"] == "ENERGY"
    )
    assert abs(energy - session.energy_wh / 1000) <= Decimal("0.00005")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_limits_reservations_and_gross_prices_are_told_without_contradiction(data: st.DataObject):
    session = msgspec.structs.replace(data.draw(sessions()), id=charged().id)
    priced_by = data.draw(tariffs())
    cost = rate(session, priced_by, SITE.time_zone, known=data.draw(circumstances(session)))
    assume(bearable.blocks(cost, "") is None)
    assume(not any(loss.changes_price for loss in ocpi_losses(priced_by, Profile.OCPI_2_2_1)))
    document = issued(session, priced_by, priced=cost)
    assert document["total_cost"].get("incl_vat", document["total_cost"]["excl_vat"]) == cost.total


# Signed values

RECORD = 'OCMF|{"FV":"1.0","RD":[{"RV":1000.0}]}|{"SA":"ECDSA-secp256r1-SHA256","SD":"3045"}'
CHECKED = SignatureChecked(
    session=charged().id,
    verdict=Verdict.VERIFIED,
    reason=SignatureReason.VERIFIED,
    format="OCMF 1.0",
    meter="1EMH0012345678",
    key_fingerprint=sha256(KEY).hexdigest(),
)


def signed(*records: str, encoding_method: str = "") -> ChargingSession:
    contexts = ("Transaction.Begin", "Sample.Clock", "Transaction.End")
    return charged(
        signed=tuple(
            SignedValue(at=START, data=data, context=context, encoding_method=encoding_method)
            for data, context in zip(records, contexts, strict=False)
        )
    )


def test_signed_values_are_passed_on_byte_for_byte_with_the_key_that_the_operator_trusts():
    document = issued(signed(RECORD, RECORD, RECORD), signature=CHECKED)
    assert document["meter_id"] == "1EMH0012345678"
    assert document["signed_data"]["encoding_method"] == "OCMF"
    assert document["signed_data"]["public_key"] == b64encode(KEY).decode()
    values = document["signed_data"]["signed_values"]
    assert [one["nature"] for one in values] == ["Start", "Intermediate", "End"]
    assert {one["plain_data"] for one in values} == {RECORD}
    assert {one["signed_data"] for one in values} == {b64encode(RECORD.encode()).decode()}


def test_a_record_that_came_in_base64_is_not_encoded_twice():
    encoded = b64encode(RECORD.encode()).decode()
    (value,) = issued(signed(encoded), signature=CHECKED)["signed_data"]["signed_values"]
    assert (value["plain_data"], value["signed_data"]) == (RECORD, encoded)


def test_a_record_with_line_breaks_stands_in_base64_since_ocpi_strings_have_none():
    record = "<values>\n  <value/>\n</values>"
    (value,) = issued(signed(record))["signed_data"]["signed_values"]
    assert value["plain_data"] == value["signed_data"] == b64encode(record.encode()).decode()


def test_a_key_that_only_the_message_claims_is_not_passed_on():
    unknown = msgspec.structs.replace(CHECKED, key_fingerprint=sha256(b"another").hexdigest())
    assert "public_key" not in issued(signed(RECORD), signature=unknown)["signed_data"]


def test_an_encoding_that_nobody_named_is_not_available():
    assert issued(signed(RECORD))["signed_data"]["encoding_method"] == "#NA"
    assert issued(signed(RECORD, encoding_method="EDL40 Mennekes"))["signed_data"]["encoding_method"] == "EDL40 Mennekes"


@pytest.mark.parametrize(
    ("recognised", "named"),
    [("OCMF 1.0", "OCMF"), ("EDL_40_P", "EDL40 E-Mobility Extension"), ("EDL_40_MENNEKES", "EDL40 Mennekes"), ("PCDF", "PCDF")],
)
def test_an_encoding_is_named_by_its_content_in_ocpis_words(recognised: str, named: str):
    known = msgspec.structs.replace(CHECKED, format=recognised)
    assert issued(signed(RECORD, encoding_method="?"), signature=known)["signed_data"]["encoding_method"] == named


def proven(**changes: Any) -> SignatureChecked:
    """The verdict of rules 6: one record that holds both readings, told with the context of a sample on the way."""
    begin, end = (WattHours(Decimal(wh)) for wh in (0, 7500))
    points = tuple(
        SignedPoint(nature=each, wh=WattHours(Decimal(0)), register="1-b:1.8.0") for each in (Nature.BEGIN, Nature.END)
    )
    record = RecordChecked(digest="d", verdict=Verdict.VERIFIED, reason=SignatureReason.VERIFIED, points=points)
    told = {"billing": Verdict.VERIFIED, "begin_wh": begin, "end_wh": end, "register": "1-b:1.8.0", "records": (record,)}
    return msgspec.structs.replace(CHECKED, **told | changes)


def test_a_record_with_both_readings_is_the_end_whatever_its_context_says():
    (value,) = issued(signed(RECORD), signature=proven())["signed_data"]["signed_values"]
    assert value["nature"] == "End"


def test_the_remark_tells_what_became_of_the_signed_values():
    session = signed(RECORD)
    begin, end = session.readings[0].register_wh, session.readings[-1].register_wh
    other, same = issued(session, signature=proven()), issued(session, signature=proven(begin_wh=begin, end_wh=end))
    key = f"key SHA-256 {sha256(KEY).hexdigest()[:16]}"
    assert other["remark"] == f"Signed meter values: verified; billed as the station told; {key}"
    assert same["remark"] == f"Signed meter values: verified and billed, 1-b:1.8.0 {plain(begin)} to {plain(end)} Wh; {key}"
    failed = proven(verdict=Verdict.FAILED, reason=SignatureReason.SIGNATURE_MISMATCH, billing=Verdict.FAILED)
    told = issued(signed(RECORD), signature=failed)["remark"]
    assert told == f"Signed meter values: failed (signature_does_not_match_the_registered_key); {key}"
    assert "remark" not in issued(signed(RECORD), signature=CHECKED), "rules before 6 did not tell it"


# Refused, never cut


def with_address(**changes: str) -> Site:
    return msgspec.structs.replace(SITE, address=msgspec.structs.replace(SITE.address, **changes))


def test_what_just_fits_is_sent():
    assert issued(charged(), site=with_address(street="S" * 45))["cdr_location"]["address"] == "S" * 45


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"site": with_address(street="S" * 46)}, "cdr_location.address"),
        ({"site": with_address(city="C" * 46)}, "cdr_location.city"),
        ({"site": with_address(postal_code="1" * 11)}, "cdr_location.postal_code"),
        ({"site": with_address(street="")}, "cdr_location.address"),
        ({"site": with_address(country="AQ")}, "cdr_location.country"),
        ({"site": msgspec.structs.replace(SITE, name="N" * 256)}, "cdr_location.name"),
        ({"site": msgspec.structs.replace(SITE, id="Ö")}, "cdr_location.id"),
        ({"site": msgspec.structs.replace(SITE, latitude=Decimal("190.5"))}, "cdr_location.coordinates.latitude"),
        ({"evse": msgspec.structs.replace(EVSE, evse_id="E" * 37)}, "cdr_location.evse_uid"),
        ({"evse": msgspec.structs.replace(EVSE, connector_standard="SCHUKO")}, "cdr_location.connector_standard"),
        ({"session": signed("O" * 5001)}, "signed_data.signed_values.0.plain_data"),
        ({"session": signed("O|" * 1900)}, "signed_data.signed_values.0.signed_data"),
        ({"session": signed(RECORD, encoding_method="E" * 37)}, "signed_data.encoding_method"),
        ({"partner": msgspec.structs.replace(PARTNER, tokens=())}, "cdr_token"),
        ({"partner": msgspec.structs.replace(PARTNER, party_id="EEMS")}, "cdr_token.party_id"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_field_and_without_its_content(changes: dict[str, Any], field: str):
    found = refused(**changes)
    assert any(one.startswith(f"{field}:") for one in found), found
    assert not any("SSSS" in one or "OOOO" in one for one in found)


# The check itself


def rejected(document: dict[str, Any]) -> tuple[str, ...]:
    return objections(msgspec.json.Encoder(decimal_format="number").encode(document))


FULL = issued(signed(RECORD), ALL_DIMENSIONS, signature=CHECKED)
REQUIRED_OF = {
    "": """country_code party_id id start_date_time end_date_time cdr_token auth_method cdr_location currency
        charging_periods total_cost total_energy total_time last_updated""",
    "cdr_token": "country_code party_id uid type contract_id",
    "cdr_location": """id address city country coordinates evse_uid evse_id connector_id connector_standard
        connector_format connector_power_type""",
    "cdr_location.coordinates": "latitude longitude",
    "charging_periods.0": "start_date_time dimensions",
    "charging_periods.0.dimensions.0": "type volume",
    "total_cost": "excl_vat",
    "signed_data": "encoding_method signed_values",
    "signed_data.signed_values.0": "nature plain_data signed_data",
    "tariffs.0": "country_code party_id id currency elements last_updated",
    "tariffs.0.elements.0": "price_components",
    "tariffs.0.elements.0.price_components.0": "type price step_size",
}
REQUIRED = [f"{path}.{field}".removeprefix(".") for path, fields in REQUIRED_OF.items() for field in fields.split()]


def holder(document: dict[str, Any], path: str) -> tuple[Any, Any]:
    """What holds the last step of a path, and that step."""
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
    inner: Any = document
    for step in steps:
        inner = inner[step]
    return inner, last


def test_our_own_cdr_passes():
    assert rejected(FULL) == ()


@pytest.mark.parametrize("path", REQUIRED)
def test_each_required_field_is_missed(path: str):
    document = deepcopy(FULL)
    inner, last = holder(document, path)
    del inner[last]
    assert any(one.startswith(f"{path}:") for one in rejected(document))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", "x" * 40),
        ("id", "x" * 37),  # only a credit may be that long
        ("country_code", "DEU"),
        ("currency", "eur"),
        ("start_date_time", "2026-10-12T06:14:05+00:00"),
        ("start_date_time", "2026-13-12T06:14:05Z"),
        ("total_energy", "10.0004"),
        ("total_energy", True),
        ("total_energy", Decimal("10.00041")),
        ("total_energy", Decimal("10.0005")),
        ("total_time", Decimal("1.5834")),
        ("total_parking_time", Decimal("0.5001")),
        ("total_cost", {"excl_vat": Decimal("4.60"), "incl_vat": Decimal("5.46")}),
        ("total_cost", {"excl_vat": Decimal("4.59"), "incl_vat": Decimal("5.47")}),
        ("auth_method", "RFID"),
        ("cdr_token.type", "EMAID"),  # 2.3.0
        ("cdr_location.country", "DE"),
        ("cdr_location.coordinates.latitude", "53.5438"),
        ("cdr_location.connector_format", "PLUG"),
        ("charging_periods", []),
        ("charging_periods.0.dimensions", []),
        ("charging_periods.0.dimensions.0.type", "FLAT"),
        ("charging_periods.0.dimensions.0.type", "STATE_OF_CHARGE"),  # sessions only
        ("charging_periods.1.start_date_time", "2026-10-12T06:14:05Z"),
        ("charging_periods.0.start_date_time", "2026-10-12T06:14:04Z"),
        ("charging_periods.0.tariff_id", "ANOTHER"),
        ("remark", None),
        ("remark", "two\nlines"),
        ("credit", True),  # without a reference to what it credits
        ("no_such_field", 1),
        ("meter_id", "M" * 256),
        ("signed_data.signed_values.0.signed_data", "not base64!"),
        ("tariffs.0.elements.0.price_components.0.type", "POWER"),
    ],
)
def test_each_wrong_value_is_found(path: str, value: object):
    document = deepcopy(FULL)
    inner, last = holder(document, path)
    inner[last] = value
    assert rejected(document)


def by_hand(**changes: Any) -> dict[str, Any]:
    """A CDR that no code of ours wrote: each field of the object tables that a session without reservation can have.

    One hour of charging with 11 kWh at 0.50, half an hour of standing at 2.00 an hour, 1.00 at the start; 20 % on all of it.
    """
    vat, step = Decimal(20), {"step_size": 1}
    sold_to = {"country_code": "FR", "party_id": "LIO"}
    return {
        "country_code": "AT",
        "party_id": "DON",
        "id": "CDR-2026-77",
        "start_date_time": "2026-05-04T10:00:00Z",
        "end_date_time": "2026-05-04T11:30:00",
        "session_id": "S-77",
        "cdr_token": {**sold_to, "uid": "A1B2C3D4", "type": "APP_USER", "contract_id": "FR-LIO-C00000077-1"},
        "auth_method": "AUTH_REQUEST",
        "authorization_reference": "auth-77",
        "cdr_location": {
            "id": "DONAU-1",
            "name": "Donaukanal",
            "address": "Obere Donaustraße 1",
            "city": "Wien",
            "postal_code": "1020",
            "state": "Wien",
            "country": "AUT",
            "coordinates": {"latitude": "48.21600", "longitude": "16.3800000"},
            "evse_uid": "donau-1-a",
            "evse_id": "AT*DON*E77",
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2_COMBO",
            "connector_format": "CABLE",
            "connector_power_type": "DC",
        },
        "meter_id": "ZÄHLER-77",
        "currency": "EUR",
        "tariffs": [
            {
                "country_code": "AT",
                "party_id": "DON",
                "id": "T-77",
                "currency": "EUR",
                "type": "REGULAR",
                "tariff_alt_text": [{"language": "de", "text": "0,60 €/kWh"}],
                "elements": [
                    {
                        "price_components": [
                            {"type": "FLAT", "price": Decimal("1.00"), "vat": vat, **step},
                            {"type": "ENERGY", "price": Decimal("0.50"), "vat": vat, **step},
                            {"type": "PARKING_TIME", "price": Decimal("2.00"), "vat": vat, **step},
                        ],
                        "restrictions": {"start_time": "06:00", "end_time": "22:00", "day_of_week": ["MONDAY"]},
                    }
                ],
                "last_updated": "2026-01-01T00:00:00Z",
            }
        ],
        "charging_periods": [
            {
                "start_date_time": "2026-05-04T10:00:00Z",
                "dimensions": [{"type": "ENERGY", "volume": 11}, {"type": "TIME", "volume": 1}],
                "tariff_id": "T-77",
            },
            {"start_date_time": "2026-05-04T11:00:00Z", "dimensions": [{"type": "PARKING_TIME", "volume": Decimal("0.5")}]},
        ],
        "total_cost": cost("7.50", "9.00"),
        "total_fixed_cost": cost("1.00", "1.20"),
        "total_energy": 11,
        "total_energy_cost": cost("5.50", "6.60"),
        "total_time": Decimal("1.5"),
        "total_parking_time": Decimal("0.5"),
        "total_parking_cost": cost("1.00", "1.20"),
        "remark": "Säule 77",
        "invoice_reference_id": "R-77",
        "home_charging_compensation": False,
        "last_updated": "2026-05-04T11:31:00Z",
        **changes,
    }


def cost(net: str, gross: str) -> dict[str, Decimal]:
    return {"excl_vat": Decimal(net), "incl_vat": Decimal(gross)}


def test_a_cdr_that_somebody_else_wrote_from_the_object_tables_passes():
    assert rejected(by_hand()) == ()


def test_the_numbers_of_the_specifications_example_contradict_each_other():
    """There, 15.342 kWh stand in no period, and 1.973 hours of charging do not fill the time from start to end."""
    hours, owed = Decimal("1.973"), cost("4.00", "4.40")
    start = "2026-05-04T21:39:09Z"
    numbers = by_hand(
        start_date_time=start,
        end_date_time="2026-05-04T23:37:32Z",
        charging_periods=[{"start_date_time": start, "dimensions": [{"type": "TIME", "volume": hours}]}],
        total_cost=owed,
        total_energy=Decimal("15.342"),
        total_time=hours,
        total_time_cost=owed,
    )
    for absent in ("total_fixed_cost", "total_energy_cost", "total_parking_time", "total_parking_cost"):
        del numbers[absent]
    assert rejected(numbers) == ("total_energy: not the sum of the periods", "total_time: not the time from start to end")


def test_a_flat_price_is_told_with_step_size_one_and_others_as_they_are():
    exactly = tariff(TariffElement(components=tuple(price(one, "0.37", step_size=0) for one in PRICED_BY_OCPI)))
    (told,) = issued(charged(), exactly)["tariffs"]
    steps = {one["type"]: one["step_size"] for one in told["elements"][0]["price_components"]}
    assert steps == {"FLAT": 1, "ENERGY": 0, "TIME": 0, "PARKING_TIME": 0}


@given(st.sampled_from(REQUIRED), st.text(max_size=3))
def test_no_required_text_is_taken_from_nowhere(path: str, value: str):
    """A field replaced by arbitrary text is either fine text or found; it never crashes the check."""
    document = deepcopy(FULL)
    inner, last = holder(document, path)
    assume(isinstance(inner[last], str))
    inner[last] = value
    assert isinstance(rejected(document), tuple)


def test_a_begin_that_the_gate_rejected_is_no_energy_of_any_period() -> None:
    """The station told 0 at the start; what is billed begins at the first credible reading."""
    billed = charged()
    zero = msgspec.structs.replace(billed.readings[0], register_wh=WattHours(Decimal(0)))
    told = charged(readings=(zero, *billed.readings[1:]), energy_wh=WattHours(Decimal("11000.4")))
    assert issue(told, billed=billed) == issue(billed)


def test_what_ocpi_has_no_cost_for_is_refused():
    """ENERGY_EXPORT is a dimension of OCPI Session objects alone (2.2.1 mod_cdrs, CdrDimensionType)."""
    session = charged()
    fed = tuple(msgspec.structs.replace(each, register_wh=each.register_wh / 2) for each in session.readings)
    priced_by = tariff(TariffElement(components=(price(Dimension.ENERGY, "0.37"), price(Dimension.ENERGY_EXPORT, "0.20"))))
    objections = refused(session=msgspec.structs.replace(session, exported=fed), priced_by=priced_by)
    assert objections == ("total_cost: OCPI has no cost of ENERGY_EXPORT",)
