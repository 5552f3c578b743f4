"""What sessions would cost instead: by what is in force now, or by a tariff that is only supposed. Nothing follows from it.

A person's decision to re-rate (`streams.decisions`), what is shown before it, and `what-if` all rate by `anew`.
"""

from collections.abc import Callable, Collection
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from streams.adjusting import Standing, adjusted
from streams.catalogue import Catalogue
from streams.mistakes import MISTAKES
from streams.rating import conclude
from streams.states import SessionRow
from vocabulary import zones
from vocabulary.identity import ContractId, InvoiceNumber, PartnerId, SessionId, TariffId
from vocabulary.sessions import (
    BLOCKING,
    ChargeReversed,
    Finding,
    ReversalReason,
    SessionClosed,
    SessionConclusion,
    SessionFlagged,
    SessionRated,
)
from vocabulary.tariff import Tariff

Waived = Callable[[], Collection[Finding]]
Post = Callable[[SessionRated], object]


class Charged(NamedTuple):
    """A closed session, and the charge that stands. `waived`: what a person has set aside, looked up only where it matters."""

    row: SessionRow
    closed: SessionClosed
    standing: Standing
    waived: Waived


class Compared(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A session before and after. Amounts are gross, in the currency beside them; None: there is none.

    `finding`: why it has no price now. `changes`: the charge would be reversed, or be another one than what was invoiced, and
    `is_told` that it differs from the invoice is on the worklist already.
    """

    session: SessionId
    contract: ContractId | None = None
    partner: PartnerId | None = None
    invoice: InvoiceNumber | None = None
    tariff: TariffId | None = None
    tariff_after: TariffId | None = None
    currency: str | None = None
    currency_after: str | None = None
    before: Decimal | None = None
    after: Decimal | None = None
    held: Finding | None = None
    held_after: Finding | None = None
    finding: Finding | None = None
    changes: bool = False
    is_told: bool = False


def difference(each: Compared) -> Decimal | None:
    """After minus before; None where one of them is missing, or they are in two currencies."""
    if each.before is None or each.after is None or each.currency != each.currency_after:
        return None
    return each.after - each.before


def anew(
    closed: SessionClosed, catalogue: Catalogue, waived: Collection[Finding] = (), instead: Tariff | None = None
) -> tuple[SessionConclusion, ...]:
    """What follows from a session that was closed, by the facts of the catalogue."""
    return conclude(closed.session, catalogue, closed.held, waived, instead)


def compared(
    charged: Charged, catalogue: Catalogue, instead: Tariff | None = None, post: Post | None = None
) -> tuple[Compared, SessionRated | None]:
    """The session before and after, and its charge after. `post`: what cannot be booked is then none."""
    try:
        found = _found(charged, catalogue, instead)
        out = adjusted(charged.standing, found, ReversalReason.RERATED)
        changed = any(_changes(each) for each in out)
        new = next((each for each in found if isinstance(each, SessionRated)), None)
        if changed and new is not None and post is not None:
            post(new)
    except MISTAKES:
        return _told(charged, None, Finding.STEPS_FAIL, changes=False), None
    blocks = [each.finding for each in found if isinstance(each, SessionFlagged) and each.finding in BLOCKING]
    return _told(charged, new, blocks[-1] if blocks and new is None else None, changed), new


def _found(charged: Charged, catalogue: Catalogue, instead: Tariff | None) -> tuple[SessionConclusion, ...]:
    """What was set aside lifts what blocks or holds, and nothing else: where nothing does, it is not asked for."""
    found = anew(charged.closed, catalogue, (), instead)
    if any(isinstance(each, SessionRated) and each.held is None for each in found):
        return found
    waived = charged.waived()
    return anew(charged.closed, catalogue, waived, instead) if waived else found


def _changes(out: SessionConclusion) -> bool:
    return isinstance(out, ChargeReversed) or (isinstance(out, SessionFlagged) and out.finding is Finding.TRUTH_DIFFERS)


def _told(charged: Charged, new: SessionRated | None, finding: Finding | None, changes: bool) -> Compared:
    old, row = charged.standing.rated, charged.row
    holder = old or new
    return Compared(
        session=row.session,
        contract=holder.contract if holder else None,
        partner=holder.partner if holder else None,
        invoice=InvoiceNumber(row.invoice) if row.invoice else None,
        tariff=old.tariff if old else None,
        tariff_after=new.tariff if new else None,
        currency=old.rated.currency if old else None,
        currency_after=new.rated.currency if new else None,
        before=old.rated.total if old else None,
        after=new.rated.total if new else None,
        held=old.held if old else None,
        held_after=new.held if new else None,
        finding=finding,
        changes=changes,
        is_told=row.finding is Finding.TRUTH_DIFFERS,
    )


def tariffs_of(rated: SessionRated | None) -> set[TariffId]:
    """Every tariff by which a charge came about."""
    if rated is None:
        return set()
    return {rated.tariff, *(stage.tariff for stage in (rated.chosen.then if rated.chosen else ()))}


def ended_on(charged: Charged, catalogue: Catalogue) -> date:
    """The local day on which it ended; that of UTC where nobody knows its site."""
    if charged.standing.rated is not None:
        return charged.standing.rated.ended_on
    session = charged.closed.session
    plug = catalogue.plug(session.station, session.evse, session.start)
    return (session.end if plug is None else session.end.astimezone(zones.zone(plug.site.time_zone))).date()


def site_of(charged: Charged, catalogue: Catalogue) -> str | None:
    if charged.standing.rated is not None:
        return charged.standing.rated.site
    session = charged.closed.session
    plug = catalogue.plug(session.station, session.evse, session.start)
    return None if plug is None else plug.site.id
