"""Re-rating as a person sees it: what would change first, a question, then what became of it. Used by several commands."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click

from streams.rerating import Compared, difference
from vocabulary.identity import short
from wattbook.commands.output import ERR, OUT, count, json_option, print_json_around, sessions_bar, table
from wattbook.comparing import Question, compare
from wattbook.comparing import count as count_sessions
from wattbook.comparison import Sum, Sums, account_of, one_plain
from wattbook.deciding import demand_texts
from wattbook.rerating import Changes, found, rerate
from wattbook.settings import Settings
from wattbook.wiring import App

_SHOWN = 20  # sessions, and accounts

F = Callable[..., Any]


class Asked(NamedTuple):
    """How it is to be done. `yes`: without a question."""

    reason: str
    by: str
    yes: bool
    as_json: bool
    processes: int


processes_option = click.option(
    "--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="So many compute at a time."
)


def options(command: F) -> F:
    """Those that every re-rating has, but its reason."""
    for option in (
        json_option,
        processes_option,
        click.option("--yes", is_flag=True, help="Write it without a question."),
        click.option("--by", default="", metavar="NAME", help="Who decides."),
    ):
        command = option(command)
    return command


@contextmanager
def looked_at(settings: Settings, app: App, question: Question, processes: int) -> Iterator[Changes]:
    """All sessions of the question, with a bar while they are looked at."""
    with sessions_bar("looked at", count_sessions(app, question)) as progress:
        changes = found(compare(settings, app, question, processes), progress)
    with closing(changes):
        yield changes


def carry_out(
    app: App, changes: Changes, asked: Asked, before: Callable[[], object] | None = None, are_named: bool = False
) -> None:
    """Show what would change; where that is confirmed, do what comes before, and rate anew; where it is not, end with status 1.
    `are_named`: by a person, so that what is told of an invoice already is told anew.
    """
    demand_texts(asked.reason, asked.by)
    to_decide = changes.sums.counts["changed"] + changes.sums.counts["invoiced" if are_named else "to_tell"]
    if not asked.as_json:
        _show(changes)
    is_left = bool(to_decide or before)
    is_confirmed = is_left and (asked.yes or (not asked.as_json and _is_confirmed()))
    noted = 0
    if is_confirmed:
        if before:
            before()
        wanted = (each for each in changes if are_named or not (each.invoice and each.is_told))
        with sessions_bar("decided", to_decide) as progress:
            noted = rerate(app, wanted, asked.reason, asked.by, datetime.now(UTC), progress)
    if asked.as_json:
        _print(changes, noted, is_confirmed)
    else:
        _tell(app, changes.sums, noted, is_left, is_confirmed)
    if is_left and not is_confirmed:
        sys.exit(1)


def _is_confirmed() -> bool:
    return sys.stdin.isatty() and click.confirm("Write this?", err=True)


def _tell(app: App, sums: Sums, noted: int, is_left: bool, is_confirmed: bool) -> None:
    if not is_left:
        OUT.print("nothing to do")
    elif not is_confirmed:
        ERR.print("nothing was written, and the status is 1: `--yes` writes it")
    elif not app.runtime.concludes_at_once:
        OUT.print(f"{count(noted, 'decision')} noted; a `wattbook worker` applies them when it runs")
    elif changed := sums.counts["changed"]:
        OUT.print(f"{count(changed, 'session')} re-rated: each charge was reversed, and what holds was booked anew")
    else:
        OUT.print(
            "no session re-rated: no charge changes" + (f"; {count(noted, 'difference')} from invoices noted" if noted else "")
        )


def _print(changes: Changes, noted: int, is_confirmed: bool) -> None:
    counts = changes.sums.counts
    totals = {"changed": counts["changed"], "invoiced": counts["invoiced"], **changes.sums.plain()}
    del totals["largest"]
    print_json_around("changes", map(one_plain, changes), totals | {"confirmed": is_confirmed, "decisions": noted})


# For people


def _show(changes: Changes) -> None:
    sums = changes.sums
    OUT.print(f"{count(sums.counts['sessions'], 'session')} looked at: {sums.counts['changed']} would be charged anew")
    if sums.counts["changed"] + sums.counts["invoiced"] == 0:
        return
    shown = [each for each, _ in zip(changes, range(_SHOWN), strict=False)]
    columns = ("session", "account", "was", "will be", "difference", "", "invoice", "finding")
    table("", columns, [cells(each) for each in shown], right=(2, 3, 4))
    _tell_of_more(sums.counts["changed"] + sums.counts["invoiced"], "sessions")
    show_sums("tariff", sums.by_tariff)
    show_sums("account", sums.by_account)
    show_unpriced(sums)
    if stays := sums.counts["invoiced"]:
        ERR.print(
            f"[yellow]note[/] {count(stays, 'session')} on an invoice would cost something else: an invoice never changes, the "
            "charge stays, and the worklist tells the difference (`truth_differs_from_what_was_invoiced`)"
        )


def _tell_of_more(there_are: int, what: str) -> None:
    if (more := there_are - _SHOWN) > 0:
        OUT.print(f"and {more} more {what}: `--json` prints all")


def cells(each: Compared) -> tuple[object, ...]:
    """A session in a table."""
    after = f"{each.after}{' held' if each.held_after and not each.held else ''}" if each.after is not None else None
    amounts = each.before, after, _signed(difference(each)), each.currency or each.currency_after
    return short(each.session), account_of(each), *amounts, each.invoice, each.finding


def _signed(amount: Any) -> str | None:
    return None if amount is None else f"{amount:+}"


def show_sums(what: str, sums: dict[tuple[str, str], Sum], becomes: str = "will be") -> None:
    """Totals by tariff, or by account; those that stay the same are none of them."""
    moved = sorted((item for item in sums.items() if item[1].before != item[1].after), key=_by_size)
    rows = [(key, one.sessions, one.before, one.after, f"{one.after - one.before:+}", c) for (key, c), one in moved[:_SHOWN]]
    if rows:
        table("", (what, "sessions", "was", becomes, "difference", ""), rows, right=(1, 2, 3, 4))
        _tell_of_more(len(moved), f"{what}s")


def _by_size(item: tuple[tuple[str, str], Sum]) -> tuple[Any, ...]:
    key, one = item
    return -abs(one.after - one.before), key


def show_unpriced(sums: Sums) -> None:
    rows = [
        (finding, missed.sessions, " ".join(map(short, missed.examples))) for finding, missed in sorted(sums.unpriced.items())
    ]
    if rows:
        table("", ("without a price", "sessions", "such as"), rows, right=(1,))
