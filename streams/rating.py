"""From a closed session to what it costs, or to the reason why it cannot be billed yet.

The gate stands before the price: an EVSE that is not known, energy that it cannot have delivered, a token that belongs to
nobody, or no tariff in force keep the session on the worklist; nothing is guessed and nothing is free by accident. What
waits for reference data is concluded again when that comes.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from decimal import Decimal

from streams import signatures
from streams.catalogue import Catalogue, Plug
from tariffs.rate import rate
from vocabulary import zones
from vocabulary.codec import version_hash
from vocabulary.identity import ContractId, PartnerId, TokenUid
from vocabulary.quantities import seconds_between
from vocabulary.reference import Contract, Partner
from vocabulary.sessions import (
    ChargingSession,
    Finding,
    Rated,
    SessionConclusion,
    SessionFlagged,
    SessionRated,
    VatDecision,
)
from vocabulary.tariff import Tariff

_LONGEST = timedelta(days=30)  # what lasts longer began or ended by a broken clock, and its time has no price
_MARGIN = Decimal("1.1")  # a meter may read above the EVSE's nameplate power
_GRACE_S = 60  # and clocks are told in whole seconds, some of them late


def conclude(
    session: ChargingSession, catalogue: Catalogue, held: Finding | None = None, waived: Collection[Finding] = ()
) -> tuple[SessionConclusion, ...]:
    """What follows from a session that was closed: a verdict and a rated charge, or a finding.

    `held`: why its amount is to be held, whatever else is found. `waived`: what a person has looked at and set aside.
    """
    plug = catalogue.plug(session.station, session.evse, session.start)
    if plug is None:
        return (_flag(session, Finding.EVSE_UNKNOWN, f"station {session.station}, EVSE {session.evse}"),)
    if session.end - session.start > _LONGEST and Finding.DURATION_IMPLAUSIBLE not in waived:
        return (_flag(session, Finding.DURATION_IMPLAUSIBLE, f"{session.start.isoformat()} to {session.end.isoformat()}"),)
    if (limit := _most_wh(session, plug)) < session.energy_wh and Finding.ENERGY_IMPLAUSIBLE not in waived:
        return (_flag(session, Finding.ENERGY_IMPLAUSIBLE, f"{session.energy_wh} Wh, at most {limit:.0f} Wh fit"),)
    checked = signatures.check(session, plug.evse)
    doubt = signatures.hold(checked, session, plug.evse)
    doubts = ([(held, "")] if held else []) + ([doubt] if doubt else [])
    return (checked, *_charge(session, plug, catalogue, [doubt for doubt in doubts if doubt[0] not in waived]))


def _charge(
    session: ChargingSession, plug: Plug, catalogue: Catalogue, doubts: Sequence[tuple[Finding, str]]
) -> tuple[SessionConclusion, ...]:
    holder = None if session.token is None else catalogue.holder(session.token, session.start)
    if holder is None or session.token is None:
        return (_flag(session, Finding.TOKEN_UNKNOWN, f"station {session.station}, {session.start.isoformat()}"),)
    if not _has_local_time(session):
        return (_flag(session, Finding.TARIFF_MISSING, f"no calendar has {session.start.year} and {session.end.year}"),)
    tariff = tariff_for(plug, holder, session, catalogue)
    if tariff is None:
        return (_flag(session, Finding.TARIFF_MISSING, f"tariff {holder.tariff or plug.evse.tariff}"),)
    if not _bears_vat_of_the_site(tariff, plug, session, catalogue):
        return (_flag(session, Finding.VAT_UNFIT, f"tariff {tariff.id} at site {plug.site.id}, {plug.site.address.country}"),)
    rated = _rated(session, session.token, plug, holder, tariff, doubts[0][0] if doubts else None)
    return (*(_flag(session, *doubt) for doubt in doubts if doubt[1]), rated)


def tariff_for(plug: Plug, holder: Contract | Partner | None, session: ChargingSession, catalogue: Catalogue) -> Tariff | None:
    """The tariff in force when the session began: the contract's or partner's own, else the EVSE's."""
    wanted = (holder.tariff if holder is not None else None) or plug.evse.tariff
    return catalogue.tariff(wanted, session.start)


def _has_local_time(session: ChargingSession) -> bool:
    """A broken clock may say the first or the last day that there is, and some place's time is a day before or after it."""
    return session.start.year > 1 and session.end.year < 9999


def _bears_vat_of_the_site(tariff: Tariff, plug: Plug, session: ChargingSession, catalogue: Catalogue) -> bool:
    """VAT is that of the charging point's country (Dir. 2006/112 Art. 39), and the EVSE's own tariff was written for it.

    A contract's or partner's tariff may be used where it bears the same rates; abroad it would charge the wrong VAT.
    """
    local = catalogue.tariff(plug.evse.tariff, session.start)
    return local is None or local.id == tariff.id or _vat_rates(tariff) == _vat_rates(local)


def _vat_rates(tariff: Tariff) -> set[Decimal | None]:
    return {component.vat_percent for element in tariff.elements for component in element.components}


def running_cost(session: ChargingSession, catalogue: Catalogue) -> Rated | None:
    """What a session comes to so far; None: no price can be told, which is not the same as free."""
    plug = catalogue.plug(session.station, session.evse, session.start)
    holder = None if session.token is None else catalogue.holder(session.token, session.start)
    if plug is None or holder is None or not _has_local_time(session) or session.end - session.start > _LONGEST:
        return None
    tariff = tariff_for(plug, holder, session, catalogue)
    return None if tariff is None else rate(session, tariff, plug.site.time_zone)


def _rated(
    session: ChargingSession, token: TokenUid, plug: Plug, holder: Contract | Partner, tariff: Tariff, held: Finding | None
) -> SessionRated:
    zone = plug.site.time_zone
    return SessionRated(
        session=session.id,
        station=session.station,
        site=plug.site.id,
        site_name=plug.site.name,
        evse_id=plug.evse.evse_id,
        start=session.start,
        end=session.end,
        ended_on=session.end.astimezone(zones.zone(zone)).date(),
        time_zone=zone,
        energy_wh=session.energy_wh,
        begin_wh=session.readings[0].register_wh,
        end_wh=session.readings[-1].register_wh,
        contract=ContractId(holder.id) if isinstance(holder, Contract) else None,
        partner=PartnerId(holder.id) if isinstance(holder, Partner) else None,
        token=token,
        tariff=tariff.id,
        tariff_version=version_hash(tariff),
        rated=rate(session, tariff, zone),
        vat=VatDecision(rule="place-of-consumption", country=plug.site.address.country),
        held=held,
    )


def _most_wh(session: ChargingSession, plug: Plug) -> Decimal:
    """The energy that the EVSE can have delivered in that time."""
    power = Decimal(plug.evse.power_w_max) * _MARGIN
    return power * (seconds_between(session.start, session.end) + _GRACE_S) / 3600


def _flag(session: ChargingSession, finding: Finding, detail: str) -> SessionFlagged:
    return SessionFlagged(session=session.id, finding=finding, detail=detail)
