"""A rated session as the charge detail record of OCPI 2.2.1, sealed: the bytes are made once and stored.

    total_cost        what the session owes, to the minor unit, as the ledger has it; `incl_vat` is absent where no line
                      bears VAT (no VAT, which is not 0 %)
    total_*_cost      the charges of the lines of one dimension, those of a reservation apart; they add up to total_cost,
                      but for what a limit of the tariff adds or takes off: it has no field, and is in total_cost alone
    periods           cut where the activity changes and where a price began or ceased to apply; they follow each other
    volumes           kWh and hours with 4 decimals (OCPI numbers). The running total is rounded half up and a period carries
                      the difference, so that volumes add up to total_energy, and parking time to total_parking_time
    WAITING           energy only: neither charging nor parking, and no price asks for it
    id, session_id    the first 32 digits of the session's identity: a credit may append to it and stay within 36
    auth_method       WHITELIST: the token was known here, the partner was not asked
    evse_uid          the EVSE id
    times             whole seconds, floored as durations are
    reservation       where the EVSE was kept free at a price, the CDR begins with it, and so does total_time.
                      One that expired is told without a session_id, with the connector `#NA` and a remark (OCPI issue 395)

What is paid for energy that was fed back, and a swap of batteries, have no field at all: such a session is refused.
What does not fit is refused, never cut: an address of 46 characters, an OCMF text of 5001. The answer is then a CdrRefused
with each field, for the operator to mend his reference data.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, assert_never

import msgspec
from msgspec import UNSET, Struct, structs

from invoicing import ocpi_document
from invoicing.amounts import Charge, charges
from invoicing.countries import ALPHA_3
from invoicing.ocpi_signed import NOT_AVAILABLE, is_verified, remark, signed_data
from vocabulary.identity import SessionId
from vocabulary.money import round_half_up
from vocabulary.quantities import ONE_SECOND, seconds_between, whole_second
from vocabulary.rated import LimitPart, RatedLine
from vocabulary.reference import Evse, Operator, Partner, PartnerToken, Site
from vocabulary.sessions import Activity, ChargingSession, SessionRated, is_unused
from vocabulary.signatures import SignatureChecked
from vocabulary.tariff import Dimension

PLACES = 4  # "numbers use 4 decimals" (OCPI types)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class CdrRefused(Struct, frozen=True, kw_only=True):
    """A session that cannot be told to a partner as it is: the fields, and what is wrong with each; no personal data."""

    session: SessionId
    objections: tuple[str, ...]


def cdr(
    *,
    rated: SessionRated,
    session: ChargingSession,
    site: Site,
    evse: Evse,
    partner: Partner,
    operator: Operator,
    tariff: Mapping[str, Any],
    signature: SignatureChecked | None,
    last_updated: datetime,
    then: Sequence[tuple[datetime, Mapping[str, Any]]] = (),
) -> bytes | CdrRefused:
    """The CDR's JSON, checked. `tariff` is the OCPI Tariff object of the version that the session was rated by.

    `then`: from which instants on other versions priced it. Two versions of one tariff have one id there, as in OCPI.
    """
    assert (rated.session, rated.partner) == (session.id, partner.id), "the parts of a CDR belong to one session"
    if session.swap is not UNSET:
        return CdrRefused(session=rated.session, objections=("total_energy: a swap of batteries is no charging session",))
    session = _as_billed(session, rated)
    token = next((one for one in partner.tokens if one.uid.lower() == rated.token.lower()), None)
    if token is None:
        return CdrRefused(session=rated.session, objections=("cdr_token: the partner has no such token",))
    if site.address.country not in ALPHA_3:
        return CdrRefused(session=rated.session, objections=("cdr_location.country: no alpha-3 code is known for it",))
    if untold := {line.dimension for line in rated.rated.lines} & _UNTOLD:
        objections = tuple(f"total_cost: OCPI has no cost of {kind}" for kind in sorted(untold))
        return CdrRefused(session=rated.session, objections=objections)
    document = {
        "country_code": operator.country_code,
        "party_id": operator.party_id,
        "id": rated.session[:32],
        "start_date_time": _timestamp(_begin(rated, session)),
        "end_date_time": _timestamp(whole_second(session.end)),
        **({} if rated.unused else {"session_id": rated.session[:32]}),
        "cdr_token": _token(token, partner),
        "auth_method": "WHITELIST",
        "cdr_location": _location(site, evse, NOT_AVAILABLE if rated.unused else str(session.connector or 1)),
        **({"meter_id": signature.meter} if is_verified(signature) else {}),
        "currency": rated.rated.currency,
        "tariffs": [tariff, *(each for _, each in then)],
        **_consumption(rated, session, [(session.start, str(tariff["id"])), *((at, str(each["id"])) for at, each in then)]),
        **_costs(rated),
        **signed_data(session.signed, evse, signature),
        **remark(rated, signature),
        "last_updated": _timestamp(last_updated),
    }
    body = _ENCODER.encode(document)
    found = ocpi_document.objections(body)
    return CdrRefused(session=rated.session, objections=found) if found else body


def _timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with Z; a fraction of a second, floored to milliseconds, only where there is one."""
    utc = at.astimezone(UTC)
    fraction = f".{utc.microsecond // 1000:03d}" if utc.microsecond // 1000 else ""
    return f"{utc:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _token(token: PartnerToken, partner: Partner) -> dict[str, str]:
    party = {"country_code": partner.country_code, "party_id": partner.party_id}
    return party | {"uid": token.uid, "type": token.type, "contract_id": token.contract_id}


def _as_billed(session: ChargingSession, rated: SessionRated) -> ChargingSession:
    """The session without a begin that the gate rejected: no reading is below the one that billing began at."""
    readings = tuple(
        reading if reading.register_wh >= rated.begin_wh else structs.replace(reading, register_wh=rated.begin_wh)
        for reading in session.readings
    )
    return structs.replace(session, readings=readings)


def _location(site: Site, evse: Evse, connector: str) -> dict[str, Any]:
    address = site.address
    return {
        "id": site.id,
        **({"name": site.name} if site.name else {}),
        "address": address.street,
        "city": address.city,
        **({"postal_code": address.postal_code} if address.postal_code else {}),
        "country": ALPHA_3[address.country],
        "coordinates": {"latitude": _degrees(site.latitude), "longitude": _degrees(site.longitude)},
        "evse_uid": evse.evse_id,
        "evse_id": evse.evse_id,
        "connector_id": connector,  # 1.6 tells connectors of one EVSE apart no more than we do
        "connector_standard": evse.connector_standard,
        "connector_format": evse.connector_format,
        "connector_power_type": evse.power_type,
    }


def _degrees(degrees: Decimal) -> str:
    """With 5 to 7 decimals, as OCPI writes coordinates; the 8th, a millimetre, is rounded away."""
    rounded = round_half_up(degrees, 7).normalize()
    return format(rounded if -int(rounded.as_tuple().exponent) >= 5 else round_half_up(degrees, 5), "f")


# Periods and volumes


class _Span(NamedTuple):
    """A charging period: half-open, whole seconds."""

    start: datetime
    end: datetime
    activity: Activity | None  # None: no vehicle yet, the EVSE was reserved

    def hours(self, activity: Activity | None) -> Fraction:
        """How long it is, if that is what the vehicle did in it."""
        return Fraction(seconds_between(self.start, self.end), 3600) if self.activity is activity else Fraction(0)


def _consumption(rated: SessionRated, session: ChargingSession, tariffs: Sequence[tuple[datetime, str]]) -> dict[str, Any]:
    spans = _spans(rated, session, [since for since, _ in tariffs])
    inner = [_energy_wh(span.start, rated, session) for span in spans[1:]]
    totals = [Fraction(0), *inner, Fraction(rated.energy_wh)]
    energy = _volumes((after - before for before, after in pairwise(totals)), 1000)
    charging = _volumes(span.hours(Activity.CHARGING) for span in spans)
    parking = _volumes(span.hours(Activity.IDLE) for span in spans)
    reserved = _volumes(span.hours(None) for span in spans)
    periods = [
        {
            "start_date_time": _timestamp(span.start),
            "dimensions": _dimensions(span.activity, *volumes),
            "tariff_id": _tariff_of(span, tariffs),
        }
        for span, *volumes in zip(spans, energy, charging, parking, reserved, strict=True)
    ]
    return {
        "charging_periods": periods,
        "total_energy": sum(energy),
        "total_time": round_half_up(Fraction(seconds_between(_begin(rated, session), session.end), 3600), PLACES),
        "total_parking_time": sum(parking),
    }


def _tariff_of(span: _Span, tariffs: Sequence[tuple[datetime, str]]) -> str:
    """The last that came into force before the span, or with it; a reservation is priced by the first."""
    return [tariff for since, tariff in tariffs if whole_second(since) <= span.start or since == tariffs[0][0]][-1]


def _spans(rated: SessionRated, session: ChargingSession, stages: Sequence[datetime]) -> list[_Span]:
    """The reservation and the session cut where the activity or a price changed; one empty span where it took no time."""
    start, end = _begin(rated, session), whole_second(session.end)
    changes = [*stages, *(stretch.start for stretch in session.stretches)]
    changes += [at for line in rated.rated.lines for at in (line.since, line.until)]
    cuts = [start, *sorted({at for at in map(whole_second, changes) if start < at < end}), end]
    return [_Span(since, until, _activity(since, session)) for since, until in pairwise(cuts)]


def _begin(rated: SessionRated, session: ChargingSession) -> datetime:
    """When the session began, or before it the reservation that is charged for."""
    reserved = [line.since for line in rated.rated.lines if line.reserved]
    return whole_second(min([session.start, *reserved]))


def _activity(at: datetime, session: ChargingSession) -> Activity | None:
    if at < whole_second(session.start) or is_unused(session):
        return None
    begun = [stretch.activity for stretch in session.stretches if whole_second(stretch.start) <= at]
    return begun[-1] if begun else Activity.WAITING


def _dimensions(
    activity: Activity | None, energy: Decimal, charging: Decimal, parking: Decimal, reserved: Decimal
) -> list[dict[str, Any]]:
    volumes = {"ENERGY": energy}
    match activity:
        case Activity.CHARGING:
            volumes["TIME"] = charging
        case Activity.IDLE:
            volumes["PARKING_TIME"] = parking
        case Activity.WAITING:
            pass
        case None:
            return [{"type": "RESERVATION_TIME", "volume": reserved}]
        case never:
            assert_never(never)
    return [{"type": kind, "volume": volume} for kind, volume in volumes.items()]


def _volumes(parts: Iterable[Fraction], per_unit: int = 1) -> list[Decimal]:
    """The parts as OCPI numbers, whose sum is the rounded sum of the parts."""
    totals = [round_half_up(total / per_unit, PLACES) for total in accumulate(parts, initial=Fraction(0))]
    return [after - before for before, after in pairwise(totals)]


def _energy_wh(at: datetime, rated: SessionRated, session: ChargingSession) -> Fraction:
    """The energy since the start, on a straight line between readings, as the rating takes it.

    Where a price ended at an amount of energy, the rating knows the energy exactly and the second only nearly: what the
    lines before that instant measured then counts, if it lies within the energy of the seconds around it.
    """
    energy_lines = [line for line in rated.rated.lines if line.dimension is Dimension.ENERGY]
    measured = Fraction(sum((line.quantity for line in energy_lines if line.until <= at), Decimal(0)))
    least, most = (_interpolated_wh(at + step * ONE_SECOND, session) for step in (-1, 1))
    return measured if least <= measured <= most else _interpolated_wh(at, session)


def _interpolated_wh(at: datetime, session: ChargingSession) -> Fraction:
    """The register above its first reading. A reading before the start or after the end counts as taken there."""
    risen = Fraction(0)
    for before, after in pairwise(session.readings):
        since, until = (_within(reading.at, session) for reading in (before, after))
        rise = Fraction(after.register_wh - before.register_wh)
        if at < until:
            return risen + (rise * Fraction((at - since) // ONE_SECOND, (until - since) // ONE_SECOND) if at > since else 0)
        risen += rise
    return risen


def _within(at: datetime, session: ChargingSession) -> datetime:
    return min(max(whole_second(at), whole_second(session.start)), whole_second(session.end))


# Costs

_DIMENSION_FIELDS = {
    Dimension.FLAT: "total_fixed_cost",
    Dimension.ENERGY: "total_energy_cost",
    Dimension.TIME: "total_time_cost",
    Dimension.PARKING_TIME: "total_parking_cost",
}
_UNTOLD = frozenset({Dimension.ENERGY_EXPORT, Dimension.SWAP})  # in OCPI energy is fed back in Session objects alone
_COST_FIELDS = (*_DIMENSION_FIELDS.values(), "total_reservation_cost")


def _costs(rated: SessionRated) -> dict[str, Any]:
    charged = list(zip(rated.rated.lines, charges(rated.rated), strict=True))
    taxed = any(line.vat_percent is not None for line, _ in charged)
    fields = {"total_cost": _price([charge for _, charge in charged], taxed=taxed)}
    for field in _COST_FIELDS:
        parts = [charge for line, charge in charged if _cost_field(line) == field]
        if parts:
            fields[field] = _price(parts, taxed=taxed)
    return fields


def _cost_field(line: RatedLine) -> str | None:
    """Where a line is told: a flat price of a reservation with the reservation; a limit nowhere but in the total."""
    match line:
        case RatedLine(limit=LimitPart()):
            return None
        case RatedLine(reserved=True):
            return "total_reservation_cost"
        case _:
            return _DIMENSION_FIELDS[line.dimension]


def _price(parts: Sequence[Charge], *, taxed: bool) -> dict[str, Decimal]:
    net, gross = (sum((part[i] for part in parts), Decimal(0)) for i in (0, 1))
    return {"excl_vat": net, "incl_vat": gross} if taxed else {"excl_vat": net}
