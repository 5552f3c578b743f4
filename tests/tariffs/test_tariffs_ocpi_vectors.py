"""The worked numbers of OCPI's tariffs module, and our own beside them: every vector is priced, or named with what it lacks.

The vectors (tests/data/ocpi/pricing-vectors.json) are our own work. Tariffs of the standard's example files are restated by
their numbers in tests/data/ocpi/tariffs.json; the files themselves may not be copied changed (CC BY-ND).
"""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from tariffs.document import read_document, tariff_of
from tariffs.rate import rate
from tests.notation import session_of
from vocabulary.quantities import WattHours
from vocabulary.rated import exact_net, exact_vat
from vocabulary.sessions import ChargingSession, Reading
from vocabulary.tariff import Tariff

DATA = Path(__file__).parent.parent / "data" / "ocpi"
VECTORS = {vector["id"]: vector for vector in json.loads((DATA / "pricing-vectors.json").read_text())["vectors"]}
TARIFFS = json.loads((DATA / "tariffs.json").read_text())["tariffs"]
LEFT_OUT = {
    "S03": "min_price",
    "S04": "min_price",
    "S06": "max_price",
    "S07": "max_price",
    "S12": "tax_included: taxes that the operator does not know",
    "S13": "tax_included: gross prices",
    "S14": "current restriction",
    "S15": "current restriction",
    "S16": "reservation",
    "S17": "reservation",
    "S18": "reservation",
    "S19": "reservation",
    "S20": "reservation",
    "S21": "reservation",
    "S25": "power restriction",
    "X11": "max_price",
    "X12": "min_price",
    "X19": "tax_included: gross prices",
    "X21": "min_price",
}
IN_SCOPE = [name for name in VECTORS if name not in LEFT_OUT]
STEADY = ["S22", "S23", "S24", "S30", "X01", "X03", "X04", "X05", "X06", "X07", "X14"]  # one power throughout
PHASES = {"charging": "charging", "parking": "idle"}


def test_every_vector_is_priced_or_named_with_the_feature_it_needs():
    assert LEFT_OUT.keys() <= VECTORS.keys()
    assert (len(VECTORS), len(IN_SCOPE), len(LEFT_OUT)) == (55, 36, 19)


@pytest.mark.parametrize("name", IN_SCOPE)
def test_the_vector_comes_to_its_exact_amounts(name):
    vector = VECTORS[name]
    rated = rate(session_in(vector), tariff_in(vector), vector["time_zone"])
    net = sum((exact_net(line) for line in rated.lines), Fraction(0))
    gross = net + sum((exact_vat(line) for line in rated.lines), Fraction(0))
    assert (net, gross) == (Fraction(vector["expect"]["before_taxes"]), Fraction(vector["expect"]["after_taxes"]))


@pytest.mark.parametrize("name", STEADY)
def test_price_changes_are_found_where_no_reading_marks_them(name):
    """The periods of a vector are split where its prices change; of a steady power the first and last reading tell all."""
    vector = VECTORS[name]
    session = session_in(vector)
    turns = [(stretch.start, stretch.activity.value) for stretch in session.stretches]
    bare = session_of([(session.start, "start"), *turns, (session.end, "end")], (session.readings[0], session.readings[-1]))
    rated = [rate(one, tariff_in(vector), vector["time_zone"]) for one in (bare, session)]
    assert rated[0] == rated[1]


def tariff_in(vector: dict) -> Tariff:
    inline = vector.get("tariff")
    if inline is None:
        return tariff_of(read_document(TARIFFS[vector.get("tariff_file") or vector["cdr_file"]])).tariff
    fields = {name: value for name, value in inline.items() if (name, value) != ("tax_included", "N/A")}
    return tariff_of(read_document({"id": vector["id"], "valid_from": "2020-01-01T00:00:00Z", **fields})).tariff


def session_in(vector: dict) -> ChargingSession:
    at, register_wh = datetime.fromisoformat(vector["start"]), Decimal(0)
    readings, events = [Reading(at=at, register_wh=WattHours(register_wh))], [(at, "start")]
    for period in vector["periods"]:
        if events[-1][1] != PHASES[period["phase"]]:
            events.append((at, PHASES[period["phase"]]))
        at += timedelta(seconds=period["seconds"])
        register_wh += Decimal(period.get("energy_kwh", "0")) * 1000
        readings.append(Reading(at=at, register_wh=WattHours(register_wh)))
    return session_of([*events, (at, "end")], tuple(readings))
