"""`wattbook station`: who may connect to `wattbook serve`, and with which password."""

import sys
from typing import Any

import click

from vocabulary.identity import StationId
from vocabulary.station_name import RULE, station_name
from wattbook.commands.output import OUT, escape, json_option, pass_settings, print_json, table
from wattbook.credentials import Credentials
from wattbook.settings import Settings


class _Station(click.ParamType):
    name = "station"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> StationId:
        name = station_name(str(value))
        if name is None:
            self.fail(f"{value!r} is no station's name: use {RULE}", param, ctx)
        return name


_station = click.argument("name", metavar="STATION", type=_Station())
_stdin = click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from standard input, one line.")


@click.group()
def station() -> None:
    """Who may connect to `wattbook serve`, and with which password."""


@station.command()
@_station
@_stdin
@json_option
@pass_settings
def add(settings: Settings, name: StationId, from_stdin: bool, as_json: bool) -> None:
    """Let STATION connect with a password, which is made up and printed once, or read from standard input."""
    given = _given(from_stdin)
    _show(name, Credentials(settings.credentials_path).add(name, given), given is None, as_json)


@station.command()
@_station
@_stdin
@json_option
@pass_settings
def password(settings: Settings, name: StationId, from_stdin: bool, as_json: bool) -> None:
    """Give STATION another password; the old one is refused from the next connection on."""
    given = _given(from_stdin)
    _show(name, Credentials(settings.credentials_path).change(name, given), given is None, as_json)


@station.command()
@_station
@click.option("--certificate", "by_certificate", is_flag=True, help="It connects with a certificate, and has no password here.")
@json_option
@pass_settings
def revoke(settings: Settings, name: StationId, by_certificate: bool, as_json: bool) -> None:
    """Disconnect STATION within seconds and refuse it from then on, with a password as with a certificate."""
    Credentials(settings.credentials_path).revoke(name, by_certificate=by_certificate)
    if as_json:
        print_json({"station": name, "revoked": True})
    else:
        OUT.print(f"{escape(name)} is revoked: it is disconnected within seconds, and refused when it connects again")


@station.command("list")
@json_option
@pass_settings
def list_(settings: Settings, as_json: bool) -> None:
    """Which stations have a password, and which are revoked."""
    held = sorted(Credentials(settings.credentials_path).all().items())
    if as_json:
        print_json([{"station": name, "revoked": credential.revoked} for name, credential in held])
    else:
        table("", ("station", ""), [(name, "revoked" if credential.revoked else "has a password") for name, credential in held])


def _given(from_stdin: bool) -> str | None:
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else None


def _show(name: StationId, word: str, is_made_up: bool, as_json: bool) -> None:
    """A password that was made up is shown once; nobody can look it up afterwards. What was given is known."""
    if as_json:
        print_json({"station": name} | ({"password": word} if is_made_up else {}))
    elif is_made_up:
        OUT.print(f"{escape(name)}  {word}")
    else:
        OUT.print(f"{escape(name)}  has the password that was given")
