"""The topics as the settings want them."""

from streams.kafka_client import Admin
from streams.kafka_topics import Spec, default_replication, demand
from wattbook.settings import Settings


def spec_of(settings: Settings, admin: Admin) -> Spec:
    return Spec(settings.kafka_prefix, settings.kafka_partitions, settings.kafka_replication or default_replication(admin))


def demand_topics(settings: Settings) -> None:
    """For whoever is about to work with them. Raises TopicsMisfit unless all are as they must be."""
    with Admin(settings.kafka_options) as admin:
        demand(admin, spec_of(settings, admin))
