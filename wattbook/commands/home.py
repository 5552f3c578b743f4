"""`wattbook init` and `wattbook reference`: a home folder, and the facts it publishes."""

from contextlib import closing
from pathlib import Path

import click

from streams.catalogue import Catalogue
from streams.embedded_runtime import catalogue_in
from vocabulary.rules import RULES
from wattbook.commands.output import ERR, OUT, count, escape, json_option, opened, pass_settings, print_json
from wattbook.init_files import write_example
from wattbook.reference_ahead import ahead
from wattbook.settings import Settings, read_settings
from wattbook.wiring import App, Published, create_app, open_app


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@pass_settings
def init(settings: Settings, folder: Path | None) -> None:
    """Make a home in FOLDER (default: here): a database, a vault, and commented example reference data."""
    settings = read_settings(home=folder) if folder else settings
    written = write_example(settings.reference_path)
    create_app(settings).close()
    for path in written:
        OUT.print(f"written    {escape(str(path))}")
    OUT.print(f"database   {escape(settings.database_name)}")
    OUT.print("\nNext: make the reference data yours, then `wattbook reference publish` and `wattbook import FILE`.")
    if settings.uses_kafka:
        OUT.print("What comes into Kafka is processed by `wattbook worker`.")


@click.group()
def reference() -> None:
    """Reference data: who sells, where, at what price, to whom."""


@reference.command()
@json_option
@pass_settings
def publish(settings: Settings, as_json: bool) -> None:
    """Check the reference folder and publish what is new in it into the log."""
    with opened(settings) as app:
        published = app.publish_reference()
    _warn(published)
    if as_json:
        print_json({name: value for name, value in published._asdict().items() if name != "left_out"})  # nothing is, here
    else:
        OUT.print(f"{count(published.facts, 'fact')} read, {published.new} new")


def _warn(published: Published) -> None:
    """A price for a time that is over changes nothing that is concluded. Newer rules are told of where there were others
    before.
    """
    if published.rules_before is not None:
        ERR.print(
            f"rules {RULES} hold from here on; what was kept and concluded by rules {published.rules_before} stays as it is"
        )
    for each in published.repriced:
        ERR.print(
            f"[yellow]warning[/] {escape(each)} has another price for a time that is over: "
            f"sessions that were rated keep theirs, what comes late is rated by the new one; {_remedy(each)}"
        )
    _tell_left_out(published.left_out)


def _tell_left_out(changed: tuple[str, ...]) -> None:
    for each in changed:
        ERR.print(
            f"[yellow]left out[/] {escape(each)} has another price for a time that is over: the one that was published holds; "
            f"{_remedy(each)}"
        )


def _remedy(changed: str) -> str:
    kind, _, name = changed.partition(":")
    change = (
        f"`wattbook tariff publish {escape(name)} --re-rate --reason TEXT`"
        if kind == "tariff"
        else "`wattbook reference publish`, then `wattbook session re-rate --from DAY --until DAY --reason TEXT`,"
    )
    return f"{change} shows what would change, and changes it; for a price of the future, add a version with `valid_from`"


def looked_into(settings: Settings) -> Catalogue:
    """What is in force, and what the next command that bills would publish of the reference folder. Nothing is written."""
    with closing(open_app(settings, read_only=True)) as app:
        found = ahead(app)
    _tell_left_out(found.left_out)
    if found.new:
        folder, count_here = escape(str(settings.reference_path)), "counts" if found.new == 1 else "count"
        ERR.print(f"reference data: {count(found.new, 'new fact')} of {folder} {count_here} here, and nothing is published")
    return found.catalogue


def published_here(settings: Settings) -> Catalogue:
    """What is in force in this home, without the folder; nothing where there is no home."""
    if isinstance(settings.database_place, Path) and not settings.database_place.exists():
        return Catalogue()
    with closing(open_app(settings, read_only=True)) as app, app.reading() as store:
        return catalogue_in(store.log)


def publish_quietly(app: App) -> None:
    """What commands that bill do first: take up edited reference data, but for prices of a time that is over, and say so."""
    if not app.settings.reference_path.is_dir():
        return
    published = app.publish_reference(for_the_past=False)
    _warn(published)
    if published.new:
        ERR.print(
            f"reference data: {count(published.new, 'new fact')} published from {escape(str(app.settings.reference_path))}"
        )
