"""The shape of a plan as people write it in `plans:`, and the plan that it is.

    monthly_fee: {amount: 9.99, tax_included: "YES", vat: 19}
    included: {kwh: 50}
    rebates:
      - {percent: 10, dimensions: [ENERGY]}
      - {per_kwh: 0.05, tax_included: "NO", evse_kinds: [AC]}
    cap_per_month: {amount: 99.00, tax_included: "YES"}

Whether an amount contains VAT is always said. Its currency is the operator's; its months and days begin in the operator's zone.
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from tariffs.tariff_fields import Exact, Percent, Price
from vocabulary.identity import PlanId, TariffId
from vocabulary.money import Currency
from vocabulary.plan import Cap, Fee, Included, Plan, Proration, Rebate, Scope
from vocabulary.tariff import Basis, Dimension, DisplayText, EvseKind
from wattbook.reference_shapes import Dated, Id, Language, OptionalText, Shape, Text

Taxed = Literal["YES", "NO"]


class AmountShape(Shape):
    amount: Price
    tax_included: Taxed


class FeeShape(AmountShape):
    vat: Percent | None = None


class ScopeShape(Shape):
    """All that is given must hold; what is left out holds for everything."""

    tariffs: tuple[Text, ...] = ()
    sites: tuple[Text, ...] = ()
    evse_kinds: tuple[Literal["AC", "DC"], ...] = ()


class IncludedShape(ScopeShape):
    kwh: Exact


class RebateShape(ScopeShape):
    percent: Percent | None = None
    per_kwh: Price | None = None
    per_session: Price | None = None
    tax_included: Taxed | None = None
    dimensions: tuple[Literal["ENERGY", "TIME", "PARKING_TIME", "FLAT"], ...] = ()

    @model_validator(mode="after")
    def _is_one(self) -> "RebateShape":
        given = [one for one in (self.percent, self.per_kwh, self.per_session) if one is not None]
        if len(given) != 1:
            raise ValueError("takes exactly one of percent, per_kwh and per_session: write another rebate for each")
        if (self.tax_included is None) != (self.percent is not None):
            raise ValueError(
                'says of an amount whether it contains VAT, and of a percentage nothing: tax_included: "YES" or "NO"'
            )
        return self


class PlanShape(Dated):
    id: Id
    name: Annotated[dict[Language, Text], Field(default_factory=dict)]
    monthly_fee: FeeShape | None = None
    included: IncludedShape | None = None
    rebates: tuple[RebateShape, ...] = ()
    cap_per_day: AmountShape | None = None
    cap_per_month: AmountShape | None = None
    proration: Literal["days", "whole_months"] = "days"
    group: OptionalText = ""


def plan_of(shape: PlanShape, currency: str, time_zone: str) -> Plan:
    fee, included = shape.monthly_fee, shape.included
    return Plan(
        id=PlanId(shape.id),
        currency=Currency(currency),
        time_zone=time_zone,
        names=tuple(DisplayText(language, text) for language, text in shape.name.items()),
        fee=None if fee is None else Fee(amount=fee.amount, basis=_basis(fee.tax_included), vat_percent=fee.vat),
        included=None if included is None else Included(energy_wh=included.kwh * 1000, scope=_scope(included)),
        rebates=tuple(map(_rebate, shape.rebates)),
        day_cap=_cap(shape.cap_per_day),
        month_cap=_cap(shape.cap_per_month),
        proration=Proration(shape.proration),
        group=shape.group,
    )


def _rebate(shape: RebateShape) -> Rebate:
    return Rebate(
        percent=shape.percent,
        per_kwh=shape.per_kwh,
        per_session=shape.per_session,
        basis=_basis(shape.tax_included or "NO"),
        scope=_scope(shape, *(Dimension(one) for one in shape.dimensions)),
    )


def _scope(shape: ScopeShape, *dimensions: Dimension) -> Scope | None:
    scope = Scope(
        dimensions=dimensions,
        tariffs=tuple(map(TariffId, shape.tariffs)),
        sites=shape.sites,
        evse_kinds=tuple(map(EvseKind, shape.evse_kinds)),
    )
    return scope if scope != Scope() else None


def _cap(shape: AmountShape | None) -> Cap | None:
    return None if shape is None else Cap(amount=Decimal(shape.amount), basis=_basis(shape.tax_included))


def _basis(tax_included: Taxed) -> Basis:
    return Basis.GROSS if tax_included == "YES" else Basis.NET
