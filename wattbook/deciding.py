"""What people decide about sessions on the worklist, handed in as facts; and the worklist in words."""

import time
from datetime import datetime
from typing import NamedTuple

from streams.decisions import foreseen, known_of, objection
from streams.memory import Memory
from streams.states import SessionRow
from vocabulary.identity import SessionId
from vocabulary.reference import Decision, SessionDecided
from vocabulary.sessions import CONTRADICTING, WAIVABLE, Finding, Progress
from vocabulary.signatures import SignatureChecked, SignatureReason
from wattbook.fact_keys import key_of
from wattbook.wiring import VERBS, App, NotReady

REASON_MAX, NAME_MAX = 500, 100
_WAIT_S = 20.0  # for a worker, which takes a decision up between two batches
_ASK_S = 0.2


class Decided(NamedTuple):
    """What became of it. `is_applied` False: it is noted, and a worker that is not here now applies it."""

    before: SessionRow
    after: SessionRow
    is_applied: bool


def decide(app: App, row: SessionRow, decision: Decision, reason: str, by: str, now: datetime) -> Decided:
    """Note a decision, and wait until it is applied. What is so already is not noted again. Raises NotReady."""
    demand_texts(reason, by)
    if decision is Decision.DROP and row.progress is Progress.DROPPED:
        return Decided(row, row, is_applied=True)
    fact = SessionDecided(session=row.session, decision=decision, reason=reason, by=by, at=now)
    if why := _objection(app, row, fact):
        raise NotReady(f"session {row.session[:12]} is not {_PAST[decision]}: {why}")
    app.runtime.publish([fact], key_of)
    app.runtime.pump()
    until = time.monotonic() + (0 if app.runtime.concludes_at_once else _WAIT_S)
    while (after := _row(app, row.session)) == row and time.monotonic() < until:
        time.sleep(_ASK_S)
    return Decided(row, after, is_applied=after != row or app.runtime.concludes_at_once)


_PAST = {Decision.RELEASE: "released", Decision.DROP: "dropped", Decision.RERATE: "re-rated"}


def _objection(app: App, row: SessionRow, fact: SessionDecided) -> str:
    """Also what would come of it: a decision that is noted is in the log for good."""
    catalogue = app.runtime.catalogue()
    with app.reading() as store:
        known = known_of(store.log, row, Memory().session(row.session, store.states))
    if why := objection(row, fact.decision, known.closed):
        return why
    if known.state is None:  # nothing to conclude; or a worker has not saved it yet
        return ""
    return foreseen(known, fact, catalogue, VERBS.post)


def _row(app: App, session: SessionId) -> SessionRow:
    with app.reading() as store:
        return store.states.rows([session])[session]


def demand_texts(reason: str, by: str) -> None:
    """Raises NotReady where they cannot be kept with a decision."""
    _demand_text("reason", reason, 1, REASON_MAX)
    _demand_text("name", by, 0, NAME_MAX)


def _demand_text(what: str, text: str, least: int, most: int) -> None:
    if not least <= len(text) <= most:
        raise NotReady(f"the {what} has {len(text)} characters: write {least} to {most}")
    if not text.isprintable():
        raise NotReady(f"the {what} has control characters: write it as one line of text")


_BY_SIGNATURES = (Finding.SIGNATURE_FAILED, Finding.SIGNATURE_UNVERIFIABLE, Finding.SIGNED_ENERGY_DIFFERS)
_COMPARE_KEY = "check its key, or release or drop it"
_MISSING = "wait for it, or release or drop it"
_BY_REASON = {
    SignatureReason.UNSIGNED: "look why, then release or drop it",
    SignatureReason.KEY_NOT_REGISTERED: "register its key, or release or drop it",
    SignatureReason.KEY_OUT_OF_INTERVAL: "correct its key's time, release or drop",
    SignatureReason.KEY_CURVE_MISMATCH: _COMPARE_KEY,
    SignatureReason.KEY_CONFLICT: _COMPARE_KEY,
    SignatureReason.SIGNATURE_MISMATCH: _COMPARE_KEY,
    SignatureReason.METER_NOT_AT_EVSE: "correct its key, or release or drop it",
    SignatureReason.REGISTER_UNKNOWN: "add the register, or release or drop it",
    SignatureReason.READING_MISSING: _MISSING,
    SignatureReason.BEGIN_MISSING: _MISSING,
    SignatureReason.END_MISSING: _MISSING,
}


def is_about_signatures(row: SessionRow) -> bool:
    return row.finding in _BY_SIGNATURES


def reason_of(row: SessionRow, checked: SignatureChecked | None) -> SignatureReason | None:
    """Why a session is on the worklist for its signed values; None: it is not, or the values hold by themselves."""
    if checked is None or not is_about_signatures(row):
        return None
    reason = checked.billing_reason or checked.reason
    return None if reason is SignatureReason.VERIFIED else reason


def remedy(row: SessionRow, checked: SignatureChecked | None = None) -> str:
    """What to do about a session on the worklist. `checked`: the verdict on its signed values, where it is about these."""
    match row.progress, row.finding:
        case Progress.HELD, Finding() if reason := reason_of(row, checked):
            return _BY_REASON.get(reason, "look at it, then release or drop it")
        case Progress.HELD, Finding.SIGNED_ENERGY_DIFFERS:
            return "compare what was signed and told, then release or drop it"
        case Progress.HELD, _:
            return "look at it, then release or drop it"
        case Progress.FLAGGED, Finding() as finding if finding in WAIVABLE or (finding in CONTRADICTING and row.closed_at):
            return "look at it, then release or drop it"
        case Progress.FLAGGED, Finding.EVSE_UNKNOWN | Finding.TOKEN_UNKNOWN | Finding.TARIFF_MISSING | Finding.VAT_UNFIT:
            return "publish what is missing, or drop it"
        case Progress.FLAGGED, Finding.PRICE_NOT_PUBLISHED:
            return "import its prices, or drop it"
        case Progress.FLAGGED, Finding.TAX_UNKNOWN | Finding.TAXES_UNFIT | Finding.LIMIT_UNFIT | Finding.AMOUNT_TOO_HIGH:
            return "correct the tariff, or drop it"
        case Progress.FLAGGED, Finding.END_WITHOUT_START:
            return "wait for its start, or drop it"
        case Progress.ENDED, _:
            return "wait, or drop it" if row.start else "its start is missing: drop it"
        case Progress.INVOICED, _:
            return "correct it with the customer"
        case _:
            return "drop it"
