"""What a price may depend on and a transaction's events do not bear: the card that pays at a terminal, a reservation that ends.

It is told in facts beside them. A message's terms are stepped before its event, which may be what completes the session.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, TypeGuard

from msgspec import UNSET, UnsetType

from streams.plausibility import LONGEST
from vocabulary.decoded import Decoded
from vocabulary.rules import keeps_circumstances
from vocabulary.station_facts import TransactionTerms

if TYPE_CHECKING:
    from streams.batch_parts import Heard

DIRECT_PAYMENT = "directpayment"  # 2.1 idToken.type, in whatever case


def bear_on_the_price(event: Decoded, rules: int) -> TypeGuard[TransactionTerms]:
    """Whether it says of what brand the card is that pays, how it was recognised, or that a reservation ends."""
    if not isinstance(event, TransactionTerms) or not keeps_circumstances(rules):
        return False
    told = (event.payment_brand, event.payment_recognition)
    return names_a_reservation(event) or any(one is not None for one in told)


def names_a_reservation(terms: TransactionTerms) -> bool:
    """A number below 0 is how stations say that there is none."""
    return terms.reservation is not None and terms.reservation >= 0


def kept_free(told: tuple[datetime, datetime | None] | None, start: datetime) -> tuple[datetime, datetime] | UnsetType:
    """From when to when, until the session began: not after it expired. Not set where it was asked for later than that, as one
    of two clocks has it, or for longer than anybody reserves.
    """
    if told is None or told[0] > start or start - told[0] > LONGEST:
        return UNSET
    since, until = told
    return since, start if until is None else max(since, min(start, until))


def terms_first(heard: Iterable["Heard"]) -> Iterator["Heard"]:
    """Each message's events with its terms before the others."""
    for _, of_message in groupby(heard, key=lambda each: each.cause):
        yield from sorted(of_message, key=lambda each: not isinstance(each.event, TransactionTerms))


def with_told(known: tuple[str, ...], told: str | None) -> tuple[str, ...]:
    return known if told is None or told in known else tuple(sorted((*known, told)))


def the_one(told: tuple[str, ...]) -> str | UnsetType:
    """Of two that contradict each other neither is known."""
    return told[0] if len(told) == 1 else UNSET
