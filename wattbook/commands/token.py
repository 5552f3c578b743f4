"""`wattbook token`: who may use the HTTP door."""

import re
import secrets
from datetime import UTC, datetime

import click

from vocabulary.access import PREFIX, SECRET_BYTES, Role, Token
from wattbook.commands.output import OUT, escape, json_option, opened, pass_settings, print_json, print_lines
from wattbook.database import reading, writing
from wattbook.settings import Settings
from wattbook.sql_access import NameTaken, SqlAccess
from wattbook.wiring import NotReady

_NAME = re.compile(r"[\w.@+-]{1,64}")


@click.group()
def token() -> None:
    """Tokens for the HTTP door: who may publish messages to it."""


@token.command()
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), required=True, help="What its holder is to the books."
)
@click.option("--name", required=True, help="Who holds it; a name stands for one token.")
@json_option
@pass_settings
def create(settings: Settings, role: str, name: str, as_json: bool) -> None:
    """Make a token and print it, this once: only its hash is kept."""
    if not _NAME.fullmatch(name):
        raise click.UsageError("--name: 1 to 64 letters, digits and any of . _ @ + -")
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    with opened(settings) as app, writing(app.engine) as connection:
        try:
            SqlAccess(connection).add(name, Role(role), secret, datetime.now(UTC))
        except NameTaken:
            raise NotReady(f"there is a token called {name} already: choose another name") from None
    if as_json:
        print_json({"name": name, "role": role, "token": secret})
    else:
        OUT.print(escape(secret), soft_wrap=True)


@token.command("list")
@json_option
@pass_settings
def list_(settings: Settings, as_json: bool) -> None:
    """Show all tokens that ever were, by their last four characters."""
    with opened(settings) as app, reading(app.engine) as connection:
        found = SqlAccess(connection).tokens()
    if as_json:
        print_json(found)
    else:
        print_lines(("name", "role", "ends with", "created (UTC)", "revoked (UTC)"), [_row(each) for each in found])


@token.command()
@click.argument("name")
@pass_settings
def revoke(settings: Settings, name: str) -> None:
    """Revoke the token called NAME, at once and for ever."""
    with opened(settings) as app, writing(app.engine) as connection:
        if not SqlAccess(connection).revoke(name, datetime.now(UTC)):
            raise NotReady(f"there is no token called {name} that holds: see `wattbook token list`")
    OUT.print(f"revoked    {escape(name)}")


def _row(each: Token) -> tuple[str, ...]:
    revoked = "" if each.revoked is None else f"{each.revoked:%Y-%m-%d %H:%M:%S}"
    return each.name, each.role.value, f"…{each.last_four}", f"{each.created:%Y-%m-%d %H:%M:%S}", revoked
