"""How much of a session was told, as it is closed again and again."""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import UNSET, Struct, UnsetType, structs

from streams.meter_curve import ROUNDING_WH
from streams.registers import EXACT
from vocabulary.charging import SignedValue
from vocabulary.identity import SessionId
from vocabulary.rules import has_doubts
from vocabulary.sessions import (
    CONTRADICTING,
    ESTIMATING,
    ChargingSession,
    Doubt,
    Finding,
    Quality,
    SessionClosed,
    SessionFlagged,
    doubts_of,
    quality_of,
)

_FINDINGS = tuple(Finding)
_LATE_MOST = 16  # so often a session is closed again for what was signed; each time it is written down with all values
ABOUT_ENDS = (Finding.SECOND_END, Finding.END_OF_ANOTHER)
_DISPUTES = (*ABOUT_ENDS, Finding.SEQUENCE_CONFLICT)
_BY_DOUBT = (Quality.COMPLETE, Quality.GAP, Quality.ESTIMATED, Quality.DISPUTED)


def in_order(doubts: Iterable[Doubt]) -> tuple[Doubt, ...]:
    """By the precedence of their findings."""
    return tuple(sorted(doubts, key=lambda doubt: (_FINDINGS.index(doubt.finding), doubt.detail)))


def by_doubts(doubts: Iterable[Doubt]) -> Quality | UnsetType:
    """Of a session that is whole; UNSET: complete."""
    found = {doubt.finding for doubt in doubts}
    if found & CONTRADICTING:
        return Quality.DISPUTED
    return Quality.ESTIMATED if found & ESTIMATING else UNSET


def by_rules(closed: SessionClosed, rules: int) -> SessionClosed:
    """As the rules in force conclude it: the first ones saw no dispute."""
    if not has_doubts(rules) and closed.held in _DISPUTES:
        return SessionClosed(session=structs.replace(closed.session, quality=UNSET), revision=closed.revision)
    return closed


def with_doubts(closed: SessionClosed, noticed: Iterable[Doubt | SessionFlagged]) -> SessionClosed:
    """With what was noticed of it beside other sessions; findings about those are none of its doubts."""
    doubts = [*doubts_of(closed.session), *(each for each in noticed if isinstance(each, Doubt))]
    by_precedence = in_order(doubts)
    session = structs.replace(closed.session, doubts=by_precedence or UNSET)
    quality = max(quality_of(session), by_doubts(by_precedence) or Quality.COMPLETE, key=_BY_DOUBT.index)
    return structs.replace(closed, session=structs.replace(session, quality=UNSET if quality is Quality.COMPLETE else quality))


def ends_elsewhere(session: ChargingSession, register_wh: Decimal) -> bool:
    return abs(EXACT.subtract(session.readings[-1].register_wh, register_wh)) > ROUNDING_WH


class Disputed(Struct, frozen=True):
    """A session that was closed as whole has another end, another's, a number twice, or more to it. It is closed again."""

    session: SessionId
    register_wh: Decimal | None = None  # with this or the next, it differs only if that is not where the session ended,
    is_signed: bool = False  # or if nothing of the session is signed
    finding: Finding = Finding.SECOND_END
    is_anew: bool = False  # a person has set a dispute aside, which this end was no part of
    is_incomplete: bool = False  # no dispute: what came late is left out, as what never comes
    signed: tuple[SignedValue, ...] = ()  # no dispute either: the meter's word came late


def disputed(closed: SessionClosed | None, dispute: Disputed) -> SessionClosed | None:
    """A session that was whole, closed again since another end is told, a number twice, or more than it was closed by.

    None: it was not closed (it had no energy), is disputed already and that is not set aside, or both ends are one.
    """
    more = None if closed is None or closed.revision >= _LATE_MOST else with_signed(closed.session, dispute.signed)
    if closed is not None and more is not None and more != closed.session:
        quality = Quality.GAP if dispute.is_incomplete else quality_of(closed.session)
        return closed_as(structs.replace(closed, session=more), closed.revision + 1, quality, closed.held)
    if dispute.signed and not dispute.is_incomplete:
        return None
    if closed is not None and dispute.is_incomplete:
        return closed_as(closed, closed.revision + 1, Quality.GAP, closed.held)
    if closed is None or (closed.held in (*ABOUT_ENDS, dispute.finding) and not dispute.is_anew):
        return None
    if not tells_another(closed.session, dispute):
        return None
    return closed_as(closed, closed.revision + 1, Quality.DISPUTED, dispute.finding)


def with_signed(session: ChargingSession, late: Iterable[SignedValue]) -> ChargingSession:
    """With these signed values, each text once: at what times it was sent again tells nothing new."""
    known = {value.data for value in session.signed}
    new = {value for value in late if value.data not in known}
    return structs.replace(session, signed=in_order_of_time({*session.signed, *new})) if new else session


def in_order_of_time(signed: Iterable[SignedValue]) -> tuple[SignedValue, ...]:
    return tuple(sorted(signed, key=lambda value: (value.at, *structs.astuple(value)[1:])))


def tells_another(session: ChargingSession, dispute: Disputed) -> bool:
    if dispute.register_wh is None and not dispute.is_signed:
        return True
    is_elsewhere = dispute.register_wh is not None and ends_elsewhere(session, dispute.register_wh)
    return is_elsewhere or (dispute.is_signed and not session.signed)


def asked_anew(waived: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What stays set aside where another end is told: the person saw those before it."""
    return tuple(finding for finding in waived if finding not in ABOUT_ENDS)


def closed_as(closed: SessionClosed, revision: int, quality: Quality, held: Finding | None = None) -> SessionClosed:
    """The same session under its revision; of two qualities it has the one that is in more doubt."""
    doubt = max(quality, quality_of(closed.session), key=_BY_DOUBT.index)
    session = structs.replace(closed.session, quality=UNSET if doubt is Quality.COMPLETE else doubt)
    return SessionClosed(session=session, revision=revision, held=held)
