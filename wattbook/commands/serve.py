"""`wattbook serve`: stations connect to it."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click

from wattbook.commands.home import publish_quietly
from wattbook.commands.output import OUT, opened, pass_settings
from wattbook.front_door import check_door
from wattbook.serving import serve as serve_stations
from wattbook.settings import Settings, SettingsError, read_settings

_PORT = click.IntRange(0, 65535)


@click.command()
@click.option("--host", "serve_host", help="Address to listen on (default: WATTBOOK_SERVE_HOST, 127.0.0.1).")
@click.option("--port", "serve_port", type=_PORT, help="TCP port; 0 takes a free one (default: WATTBOOK_SERVE_PORT, 9000).")
@click.option(
    "--security-profile",
    "serve_security_profile",
    type=click.IntRange(0, 3),
    help="OCPP's, 0 to 3; 0 lets everybody in (default: 1 or 2).",
)
@click.option(
    "--upstream", "serve_upstream", metavar="URL", help="Stand before the CSMS at URL, pass everything on and record it."
)
@click.option("--http-host", help="Address for HTTP (default: WATTBOOK_HTTP_HOST, 127.0.0.1).")
@click.option("--http-port", type=_PORT, help="TCP port for POST /v1/messages; 0 takes a free one (default: no HTTP).")
@pass_settings
def serve(settings: Settings, /, **options: object) -> None:
    """Accept stations on HOST:PORT/ocpp/STATION as their CSMS, for OCPP 1.6, 2.0.1 and 2.1.

    A station shows its name and password (`wattbook station add`), or its certificate. With --http-port, a CSMS may publish
    messages there as well.
    """
    given = {name: value for name, value in options.items() if value is not None}
    with _named_as_typed(given):
        settings = read_settings(home=settings.home, **given)
        check_door(settings)
        settings.http_tls()
    with opened(settings) as app:
        publish_quietly(app)
        app.runtime.pump()
        asyncio.run(serve_stations(app, _listening))


@contextmanager
def _named_as_typed(given: Iterable[str]) -> Iterator[None]:
    """What is wrong with an option that was given is told by its name, and not by that of its variable."""
    try:
        yield
    except SettingsError as error:
        typed, told = {each.name: each.opts[0] for each in click.get_current_context().command.params}, str(error)
        for name in given:
            told = re.sub(rf"^WATTBOOK_{name.upper()}(?=:)", typed[name], told, flags=re.MULTILINE)
        raise SettingsError(told) from None


def _listening(address: str) -> None:
    OUT.print(f"listening on {address}; stop with Ctrl-C")
    OUT.file.flush()
