"""A small folder of reference data, and what reading it says. Line numbers in the tests count in these texts."""

from pathlib import Path

from vocabulary.codec import ReferenceFact, encode
from vocabulary.identity import ContractId
from vocabulary.reference import Party, Sealed
from wattbook.reference_files import ReferenceErrors, read_reference

OPERATOR = """\
operator:
  country_code: DE
  party_id: ELB
  name: Elbstrom Laden GmbH
  address: {street: Beispielkai 7, postal_code: "20457", city: Hamburg, country: DE}
  vat_id: DE123456789
  iban: DE02 1203 0000 0000 2020 51
  currency: EUR
  time_zone: Europe/Berlin
"""
TARIFFS = """\
tariffs:
  - id: ac
    currency: EUR
    elements:
      - price_components:
          - {type: ENERGY, price: 0.4118, vat: 19}
"""
SITES = """\
sites:
  - id: hafen
    name: Hafen
    address: {street: Kai 1, postal_code: "20457", city: Hamburg, country: DE}
    time_zone: Europe/Berlin
    latitude: 53.5440
    longitude: 9.9960
    evses:
      - evse_id: DE*ELB*E1
        station: HAM-1
        number: 1
        tariff: ac
        power_w_max: 22000
      - evse_id: DE*ELB*E2
        station: HAM-1
        number: 2
        tariff: ac
        power_w_max: 22000
"""
CONTRACTS = """\
contracts:
  - id: C-1
    tokens: [04A1, 04A2]
    holder:
      name: Ada Example
      address: {street: Sample Street 12, postal_code: "20095", city: Hamburg, country: DE}
      email: ada@mail.example
  - id: C-2
    tokens: [04B1]
    holder:
      name: Max Mustermann
      address: {street: Musterweg 5, postal_code: "10115", city: Berlin, country: DE}
"""
PARTNERS = """\
partners:
  - country_code: NL
    party_id: EMX
    name: Elektromij
    tokens:
      - {uid: 04C1, contract_id: NL-EMX-C12345678-X}
"""
ASSIGNMENTS = """\
assignments:
  - id: fleet-at-home
    tariff: fleet
    contract: C-1
    site: hafen
"""
FLEET = TARIFFS.replace("id: ac", "id: fleet")
FILES = {
    "operator.yaml": OPERATOR,
    "tariffs.yaml": TARIFFS,
    "sites.yaml": SITES,
    "contracts.yaml": CONTRACTS,
    "partners.yaml": PARTNERS,
}
ASSIGNED = {**FILES, "assignments.yaml": ASSIGNMENTS, "fleet.yaml": FLEET}


def unsealed(contract: ContractId, party: Party) -> Sealed:
    """Stands for the vault where its secrecy is not what is tested."""
    return Sealed(f"{contract}:{encode(party).decode()}")


def write(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def edited(file: str, old: str, new: str) -> dict[str, str]:
    """The files with one place changed."""
    files = FILES if file in FILES else ASSIGNED
    assert files[file].count(old) >= 1, f"{old!r} does not stand in {file}"
    return {**files, file: files[file].replace(old, new, 1)}


def read(folder: Path, files: dict[str, str]) -> tuple[ReferenceFact, ...]:
    return read_reference(write(folder, files), unsealed)


def complaints(folder: Path, files: dict[str, str]) -> list[str]:
    """What is wrong with these files, one sentence each, with file names instead of paths."""
    try:
        read(folder, files)
    except ReferenceErrors as errors:
        return str(errors).replace(f"{folder}/", "").replace(str(folder), "reference").splitlines()
    return []
