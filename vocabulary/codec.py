"""Events to bytes and back. The bytes that are stored are the evidence; they are never re-encoded.

JSON, one object, fields in the order of their declaration, its `type` first; decimals are strings with the digits that
came, instants RFC 3339. Equal values give equal bytes: a field that is left out where it has its default (`omit_defaults`)
has one that is a single object (None, a boolean, a small number, an empty text), since msgspec compares by identity; the
texts that OCPP gives as defaults (a sample's measurand, a stop's reason) are made that object by `ingest`.

A stored shape is never changed: a new shape gets a new tag, and an upcast turns the old one into it when it is read.
"""

from typing import Any

import msgspec

from vocabulary.assignment import TariffAssigned
from vocabulary.billing import Entry, InvoiceIssued, InvoiceRunRequested
from vocabulary.charging import RawMessage
from vocabulary.decoded import Decoded
from vocabulary.identity import EventId, VersionHash, digest
from vocabulary.plan import Plan, PlanPublished
from vocabulary.price_series import SeriesPublished
from vocabulary.quarantine import Quarantined
from vocabulary.reference import (
    ClockTicked,
    ContractPublished,
    MeterKeyPublished,
    OperatorPublished,
    PartnerPublished,
    ReferenceTaken,
    RulesAdopted,
    SessionDecided,
    SitePublished,
)
from vocabulary.sessions import SessionConclusion
from vocabulary.tariff import Tariff, TariffPublished

ReferenceFact = (
    OperatorPublished
    | SitePublished
    | ContractPublished
    | PartnerPublished
    | TariffPublished
    | TariffAssigned
    | SeriesPublished
    | PlanPublished
    | MeterKeyPublished
    | RulesAdopted
    | ClockTicked
    | SessionDecided
)
Input = RawMessage | ReferenceFact | InvoiceRunRequested
Conclusion = SessionConclusion | InvoiceIssued
Event = Input | Decoded | Conclusion | ReferenceTaken | Quarantined

_ENCODER = msgspec.json.Encoder(decimal_format="string")
_EVENT_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_ENTRY_DECODER = msgspec.json.Decoder(Entry)


def encode(value: msgspec.Struct) -> bytes:
    """The bytes by which a value is stored and known."""
    return _ENCODER.encode(value)


def decode(body: bytes) -> Event:
    """The event that these bytes are. Raises msgspec.ValidationError where they are none: stored bytes always are."""
    return _EVENT_DECODER.decode(body)


def decode_entry(body: bytes) -> Entry:
    return _ENTRY_DECODER.decode(body)


def event_id(event: msgspec.Struct) -> EventId:
    """The identity of an event whose content is all that it is."""
    return EventId(digest(b"event", encode(event)).hex())


def version_hash(tariff: Tariff) -> VersionHash:
    """The content address of a tariff version."""
    return VersionHash(digest(b"tariff", encode(tariff)).hex())


def publication_hash(published: SeriesPublished) -> VersionHash:
    """The content address of a publication of a price series."""
    return VersionHash(digest(b"series", encode(published)).hex())


def plan_hash(plan: Plan) -> VersionHash:
    """The content address of a plan version."""
    return VersionHash(digest(b"plan", encode(plan)).hex())


def as_plain(value: Any) -> Any:
    """A value as JSON-ready dictionaries, lists and strings (decimals as strings), for `--json` output and documents."""
    return msgspec.json.decode(_ENCODER.encode(value))
