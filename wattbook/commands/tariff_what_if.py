"""`wattbook tariff what-if`: what the sessions of a month would come to by another tariff. The home is read, no more."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import click
from msgspec import UNSET

from streams.catalogue import Catalogue
from streams.states import Wanted
from vocabulary.identity import ContractId, PartnerId, TariffId
from wattbook.commands.known_names import demand_known
from wattbook.commands.output import ERR, OUT, count, escape, json_option, pass_settings, print_json, table
from wattbook.commands.re_rating import cells, looked_at, processes_option, show_sums, show_unpriced
from wattbook.comparing import Question, known
from wattbook.comparison import CONTRACT, Sums
from wattbook.months import month_of
from wattbook.reference_files import operator_zone
from wattbook.reference_shapes import local_instant
from wattbook.settings import Settings
from wattbook.tariff_names import TariffNotFound, named_tariff, short_hash
from wattbook.wiring import open_app

_CONTRACTS_SHOWN = 5


@click.command("what-if")
@click.argument("name", metavar="TARIFF")
@click.option("--month", required=True, metavar="YYYY-MM", help="Sessions that ended in it, by the site's calendar.")
@click.option("--site", help="Only sessions at this site.")
@click.option("--contract", help="Only sessions charged to this contract.")
@click.option("--partner", help="Only sessions charged to this partner.")
@click.option("--tariff", "charged_by", help="Only sessions charged by this tariff.")
@processes_option
@json_option
@pass_settings
def what_if(
    settings: Settings,
    name: str,
    month: str,
    site: str | None,
    contract: str | None,
    partner: str | None,
    charged_by: str | None,
    processes: int,
    as_json: bool,
) -> None:
    """Price a month's closed sessions by another tariff, and write nothing.

    TARIFF is an ID (the version in force now), ID@TIME, a version's hash, FILE or FILE#ID. Amounts are with VAT.
    """
    first, last = month_of(month)
    of = ContractId(contract) if contract else None, PartnerId(partner) if partner else None
    wanted = Wanted(first=first, last=last, contract=of[0], partner=of[1], is_charged=False)
    question = Question(wanted, site=site, charged_by=TariffId(charged_by) if charged_by else None)
    with closing(open_app(settings, read_only=True)) as app:
        zone = operator_zone(settings.reference_path) or "UTC"
        catalogue = known(app, question)
        for option, asked, names in (
            ("--site", site, catalogue.sites),
            ("--contract", contract, catalogue.contracts),
            ("--partner", partner, catalogue.partners),
            ("--tariff", charged_by, catalogue.tariffs),
        ):
            demand_known(option, asked, names)
        try:
            tariff = named_tariff(name, catalogue, datetime.now(UTC), zone).tariff
        except TariffNotFound as error:
            raise click.UsageError(str(error)) from None
        with looked_at(settings, app, question._replace(instead=tariff), processes) as changes:
            sums = changes.sums
    with_plans = _with_plans(sums, catalogue, *(local_instant(day, zone) for day in (first, last + timedelta(days=1))))
    if as_json:
        told = {"tariff": tariff.id, "version": short_hash(tariff), "month": month, "contracts_with_plans": with_plans}
        print_json(told | sums.plain())
    else:
        _show(sums, f"{tariff.id}, version {short_hash(tariff)}", month)
        _tell_plans(with_plans)


def _with_plans(sums: Sums, catalogue: Catalogue, start: datetime, end: datetime) -> list[ContractId]:
    """The contracts of sessions in the totals that have a plan at some time of the month."""
    charged = {ContractId(account.removeprefix(CONTRACT)) for account, _ in sums.by_account if account.startswith(CONTRACT)}
    return sorted(
        one
        for one in charged & catalogue.contracts.keys()
        for versions in [catalogue.contracts[one]]
        if any(
            since < end and until > start and version.plan is not UNSET
            for since, until, version in zip(versions.since, (*versions.since[1:], end), versions.values, strict=True)
        )
    )


def _tell_plans(contracts: list[ContractId]) -> None:
    if not contracts:
        return
    shown = ", ".join(contracts[:_CONTRACTS_SHOWN]) + (" …" if len(contracts) > _CONTRACTS_SHOWN else "")
    have = "has a plan" if len(contracts) == 1 else "have plans"
    ERR.print(
        f"[yellow]note[/] {count(len(contracts), 'contract')} {have} ({escape(shown)}): amounts are those of the sessions, "
        "before what plans include, rebate, cap and charge by the month"
    )


def _show(sums: Sums, tariff: str, month: str) -> None:
    counts = sums.counts
    OUT.print(f"[bold]{count(counts['sessions'], 'session')} of {escape(month)}[/] by {escape(tariff)}")
    if not counts["sessions"]:
        return
    for currency, one in sums.totals().items():
        by = one.after - one.before
        those = "" if one.sessions == counts["sessions"] else f"{count(one.sessions, 'session')} with a price by both: "
        OUT.print(f"{those}was {one.before} {currency}, would be {one.after} {currency}: {by:+} {currency}")
    OUT.print(f"{counts['dearer']} dearer, {counts['cheaper']} cheaper, {counts['same']} the same")
    show_sums("tariff", sums.by_tariff, "would be")
    if sums.largest:
        columns = ("largest differences", "account", "was", "would be", "difference", "", "invoice", "finding")
        table("", columns, [cells(each) for each in sums.largest], right=(2, 3, 4))
    show_unpriced(sums)
    for key, told in (("first", "had no price"), ("currency", "would be in another currency")):
        if counts[key]:
            ERR.print(f"{count(counts[key], 'session')} {told}, and {'is' if counts[key] == 1 else 'are'} in no total")
