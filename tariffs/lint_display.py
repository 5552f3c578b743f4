"""What the law and a reader want of prices that are shown to drivers.

Regulation (EU) 2023/1804 (AFIR) Art. 5(4), for ad hoc prices at publicly accessible recharging points, since 2024-04-13: from
50 kW on the price is based on the price per kWh, with at most an occupancy fee per minute beside it; below 50 kW all
components are shown per kWh, per minute, per session, others last. Germany, PAngV § 14(2) and (4): at a public point the ad
hoc price per kWh is shown. That a session fee or a minimum is no price per kWh is our reading of the first.
"""

import re
from collections.abc import Iterator
from fractions import Fraction

from tariffs.coverage import minus, space_of
from tariffs.explain import components_of, driver_price, is_exact_per_minute, is_free, limit_amount, taxes_known
from tariffs.lint_prices import Placed, placed
from tariffs.lint_reach import example, places_of
from tariffs.lints import Lint, LintReason, Severity, Surroundings
from vocabulary.tariff import Dimension, Restrictions, Tariff, costs

FAST_FROM_W = 50_000
EU = frozenset(re.findall("..", "ATBEBGCYCZDEDKEEESFIFRGRHRHUIEITLTLULVMTNLPLPTROSESISK"))  # ISO 3166-1 alpha-2
_TIMED = (Dimension.TIME, Dimension.PARKING_TIME)
_RANK = {Dimension.ENERGY: 0, Dimension.TIME: 1, Dimension.PARKING_TIME: 1, Dimension.FLAT: 2}
_LANGUAGES: dict[str, str] = dict(  # of the countries whose language is not English; a text in one of several is enough
    re.findall(
        r"(\w\w):(\S+)",
        "AT:de BE:nl/fr/de BG:bg CH:de/fr/it CY:el CZ:cs DE:de DK:da EE:et ES:es FI:fi/sv FR:fr GR:el HR:hr HU:hu IS:is "
        "IT:it LI:de LT:lt LU:lb/fr/de LV:lv NL:nl NO:no/nb/nn PL:pl PT:pt RO:ro SE:sv SI:sl SK:sk",
    )
)
_NUMBER = r"\d+(?:[.,]\d+)?"
_MONEY = r"(?:€|\$|£|ct\b|cents?\b|eur\b|euro\b|chf\b|kr\b|zł|pln\b|czk\b|kč|usd\b|gbp\b)"
_PRICE_TEXT = re.compile(
    rf"{_NUMBER}\s*{_MONEY}|(?:€|\$|£)\s*{_NUMBER}|{_NUMBER}\s*(?:\w+\s*)?/\s*(?:kwh|min|h)\b", re.IGNORECASE
)


def display(tariff: Tariff, where: Surroundings) -> Iterator[Lint]:
    is_shown = where.is_public and where.is_ad_hoc
    if is_shown and where.countries & EU and not is_free(tariff):
        if max(where.power_w_max, default=0) >= FAST_FROM_W:
            yield from _fast(tariff)
        yield from _per_minute(tariff)
        yield from _in_order(tariff)
    if is_shown and "DE" in where.countries and not is_free(tariff) and not _has_energy_price(tariff):
        yield Lint(
            reason=LintReason.NO_PRICE_PER_KWH,
            severity=Severity.WARNING,
            detail="PAngV § 14 has the price per kWh shown at a public charging point: price energy per kWh.",
        )


def _has_energy_price(tariff: Tariff) -> bool:
    return any(costs(component) for _, _, component in places_of(tariff, Dimension.ENERGY))


def _fast(tariff: Tariff) -> Iterator[Lint]:
    if not _has_energy_price(tariff):
        yield _not_per_kwh("Energy has no price per kWh, which AFIR Art. 5(4) wants from 50 kW on: price it per kWh.")
    elif found := _timed_without_energy(tariff):
        yield _not_per_kwh(f"Time is charged and energy is not, {found}: give energy a price per kWh there as well.")
    for at in placed(tariff):
        if not at.component.price or (why := _other_fee(at, tariff)) == "":
            continue
        yield Lint(
            reason=LintReason.FEE_BESIDE_KWH,
            severity=Severity.WARNING,
            element=at.element,
            dimension=at.component.dimension,
            detail=f"{why}: from 50 kW on AFIR Art. 5(4) knows the price per kWh and an occupancy fee per minute. "
            "Put it into the price per kWh.",
        )
    if limit_amount(tariff.min_price):
        yield Lint(
            reason=LintReason.FEE_BESIDE_KWH,
            severity=Severity.WARNING,
            detail="A minimum price makes short sessions cost more than their kWh: from 50 kW on AFIR Art. 5(4) knows the "
            "price per kWh and an occupancy fee per minute. Leave it out.",
        )


def _not_per_kwh(detail: str) -> Lint:
    return Lint(reason=LintReason.NOT_PER_KWH, severity=Severity.ERROR, dimension=Dimension.ENERGY, detail=detail)


def _timed_without_energy(tariff: Tariff) -> str:
    """An example of a moment at which charging is paid by time alone; empty where there is none."""
    space = space_of(element.restrictions for element in tariff.elements)
    timed = [space.box(limit) for _, limit, component in places_of(tariff, Dimension.TIME) if component.price]
    energy = [space.box(limit) for _, limit, _ in places_of(tariff, Dimension.ENERGY)]
    left = minus(timed, energy)
    return example(space, left) if left else ""


def _other_fee(at: Placed, tariff: Tariff) -> str:
    """Why a price is neither per kWh nor an occupancy fee; empty where it is one of them, or is of a reservation."""
    limit = tariff.elements[at.element - 1].restrictions
    if limit.reservation:
        return ""
    if at.component.dimension is Dimension.FLAT:
        return "A start fee is a price per session"
    if at.component.dimension is Dimension.TIME and not _from_later_on(limit):
        return "Charging time is charged from the first minute on"
    return ""


def _from_later_on(limit: Restrictions) -> bool:
    return any(bound for bound in (limit.min_duration_s, limit.min_charging_s, limit.min_energy_wh))


def _per_minute(tariff: Tariff) -> Iterator[Lint]:
    for at in placed(tariff):
        part = at.component
        if part.dimension not in _TIMED or part.per_minute or not part.price or not taxes_known(part, tariff):
            continue
        per_hour = driver_price(part, tariff)
        if not is_exact_per_minute(per_hour):
            yield Lint(
                reason=LintReason.NOT_PER_MINUTE,
                severity=Severity.HINT,
                element=at.element,
                dimension=part.dimension,
                detail=f"AFIR wants time priced per minute. With taxes this is {_written(per_hour / 60)} a minute, "
                "and so it is shown per hour: choose a price that is whole per minute.",
            )


def _written(amount: Fraction) -> str:
    return f"{int(amount * 1_000_000) // 1_000_000}.{int(amount * 1_000_000) % 1_000_000:06}…"


def _in_order(tariff: Tariff) -> Iterator[Lint]:
    for number, element in enumerate(tariff.elements, start=1):
        ranks = [_RANK[component.dimension] for component in element.components if component.dimension in _RANK]
        if ranks != sorted(ranks):
            yield Lint(
                reason=LintReason.DISPLAY_ORDER,
                severity=Severity.HINT,
                element=number,
                detail="AFIR Art. 5(4) has prices shown per kWh, per minute, per session, and some show them as they stand: "
                "put ENERGY first, then TIME and PARKING_TIME, then FLAT.",
            )


def texts(tariff: Tariff, where: Surroundings) -> Iterator[Lint]:
    for name in tariff.names:
        if found := _PRICE_TEXT.search(name.text):
            yield Lint(
                reason=LintReason.TEXT_REPEATS_PRICE,
                severity=Severity.HINT,
                detail=f"The text in {name.language!r} says {found[0]!r}, which stays when prices change: leave it to them.",
            )
    have = {name.language[:2].lower() for name in tariff.names}
    missing = [] if have & {"en"} else ["en"]
    for country in sorted(where.countries):
        wanted = _LANGUAGES.get(country, "en").split("/")
        if not have & set(wanted) and wanted[0] not in missing:
            missing.append(wanted[0])
    if missing and components_of(tariff):
        yield Lint(
            reason=LintReason.LANGUAGE_MISSING,
            severity=Severity.HINT,
            detail=f"There is no text in {' and '.join(map(repr, missing))}: add one to `names`.",
        )
