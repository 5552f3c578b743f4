"""The pump without a framework: the rules of every pump."""

from tests.kafka.pump_rules import PumpRules


class TestPlain(PumpRules):
    engine = "plain"
