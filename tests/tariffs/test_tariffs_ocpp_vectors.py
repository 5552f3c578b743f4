"""The cost vectors of OCPP 2.1: three tariffs of part 2, section I, and our own, as the profile `ocpp-2.1` prices them.

What the specification prints for its own three differs from what its tariffs say (`published`, `notes`): the tariff counts.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tariffs.ocpp_document import read_ocpp
from tariffs.rate import rate
from tests.notation import session_of
from vocabulary.circumstances import Circumstances, Sample
from vocabulary.quantities import WattHours
from vocabulary.rated import RatedLine, exact_net, exact_vat
from vocabulary.sessions import ChargingSession, Reading
from vocabulary.tariff import Dimension, Profile

DATA = Path(__file__).parent.parent / "data" / "tariffs" / "ocpp-cost-vectors.ndjson"


def _lines() -> Iterator[dict[str, Any]]:
    yield from (json.loads(line, parse_float=Decimal) for line in DATA.read_text().splitlines())


VECTORS = {vector["id"]: vector for vector in _lines()}
PRICED_BY_A_TARIFF = [name for name, vector in VECTORS.items() if "currency" in vector["tariff"]]
PARTS = {
    "energy": Dimension.ENERGY,
    "chargingTime": Dimension.TIME,
    "idleTime": Dimension.PARKING_TIME,
    "fixed": Dimension.FLAT,
}
WORDS = {"Charging": "charging", "SuspendedEV": "idle"}
LIMITS = {"MinCost": Dimension.MIN_PRICE, "MaxCost": Dimension.MAX_PRICE}
ANY_DAY = "2026-01-14T10:00:00Z"


def test_every_vector_but_the_one_without_a_tariff_is_priced():
    assert len(VECTORS) == 10
    assert VECTORS.keys() - PRICED_BY_A_TARIFF == {"own-tc-i-02"}


@pytest.mark.parametrize("name", PRICED_BY_A_TARIFF)
def test_the_vector_comes_to_its_exact_amounts(name):
    vector = VECTORS[name]
    session, known = story_of(vector["session"])
    tariff = read_ocpp(vector["tariff"]).published.tariff
    rated = rate(session, tariff, vector["session"].get("timezone", "UTC"), known=known)
    assert rated.semantics == Profile.OCPP_2_1
    expected = vector["expected"]
    limit = LIMITS.get(expected.get("typeOfCost", ""))
    assert [line.dimension for line in rated.lines if line.limit] == ([limit] if limit else [])
    if limit is None:
        for part in PARTS.keys() & expected.keys():
            assert amounts([line for line in rated.lines if line.dimension is PARTS[part]]) == wanted(expected[part])
    if "total" in expected:
        assert amounts(rated.lines) == wanted(expected["total"])


def test_the_session_of_the_test_case_tc_i_02_costs_two_euros():
    """OCPP 2.0.1 part 6 knows no tariff: 0.40 per kWh is assumed, as the vector says."""
    assumed = {"tariffId": "assumed", "currency": "EUR", "energy": {"prices": [{"priceKwh": Decimal("0.40")}]}}
    session, known = story_of({"segments": [{"state": "Charging", "energyWh": 5000}]})
    rated = rate(session, read_ocpp(assumed).published.tariff, "UTC", known=known)
    assert rated.total == Decimal(VECTORS["own-tc-i-02"]["expected"]["totalCost"])


def amounts(lines: tuple[RatedLine, ...] | list[RatedLine]) -> dict[str, Fraction]:
    net = sum(map(exact_net, lines), Fraction(0))
    return {"exclTax": net, "inclTax": net + sum(map(exact_vat, lines), Fraction(0))}


def wanted(expected: dict[str, str]) -> dict[str, Fraction]:
    """Where only the net amount is told, there is no tax."""
    told = {name: Fraction(amount) for name, amount in expected.items()}
    return {"exclTax": told["exclTax"], "inclTax": told.get("inclTax", told["exclTax"])}


def story_of(told: dict[str, Any]) -> tuple[ChargingSession, Circumstances]:
    first = told["segments"][0]
    at = datetime.fromisoformat(told.get("start") or first.get("from") or ANY_DAY)
    register_wh, power = Decimal(0), []
    readings, events = [Reading(at=at, register_wh=WattHours(register_wh))], [(at, "start")]
    for segment in told["segments"]:
        until = datetime.fromisoformat(segment["to"]) if "to" in segment else at + timedelta(hours=1)
        events.append((at, WORDS[segment["state"]]))
        power += [Sample(at=at, value=Decimal(segment["maxPowerW"]))] if "maxPowerW" in segment else []
        at, register_wh = until, register_wh + Decimal(segment.get("energyWh", 0))
        readings.append(Reading(at=at, register_wh=WattHours(register_wh)))
    return session_of([*events, (at, "end")], tuple(readings)), Circumstances(power_w=tuple(power))
