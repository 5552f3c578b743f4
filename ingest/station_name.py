"""The name under which a station is known. The rule is `vocabulary.station_name`'s: it holds for Kafka too."""

from vocabulary.station_name import NAME_LENGTH_MAX, RULE, station_name

__all__ = ["NAME_LENGTH_MAX", "RULE", "station_name"]
