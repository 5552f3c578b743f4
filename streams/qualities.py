"""How much of a session was told, as it is closed again and again."""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import UNSET, UnsetType, structs

from streams.meter_curve import ROUNDING_WH
from streams.registers import EXACT
from vocabulary.rules import has_doubts
from vocabulary.sessions import (
    CONTRADICTING,
    ESTIMATING,
    ChargingSession,
    Doubt,
    Finding,
    Quality,
    SessionClosed,
    quality_of,
)

_BY_DOUBT = (Quality.COMPLETE, Quality.GAP, Quality.ESTIMATED, Quality.DISPUTED)


def by_doubts(doubts: Iterable[Doubt]) -> Quality | UnsetType:
    """Of a session that is whole; UNSET: complete."""
    found = {doubt.finding for doubt in doubts}
    if found & CONTRADICTING:
        return Quality.DISPUTED
    return Quality.ESTIMATED if found & ESTIMATING else UNSET


def by_rules(closed: SessionClosed, rules: int) -> SessionClosed:
    """As the rules in force conclude it: the first ones saw no dispute."""
    if not has_doubts(rules) and closed.held is Finding.SECOND_END:
        return SessionClosed(session=structs.replace(closed.session, quality=UNSET), revision=closed.revision)
    return closed


def ends_elsewhere(session: ChargingSession, register_wh: Decimal) -> bool:
    return abs(EXACT.subtract(session.readings[-1].register_wh, register_wh)) > ROUNDING_WH


def disputed(closed: SessionClosed | None, register_wh: Decimal | None, is_anew: bool = False) -> SessionClosed | None:
    """A session that was whole, closed again since another end is told. `register_wh`: only if that is not where it ended.

    None: it was not closed (it had no energy), is disputed already and that is not set aside (`is_anew`), or both ends are one.
    """
    if closed is None or (closed.held is Finding.SECOND_END and not is_anew):
        return None
    if register_wh is not None and not ends_elsewhere(closed.session, register_wh):
        return None
    return closed_as(closed, closed.revision + 1, Quality.DISPUTED, Finding.SECOND_END)


def asked_anew(waived: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What stays set aside where another end is told: the person saw those before it."""
    return tuple(finding for finding in waived if finding is not Finding.SECOND_END)


def closed_as(closed: SessionClosed, revision: int, quality: Quality, held: Finding | None = None) -> SessionClosed:
    """The same session under its revision; of two qualities it has the one that is in more doubt."""
    doubt = max(quality, quality_of(closed.session), key=_BY_DOUBT.index)
    session = structs.replace(closed.session, quality=UNSET if doubt is Quality.COMPLETE else doubt)
    return SessionClosed(session=session, revision=revision, held=held)
