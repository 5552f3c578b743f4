"""From a closed session to what it costs, or to the reason why it cannot be billed yet.

The gate stands before the price: an EVSE that is not known, energy that it cannot have delivered, a token that belongs to
nobody, or no tariff in force keep the session on the worklist; nothing is guessed and nothing is free by accident. What
waits for reference data is concluded again when that comes.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from fractions import Fraction

from msgspec import UNSET, structs

from streams import bearable, circumstances, first_rules, swaps
from streams.assignment import Chosen, choose, supposed, tariff_of_the_place
from streams.catalogue import Catalogue, Plug
from streams.plausibility import LONGEST, Judged, clock_blocks, depends_on_time, judge
from streams.proof import Proof, doubts_about_time, first_proof, noticed, proof_of, proven
from streams.quotes import missing, publications, quotes
from streams.untimed import otherwise
from tariffs.rate import rate
from vocabulary import zones
from vocabulary.charging import DEAUTHORISED
from vocabulary.codec import version_hash
from vocabulary.exchanged import ExportRegister
from vocabulary.identity import ContractId, PartnerId, TokenUid
from vocabulary.money import SESSION_MAX, plain
from vocabulary.price_series import SeriesPrices
from vocabulary.rated import Rated, RatingNote, exact_net, tax_factor
from vocabulary.reference import Contract, Partner
from vocabulary.rules import asks_persons, checks_records, has_doubts, keeps_circumstances, tells_choices
from vocabulary.sessions import (
    HOLDING,
    ChargingSession,
    Doubt,
    Finding,
    Quality,
    SessionConclusion,
    SessionFlagged,
    SessionRated,
    VatDecision,
    doubts_of,
    exported_of,
    is_unused,
    quality_of,
)
from vocabulary.signatures import SignatureChecked, SignatureReason, Verdict
from vocabulary.tariff import PriceComponent, Tariff, charging_components, export_components, taxes_of


def conclude(
    session: ChargingSession,
    catalogue: Catalogue,
    held: Finding | None = None,
    waived: Collection[Finding] = (),
    instead: Tariff | None = None,
) -> tuple[SessionConclusion, ...]:
    """What follows from a session that was closed: what was noticed, a verdict and a rated charge, or a finding that blocks.

    `held`: why its amount is to be held, whatever else is found. `waived`: what a person has looked at and set aside.
    `instead`: by which tariff it would have been priced, whatever is in force; for questions, not for bills.
    """
    plug = catalogue.plug(session.station, session.evse, session.start)
    if is_unused(session):
        return _of_unused(session, plug, catalogue, held, waived, instead)
    proof = proof_of(session, plug.evse, names_of(session, catalogue)) if plug and checks_records(catalogue.rules) else None
    judged = Judged(session, doubts_of(session)) if plug is None else _judged(session, plug, catalogue, waived, proof)
    if (
        asks_persons(catalogue.rules)
        and session.stop_reason == DEAUTHORISED
        and (session.energy_wh > 0 or exported_of(session))
    ):
        judged = judged._replace(
            doubts=(*judged.doubts, Doubt(finding=Finding.DEAUTHORISED, detail=f"stopped: {DEAUTHORISED}"))
        )
    told = tuple(_flag(session, doubt.finding, doubt.detail) for doubt in judged.doubts)
    failed = next((doubt for doubt in judged.doubts if doubt.finding is Finding.STEPS_FAIL), None)
    if blocks := judged.blocks or failed or clock_blocks(session, None, waived):
        return (*_without(told, blocks), _flag(session, blocks.finding, blocks.detail))
    if plug is None:
        return (*told, _flag(session, Finding.EVSE_UNKNOWN, f"station {session.station}, EVSE {session.evse}"))
    proof = proof or first_proof(judged.session, plug.evse)
    signed = proof.hold
    doubts = [held, *(doubt.finding for doubt in judged.doubts if doubt.finding in HOLDING), signed[0] if signed else None]
    reason = next((doubt for doubt in doubts if doubt is not None and doubt not in waived), None)
    charged = _charge(judged.session, plug, catalogue, reason, waived, instead, proof)
    if signed and signed[0] not in waived and isinstance(charged[-1], SessionRated):
        charged = (_flag(session, *signed), *charged)
    return (*told, proof.checked, *charged)


def names_of(session: ChargingSession, catalogue: Catalogue) -> tuple[str, ...]:
    """By which contract the holder of the session's token is known: a meter may sign that instead."""
    match None if session.token is None else catalogue.holder(session.token, session.start):
        case Contract(id=contract):
            return (contract,)
        case Partner(tokens=tokens):
            return tuple(one.contract_id for one in tokens if one.uid.lower() == (session.token or "").lower())
        case _:
            return ()


def _of_unused(
    session: ChargingSession,
    plug: Plug | None,
    catalogue: Catalogue,
    held: Finding | None,
    waived: Collection[Finding],
    instead: Tariff | None,
) -> tuple[SessionConclusion, ...]:
    """What a reservation costs in which nobody charged: there is no energy to doubt, and no signature to demand."""
    if plug is None:
        return (_flag(session, Finding.EVSE_UNKNOWN, f"station {session.station}, EVSE {session.evse}"),)
    if session.end - session.start > LONGEST and Finding.DURATION_IMPLAUSIBLE not in waived:
        lasts = f"reserved {session.start.isoformat()} to {session.end.isoformat()}"
        return (_flag(session, Finding.DURATION_IMPLAUSIBLE, lasts),)
    charged = _charge(session, plug, catalogue, held, waived, instead)
    if isinstance(rated := charged[-1], SessionRated) and not rated.rated.lines:
        return (_flag(session, Finding.NEVER_CONNECTED, f"reservation expired; tariff {rated.tariff} has no price for that"),)
    return (SignatureChecked(session=session.id, verdict=Verdict.UNSIGNED, reason=SignatureReason.UNSIGNED), *charged)


def _judged(
    session: ChargingSession, plug: Plug, catalogue: Catalogue, waived: Collection[Finding], proof: Proof | None
) -> Judged:
    """The session as it may be billed, by the rules in force."""
    if proof is not None and proof.is_billed:
        judged = proven(session, proof, plug.evse.power_w_max, waived)
        return judged._replace(doubts=(*judged.doubts, *noticed(session, proof, plug.evse)))
    if session.swap is not UNSET:
        told = swaps.as_billed(session, plug.evse)
        return Judged(session, doubts_of(session), told) if isinstance(told, Doubt) else Judged(told, doubts_of(session))
    if has_doubts(catalogue.rules):
        judged = judge(session, plug.evse.power_w_max, waived)
        return judged._replace(doubts=(*judged.doubts, *noticed(session, proof, plug.evse))) if proof else judged
    blocks = first_rules.blocks(session, plug.evse.power_w_max)
    return Judged(session, (), None if blocks is None or blocks.finding in waived else blocks)


def _without(noticed: tuple[SessionFlagged, ...], blocks: Doubt) -> tuple[SessionFlagged, ...]:
    """What blocks is told last, and once: the index shows the last finding that blocks."""
    return tuple(flagged for flagged in noticed if flagged.finding is not blocks.finding)


def _charge(
    session: ChargingSession,
    plug: Plug,
    catalogue: Catalogue,
    held: Finding | None,
    waived: Collection[Finding],
    instead: Tariff | None,
    proof: Proof | None = None,
) -> tuple[SessionConclusion, ...]:
    holder = None if session.token is None else catalogue.holder(session.token, session.start)
    if holder is None or session.token is None:
        return (_flag(session, Finding.TOKEN_UNKNOWN, f"station {session.station}, {session.start.isoformat()}"),)
    if not _has_local_time(session):
        return (_flag(session, Finding.TARIFF_MISSING, f"no calendar has {session.start.year} and {session.end.year}"),)
    chosen = choose(session, plug, holder, catalogue) if instead is None else supposed(session, instead)
    if isinstance(chosen, Doubt):
        return (_flag(session, chosen.finding, chosen.detail),)
    tariff = chosen.tariff
    if unfit := _other_vat_than_the_site(chosen, plug, catalogue):
        return (_flag(session, Finding.VAT_UNFIT, f"tariff {unfit.id} at site {plug.site.id}, {plug.site.address.country}"),)
    if blocks := clock_blocks(session, tariff, waived, chosen.by_time):
        return (_flag(session, blocks.finding, blocks.detail),)
    quoted = quotes(session, chosen.prices, catalogue)
    cost = _cost(session, plug, chosen, quoted.prices)
    if RatingNote.PRICE_NOT_PUBLISHED in bearable.notes_of(cost):
        return (_flag(session, Finding.PRICE_NOT_PUBLISHED, f"tariff {tariff.id}: {missing(quoted, tariff.currency)}"),)
    if unbearable := bearable.blocks(cost, f"tariff {tariff.id}"):
        return (_flag(session, unbearable.finding, unbearable.detail),)
    doubts = (
        *_price_is_uncertain(session, chosen, catalogue),
        *bearable.doubts(cost, f"tariff {tariff.id}"),
        *_energy_is_untimed(session, plug, chosen, quoted.prices, cost, catalogue),
        *_meter_vouches(session, plug, chosen, quoted.prices, cost, proof),
    )
    uncertain = None if held else next((doubt for doubt in doubts if doubt.finding not in waived), None)
    rated = _rated(session, session.token, plug, holder, chosen, cost, held or (uncertain.finding if uncertain else None))
    rated = structs.replace(
        rated, series=publications(session, chosen.prices, plug.site.time_zone, quoted, circumstances.known_of(session, plug))
    )
    if not tells_choices(catalogue.rules):
        rated = structs.replace(rated, chosen=None, rated=_without_breaks(rated.rated))
    if has_doubts(catalogue.rules) and _is_too_high(rated.rated):
        most = f"more than {SESSION_MAX} {tariff.currency}"
        return (_flag(session, Finding.AMOUNT_TOO_HIGH, f"{most} for {plain(session.energy_wh)} Wh by tariff {tariff.id}"),)
    return (rated,) if uncertain is None else (_flag(session, uncertain.finding, uncertain.detail), rated)


def _without_breaks(rated: Rated) -> Rated:
    """As older rules told it."""
    return structs.replace(rated, lines=tuple(structs.replace(line, breaks=False) for line in rated.lines))


def _price_is_uncertain(session: ChargingSession, chosen: Chosen, catalogue: Catalogue) -> tuple[Doubt, ...]:
    """The registers at both ends suffice for the energy, not for which part of it was charged at which price."""
    if not has_doubts(catalogue.rules) or quality_of(session) is not Quality.GAP:
        return ()
    told = f"{plain(session.energy_wh)} Wh by tariff {chosen.tariff.id}, of which {len(session.readings)} readings tell when"
    is_timed = len(chosen.schedule) > 1 or depends_on_time(chosen.tariff)
    return (Doubt(finding=Finding.MESSAGES_MISSING, detail=told),) if is_timed else ()


def _energy_is_untimed(
    session: ChargingSession,
    plug: Plug,
    chosen: Chosen,
    prices: tuple[SeriesPrices, ...],
    cost: Rated,
    catalogue: Catalogue,
) -> tuple[Doubt, ...]:
    """Whether it costs something else by when its energy came, which was not measured."""
    if not keeps_circumstances(catalogue.rules):
        return ()
    is_timed = len(chosen.schedule) > 1 or any(depends_on_time(tariff) for _, tariff in chosen.schedule)
    if not is_timed and not exported_of(session):  # of two registers, one's energy may change the other's price
        return ()
    totals = {_cost(each, plug, chosen, prices).total for each in otherwise(session)} | {cost.total}
    if len(totals) == 1:
        return ()
    told = f"{min(totals)} to {max(totals)} by when the energy came between two readings"
    detail = f"{cost.total} {cost.currency} by tariff {chosen.tariff.id}; {told}"
    return (Doubt(finding=Finding.ENERGY_UNTIMED, detail=detail),)


def _meter_vouches(
    session: ChargingSession, plug: Plug, chosen: Chosen, prices: tuple[SeriesPrices, ...], cost: Rated, proof: Proof | None
) -> Iterator[Doubt]:
    """Whether the meter vouches for what the price takes from the time, where signatures are required."""
    if proof is not None:
        is_timed = len(chosen.schedule) > 1 or any(depends_on_time(tariff) for _, tariff in chosen.schedule)
        yield from doubts_about_time(session, proof, cost, lambda each: _cost(each, plug, chosen, prices), is_timed)


def _is_too_high(rated: Rated) -> bool:
    """Whether anything that is booked of it may not fit the books: no person can have meant that."""
    return max((abs(exact_net(line)) for line in rated.lines), default=0) > SESSION_MAX or abs(rated.total) > SESSION_MAX


def _has_local_time(session: ChargingSession) -> bool:
    """A broken clock may say the first or the last day that there is, and some place's time is a day before or after it."""
    return session.start.year > 1 and session.end.year < 9999


def _other_vat_than_the_site(chosen: Chosen, plug: Plug, catalogue: Catalogue) -> Tariff | None:
    """VAT is that of the charging point's country (Dir. 2006/112 Art. 39), and the tariff of the place was written for it.

    That of a token, a contract, a partner or a payment may be used where it bears the same rates; abroad it would charge the
    wrong VAT. What is fed back may bear none: whether who sells it owes VAT depends on him (docs/for-finance.md).
    """
    return next((tariff for at, tariff in chosen.schedule if not _bears_local_vat(tariff, plug, at, catalogue)), None)


def _bears_local_vat(tariff: Tariff, plug: Plug, at: datetime, catalogue: Catalogue) -> bool:
    local = tariff_of_the_place(plug, at, catalogue)
    if local is None or local.id == tariff.id:
        return True
    rates = _vat_rates(charging_components(local))
    if _vat_rates(charging_components(tariff)) != rates:
        return False
    return _vat_rates(export_components(tariff)) <= {*rates, *_vat_rates(export_components(local)), _NO_VAT}


_NO_VAT = (False, Fraction(1))


def _vat_rates(components: Iterable[PriceComponent]) -> set[tuple[bool, Fraction]]:
    """What taxes come to, whatever they are called; whether any applies, since 0 percent is not none."""
    return {(bool(taxes), tax_factor(taxes)) for taxes in map(taxes_of, components)}


def running_cost(session: ChargingSession, catalogue: Catalogue) -> Rated | None:
    """What a session comes to so far; None: no price can be told, which is not the same as free."""
    plug = catalogue.plug(session.station, session.evse, session.start)
    holder = None if session.token is None else catalogue.holder(session.token, session.start)
    if plug is None or holder is None or not _has_local_time(session):
        return None
    judged = judge(session, plug.evse.power_w_max)
    chosen = choose(session, plug, holder, catalogue)
    if judged.blocks or isinstance(chosen, Doubt) or clock_blocks(session, chosen.tariff, (), chosen.by_time):
        return None
    cost = _cost(judged.session, plug, chosen, quotes(judged.session, chosen.prices, catalogue).prices)
    return None if bearable.notes_of(cost) or bearable.blocks(cost, "") else cost


def _cost(session: ChargingSession, plug: Plug, chosen: Chosen, prices: tuple[SeriesPrices, ...]) -> Rated:
    """Running and final cost alike."""
    known = structs.replace(circumstances.known_of(session, plug), prices=prices)
    cost = rate(session, chosen.prices, plug.site.time_zone, known=known)
    return circumstances.noted(cost, session, [tariff for _, tariff in chosen.schedule])


def _rated(
    session: ChargingSession,
    token: TokenUid,
    plug: Plug,
    holder: Contract | Partner,
    chosen: Chosen,
    cost: Rated,
    held: Finding | None,
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
        begin_wh=session.readings[0].register_wh if session.readings else session.energy_wh,
        end_wh=session.readings[-1].register_wh if session.readings else session.energy_wh,
        contract=ContractId(holder.id) if isinstance(holder, Contract) else None,
        partner=PartnerId(holder.id) if isinstance(holder, Partner) else None,
        token=token,
        tariff=chosen.tariff.id,
        tariff_version=version_hash(chosen.tariff),
        rated=cost,
        vat=VatDecision(rule="place-of-consumption", country=plug.site.address.country),
        held=held,
        chosen=chosen.choice,
        unused=is_unused(session),
        exported=_exported(session),
    )


def _exported(session: ChargingSession) -> ExportRegister | None:
    if not (readings := exported_of(session)):
        return None
    return ExportRegister(begin_wh=readings[0].register_wh, end_wh=readings[-1].register_wh)


def _flag(session: ChargingSession, finding: Finding, detail: str) -> SessionFlagged:
    return SessionFlagged(session=session.id, finding=finding, detail=detail)
