"""What the prices of a session may depend on beside its energy and its time, as the reference data and its messages tell it.

kind of the EVSE      the site's `power_type`
"""

from streams.catalogue import Plug
from vocabulary.circumstances import Circumstances
from vocabulary.reference import Evse
from vocabulary.tariff import EvseKind


def known_of(plug: Plug) -> Circumstances:
    return Circumstances(evse_kind=kind_of(plug.evse))


def kind_of(evse: Evse) -> EvseKind:
    """OCPI PowerType: all but DC are kinds of AC."""
    return EvseKind.DC if evse.power_type == "DC" else EvseKind.AC
