"""`wattbook serve`: stations connect to it."""

import asyncio

import click

from wattbook.commands.home import publish_quietly
from wattbook.commands.output import OUT, opened, pass_settings
from wattbook.serving import serve as serve_stations
from wattbook.settings import Settings, read_settings


@click.command()
@click.option("--host", help="Address to listen on (default: WATTBOOK_SERVE_HOST, 127.0.0.1).")
@click.option("--port", type=int, help="TCP port; 0 takes a free one (default: WATTBOOK_SERVE_PORT, 9000).")
@click.option("--http-host", help="Address for HTTP (default: WATTBOOK_HTTP_HOST, 127.0.0.1).")
@click.option("--http-port", type=int, help="TCP port for POST /v1/messages; 0 takes a free one (default: no HTTP).")
@pass_settings
def serve(settings: Settings, host: str | None, port: int | None, http_host: str | None, http_port: int | None) -> None:
    """Accept stations on ws://HOST:PORT/ocpp/STATION as their CSMS, for OCPP 1.6, 2.0.1 and 2.1.

    With --http-port, a CSMS may publish messages there as well.
    """
    given = {"serve_host": host, "serve_port": port, "http_host": http_host, "http_port": http_port}
    settings = read_settings(home=settings.home, **{name: value for name, value in given.items() if value is not None})
    settings.http_tls()
    with opened(settings) as app:
        publish_quietly(app)
        app.runtime.pump()
        asyncio.run(serve_stations(app, _listening))


def _listening(what: str, host: str, port: int) -> None:
    if what == "ws":
        OUT.print(f"listening on ws://{host}:{port}/ocpp/<station> (ocpp2.1, ocpp2.0.1, ocpp1.6); stop with Ctrl-C")
    else:
        OUT.print(f"listening on {what}://{host}:{port}/v1/messages, for publishers")
    OUT.file.flush()
