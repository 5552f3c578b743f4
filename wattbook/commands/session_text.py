"""A session in words, for reading from top to bottom: what was told and concluded of it, what it costs, and its entries."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import assert_never

from ledger.books import Booked
from tariffs.words import unit_of
from vocabulary import zones
from vocabulary.assignment import PricePolicy
from vocabulary.billing import Entry
from vocabulary.identity import short
from vocabulary.money import from_micro, plain, to_micro
from vocabulary.quantities import WattHours, kwh
from vocabulary.rated import Rated, RatedLine, exact_net
from vocabulary.sessions import (
    ChargeReversed,
    ChargingSession,
    Progress,
    Quality,
    SessionRated,
    exported_of,
    exported_wh,
    is_unused,
    quality_of,
)
from vocabulary.signatures import SignatureChecked, Verdict
from vocabulary.tariff import Basis, Dimension
from wattbook.commands.moments import clocks
from wattbook.commands.output import OUT, escape, micro, table
from wattbook.conclusions import Dossier
from wattbook.evidence import Evidence, Found, Told
from wattbook.history import History


def show_dossier(found: Dossier, known: Evidence, before: History, booked: Sequence[Booked]) -> None:
    """A session from what was measured to what was booked, for reading from top to bottom."""
    row, zone = found.row, found.rated.time_zone if found.rated else "UTC"
    transaction = row.transaction or (known.told.transaction if known.told else None)
    OUT.print(f"[bold]Session {short(row.session)}[/]  {escape(row.station)}  transaction {escape(transaction or '–')}")
    OUT.print(f"progress   {row.progress}" + (f" · {row.finding}" if row.finding else ""))
    for decided in before.decisions:
        by = f" by {decided.by}" if decided.by else ""
        OUT.print(f"decided    {decided.at:%Y-%m-%d %H:%M} UTC, {decided.decision}{escape(by)}: {escape(decided.reason)}")
    if row.progress is Progress.DROPPED and not before.decisions:
        OUT.print("decided    dropped with its end, about which that was decided before its start came")
    for name, value in (*_about(found), *(_told(known.told) if known.told else ())):
        OUT.print(f"{name:10} {escape(value)}")
    if found.session is not None:
        _show_energy(found.session, zone, _signed_wh(found))
    for each in known.findings:
        OUT.print(f"{'noticed' if each.holds else 'before':10} {escape(_noticed(each))}")
    if found.session is not None:
        _show_stretches(found.session, zone)
    if found.checked is not None:
        _show_verdict(found.checked)
    if found.rated is not None:
        show_rated(found.rated.rated, found.rated)
    if before.reversals:
        _show_reversals(before.reversals)
    for one in booked:
        show_entry(one.entry)


def _about(found: Dossier) -> Iterator[tuple[str, str]]:
    """Who and where, as far as it was concluded."""
    rated, charged = found.rated, found.session
    if rated is not None:
        yield "at", f"{rated.site_name}, EVSE {rated.evse_id}"
        yield "for", f"{'contract' if rated.contract else 'partner'} {rated.contract or rated.partner}, token {rated.token}"
        if rated.revision:
            yield "revision", f"{rated.revision}: rated {rated.revision + 1} times; what did not hold is below"
        yield "tariff", f"{rated.tariff}, version {short(rated.tariff_version)}, VAT of {rated.vat.country}"
        yield from _why(rated)
        if rated.series:
            yield "prices", f"of publications {', '.join(map(short, rated.series))}: see `wattbook prices show`"
        if charged is not None and rated.energy_wh != charged.energy_wh:
            billed = f"{plain(kwh(rated.energy_wh))} kWh, from {plain(kwh(rated.begin_wh))} to {plain(kwh(rated.end_wh))} kWh"
            yield "billed", billed
        if rated.held is not None:
            yield "held", f"{rated.held}: see docs/errors.md"
    elif charged is not None:
        yield "at", f"EVSE {charged.evse} of the station"
        yield "token", charged.token or "none was told"


def _why(rated: SessionRated) -> Iterator[tuple[str, str]]:
    """Why that tariff, and what came into force while the session went on; nothing where older rules did not tell."""
    if rated.chosen is None:
        return
    policy = rated.chosen.policy is PricePolicy.GUARANTEED
    yield "because", f"{rated.chosen.reason}, {'as the session began' if policy else 'as it is in force'}"
    for stage in rated.chosen.then:
        yield "from", f"{_instant(stage.since)} on by {stage.tariff}, version {short(stage.version)}"


def _told(told: Told) -> Iterator[tuple[str, str]]:
    """What was told of a session that is not concluded: of the most of it, also that it was not told."""
    connector = f", connector {told.connector}" if told.connector is not None else ""
    yield "at", f"EVSE {told.evse}{connector} of the station" if told.evse is not None else "an EVSE that was not told"
    yield "token", told.token or "not told"
    if told.ended_by is not None:
        yield "ended by", f"token {told.ended_by}"
    yield "start", _instant(told.start)
    yield "end", _instant(told.end) + (f", {told.stop_reason}" if told.end and told.stop_reason else "")
    yield "register", f"{_register(told.begin_wh)} at the start, {_register(told.end_wh)} at the end"
    if told.last_wh is not None and told.last_at is not None and told.end_wh is None:
        yield "", f"{_register(told.last_wh)} at {_instant(told.last_at)}, the last value told"
    if told.missing:
        yield "missing", "seqNo " + ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in told.missing)
    if told.into is not None:
        yield "end of", f"session {short(told.into)}"


def _instant(at: datetime | None) -> str:
    return "not told" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _register(register_wh: Decimal | None) -> str:
    return "not told" if register_wh is None else f"{plain(kwh(WattHours(register_wh)))} kWh"


def _noticed(found: Found) -> str:
    return f"{found.finding}: {found.detail}" if found.detail else str(found.finding)


def _signed_wh(found: Dossier) -> WattHours | None:
    """The energy of the signed pair, where that is what was billed."""
    match found.checked:
        case SignatureChecked(billing=Verdict.VERIFIED, begin_wh=begin, end_wh=end) if found.rated is not None:
            is_billed = (begin, end) == (found.rated.begin_wh, found.rated.end_wh)
            return found.rated.energy_wh if is_billed else None
        case _:
            return None


def _show_energy(charged: ChargingSession, zone: str, signed_wh: WattHours | None) -> None:
    """`signed_wh`: what is billed instead of what the messages tell."""
    local = zones.zone(zone)
    start, end = clocks((charged.start, charged.end), local, "%Y-%m-%d %H:%M:%S")
    OUT.print(f"time       {start} – {end} {zone}, {charged.protocol}" + (", delivered late" if charged.offline else ""))
    if is_unused(charged):
        OUT.print("energy     none: a reservation that expired, nobody charged")
    else:
        signed = "" if signed_wh is None else f"{plain(kwh(signed_wh))} kWh as signed; messages: "
        OUT.print(f"energy     {signed}{plain(kwh(charged.energy_wh))} kWh by {charged.energy_source}")
    if isinstance(charged.kept_free, tuple) and not is_unused(charged):
        OUT.print(f"reserved   since {charged.kept_free[0].astimezone(local):%Y-%m-%d %H:%M:%S}")
    if readings := exported_of(charged):
        begin, end = (plain(kwh(each.register_wh)) for each in (readings[0], readings[-1]))
        OUT.print(f"fed back   {plain(kwh(exported_wh(charged)))} kWh, from {begin} to {end} kWh")
    if (quality := quality_of(charged)) is not Quality.COMPLETE:
        OUT.print(f"quality    {quality}")


def _show_stretches(charged: ChargingSession, zone: str) -> None:
    local = zones.zone(zone)
    days = {at.astimezone(local).date() for at in (charged.start, charged.end)}
    shown = "%H:%M:%S" if len(days) == 1 else "%Y-%m-%d %H:%M:%S"
    times = clocks((at for each in charged.stretches for at in (each.start, each.end)), local, shown)
    for stretch in charged.stretches:
        OUT.print(f"           {next(times)} – {next(times)}  {stretch.activity}")


def _show_verdict(checked: SignatureChecked) -> None:
    meter = f" · meter {escape(checked.meter)}" if checked.meter else ""
    meter += f", key {checked.key_fingerprint[:16]}" if meter and checked.key_fingerprint else ""
    if checked.begin_wh is not None and checked.end_wh is not None:
        meter += f" · {plain(kwh(checked.begin_wh))} to {plain(kwh(checked.end_wh))} kWh"
    OUT.print(f"signature  {checked.verdict} · {checked.reason}{meter}")
    if checked.billing not in (None, Verdict.UNSIGNED, Verdict.VERIFIED):
        OUT.print(f"           not to be billed: {checked.billing_reason}  {escape(checked.billing_detail)}")


def show_rated(rated: Rated, charge: SessionRated | None = None) -> None:
    """Lines with quantity, unit price, VAT and reason; then what is owed. `charge`: whose rating it is."""
    rows = [(_what(line), _quantity(line), _price(line), _taxes(line), _because(line, charge)) for line in rated.lines]
    is_gross = any(line.basis is Basis.GROSS for line in rated.lines)
    table("Rated lines", ("", "quantity", "gross price" if is_gross else "net price", "VAT", "because"), rows, right=(1, 2, 3))
    owed = [(_percent(owed.vat_percent), owed.net, owed.vat, owed.gross) for owed in rated.owed]
    table(f"Owed: {plain(rated.total)} {rated.currency}", ("VAT", "net", "VAT", "gross"), owed, right=(0, 1, 2, 3))


def _because(line: RatedLine, charge: SessionRated | None) -> str:
    """Elements count in each tariff anew: where several were in force, each line says of which it is, and since when."""
    if line.tariff_version is None or charge is None:
        return line.reason
    stages = () if charge.chosen is None else charge.chosen.then
    schedule = [("the start", charge.tariff, charge.tariff_version)]
    schedule += [(_instant(stage.since), stage.tariff, stage.version) for stage in stages]
    since = [(at, tariff) for at, tariff, version in schedule if version == line.tariff_version]
    assert since, f"a line of {charge.session} is priced by a version that was never in force"
    moments = " and from ".join(at for at, _ in since)
    return f"{line.reason}; by {since[0][1]}, version {short(line.tariff_version)}, from {moments} on"


def _what(line: RatedLine) -> str:
    return f"{line.dimension} reserved" if line.reserved else str(line.dimension)


def _quantity(line: RatedLine) -> str:
    """Of a limit, nothing was measured."""
    match line.dimension:
        case Dimension.ENERGY | Dimension.ENERGY_EXPORT:
            return f"{plain(kwh(WattHours(line.billed)))} kWh"
        case Dimension.TIME | Dimension.PARKING_TIME:
            return str(timedelta(seconds=int(line.billed)))
        case Dimension.FLAT | Dimension.SWAP:
            return plain(line.billed)
        case Dimension.MIN_PRICE | Dimension.MAX_PRICE:
            return ""
    assert_never(line.dimension)


def _price(line: RatedLine) -> str:
    """As authored. Of a limit, what it adds to the net amount or takes off, to the millionth as it is booked."""
    if line.limit is not None:
        amount = plain(from_micro(to_micro(exact_net(line))))
        return f"{amount} net" if amount.startswith("-") else f"+{amount} net"
    return f"{plain(line.unit_price)}{unit_of(line.dimension, per_minute=line.per_minute)}"


def _taxes(line: RatedLine) -> str:
    """The VAT of a line, or where there are several taxes, each."""
    if not line.taxes:
        return _percent(line.vat_percent)
    return ", ".join(f"{tax.name} {plain(tax.percent)} %" for tax in line.taxes)


def _percent(percent: Decimal | None) -> str:
    return "none" if percent is None else f"{plain(percent)} %"


def _show_reversals(reversals: Sequence[ChargeReversed]) -> None:
    """The charges that do not hold any more, and why each was taken back."""
    rows = [
        (
            each.rated.revision,
            each.rated.end.strftime("%Y-%m-%d %H:%M:%S"),
            kwh(each.rated.energy_wh),
            each.rated.rated.total,
            each.rated.rated.currency,
            each.rated.held,
            each.reason,
        )
        for each in reversals
    ]
    table("Earlier revisions", ("", "end (UTC)", "kWh", "total", "", "held", "reversed because"), rows, right=(0, 2, 3))


def show_entry(entry: Entry) -> None:
    again = f", {entry.version}" if entry.version > 1 else ""
    rows = [(p.account, micro(max(p.amount_micro, 0)), micro(max(-p.amount_micro, 0))) for p in entry.postings]
    table(f"Entry {short(entry.id)}, {entry.kind}{again}", ("account", f"debit {entry.currency}", "credit"), rows, right=(1, 2))
