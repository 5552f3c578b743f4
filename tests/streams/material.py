"""Reference data for the tests of the steps: one site with two EVSEs, one contract, one partner, one tariff."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from streams.catalogue import Catalogue, with_fact
from tests.streams.notation import STATION
from vocabulary.codec import ReferenceFact
from vocabulary.identity import ContractId, PartnerId, TariffId, TokenUid
from vocabulary.money import Currency
from vocabulary.reference import (
    Address,
    Contract,
    ContractPublished,
    Evse,
    Operator,
    OperatorPublished,
    Partner,
    PartnerPublished,
    PartnerToken,
    Sealed,
    Site,
    SitePublished,
)
from vocabulary.rules import RULES
from vocabulary.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffPublished

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ADDRESS = Address(street="Am Kai 1", postal_code="20457", city="Hamburg", country="DE")


def evse(number: int = 1, **more: Any) -> Evse:
    told: dict[str, Any] = {
        "evse_id": f"DE*ABC*E{number}",
        "station": STATION,
        "number": number,
        "tariff": TariffId("day"),
        "power_w_max": 22_000,
    }
    return Evse(**told | more)


def site(*evses: Evse, valid_from: datetime = LONG_AGO, **more: Any) -> SitePublished:
    told: dict[str, Any] = {
        "id": "kai",
        "name": "Am Kai",
        "address": ADDRESS,
        "time_zone": "Europe/Berlin",
        "latitude": Decimal("53.5"),
        "longitude": Decimal("9.9"),
        "evses": evses or (evse(1), evse(2)),
    }
    return SitePublished(site=Site(**told | more), valid_from=valid_from)


def contract(*tokens: str, valid_from: datetime = LONG_AGO, name: str = "C1", **more: Any) -> ContractPublished:
    held = Contract(id=ContractId(name), holder=Sealed("k:"), tokens=tuple(map(TokenUid, tokens or ("A",))), **more)
    return ContractPublished(contract=held, valid_from=valid_from)


def partner(*tokens: str, valid_from: datetime = LONG_AGO, **more: Any) -> PartnerPublished:
    known = tuple(PartnerToken(uid=TokenUid(token), contract_id=f"NL-EMS-{token}") for token in tokens or ("P",))
    roaming = Partner(id=PartnerId("NL*EMS"), name="EMS", country_code="NL", party_id="EMS", tokens=known, **more)
    return PartnerPublished(partner=roaming, valid_from=valid_from)


def tariff(price: str = "0.30", valid_from: datetime = LONG_AGO, name: str = "day", vat: str | None = "19") -> TariffPublished:
    energy = PriceComponent(dimension=Dimension.ENERGY, price=Decimal(price), vat_percent=None if vat is None else Decimal(vat))
    published = Tariff(id=TariffId(name), currency=Currency("EUR"), elements=(TariffElement(components=(energy,)),))
    return TariffPublished(tariff=published, valid_from=valid_from)


def operator(valid_from: datetime = LONG_AGO) -> OperatorPublished:
    sells = Operator(
        country_code="DE", party_id="ABC", name="Kai GmbH", address=ADDRESS, vat_id="DE123456789", currency=Currency("EUR")
    )
    return OperatorPublished(operator=sells, valid_from=valid_from)


def everything() -> tuple[ReferenceFact, ...]:
    return operator(), site(), contract(), partner(), tariff()


def catalogue(*facts: ReferenceFact) -> Catalogue:
    known = Catalogue(rules=RULES)
    for fact in facts:
        known = with_fact(known, fact)
    return known
