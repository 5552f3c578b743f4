"""A session that is concluded again: what becomes of the charge that stands.

what it comes to now      the charge that stands
────────────────────      ──────────────────────
the same                  stays
something else            is reversed, and the session is rated under the next revision
nothing yet (a finding)   is reversed; the session is on the worklist
whatever                  stays if it is on an invoice: a document never changes, and the difference is a finding

Where a person has it rated anew, a charge of the same lines is the same, whichever version says so: nothing was charged wrong.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from msgspec import structs

from vocabulary.money import plain
from vocabulary.sessions import (
    BLOCKING,
    ChargeReversed,
    Finding,
    ReversalReason,
    SessionConclusion,
    SessionFlagged,
    SessionRated,
)


class Standing(NamedTuple):
    """The charge of a session that is in the books; None: none is. `revision`: under which the next one comes."""

    rated: SessionRated | None = None
    revision: int = 0
    is_invoiced: bool = False


def adjusted(
    standing: Standing, concluded: Iterable[SessionConclusion], reason: ReversalReason = ReversalReason.TOLD_LATER
) -> tuple[SessionConclusion, ...]:
    """What is to be written down, of what was concluded of the session now, and for this reason."""
    found = tuple(concluded)
    new = next((each for each in found if isinstance(each, SessionRated)), None)
    others = tuple(each for each in found if not isinstance(each, SessionRated))
    if new is None and not any(_blocks(each) for each in others):
        return others  # findings beside the session
    if standing.is_invoiced:
        assert standing.rated is not None
        informing = tuple(each for each in others if not _blocks(each))
        return (*informing, *_difference(standing.rated, new, others))
    if standing.rated is not None:
        if new is not None and _is_the_same(new, standing.rated, reason):
            return others
        others = (ChargeReversed(rated=standing.rated, reason=reason), *others)
    return others if new is None else (*others, structs.replace(new, revision=standing.revision))


def released(standing: Standing) -> tuple[SessionConclusion, ...]:
    """A held charge becomes one that is billed; nothing else of it changes."""
    assert standing.rated is not None
    free = structs.replace(standing.rated, held=None, revision=standing.revision)
    return ChargeReversed(rated=standing.rated, reason=ReversalReason.RELEASED), free


def taken_back(standing: Standing, reason: ReversalReason = ReversalReason.DROPPED) -> tuple[SessionConclusion, ...]:
    """Of a session that is dropped."""
    return () if standing.rated is None else (ChargeReversed(rated=standing.rated, reason=reason),)


def _difference(
    invoiced: SessionRated, new: SessionRated | None, others: Collection[SessionConclusion]
) -> tuple[SessionFlagged, ...]:
    """A finding with both totals, where the invoice would be another one now."""
    if new is not None and (_owed(new), new.held) == (_owed(invoiced), None):
        return ()
    was = f"invoiced {plain(invoiced.rated.total)} {invoiced.rated.currency}"
    if new is not None:
        held = f", held: {new.held}" if new.held else ""
        now = f"now {plain(new.rated.total)} {new.rated.currency}{held}"
    else:
        now = ", ".join(f"now {each.finding}" for each in others if isinstance(each, SessionFlagged) and _blocks(each))
    return (SessionFlagged(session=invoiced.session, finding=Finding.TRUTH_DIFFERS, detail=f"{was}, {now}"),)


def _is_the_same(new: SessionRated, stands: SessionRated, reason: ReversalReason) -> bool:
    """Tariffs and series may be published again with other words, and older rules did not tell why one was chosen."""
    new = structs.replace(new, revision=stands.revision)
    if reason is ReversalReason.RERATED:
        new = structs.replace(new, chosen=stands.chosen, tariff_version=stands.tariff_version, series=stands.series)
    return new == stands


def _blocks(each: SessionConclusion) -> bool:
    return isinstance(each, SessionFlagged) and each.finding in BLOCKING


def _owed(rated: SessionRated) -> tuple[object, ...]:
    return rated.rated.owed, rated.rated.currency, rated.contract, rated.partner
