"""Where the energy of a tariff comes from (OCPI EnergyMix), read and written. No price depends on it."""

from typing import Annotated, Any

from pydantic import Field

from tariffs.tariff_fields import Exact, Part, Percent, Truth
from vocabulary.tariff import EnergyMix, EnergyShare

_Category = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]  # GENERAL_GREEN, CARBON_DIOXIDE; OCPI's lists may grow
_Name = Annotated[str, Field(min_length=1, max_length=64)]


class Source(Part):
    source: _Category
    percentage: Percent


class Impact(Part):
    category: _Category
    amount: Exact  # g/kWh


class Mix(Part):
    is_green_energy: Truth
    energy_sources: tuple[Source, ...] | None = None
    environ_impact: tuple[Impact, ...] | None = None
    supplier_name: _Name | None = None
    energy_product_name: _Name | None = None


def mix_of(mix: Mix | None) -> EnergyMix | None:
    if mix is None:
        return None
    return EnergyMix(
        is_green_energy=mix.is_green_energy,
        sources=tuple(EnergyShare(name=one.source, amount=one.percentage) for one in mix.energy_sources or ()),
        impacts=tuple(EnergyShare(name=one.category, amount=one.amount) for one in mix.environ_impact or ()),
        supplier_name=mix.supplier_name,
        product_name=mix.energy_product_name,
    )


def plain_mix(mix: EnergyMix) -> dict[str, Any]:
    """The OCPI object; what is not known is left out."""
    fields = {
        "is_green_energy": mix.is_green_energy,
        "energy_sources": [{"source": share.name, "percentage": share.amount} for share in mix.sources] or None,
        "environ_impact": [{"category": share.name, "amount": share.amount} for share in mix.impacts] or None,
        "supplier_name": mix.supplier_name,
        "energy_product_name": mix.product_name,
    }
    return {name: value for name, value in fields.items() if value is not None}
