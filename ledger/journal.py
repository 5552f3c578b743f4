"""Journal entries: the only place where one is made.

An entry sums to zero or does not come to be. What was delivered free of charge is an entry without postings: every rated
session and every invoice has exactly one entry, so that counting them is a check, and a second, different rating of a free
session is found out like any other.

The identity of an entry is that of its effect: what was posted (kind), for which session or document (subject), and for the
how-manieth time (version). It does not depend on the amounts, so the same session posted with other amounts is a conflict
and never a second bill. To post anew: `reverse` the old entry, then post with the next version.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from ledger.chart import PostingError, account_of
from vocabulary.billing import Entry, Posting
from vocabulary.identity import EventId, content_id
from vocabulary.money import Currency, minor_exponent

AMOUNT_MICRO_MAX = 2**63 - 1  # what a signed 64-bit column holds, of either sign
REVERSED = "_reversed"


def entry(
    kind: str, subject: str, effective_at: datetime, currency: Currency, postings: Iterable[Posting], version: int = 1
) -> Entry:
    """A balanced entry; postings to the same account are merged, those of zero dropped, the order is kept.

    What is left has no posting at all or at least two, since one alone cannot sum to zero. Raises PostingError.
    """
    merged = _merged(postings)
    total_micro = sum(posting.amount_micro for posting in merged)
    if total_micro != 0:
        raise PostingError(f"{kind} {subject}: the postings sum to {total_micro} millionths of {currency}, not to zero")
    for posting in merged:
        _check_posting(posting, currency)
    return Entry(
        id=effect_id(kind, subject, version),
        kind=kind,
        subject=subject,
        version=version,
        effective_at=effective_at.astimezone(UTC),
        currency=currency,
        postings=merged,
    )


def reverse(original: Entry) -> Entry:
    """The entry that takes another one back, in the same period. Its identity allows one reversal per entry.

    A reversal is not reversed: what it took back is posted again under the next version.
    """
    if original.kind.endswith(REVERSED):
        raise PostingError(f"{original.kind} {original.subject}: a reversal is not reversed")
    opposite = [Posting(account=posting.account, amount_micro=-posting.amount_micro) for posting in original.postings]
    return entry(
        original.kind + REVERSED, original.subject, original.effective_at, original.currency, opposite, original.version
    )


def effect_id(kind: str, subject: str, version: int) -> EventId:
    """The identity of an effect on the books."""
    return content_id("entry", kind, subject, str(version))


@lru_cache
def minor_unit_micro(currency: Currency) -> int:
    """How many micro-units the currency's smallest unit is: 10 000 for the euro cent."""
    return int(10 ** (6 - minor_exponent(currency)))


def _merged(postings: Iterable[Posting]) -> tuple[Posting, ...]:
    amounts: dict[str, int] = {}
    for posting in postings:
        amounts[posting.account] = amounts.get(posting.account, 0) + posting.amount_micro
    return tuple([Posting(account=account, amount_micro=amount) for account, amount in amounts.items() if amount != 0])


def _check_posting(posting: Posting, currency: Currency) -> None:
    account = account_of(posting.account)
    if abs(posting.amount_micro) > AMOUNT_MICRO_MAX:
        raise PostingError(f"{posting.account}: {posting.amount_micro} millionths do not fit 64 bits")
    if account.whole_minor_units and posting.amount_micro % minor_unit_micro(currency) != 0:
        raise PostingError(f"{posting.account}: {posting.amount_micro} millionths of {currency} are not whole minor units")
