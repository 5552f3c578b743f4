"""By which rules a tariff prices and rounds: chosen before a rating, and named in its result.

    profile        OCPI 2.2.1, 2.3.0                               OCPP 2.1 (part 2, I12)
    fixed fee      when its element first applies, once per phase  by the conditions at the start of the transaction (FR.30)
    step size      once per session and unit                       there is none
    maximum        each bound on the total, independently          all cost freezes when either bound is reached (FR.39)
    minimum        each bound on the total, independently          replaces all, where either bound is missed (FR.38)
    reservation    as it goes by; expired ones too                 by the conditions at the start of the transaction (FR.06)
    VAT absent     2.2.1: none applies; 2.3.0, net: not known      no tax applies

OCPI declares rounding to be out of its scope and OCPP knows none, so it is ours: exact to the end, then to whole minor units.
"""

from enum import StrEnum

from msgspec import Struct

from vocabulary.tariff import Profile


class Halves(StrEnum):
    """Where an amount goes that lies half-way between two minor units."""

    UP = "half-up"  # away from zero: a credit mirrors its debit
    EVEN = "half-even"


class Rounded(StrEnum):
    """What is rounded: everything else is a sum or a difference of it.

    A limit of the tariff holds to the minor unit by the first; by the others it is exact, and rounding may pass it.
    """

    GROSS_PER_TAX = "per session and VAT rate, on gross"  # what the driver was shown
    NET_PER_TAX = "per session and VAT rate, on net"  # what a business sums up; the tax is that of the rounded net
    GROSS_PER_LINE = "per line, on gross"


class LimitTax(StrEnum):
    """What the taxes become where a limit after taxes changes a total."""

    BY_RATE = "by rate"  # the limit is a gross price: what a tax contains of it follows from its rate
    INDEPENDENT = "independent"  # OCPI's two bounds: the net total stays, the difference is tax without a rate


class StepOnTime(StrEnum):
    """Which time is rounded up where charging and parking are both priced (OCPI mod_tariffs, step_size)."""

    PARKING = "parking"  # by its sentence: the parking time
    LAST = "last"  # by its example: whichever was priced last


class Policy(Struct, frozen=True, kw_only=True):
    profile: Profile | None = None  # None: the one that the tariff was authored in
    halves: Halves = Halves.UP
    rounded: Rounded = Rounded.GROSS_PER_TAX
    limit_tax: LimitTax = LimitTax.BY_RATE
    step_on_time: StepOnTime = StepOnTime.PARKING

    @property
    def rounding(self) -> str:
        """As it stands in a result: "half-up per session and VAT rate, on gross"."""
        return f"{self.halves} {self.rounded}"


HOUSE = Policy()
"""What is billed by, unless something else is agreed."""
