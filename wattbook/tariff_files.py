"""The tariffs of one file: in YAML as people write them, in JSON also as partners and stations have them (OCPI, OCPP 2.1)."""

from pathlib import Path

from tariffs.importing import read_tariffs
from tariffs.tariff_fields import TariffRefused
from vocabulary.tariff import TariffPublished
from wattbook.reference_files import ReferenceErrors, tariffs_in
from wattbook.reference_yaml import Place, Problem


def published_in(file: Path, zone: str) -> tuple[TariffPublished, ...]:
    """In order of id and time; of JSON as they stand. `zone` is that in which days begin. Raises ReferenceErrors."""
    if file.suffix.lower() != ".json":
        return tuple(item.shape for item in tariffs_in(file, zone))
    try:
        return tuple(each.published for each in read_tariffs(file.read_bytes()))
    except TariffRefused as refused:
        place = Place(str(file))
        raise ReferenceErrors(Problem(place, "", complaint) for complaint in refused.complaints) from None
