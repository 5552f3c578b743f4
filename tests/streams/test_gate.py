"""From a closed session to its charge, or to the reason why it cannot be billed yet; and what is in force when."""

from datetime import timedelta
from decimal import Decimal
from functools import cache

import pytest
from msgspec import structs

from streams.catalogue import Catalogue, is_in_force
from streams.rating import conclude, running_cost
from streams.sessions import so_far
from tests.streams.folding import fold
from tests.streams.material import LONG_AGO, catalogue, contract, everything, evse, operator, partner, site, tariff
from tests.streams.notation import STATION, events
from vocabulary.codec import ReferenceFact, version_hash
from vocabulary.identity import StationId, TariffId, TokenUid
from vocabulary.quantities import WattHours
from vocabulary.reference import Contract, EvseName, Partner
from vocabulary.rules import FACTS, PERSONS
from vocabulary.sessions import (
    CONTRADICTING,
    ChargingSession,
    Doubt,
    Finding,
    SessionFlagged,
    SessionRated,
)
from vocabulary.signatures import SignatureChecked, Verdict

SECOND = timedelta(seconds=1)


@cache
def session(token: str = "A", number: int = 1, energy_wh: int = 5000) -> ChargingSession:
    """An hour's charging, ending at 23:30 UTC: the next day in Hamburg."""
    started = f"22:30 started #0 begin 0 evse {number} token {token}" if token else f"22:30 started #0 begin 0 evse {number}"
    [closed] = fold(events(f"{started}\n23:30 ended #1 end {energy_wh}")).closed
    return closed.session


def found(given: ChargingSession, *facts: ReferenceFact) -> str:
    """The finding that keeps a session from being rated; empty: it is rated."""
    last = conclude(given, catalogue(*facts))[-1]
    return last.finding.name if isinstance(last, SessionFlagged) else ""


def rated(given: ChargingSession, *facts: ReferenceFact) -> SessionRated:
    last = conclude(given, catalogue(*facts))[-1]
    assert isinstance(last, SessionRated)
    return last


def test_a_session_is_judged_and_rated() -> None:
    checked, charge = conclude(session(), catalogue(*everything()))
    assert isinstance(checked, SignatureChecked)
    assert isinstance(charge, SessionRated)
    assert (checked.verdict, charge.held) == (Verdict.UNSIGNED, None)
    assert (charge.contract, charge.partner, charge.evse_id) == ("C1", None, "DE*ABC*E1")
    assert charge.tariff_version == version_hash(tariff().tariff)
    assert charge.rated.total == Decimal("1.79")  # 5 kWh x 0.30 + 19 %
    assert charge.ended_on.isoformat() == "2026-10-06", "by the site's calendar"


def test_a_charge_names_its_site_and_the_registers_first_and_last_reading() -> None:
    charge = rated(session(), *everything())
    assert (charge.site, charge.site_name) == (site().site.id, site().site.name)
    assert (charge.begin_wh, charge.end_wh) == (Decimal(0), Decimal(5000))
    assert charge.end_wh - charge.begin_wh == charge.energy_wh


@pytest.mark.parametrize(
    ("facts", "finding"),
    [
        pytest.param((), "EVSE_UNKNOWN", id="nothing is known"),
        pytest.param((site(evse(2), evse(3)), contract(), tariff()), "EVSE_UNKNOWN", id="the number is none of the station's"),
        pytest.param(
            (site(evse(1, station=StationId("CP9"))), contract(), tariff()), "EVSE_UNKNOWN", id="the station is another"
        ),
        pytest.param(
            (site(valid_from=session().start + SECOND), contract(), tariff()), "EVSE_UNKNOWN", id="the site comes later"
        ),
        pytest.param((site(), tariff()), "TOKEN_UNKNOWN", id="nobody has the token"),
        pytest.param((site(), contract("B"), tariff()), "TOKEN_UNKNOWN", id="somebody else does"),
        pytest.param(
            (site(), contract(valid_from=session().start + SECOND), tariff()), "TOKEN_UNKNOWN", id="the contract begins later"
        ),
        pytest.param((site(), contract()), "TARIFF_MISSING", id="no tariff"),
        pytest.param(
            (site(), contract(), tariff(valid_from=session().start + SECOND)), "TARIFF_MISSING", id="the tariff is for later"
        ),
        pytest.param(
            (site(), contract(tariff=TariffId("own")), tariff()),
            "TARIFF_MISSING",
            id="the contract has another that is missing",
        ),
        pytest.param(
            (site(), contract(tariff=TariffId("own")), tariff(), tariff(name="own", vat="7")),
            "VAT_UNFIT",
            id="the contract's tariff bears another country's VAT",
        ),
        pytest.param((site(), contract(), tariff(valid_from=session().start)), "", id="all is in force from the very start"),
        pytest.param((site(evse(7)), contract(), tariff()), "EVSE_UNKNOWN", id="the only EVSE is not the one that was named"),
    ],
)
def test_what_keeps_a_session_from_being_rated(facts: tuple[ReferenceFact, ...], finding: str) -> None:
    assert found(session(), *facts) == finding


def test_an_evse_that_was_never_told_is_the_only_one_of_its_station() -> None:
    unnamed = structs.replace(session(), evse=0)
    assert found(unnamed, site(evse(7)), contract(), tariff()) == ""
    assert found(unnamed, site(evse(7), evse(8)), contract(), tariff()) == "EVSE_UNKNOWN"


def test_a_session_that_names_no_token_belongs_to_nobody() -> None:
    assert found(session(token=""), *everything()) == "TOKEN_UNKNOWN"


@pytest.mark.parametrize(("energy_wh", "finding"), [(24_603, ""), (24_604, "ENERGY_IMPLAUSIBLE")])
def test_energy_that_the_evse_cannot_have_delivered_is_not_rated(energy_wh: int, finding: str) -> None:
    """22 kW for an hour and a minute, a tenth more for the meter's own margin: 24 603.33 Wh."""
    assert found(session(energy_wh=energy_wh), *everything()) == finding


@pytest.mark.parametrize(
    ("lasts", "finding"), [(timedelta(days=30), ""), (timedelta(days=30, seconds=1), "DURATION_IMPLAUSIBLE")]
)
def test_a_session_that_lasts_longer_than_a_month_ended_by_a_broken_clock(lasts: timedelta, finding: str) -> None:
    begun = session()
    end, stretches = begun.start + lasts, (structs.replace(begun.stretches[0], end=begun.start + lasts),)
    readings = (begun.readings[0], structs.replace(begun.readings[1], at=end))
    long = structs.replace(begun, end=end, stretches=stretches, readings=readings)
    assert found(long, *everything()) == finding
    assert (running_cost(long, catalogue(*everything())) is None) == bool(finding)


def test_a_failed_or_missing_signature_holds_the_amount_and_says_why() -> None:
    required = site(evse(1, signatures="required"))
    checked, flagged, charge = conclude(session(), catalogue(required, contract(), tariff()))
    assert isinstance(checked, SignatureChecked)
    assert isinstance(flagged, SessionFlagged)
    assert isinstance(charge, SessionRated)
    assert flagged.finding == charge.held == Finding.SIGNATURE_UNVERIFIABLE
    assert charge.rated.total == Decimal("1.79"), "what is held is known"


def test_a_token_is_compared_without_regard_to_case() -> None:
    assert rated(session("deadBEEF"), site(), contract("DEADbeef"), tariff()).contract == "C1"


def test_a_contract_comes_before_a_partner() -> None:
    assert rated(session(), site(), partner("A"), contract("A"), tariff()).contract == "C1"
    assert rated(session(), site(), partner("A"), tariff()).partner == "NL*EMS"


def test_the_price_is_that_of_the_contract_else_that_of_the_evse() -> None:
    own = tariff("0.20", name="own")
    assert rated(session(), site(), contract(tariff=TariffId("own")), tariff(), own).tariff == "own"
    assert rated(session(), site(), contract(), tariff(), own).tariff == "day"


def test_the_price_in_force_at_the_start_counts_to_the_end() -> None:
    during = tariff("9.99", valid_from=session().start + SECOND)
    assert rated(session(), site(), contract(), tariff("0.30"), during).rated.total == Decimal("1.79")


# What is in force


def test_a_version_is_in_force_from_its_instant_until_the_next_ones() -> None:
    known = catalogue(tariff("3", valid_from=LONG_AGO + 2 * SECOND), tariff("1"), tariff("2", valid_from=LONG_AGO + SECOND))
    at = {seconds: known.tariff(TariffId("day"), LONG_AGO + seconds * SECOND) for seconds in range(-1, 4)}
    prices = {seconds: found and str(found.elements[0].components[0].price) for seconds, found in at.items()}
    assert prices == {-1: None, 0: "1", 1: "2", 2: "3", 3: "3"}


def test_of_two_versions_of_one_instant_the_one_published_last_counts() -> None:
    for first, second in (("1", "2"), ("2", "1")):
        found = catalogue(tariff(first), tariff(second)).tariff(TariffId("day"), LONG_AGO)
        assert found is not None and found.elements[0].components[0].price == Decimal(second)


def test_a_token_that_was_taken_from_a_contract_is_nobodys_from_then_on() -> None:
    known = catalogue(contract("A"), contract("B", valid_from=LONG_AGO + SECOND))
    assert isinstance(known.holder(TokenUid("A"), LONG_AGO), Contract)
    assert known.holder(TokenUid("A"), LONG_AGO + SECOND) is None


def test_a_partners_token_is_the_partners() -> None:
    assert isinstance(catalogue(partner("P")).holder(TokenUid("p"), LONG_AGO), Partner)


@pytest.mark.parametrize("fact", everything(), ids=lambda fact: type(fact).__name__)
def test_a_fact_is_in_force_once_it_was_published(fact: ReferenceFact) -> None:
    assert not is_in_force(Catalogue(), fact)
    assert is_in_force(catalogue(fact), fact)
    assert not is_in_force(catalogue(fact), structs.replace(fact, valid_from=LONG_AGO + SECOND))


def test_a_fact_that_was_replaced_is_in_force_no_more() -> None:
    assert not is_in_force(catalogue(tariff("1"), tariff("2")), tariff("1"))


def test_an_evse_is_found_by_each_of_its_names_and_by_no_other() -> None:
    other = StationId("CP9")
    mapped = evse(1, also_known_as=(EvseName(station=other, number=3), EvseName(station=STATION, number=7)))
    known = catalogue(site(mapped, evse(2)))
    found = [known.plug(*name, LONG_AGO) for name in ((STATION, 1), (other, 3), (STATION, 7), (other, 0))]
    assert [plug.evse.evse_id for plug in found if plug] == ["DE*ABC*E1"] * 4
    assert [known.plug(*name, LONG_AGO) for name in ((other, 1), (STATION, 3), (STATION, 0))] == [None] * 3
    assert [plug.evse.number for plug in known.plugs(STATION, LONG_AGO)] == [1, 2]


def test_folding_facts_changes_no_catalogue_that_is_there() -> None:
    before = catalogue(site())
    after = catalogue(site(), *everything())
    assert before.plug(STATION, 1, LONG_AGO) is not None
    assert (before.operator(LONG_AGO), before.contracts) == (None, {})
    assert after.operator(LONG_AGO) == operator().operator


# What a person must say


def test_what_was_deauthorised_is_held_under_its_reason_until_it_is_set_aside() -> None:
    refused = structs.replace(session(), stop_reason="DeAuthorized")
    flagged, _, charge = conclude(refused, catalogue(*everything()))
    assert isinstance(flagged, SessionFlagged) and isinstance(charge, SessionRated)
    assert (flagged.finding, charge.held) == (Finding.DEAUTHORISED, Finding.DEAUTHORISED)
    assert charge.rated == rated(session(), *everything()).rated
    assert rated_in(refused, catalogue(*everything()), Finding.DEAUTHORISED).held is None


@pytest.mark.parametrize(("energy_wh", "rules"), [(0, PERSONS), (5000, FACTS)])
def test_without_energy_or_by_rules_before_nothing_is_held_for_it(energy_wh: int, rules: int) -> None:
    refused = structs.replace(session(energy_wh=energy_wh), stop_reason="DeAuthorized")
    assert rated_in(refused, structs.replace(catalogue(*everything()), rules=rules)).held is None


@pytest.mark.parametrize("finding", sorted(CONTRADICTING))
def test_what_contradicts_start_and_end_blocks_until_it_is_set_aside(finding: Finding) -> None:
    doubtful = structs.replace(session(), doubts=(Doubt(finding=finding, detail="seen"),))
    [blocked] = conclude(doubtful, catalogue(*everything()))
    assert isinstance(blocked, SessionFlagged) and (blocked.finding, blocked.detail) == (finding, "seen")
    assert running_cost(doubtful, catalogue(*everything())) is None
    assert rated_in(doubtful, catalogue(*everything()), finding) == rated(session(), *everything())


def rated_in(given: ChargingSession, known: Catalogue, *waived: Finding) -> SessionRated:
    last = conclude(given, known, waived=waived)[-1]
    assert isinstance(last, SessionRated)
    return last


# While it runs


def test_the_running_cost_is_what_the_session_would_cost_now() -> None:
    known = catalogue(*everything())
    assert running_cost(session(), known) == rated(session(), *everything()).rated


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_without_a_price_there_is_no_running_cost_and_it_is_not_free(missing: int) -> None:
    facts: list[ReferenceFact] = [site(), contract(), tariff()]
    del facts[missing]
    assert running_cost(session(), catalogue(*facts)) is None


@pytest.mark.parametrize(("start", "end"), [(1, 1), (9999, 9999)])
def test_a_time_that_has_no_local_time_is_not_rated(start: int, end: int) -> None:
    far = structs.replace(session(), start=session().start.replace(year=start), end=session().end.replace(year=end))
    long_before = LONG_AGO.replace(year=1)
    facts = site(valid_from=long_before), contract(valid_from=long_before), tariff(valid_from=long_before)
    assert found(far, *facts) == "TARIFF_MISSING"
    assert running_cost(far, catalogue(*facts)) is None


@pytest.mark.parametrize(("seconds", "finding"), [(0, ""), (1, "DURATION_IMPLAUSIBLE")])
def test_a_session_of_more_than_30_days_is_not_rated_and_costs_nothing_known(seconds: int, finding: str) -> None:
    """One of its clocks was wrong; a night tariff over half a century would also take its time to price."""
    end = session().start + timedelta(days=30, seconds=seconds)
    stretches = (structs.replace(session().stretches[0], end=end),)
    readings = (session().readings[0], structs.replace(session().readings[-1], at=end))
    long = structs.replace(session(), end=end, stretches=stretches, readings=readings)
    assert found(long, *everything()) == finding
    assert (running_cost(long, catalogue(*everything())) is None) == bool(finding)


def test_energy_is_exact_in_the_gate() -> None:
    tiny = WattHours(Decimal("24603.33333333333333333333334"))
    first, last = session().readings
    readings = (first, structs.replace(last, register_wh=tiny))
    assert found(structs.replace(session(), readings=readings, energy_wh=tiny), *everything()) == "ENERGY_IMPLAUSIBLE"


def test_a_driver_is_not_told_what_a_placeholder_or_an_impossible_register_would_cost() -> None:
    story = "22:30 started #0 begin 0 evse 1 token A\n22:35 updated #1 sample 909948"
    assert _cost_so_far(story) is None, "nobody knows yet which of the two is wrong"
    assert _cost_so_far(f"{story}\n22:40 updated #2 sample 910031") == Decimal("0.03")
    assert running_cost(session(energy_wh=910_031), catalogue(*everything())) is None


def _cost_so_far(story: str) -> Decimal | None:
    [state] = fold(events(story)).open
    told = so_far(state)
    assert told is not None
    cost = running_cost(told, catalogue(*everything()))
    return None if cost is None else cost.total
