"""`wattbook audit`: replay the log and compare; verify the hash chains."""

import sys

import click

from streams.log import BrokenLink, Stream
from wattbook.audit import Difference, digests, replay
from wattbook.commands.output import OUT, escape, json_option, opened, pass_settings, print_json, table
from wattbook.settings import Settings


@click.group()
def audit() -> None:
    """What an auditor asks: is it complete, unchanged, and does everything follow from it?"""


@audit.command("replay")
@json_option
@pass_settings
def replay_(settings: Settings, as_json: bool) -> None:
    """Check the inputs, fold them again into an empty store, and compare all that follows. Status 1 on a difference."""
    with opened(settings) as app:
        result = replay(app)
    if as_json:
        print_json(result)
    else:
        OUT.print(
            f"replayed   {result.inputs} inputs: {result.events} events, "
            f"{result.conclusions} conclusions, {result.entries} entries"
        )
        OUT.print(f"digest     {result.digest}")
        _verdict(result.difference)
    sys.exit(1 if result.difference else 0)


def _verdict(difference: Difference | None) -> None:
    if difference is None:
        OUT.print("[bold green]identical[/]")
        return
    source = f", from input {difference.input}" if difference.input else ""
    OUT.print(f"[bold red]different[/] first at {difference.what} {difference.position}{source}")
    OUT.print(f"stored     {escape(difference.stored or '(nothing)')}")
    OUT.print(f"replayed   {escape(difference.replayed or '(nothing)')}")


@audit.command()
@json_option
@pass_settings
def verify(settings: Settings, as_json: bool) -> None:
    """Walk the hash chain of every stream. Status 1 where one is broken."""
    with opened(settings) as app, app.reading() as store:
        chains = {stream: store.log.verify(stream) for stream in Stream}
    broken = [found for found in chains.values() if isinstance(found, BrokenLink)]
    if as_json:
        print_json({stream: found._asdict() for stream, found in chains.items()})
    else:
        rows = [(s, "BROKEN" if isinstance(f, BrokenLink) else "whole", f.position, _link(f)) for s, f in chains.items()]
        table("Hash chains", ("stream", "", "last position", "head"), rows, right=(2,))
    sys.exit(1 if broken else 0)


def _link(found: object) -> str:
    return f"found {found.found.hex()[:16]}" if isinstance(found, BrokenLink) else getattr(found, "link", b"").hex()[:16]


@audit.command("digest")
@json_option
@pass_settings
def digest_(settings: Settings, as_json: bool) -> None:
    """Digests that do not depend on the order of the log, to compare two stores."""
    with opened(settings) as app, app.reading() as store:
        found = digests(store)
    if as_json:
        print_json(found)
    else:
        table("Order-free digests", ("of", "sha-256"), list(found.items()))
