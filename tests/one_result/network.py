"""The charging network of these tests: stations of all three versions, who may charge there, and what it costs.

Half of what can be wrong is wrong on purpose: a station that nobody knows, a token that nobody has, one that becomes known
late, a partner's token, a tariff by time of day. The recorded frames of tests/data/ocpp are of stations that stand here too.
"""

import shutil
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import structs

from vocabulary.charging import Protocol
from vocabulary.codec import ReferenceFact
from vocabulary.identity import StationId
from vocabulary.reference import RulesAdopted
from vocabulary.rules import RULES
from vocabulary.tariff import TariffPublished
from wattbook.reference_files import read_reference
from wattbook.vault import Vault

STATIONS = {StationId(f"{p.value.removeprefix('ocpp')}-{n:02}"): p for p in Protocol for n in range(8)}
UNKNOWN_STATION = StationId("1.6-07")
TOKENS = ("TOKEN-A", "TOKEN-B", "token-a", "PARTNER-1", "NOBODY", "LATE-1", "LATE-2")
MONTH = "2026-11"  # the last one in which anybody charges here

_RECORDED = ("CP16-01", "CP16-02", "CP16-03", "CS201-01", "CS201-02", "CS21-01", "CS21-02", "CS21-03", "CS21-04")
_RECORDED += ("CS-BASIC-00001", "CS-BASIC-SIGNED-00001", "CS-KEBA-OCPP2-SIGNED-00001")

_YAML = """\
operator:
  country_code: DE
  party_id: TST
  name: Test Operator GmbH
  address: {{street: Testweg 1, postal_code: "20095", city: Hamburg, country: DE}}
  vat_id: DE123456789
  time_zone: Europe/Berlin
  currency: EUR
tariffs:
  - id: by-day
    currency: EUR
    elements:
      - price_components: [{{type: ENERGY, price: 0.37, vat: 19, step_size: 1}}, {{type: PARKING_TIME, price: 5.90, vat: 19}}]
        restrictions: {{start_time: "07:00", end_time: "21:00"}}
      - price_components: [{{type: ENERGY, price: 0.2901, vat: 19}}, {{type: TIME, price: 0.11, vat: 19}}]
  - id: by-power
    currency: EUR
    elements:
      - price_components: [{{type: ENERGY, price: 0.41, vat: 19}}]
        restrictions: {{min_power: 9}}
      - price_components: [{{type: ENERGY, price: 0.33, vat: 19}}]
sites:
  - id: lab
    name: Lab
    address: {{street: Testweg 1, postal_code: "20095", city: Hamburg, country: DE}}
    time_zone: Europe/Berlin
    latitude: 53.55
    longitude: 9.99
    evses:
{evses}
contracts:
  - id: C-ONE
    language: en
    tokens: [TOKEN-A, 04A1B2C3D4E5F6, UNDEFINED]
    holder: {{name: One Ltd, address: {{street: 1 Road, postal_code: "10115", city: Berlin, country: DE}}}}
  - id: C-TWO
    language: de
    tokens: [TOKEN-B, BB2TBR09, TAG1]
    holder: {{name: Zwei GmbH, address: {{street: Weg 2, postal_code: "10115", city: Berlin, country: DE}}}}
partners:
  - {{name: Roaming BV, country_code: NL, party_id: EMS, tokens: [{{uid: PARTNER-1, contract_id: NL-EMS-C1}}]}}
"""
_LATE_YAML = """\
contracts:
  - id: C-LATE
    language: en
    tokens: [LATE-1, LATE-2]
    holder: {name: Late plc, address: {street: 3 Road, postal_code: "10115", city: Berlin, country: DE}}
"""


def write_reference(folder: Path, late: bool = False) -> None:
    """The reference folder of a home; `late`: with the contract that becomes known late."""
    folder.mkdir(parents=True, exist_ok=True)
    known = [name for name in (*STATIONS, *_RECORDED) if name != UNKNOWN_STATION]
    evse = "      - {{evse_id: DE*TST*E{}*{}, station: {}, number: {}, tariff: {}, power_w_max: 22000}}"
    tariffs = {False: "by-day", True: "by-power"}  # the second at one EVSE of every third station
    evses = [
        evse.format(place + 100, n, name, n, tariffs[n == 2 and place % 3 == 0])
        for place, name in enumerate(known)
        for n in (1, 2)
    ]
    (folder / "reference.yaml").write_text(_YAML.format(evses="\n".join(evses)))
    if late:
        (folder / "late.yaml").write_text(_LATE_YAML)


def corrected() -> TariffPublished:
    """The tariff of nearly all EVSEs, with each price a cent higher from the beginning: what was charged since is wrong."""
    tariffs = (fact for fact in facts()[0] if isinstance(fact, TariffPublished))
    published = next(fact for fact in tariffs if fact.tariff.id == "by-day")
    elements = tuple(
        structs.replace(e, components=tuple(structs.replace(c, price=c.price + Decimal("0.01")) for c in e.components))
        for e in published.tariff.elements
    )
    return structs.replace(published, tariff=structs.replace(published.tariff, elements=elements))


@cache
def facts(vault: Path | None = None) -> tuple[tuple[ReferenceFact, ...], tuple[ReferenceFact, ...]]:
    """What is known from the beginning, and what comes late. Holders are sealed by the vault of a home, which has adopted
    rules; None: by one of the moment.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        keys = Vault(folder / "vault.json")
        if vault is None:
            keys.create()
        else:
            shutil.copy(vault, folder / "vault.json")
        write_reference(folder / "reference", late=True)
        with keys.sealing() as seal:
            everything = read_reference(folder / "reference", seal)
    late = tuple(fact for fact in everything if getattr(getattr(fact, "contract", None), "id", "") == "C-LATE")
    adopted = () if vault is None else (RulesAdopted(number=RULES),)
    return (*adopted, *(fact for fact in everything if fact not in late)), late
