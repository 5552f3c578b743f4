"""Facts beside the transaction: what messages say that is no part of one, but that a bill may rest on.

A fact is an event like any other: it has its place in the log and an identity by its content. Events that were known before
keep their bytes: what a message says beyond them becomes an event of its own beside theirs, never a field of theirs. The
steps pass facts by (`streams.batch`), but for what a transaction's terms tell of a card (`streams.terms`), and reservations.

    Fact ──┬── said in the message's own words: told again, it is the same fact
           └── Carried: known by the message that carried it, since its words alone would not tell two of them apart

An answer does not say what it answers. It is joined to its request by the message id, which is unique on one connection only
(OCPP-J 1.6 §4.1.4): what is meant is the latest request before it.
"""

from datetime import datetime

from msgspec import Struct

from vocabulary.identity import StationId


class Fact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all facts have; never made itself."""

    station: StationId


class Carried(Fact, frozen=True, kw_only=True, omit_defaults=True):
    """`received_at`: when the message arrived, or was sent by the CSMS; None: the source did not record it."""

    message_id: str
    received_at: datetime | None = None
