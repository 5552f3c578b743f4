"""What goes the other way in a session: energy that a vehicle feeds back, and batteries that a customer brings."""

from decimal import Decimal

from msgspec import Struct

from vocabulary.quantities import WattHours


class ExportRegister(Struct, frozen=True, kw_only=True):
    """The register of what was fed back, as a session began and as it ended."""

    begin_wh: WattHours
    end_wh: WattHours


class BatteriesSwapped(Struct, frozen=True, kw_only=True):
    """The states of charge, in percent, of the batteries that a customer brought and of those that he took; rising."""

    in_percent: tuple[Decimal, ...]
    out_percent: tuple[Decimal, ...]
