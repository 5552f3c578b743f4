"""What a session costs under a tariff: the one calculator for running cost, final cost, CDR and invoice.

    timeline     the session as whole numbers                      price_list   the tariff made ready, kept
    periods      cut where a price can change, each with the prices in force (the first element that applies)
    charges      period x price, added up by price, with what step sizes add
    lines        the charges of each price in money, and what the tariff's limits change
    owed         the lines added up exactly, rounded to minor units once per tax

A session so far is rated as if it ended now. Rating is exact: numbers that would need rounding raise instead, and the only
roundings are those of `tariffs.rounding` and of the register between two readings (`tariffs.timeline`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from itertools import groupby
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct
from msgspec.structs import replace

from tariffs.charges import Charge, Taken, charges, taken
from tariffs.clock import second_of
from tariffs.compiled import ENERGY, EXPORT, SLOTS, PriceList, Rule, TaxKey, price_list
from tariffs.limits import NOTHING, Adjustment, Part, Parts, added, frozen, limited, replaced
from tariffs.lines import Money
from tariffs.periods import Period, periods
from tariffs.policy import HOUSE, Policy
from tariffs.reserving import reserved_periods
from tariffs.rounding import owed
from tariffs.timeline import LINE_PLACES, Timeline, timeline
from vocabulary.circumstances import NOTHING_KNOWN, Circumstances
from vocabulary.money import round_to_minor
from vocabulary.rated import Rated, RatingNote
from vocabulary.sessions import ChargingSession
from vocabulary.tariff import Basis, Dimension, Profile, Tariff
from vocabulary.zones import zone

EXACT = Context(prec=500, traps=[Inexact, InvalidOperation])
LINE_ORDER = (
    *(Dimension.ENERGY, Dimension.TIME, Dimension.PARKING_TIME, Dimension.FLAT),  # of price displays, AFIR Art. 5
    *(Dimension.SWAP, Dimension.ENERGY_EXPORT),
)
_ORDER = {SLOTS.index(dimension): place for place, dimension in enumerate(LINE_ORDER)}

Schedule = tuple[tuple[datetime, Tariff], ...]
"""Tariffs that follow each other within a session: from which instant on, which. The first holds from the start."""


class Priced(Struct, frozen=True):
    """A session taken apart by its prices, before anything is added up: what `rate` and `tariffs.breakdown` are made of."""

    line: Timeline
    lists: tuple[PriceList, ...]
    profile: Profile
    reserved: Sequence[Period]
    cut: Sequence[Period]
    charges: Sequence[Charge]
    taken: Sequence[Taken]


def rate(
    session: ChargingSession,
    tariff: Tariff | Schedule,
    time_zone: str,
    policy: Policy = HOUSE,
    known: Circumstances = NOTHING_KNOWN,
) -> Rated:
    """`time_zone` is the site's (IANA): the tariff's times of day, dates and weekdays are in it."""
    with localcontext(EXACT):
        return rated(priced(session, tariff, zone(time_zone), policy, known), time_zone, policy)


def priced(
    session: ChargingSession,
    tariff: Tariff | Schedule,
    site: ZoneInfo,
    policy: Policy,
    known: Circumstances,
    also: Iterable[int] = (),
) -> Priced:
    """`also`: further seconds to cut at, which changes no price. To be called in a decimal context that loses no digits."""
    schedule = _schedule(tariff, session)
    lists = tuple(each for _, each in schedule)
    profile = policy.profile or lists[0].tariff.profile
    line = timeline(session, max(LINE_PLACES, *(each.energy_places for each in lists)))
    scheduled = [(since, each.compiled(line.places, known)) for since, each in schedule]
    before = reserved_periods(session, scheduled, site, known, profile) if known.reserved else []
    if known.reserved is not None and known.reserved.expired:
        cut: list[Period] = []
    else:
        freezing = profile is Profile.OCPP_2_1 and lists[0].tariff.max_price is not None
        cut = periods(line, scheduled, site, known, (*also, *line.seconds) if freezing else also)
    in_ocpp = profile is Profile.OCPP_2_1
    sets = known.swap.sets if known.swap is not None else 0
    found = [*charges(before, flat_at_start=in_ocpp), *charges(cut, flat_at_start=in_ocpp, sets=sets)]
    by_price = taken(found, steps=not in_ocpp, step_on_time=policy.step_on_time)
    return Priced(line, lists, profile, before, cut, found, by_price)


def rated(one: Priced, time_zone: str, policy: Policy) -> Rated:
    tariff, money = one.lists[0].tariff, Money(one.line, one.lists)
    visible = _visible(one.taken)
    parts = money.parts(visible)
    charged = parts if one.line.export is None else money.parts(each for each in visible if each.rule.slot != EXPORT)
    limits = _limits(one, charged, money, policy)
    for each in limits:
        parts[each.key] = parts.get(each.key, NOTHING) + each.change
    lines = (*(money.line(each, time_zone) for each in visible), *(money.limit_line(each) for each in limits))

    def line_by_line() -> Iterable[tuple[TaxKey, Part]]:
        yield from ((each.rule.key, money.part_of(each)) for each in visible)
        yield from ((each.key, each.change) for each in limits)

    due = owed(parts, line_by_line, tariff.currency, policy, is_limited=bool(limits))
    notes = _notes(one, visible)
    return Rated(
        currency=tariff.currency,
        lines=lines,
        owed=due,
        total=sum((each.gross for each in due), round_to_minor(Decimal(0), tariff.currency)),
        semantics=one.profile.value,
        rounding=policy.rounding,
        notes=notes or UNSET,
    )


def _schedule(tariff: Tariff | Schedule, session: ChargingSession) -> list[tuple[int, PriceList]]:
    """The lists of several tariffs share the unit of their prices, and number their rules on."""
    if isinstance(tariff, Tariff):
        return [(0, price_list(tariff))]
    starts = [second_of(session.start), *(second_of(since) for since, _ in tariff[1:])]
    if len(tariff) == 1:
        return [(starts[0], price_list(tariff[0][1]))]
    assert len({each.currency for _, each in tariff}) == 1, "a session is paid in one currency"
    places = max(price_list(each).places for _, each in tariff)
    lists: list[PriceList] = []
    for _, each in tariff:
        lists.append(PriceList(each, places, lists[-1].numbered_until if lists else 0))
    return [*zip(starts, lists, strict=True)]


def _visible(found: Sequence[Taken]) -> list[Taken]:
    """In the order of lines, without prices that found nothing to charge and start fees of nothing.

    If none is left, one that tells why it is free.
    """
    telling = [each for each in found if (each.quantity if each.rule.slot >= ENERGY else each.rule.price)]
    shown = telling or [each for each in found if not each.rule.price][:1]
    return sorted(shown, key=lambda each: (each.rule.reserved, _ORDER[each.rule.slot]))


def _limits(one: Priced, parts: Parts, money: Money, policy: Policy) -> list[Adjustment]:
    """By the tariff with which the session began. A reservation that nobody used is no session: it has no least price.

    They hold for what is charged: what is paid for energy that was fed back is no part of it, and never changed.
    """
    tariff = one.lists[0].tariff if one.cut else replace(one.lists[0].tariff, min_price=None)
    if tariff.min_price is None and tariff.max_price is None:
        return []
    if one.profile is not Profile.OCPP_2_1:
        return limited(parts, tariff, policy.limit_tax)
    found = frozen([*_amounts_in_time(one, money)], tariff)
    left = added([*parts.items(), *((each.key, each.change) for each in found)])
    return [*found, *replaced(left, tariff)]


def _amounts_in_time(one: Priced, money: Money) -> Iterable[list[tuple[TaxKey, Part]]]:
    """What is charged at once: a start fee, where it first comes up, then a fee for a swap, then what their period measured."""
    once: set[int] = set()
    charged = (each for each in one.charges if each.rule.slot != EXPORT)
    for (_, _, slot), found in groupby(
        charged, key=lambda each: (each.rule.reserved, each.period, min(each.rule.slot, ENERGY))
    ):
        due = [each for each in found if slot == ENERGY or each.rule.number not in once]
        once.update(each.rule.number for each in due if slot != ENERGY)
        yield [(each.rule.key, money.part(each.rule, each.quantity)) for each in due]


def _notes(one: Priced, visible: Sequence[Taken]) -> tuple[RatingNote, ...]:
    notes = []
    if any(period.lacks_power for period in one.cut):
        notes.append(RatingNote.POWER_NOT_MEASURED)
    if one.profile is Profile.OCPI_2_3_0 and any(_is_untold(each.rule) for each in visible):
        notes.append(RatingNote.TAX_UNKNOWN)
    if any(period.lacks_price for period in one.cut):
        notes.append(RatingNote.PRICE_NOT_PUBLISHED)
    return tuple(notes)


def _is_untold(rule: Rule) -> bool:
    """Whether a price has taxes that the tariff does not name (OCPI 2.3.0, where no vat is given)."""
    return (
        bool(rule.price) and rule.key.vat_percent is None and not rule.key.taxes and rule.list.tariff.basis is not Basis.UNTAXED
    )
