"""What may be wrong with a tariff: the reasons, in order of precedence, and what a lint says of each place.

An error is a price that cannot be what was meant, cannot be invoiced, or is against the law; a warning is one that nearly
always comes to another amount than its author expects; a hint is worth a look. `tariff publish` is
refused by errors.
"""

from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

from vocabulary.tariff import Dimension, EvseKind


class LintReason(StrEnum):
    """Each has a paragraph in docs/errors.md, with what to do. In order of precedence."""

    CONTRADICTION = "restrictions_can_never_hold_together"
    UNREACHABLE = "price_can_never_apply"
    START_FEE_TOO_LATE = "start_fee_comes_up_when_another_is_charged_already"
    LIMITS_CROSS = "minimum_price_is_above_the_maximum"
    LIMIT_TAXES_NEGATIVE = "limit_after_taxes_is_below_the_one_before_them"
    VALIDITY_EMPTY = "validity_ends_before_it_begins"
    GROSS_WITHOUT_RATE = "gross_price_has_no_tax_rate"
    TAXES_UNKNOWN = "taxes_of_a_net_price_are_not_known"
    SEVERAL_TAXES = "price_bears_several_taxes_and_stands_on_no_invoice"
    LIMIT_TAXES_UNFIT = "limit_after_taxes_fits_no_tax_rate"
    UNTAXED_WITH_RATE = "price_that_is_not_taxed_has_a_tax_rate"
    RESERVATION_DIMENSION = "reservation_is_priced_by_more_than_fee_and_time"
    NOT_PER_KWH = "fast_public_charging_is_not_priced_per_kwh"
    NO_PRICE_PER_KWH = "public_charging_in_germany_has_no_price_per_kwh"
    NOTHING_PRICED = "nothing_has_a_price_and_nothing_says_free"
    NO_FALLBACK = "kind_of_price_is_free_at_times"
    EXPIRED_ONLY = "reservation_is_priced_only_where_it_expires"
    FEE_BESIDE_KWH = "fast_public_charging_has_a_fee_that_is_no_occupancy_fee"
    LACKING_IN_DIALECT = "dialect_of_the_tariff_lacks_what_it_says"
    WINDOW_WRAPS = "window_over_midnight_has_weekdays"
    WINDOW_EMPTY = "window_begins_when_it_ends"
    STEP_BESIDE_PARKING = "step_of_charging_time_beside_idle_time"
    STEPS_DIFFER = "steps_of_one_kind_of_price_differ"
    PRICE_NEGATIVE = "price_is_negative"
    PRICE_FAR_OUT = "price_is_far_from_what_charging_costs"
    OUTSIDE_VALIDITY = "dates_of_an_element_are_outside_its_validity"
    EVSE_KIND_UNUSED = "no_evse_of_the_tariff_is_of_this_kind"
    NEEDS_MEASUREMENT = "price_depends_on_measured_power_or_current"
    SEVERAL_RATES = "tariff_has_several_vat_rates"
    STEP_ABOVE_ONE = "step_makes_drivers_pay_for_what_they_did_not_get"
    STEP_ZERO = "step_size_is_zero_where_ocpi_wants_one"
    NOT_PER_MINUTE = "price_per_hour_is_no_whole_price_per_minute"
    DISPLAY_ORDER = "prices_stand_in_another_order_than_they_are_displayed"
    TEXT_REPEATS_PRICE = "text_of_the_tariff_repeats_a_price"
    LANGUAGE_MISSING = "tariff_has_no_text_in_a_language_of_its_readers"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


class Lint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`element` counts from 1, 0 is the tariff as a whole; `detail` says what is so, and what to do."""

    reason: LintReason
    severity: Severity
    element: int = 0
    dimension: Dimension | None = None
    detail: str


class Surroundings(Struct, frozen=True, kw_only=True):
    """Where a tariff is used, as far as it is known; a lint that needs more than is known is not told."""

    power_w_max: tuple[int, ...] = ()  # of the EVSEs that use it
    evse_kinds: frozenset[EvseKind] = frozenset()  # of the same; empty: not known
    is_public: bool = False  # publicly accessible, by the word of AFIR Art. 2
    is_ad_hoc: bool = False  # paid without a contract
    countries: frozenset[str] = frozenset()  # ISO 3166-1 alpha-2
    valid_from: datetime | None = None
    valid_until: datetime | None = None  # exclusive
    today: date | None = None


NOWHERE = Surroundings()


def order(lint: Lint) -> tuple[int, int, int, str]:
    """Errors first, then by precedence and place."""
    return (tuple(Severity).index(lint.severity), tuple(LintReason).index(lint.reason), lint.element, lint.dimension or "")
