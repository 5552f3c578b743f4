"""`wattbook ledger`: what the books hold, and whether they hold together."""

import sys

import click

from ledger.balances import TrialBalance, trial_balance
from ledger.checks import check as check_books
from wattbook.commands.output import OUT, count, escape, json_option, opened, pass_settings, print_json, table
from wattbook.settings import Settings


@click.group()
def ledger() -> None:
    """The double-entry ledger."""


@ledger.command()
@json_option
@pass_settings
def balances(settings: Settings, as_json: bool) -> None:
    """The trial balance: every account with what was debited and credited."""
    with opened(settings) as app, app.reading() as store:
        trial = trial_balance(store.ledger.balances())
    if as_json:
        print_json(trial)
        return
    show_trial(trial)


def show_trial(trial: TrialBalance) -> None:
    rows: list[tuple[object, ...]] = [
        (line.account, line.name, line.currency, f"{line.debit:.6f}", f"{line.credit:.6f}", f"{line.balance:.6f}")
        for line in trial.lines
    ]
    rows += [("", "total", total.currency, f"{total.debit:.6f}", f"{total.credit:.6f}", "") for total in trial.totals]
    table("Trial balance", ("account", "name", "", "debit", "credit", "balance"), rows, right=(3, 4, 5))


@ledger.command()
@json_option
@pass_settings
def check(settings: Settings, as_json: bool) -> None:
    """Re-derive every invariant of the books and name what is broken, with its place. Status 1 if anything is."""
    with opened(settings) as app, app.reading() as store:
        findings, head = check_books(store.ledger), store.ledger.head()
    if as_json:
        print_json({"entries": head.number, "head": head.link.hex(), "findings": findings})
    else:
        for finding in findings:
            place = f"entry {finding.entry}" if finding.entry else finding.account or "books"
            OUT.print(f"[red]broken[/] {escape(finding.rule)} · {escape(place)} · {escape(finding.detail)}")
        verdict = f"[red]{len(findings)} findings[/]" if findings else "[green]all checks hold[/]"
        OUT.print(f"{count(head.number, 'entry')}, chain head {head.link.hex()[:12]}: {verdict}")
    sys.exit(1 if findings else 0)
