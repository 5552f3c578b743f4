"""How a card that pays at a terminal is told: beside the transaction's messages, in facts that their events do not bear.

A message's terms are stepped before its event, which may be the one that completes the session.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, TypeGuard

from msgspec import UNSET, UnsetType

from vocabulary.charging import Protocol
from vocabulary.decoded import Decoded
from vocabulary.rules import keeps_circumstances
from vocabulary.station_facts import TransactionTerms

if TYPE_CHECKING:
    from streams.batch_parts import Heard

DIRECT_PAYMENT = "directpayment"  # 2.1 idToken.type, in whatever case


def tells_a_card(event: Decoded, rules: int) -> TypeGuard[TransactionTerms]:
    """Whether it says of what brand the card is that pays, or how it was recognised."""
    return (
        isinstance(event, TransactionTerms)
        and event.protocol is not Protocol.OCPP16
        and (event.payment_brand is not None or event.payment_recognition is not None)
        and keeps_circumstances(rules)
    )


def terms_first(heard: Iterable["Heard"]) -> Iterator["Heard"]:
    """Each message's events with its terms before the others."""
    for _, of_message in groupby(heard, key=lambda each: each.cause):
        yield from sorted(of_message, key=lambda each: not isinstance(each.event, TransactionTerms))


def with_told(known: tuple[str, ...], told: str | None) -> tuple[str, ...]:
    return known if told is None or told in known else tuple(sorted((*known, told)))


def the_one(told: tuple[str, ...]) -> str | UnsetType:
    """Of two that contradict each other neither is known."""
    return told[0] if len(told) == 1 else UNSET
