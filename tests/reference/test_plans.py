"""Plans in reference data: what they become, and what is said of what does not fit."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import UNSET

from tests.reference.folder import CONTRACTS, FILES, complaints, read
from vocabulary.identity import TariffId
from vocabulary.plan import Cap, Fee, Included, PlanPublished, Proration, Rebate, Scope
from vocabulary.reference import ContractPublished
from vocabulary.tariff import Basis, Dimension, DisplayText, EvseKind

PLANS = """\
plans:
  - id: fleet
    name: {en: Fleet 50, de: Flotte 50}
    valid_from: 2026-10-01
    monthly_fee: {amount: 9.99, tax_included: "YES", vat: 19}
    included: {kwh: 50, sites: [hafen]}
    rebates:
      - {percent: 10, dimensions: [ENERGY], tariffs: [ac]}
      - {per_kwh: 0.05, tax_included: "NO", evse_kinds: [AC]}
      - {per_session: 0.50, tax_included: "YES"}
    cap_per_day: {amount: 20, tax_included: "YES"}
    cap_per_month: {amount: 99.00, tax_included: "NO"}
    group: fleet
"""


def with_plans(plans: str = PLANS, contracts: str = CONTRACTS) -> dict[str, str]:
    return FILES | {"plans.yaml": plans, "contracts.yaml": contracts}


def test_a_plan_is_read_with_all_of_its_terms(tmp_path: Path) -> None:
    (fact,) = [fact for fact in read(tmp_path, with_plans()) if isinstance(fact, PlanPublished)]
    plan = fact.plan
    assert fact.valid_from == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert (plan.currency, plan.time_zone, plan.group, plan.proration) == ("EUR", "Europe/Berlin", "fleet", Proration.DAYS)
    assert plan.names == (DisplayText("en", "Fleet 50"), DisplayText("de", "Flotte 50"))
    assert plan.fee == Fee(amount=Decimal("9.99"), basis=Basis.GROSS, vat_percent=Decimal(19))
    assert plan.included == Included(energy_wh=Decimal(50_000), scope=Scope(sites=("hafen",)))
    assert plan.rebates == (
        Rebate(percent=Decimal(10), scope=Scope(dimensions=(Dimension.ENERGY,), tariffs=(TariffId("ac"),))),
        Rebate(per_kwh=Decimal("0.05"), scope=Scope(evse_kinds=(EvseKind.AC,))),
        Rebate(per_session=Decimal("0.50"), basis=Basis.GROSS),
    )
    assert (plan.day_cap, plan.month_cap) == (Cap(amount=Decimal(20)), Cap(amount=Decimal("99.00"), basis=Basis.NET))


def test_a_contract_names_its_plan_or_has_none(tmp_path: Path) -> None:
    contracts = CONTRACTS.replace("  - id: C-1\n", "  - id: C-1\n    plan: fleet\n")
    found = [
        fact.contract.plan for fact in read(tmp_path, with_plans(contracts=contracts)) if isinstance(fact, ContractPublished)
    ]
    assert found == ["fleet", UNSET]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("tariffs: [ac]", "tariffs: [acc]", "plans[1].rebates[1].tariffs[1]: there is no tariff `acc` (did you mean ac?)"),
        ("sites: [hafen]", "sites: [haven]", "plans[1].included.sites[1]: there is no site `haven` (did you mean hafen?)"),
        ("percent: 10,", "percent: 10, per_kwh: 0.1,", "takes exactly one of percent, per_kwh and per_session"),
        ("percent: 10,", "percent: 101,", "plans[1].rebates[1].percent"),
        ('per_kwh: 0.05, tax_included: "NO"', "per_kwh: 0.05", "says of an amount whether it contains VAT"),
        ('{amount: 20, tax_included: "YES"}', "{amount: 20}", "cap_per_day.tax_included: is missing"),
        ("group: fleet", "gruop: fleet", "did you mean group?"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    (only,) = complaints(tmp_path, with_plans(PLANS.replace(old, new)))
    assert said in only


def test_a_contract_cannot_name_a_plan_that_there_is_not(tmp_path: Path) -> None:
    contracts = CONTRACTS.replace("  - id: C-1\n", "  - id: C-1\n    plan: fleat\n")
    (only,) = complaints(tmp_path, with_plans(contracts=contracts))
    assert only.endswith("there is no plan `fleat` (did you mean fleet?): correct it, or add the plan to plans.yaml")
