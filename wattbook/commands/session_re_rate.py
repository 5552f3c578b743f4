"""`wattbook session re-rate`: charge sessions anew by what is in force now; what would change is shown first."""

import sys
from contextlib import closing
from datetime import date

import click

from streams.decisions import objection
from streams.states import SessionRow, Wanted
from vocabulary.identity import TariffId, short
from vocabulary.reference import Decision
from wattbook.commands.home import publish_quietly
from wattbook.commands.known_names import demand_known
from wattbook.commands.moments import DAY
from wattbook.commands.output import ERR, escape, opened, pass_settings
from wattbook.commands.re_rating import Asked, carry_out, looked_at, options
from wattbook.comparing import Question, some
from wattbook.rerating import found
from wattbook.settings import Settings
from wattbook.wiring import App, NotReady


@click.command("re-rate")
@click.argument("identities", nargs=-1, metavar="[SESSION]...")
@click.option("--tariff", help="Sessions that this tariff prices, or would now.")
@click.option("--from", "first", type=DAY, help="The first day on which they ended, by the site's calendar.")
@click.option("--until", "last", type=DAY, help="The last one.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is kept with each decision.")
@options
@pass_settings
def re_rate(
    settings: Settings,
    identities: tuple[str, ...],
    tariff: str | None,
    first: date | None,
    last: date | None,
    reason: str,
    by: str,
    yes: bool,
    processes: int,
    as_json: bool,
) -> None:
    """Charge sessions anew by what is in force now: these, or those that ended within --from and --until.

    A charge that would be another one is reversed, and rated under its next revision; what is the same stays, and so does what
    is on an invoice. What would change is shown first, and written where that is confirmed.
    """
    if bool(identities) == bool(first and last) or (identities and tariff):
        raise click.UsageError("name sessions, or both --from and --until, with --tariff or without")
    if first and last and last < first:
        raise click.UsageError(f"--until {last} is before --from {first}")
    asked = Asked(reason, by, yes, as_json, processes)
    with opened(settings) as app:
        publish_quietly(app)
        app.runtime.pump()
        demand_known("--tariff", tariff, app.runtime.catalogue().tariffs)
        if identities:
            question = Question(Wanted(), keeps=True)
            with closing(found([some(app, question, _named(app, identities))], lambda _: None)) as changes:
                carry_out(app, changes, asked, are_named=True)
            return
        wanted = Wanted(first=first, last=last)
        question = Question(wanted, about=TariffId(tariff) if tariff else None, keeps=True)
        with looked_at(settings, app, question, processes) as changes:
            carry_out(app, changes, asked)


def _named(app: App, identities: tuple[str, ...]) -> list[SessionRow]:
    named: dict[str, SessionRow] = {}
    with app.reading() as store:
        for identity in identities:
            rows = store.states.find(identity)
            if len(rows) != 1:
                what = f"{len(rows)} sessions begin" if rows else "no session begins"
                ERR.print(f"[bold red]wattbook:[/] {what} with {escape(identity)}: see `wattbook session list`")
                sys.exit(1)
            if why := objection(rows[0], Decision.RERATE, None):
                raise NotReady(f"session {short(rows[0].session)} is not re-rated: {why}")
            named[rows[0].session] = rows[0]
    return [named[session] for session in sorted(named)]
