"""`wattbook relay`: publish what the database concluded."""

import click

from wattbook.commands.output import opened, pass_settings
from wattbook.publishing import run_relay
from wattbook.serving import say
from wattbook.settings import Settings
from wattbook.topics import demand_topics


@click.command()
@pass_settings
def relay(settings: Settings) -> None:
    """Publish events, conclusions, documents and journal entries to their topics, in order, each once.

    Runs until SIGTERM. Start it once, or twice for safety: the second one waits until the first one ends.
    """
    with opened(settings) as app:
        demand_topics(settings)
        run_relay(app.engine, settings.kafka_options, settings.kafka_partitions, say)
