"""A tariff in one of the three formats, refused by default where the document would price another way than the tariff."""

from datetime import datetime
from typing import assert_never

from tariffs.export_ocpi import export_ocpi
from tariffs.export_ocpp import export_ocpp
from tariffs.losses import Exported, ExportRefused
from vocabulary.tariff import Profile, TariffPublished


def export(
    published: TariffPublished,
    wanted: Profile,
    *,
    country_code: str,
    party_id: str,
    last_updated: datetime,
    allow_losses: bool = False,
) -> Exported:
    """Raises ExportRefused, with all losses, where one of them changes the price and that is not allowed.

    The owner and `last_updated` are told in OCPI alone.
    """
    exported = _exported(published, wanted, country_code=country_code, party_id=party_id, last_updated=last_updated)
    if exported.changes_price and not allow_losses:
        raise ExportRefused(exported.losses)
    return exported


def _exported(
    published: TariffPublished, wanted: Profile, *, country_code: str, party_id: str, last_updated: datetime
) -> Exported:
    match wanted:
        case Profile.OCPI_2_2_1 | Profile.OCPI_2_3_0:
            return export_ocpi(published, wanted, country_code=country_code, party_id=party_id, last_updated=last_updated)
        case Profile.OCPP_2_1:
            return export_ocpp(published)
        case _:
            assert_never(wanted)
