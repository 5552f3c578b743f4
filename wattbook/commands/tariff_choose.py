"""`wattbook tariff choose`: which tariff a session would have, and why, before there is one."""

import sys
from datetime import UTC, date, datetime
from typing import NamedTuple

import click

from streams.assignment import Asked, Chosen, Holder, choose_for, payment_of
from streams.catalogue import Catalogue
from vocabulary.assignment import PaymentKind
from vocabulary.codec import version_hash
from vocabulary.identity import ContractId, PartnerId, TokenUid, short
from vocabulary.sessions import Doubt, Finding
from wattbook.commands.home import looked_into
from wattbook.commands.known_names import demand_known
from wattbook.commands.moments import DAY_OR_TIME
from wattbook.commands.output import ERR, OUT, escape, escape_lines, json_option, pass_settings, print_json
from wattbook.prices import price_text
from wattbook.reference_files import operator_zone
from wattbook.reference_shapes import local_instant
from wattbook.settings import Settings


class _Whose(NamedTuple):
    """One of them, or none: anybody's."""

    token: TokenUid | None
    contract: ContractId | None
    partner: PartnerId | None


@click.command()
@click.argument("evse_id")
@click.option("--token", help="Whose session it is; without this and the next two, of anybody.")
@click.option("--contract", metavar="ID", help="Of this contract, whatever its token.")
@click.option("--partner", metavar="ID", help="Of somebody whom this roaming partner sends, whatever the token.")
@click.option(
    "--payment",
    type=click.Choice([each.value for each in PaymentKind]),
    help="How it is paid (default: as the holder tells; of anybody, no assignment by payment holds).",
)
@click.option(
    "--at",
    type=DAY_OR_TIME,
    help="When it begins: a time with its offset, or a day: its midnight where the operator is (default: now).",
)
@json_option
@pass_settings
def choose(
    settings: Settings,
    evse_id: str,
    token: str | None,
    contract: str | None,
    partner: str | None,
    payment: str | None,
    at: date | None,
    as_json: bool,
) -> None:
    """The tariff of a session that begins at an EVSE, and why it is that one."""
    if sum(name is not None for name in (token, contract, partner)) > 1:
        raise click.UsageError("name one of --token, --contract and --partner")
    zone = operator_zone(settings.reference_path) or "UTC"
    begins = datetime.now(UTC) if at is None else local_instant(at, zone)
    catalogue = looked_into(settings)
    demand_known("--contract", contract, catalogue.contracts)
    demand_known("--partner", partner, catalogue.partners)
    whose = _Whose(
        TokenUid(token) if token is not None else None,
        ContractId(contract) if contract is not None else None,
        PartnerId(partner) if partner is not None else None,
    )
    chosen = _chosen(catalogue, evse_id, whose, PaymentKind(payment) if payment else None, begins)
    if isinstance(chosen, Doubt):
        ERR.print(f"[bold red]wattbook:[/] {chosen.finding}: {escape(chosen.detail)}; see docs/errors.md")
        sys.exit(1)
    told = {"tariff": chosen.tariff.id, "version": version_hash(chosen.tariff), "because": chosen.choice.reason}
    if as_json:
        print_json(told | {"assignment": chosen.choice.assignment, "policy": chosen.choice.policy})
        return
    OUT.print(f"tariff     {escape(told['tariff'])}, version {short(told['version'])}")
    OUT.print(f"because    {escape(told['because'])}")
    OUT.print(f"price      {escape_lines(price_text(chosen.tariff, 'en'))}")


def _chosen(catalogue: Catalogue, evse_id: str, whose: _Whose, payment: PaymentKind | None, begins: datetime) -> Chosen | Doubt:
    plug = catalogue.plug_of(evse_id, begins)
    if plug is None:
        return Doubt(finding=Finding.EVSE_UNKNOWN, detail=f"no EVSE {evse_id} at {begins.isoformat()}")
    holder = _holder(catalogue, whose, begins)
    if holder is None and any(whose):
        who = "nobody has this token" if whose.token else f"{whose.contract or whose.partner} is not in force"
        return Doubt(finding=Finding.TOKEN_UNKNOWN, detail=f"{who} at {begins.isoformat()}")
    if (
        holder is not None
        and payment in (PaymentKind.CONTRACT, PaymentKind.ROAMING)
        and payment is not payment_of(holder, None)
    ):
        raise click.UsageError(
            f"--payment {payment}: what {holder.id} pays is {payment_of(holder, None)}, or without a contract"
        )
    return choose_for(Asked(plug, holder, begins, whose.token, payment=payment), begins, catalogue)


def _holder(catalogue: Catalogue, whose: _Whose, begins: datetime) -> Holder | None:
    if whose.contract:
        return catalogue.contracts[whose.contract].at(begins)
    if whose.partner:
        return catalogue.partners[whose.partner].at(begins)
    return catalogue.holder(whose.token, begins) if whose.token else None
