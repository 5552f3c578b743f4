"""Which prices can never apply, and at which moments none does: the prices of each kind, laid over each other as sets."""

from collections.abc import Iterator
from itertools import product

from msgspec import structs

from tariffs.coverage import Box, Space, contradicts_itself, is_empty, meet, minus, space_of
from tariffs.explain import components_of, is_free
from tariffs.lints import Lint, LintReason, Severity, Surroundings
from tariffs.words import ENGLISH, conditions
from vocabulary.money import plain
from vocabulary.tariff import (
    PRICED,
    Dimension,
    PriceComponent,
    Profile,
    Reservation,
    Restrictions,
    Tariff,
    costs,
)

_UNRESTRICTED = Restrictions()
USES = (None, Reservation.RESERVATION, Reservation.RESERVATION_EXPIRES)

Place = tuple[int, Restrictions, PriceComponent]  # the element's number, its restrictions without the reservation, a price


def reach(tariff: Tariff, _: Surroundings) -> Iterator[Lint]:
    for number, element in enumerate(tariff.elements, start=1):
        if contradicts_itself(element.restrictions):
            yield _error(
                LintReason.CONTRADICTION,
                number,
                None,
                f"No moment is {told(element.restrictions)}: mend one of the bounds, or remove the element.",
            )
    space = space_of(element.restrictions for element in tariff.elements)
    for use, dimension in product(USES, PRICED):
        places = places_of(tariff, dimension, use)
        yield from _unreachable(dimension, places, space)
        if dimension is Dimension.FLAT and use is None:
            yield from _too_late(tariff, places, space)
        yield from _gaps(tariff, dimension, use, space)
    yield from _nothing(tariff)


def _error(reason: LintReason, element: int, dimension: Dimension | None, detail: str) -> Lint:
    return Lint(reason=reason, severity=Severity.ERROR, element=element, dimension=dimension, detail=detail)


def places_of(tariff: Tariff, dimension: Dimension, use: Reservation | None = None) -> list[Place]:
    """All prices of a kind, in order; also those that nothing can reach."""
    return [
        (number, structs.replace(element.restrictions, reservation=None), component)
        for number, element in enumerate(tariff.elements, start=1)
        for component in element.components
        if component.dimension is dimension and element.restrictions.reservation is use
    ]


def told(limit: Restrictions) -> str:
    return ", ".join(conditions(limit, ENGLISH, plain)) or ENGLISH.always


def named(numbers: list[int]) -> str:
    """ "element 1", "elements 1, 2 and 4"."""
    texts = [str(number) for number in dict.fromkeys(numbers)]
    return f"element {texts[0]}" if len(texts) == 1 else f"elements {', '.join(texts[:-1])} and {texts[-1]}"


# Out of reach


def _unreachable(dimension: Dimension, places: list[Place], space: Space) -> Iterator[Lint]:
    for index, (number, limit, _) in enumerate(places):
        if contradicts_itself(limit):
            continue  # told of the element
        box, earlier = space.box(limit), [(other, space.box(before)) for other, before, _ in places[:index]]
        if minus([box], [taken for _, taken in earlier]) == []:
            yield _error(LintReason.UNREACHABLE, number, dimension, _covered(number, dimension, box, earlier))


def _covered(number: int, dimension: Dimension, box: Box, earlier: list[tuple[int, Box]]) -> str:
    alone = next((other for other, taken in earlier if minus([box], [taken]) == []), None)
    if alone == number:
        return f"The element has a price for {dimension} before this one: keep one of them."
    if alone is not None:
        return f"Element {alone} always comes first: put this price above it, or remove it."
    by = named([other for other, taken in earlier if not is_empty(meet(box, taken))])
    return f"{by[0].upper()}{by[1:]} together always come first: put this price above one of them, or remove it."


def _too_late(tariff: Tariff, places: list[Place], space: Space) -> Iterator[Lint]:
    """A start fee is charged once: what holds only later in a session is never charged where one is due at its start."""
    boxes = [space.at_start(space.box(limit)) for _, limit, _ in places]
    is_due_at_start = minus([space.at_start(space.whole)], boxes) == []
    for (number, limit, _), box in zip(places, boxes, strict=True):
        never = is_due_at_start or tariff.profile is Profile.OCPP_2_1
        if never and is_empty(box) and not contradicts_itself(limit):
            yield _error(
                LintReason.START_FEE_TOO_LATE,
                number,
                Dimension.FLAT,
                f"It would apply {told(limit)}, and which start fee is charged is decided when the session begins: "
                "remove it, or make it a price of time.",
            )


# Free at times


def _gaps(tariff: Tariff, dimension: Dimension, use: Reservation | None, space: Space) -> Iterator[Lint]:
    if use is Reservation.RESERVATION_EXPIRES and places_of(tariff, dimension, Reservation.RESERVATION):
        return  # which prices what this one lacks
    places = places_of(tariff, dimension, use)
    if not any(costs(component) for _, _, component in places):
        return
    gap = gap_of(places, space)
    if dimension is not Dimension.ENERGY:
        gap = [later for box in gap if not is_empty(later := space.from_thresholds_on(box))]
    if not gap:
        return
    severity = Severity.WARNING if use or _is_free_energy(tariff, dimension, gap, space) else Severity.HINT
    yield Lint(
        reason=LintReason.NO_FALLBACK,
        severity=severity,
        element=places[-1][0],
        dimension=dimension,
        detail=f"No price applies, {example(space, gap)}: add one without restrictions below it; "
        "a price of 0 says that it is meant.",
    )


def gap_of(places: list[Place], space: Space) -> list[Box]:
    """The moments at which none of the prices applies; none where it cannot be told. An EVSE is either AC or DC."""
    known = space.of_known_kind(space.whole)
    return minus([known], [space.box(limit) for _, limit, _ in places]) or []


def _is_free_energy(tariff: Tariff, dimension: Dimension, gap: list[Box], space: Space) -> bool:
    """Whether energy is given away: where time is priced instead, a gap in its price is no gift."""
    timed = [space.box(limit) for _, limit, component in places_of(tariff, Dimension.TIME) if component.price]
    return dimension is Dimension.ENERGY and minus(gap, timed) != []


def example(space: Space, gap: list[Box]) -> str:
    """One of the moments, in words; one at which all is known, where there is such."""
    box = min(gap, key=lambda one: len([*space.unknown(one)]))
    words = [*conditions(space.example(box), ENGLISH, plain), *space.unknown(box)]
    return f"for example {', '.join(words)}" if words else "ever"


def _nothing(tariff: Tariff) -> Iterator[Lint]:
    says_free = any(
        element.restrictions == _UNRESTRICTED
        and any(part.dimension is Dimension.FLAT and not part.price for part in element.components)
        for element in tariff.elements
    )
    if is_free(tariff) and not says_free:
        zeros = "All prices are 0" if components_of(tariff) else "There is no price"
        yield Lint(
            reason=LintReason.NOTHING_PRICED,
            severity=Severity.WARNING,
            detail=f"{zeros}: to say that charging is free, write one element without restrictions and a FLAT of 0.",
        )
    kinds = {element.restrictions.reservation for element in tariff.elements}
    if Reservation.RESERVATION_EXPIRES in kinds and Reservation.RESERVATION not in kinds:
        yield Lint(
            reason=LintReason.EXPIRED_ONLY,
            severity=Severity.WARNING,
            detail="Who comes to use a reservation pays nothing for it, who does not come does: "
            "add an element with RESERVATION.",
        )
