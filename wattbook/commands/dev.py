"""`wattbook dev up`: Kafka and PostgreSQL to try wattbook out on, on this machine alone."""

import shlex
import signal
import time
from pathlib import Path

import click

from streams.kafka_admin import Admin
from streams.kafka_topics import Spec, create, default_replication, demand
from wattbook.commands.output import ERR, OUT, json_option, print_json
from wattbook.dev_process import ServersError
from wattbook.dev_servers import DevServers, interrupt_once, running
from wattbook.settings import Settings, read_settings
from wattbook.wiring import create_app

_LOOK_EVERY_S = 0.5


@click.group()
def dev() -> None:
    """Servers for trying out and for tests; not for data that anyone relies on."""


@dev.command()
@click.option("--nodes", type=click.Choice(["1", "3"]), help="Kafka nodes (default: 1, or as the folder has them).")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep data here and find it the next time (default: a temporary folder that is removed).",
)
@json_option
def up(nodes: str | None, folder: Path | None, as_json: bool) -> None:
    """Start Kafka and PostgreSQL on free ports, print the settings to use, and stop both on Ctrl-C.

    Topics, tables and a home with its vault are made. The servers listen on 127.0.0.1 only and end with this command,
    however it ends.
    """
    interrupt_once(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    try:
        ERR.print("starting Kafka and PostgreSQL: ten seconds or so")
        with running(folder, int(nodes) if nodes else None) as servers:
            _prepare(_settings(servers))
            _show(servers, as_json)
            _watch(servers)
    except KeyboardInterrupt:
        ERR.print("stopped")


def _settings(servers: DevServers) -> Settings:
    """As whoever uses the printed lines will have them: what else the environment says (the prefix, for one) holds too."""
    return read_settings(**{name.removeprefix("WATTBOOK_").lower(): value for name, value in servers.environment().items()})


def _prepare(settings: Settings) -> None:
    """Tables and vault belong together, so both are made here; then the topics. Where all is there, nothing is changed."""
    create_app(settings).close()
    with Admin(settings.kafka_options) as admin:
        copies = settings.kafka_replication or default_replication(admin)
        spec = Spec(settings.kafka_prefix, settings.kafka_partitions, copies)
        create(admin, spec)
        demand(admin, spec)


def _show(servers: DevServers, as_json: bool) -> None:
    """Settings to standard output as a shell reads them, so that they can be sourced from a file; the rest is for people."""
    if as_json:
        print_json(servers.environment())
    else:
        for name, value in servers.environment().items():
            OUT.print(f"export {name}={shlex.quote(value)}", markup=False)
    OUT.file.flush()
    ERR.print("ready: use these settings in another terminal; Ctrl-C stops both servers")


def _watch(servers: DevServers) -> None:
    """Return never; raise ServersError when a server ends by itself, and whatever a signal raises."""
    while (ended := servers.ended()) is None:
        time.sleep(_LOOK_EVERY_S)
    raise ServersError(f"{ended.name} has ended by itself. {ended.last_words()}")
