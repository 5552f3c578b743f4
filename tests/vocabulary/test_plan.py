"""Plans as bytes: they come back as they were, and contracts without one are the bytes that they were before there were any."""

from datetime import UTC, datetime
from decimal import Decimal

from vocabulary.codec import decode, encode, plan_hash
from vocabulary.identity import ContractId, PlanId
from vocabulary.money import Currency
from vocabulary.plan import Cap, Fee, Included, Plan, PlanPublished, Proration, Rebate, Scope
from vocabulary.reference import Contract, Sealed
from vocabulary.tariff import Basis, Dimension

PLAN = Plan(
    id=PlanId("fleet"),
    currency=Currency("EUR"),
    time_zone="Europe/Berlin",
    fee=Fee(amount=Decimal("10.00"), vat_percent=Decimal(19)),
    included=Included(energy_wh=Decimal(50_000)),
    rebates=(Rebate(percent=Decimal(10), scope=Scope(dimensions=(Dimension.ENERGY,))), Rebate(per_kwh=Decimal("0.05"))),
    month_cap=Cap(amount=Decimal(100)),
    proration=Proration.DAYS,
)


def test_a_plan_that_was_stored_is_the_same_plan_and_has_the_same_hash():
    fact = PlanPublished(plan=PLAN, valid_from=datetime(2026, 10, 1, tzinfo=UTC))
    again = decode(encode(fact))
    assert isinstance(again, PlanPublished)
    assert again == fact
    assert encode(again) == encode(fact)
    assert plan_hash(again.plan) == plan_hash(PLAN)


def test_two_plans_that_differ_in_anything_are_two_versions():
    other = Plan(
        id=PLAN.id, currency=PLAN.currency, time_zone=PLAN.time_zone, month_cap=Cap(amount=Decimal(100), basis=Basis.NET)
    )
    assert plan_hash(other) != plan_hash(PLAN)


def test_a_contract_without_a_plan_has_no_field_for_it():
    plain = Contract(id=ContractId("C-1"), holder=Sealed("k:x"), tokens=())
    assert encode(plain) == b'{"id":"C-1","holder":"k:x","language":"en","tokens":[],"tariff":null}'
