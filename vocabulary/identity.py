"""Identifiers, and the one way in which an identity is made from content.

An identity is never drawn by chance: it is SHA-256 over the parts that make a thing what it is, so the same fact has the
same identity wherever and whenever it is computed. The parts are length-prefixed, so ("ab", "c") and ("a", "bc") differ.
"""

from hashlib import sha256
from struct import Struct
from typing import NewType

StationId = NewType("StationId", str)  # the charging station's identity as in its connection URL (OCPP-J 1.6 §3.1.1)
TransactionId = NewType("TransactionId", str)  # OCPP's: 2.x made by the station; 1.6 a CSMS's integer, written in decimal
EventId = NewType("EventId", str)  # 64 hex digits
SessionId = NewType("SessionId", str)  # ours, 64 hex digits: one per delivery of energy, over all protocol versions
TokenUid = NewType("TokenUid", str)  # as presented; compared without regard to case (OCPP 1.6 §7.28 CiString)
ContractId = NewType("ContractId", str)
PartnerId = NewType("PartnerId", str)  # OCPI country code and party id, as "NL*EMS"
TariffId = NewType("TariffId", str)
SeriesId = NewType("SeriesId", str)  # of a price series, as its publisher or we call it
PlanId = NewType("PlanId", str)
VersionHash = NewType("VersionHash", str)  # content address of an immutable version, 64 hex digits
InvoiceNumber = NewType("InvoiceNumber", str)
Position = NewType("Position", int)  # place in a log, counted from 1; 0 is before the first

_LENGTH = Struct(">Q").pack


def digest(*parts: bytes) -> bytes:
    """SHA-256 over length-prefixed parts: 32 bytes."""
    return sha256(b"".join([_LENGTH(len(part)) + part for part in parts])).digest()


def content_id(kind: str, *parts: str) -> EventId:
    """The identity of a fact of this kind that consists of these parts."""
    return EventId(digest(kind.encode(), *[part.encode() for part in parts]).hex())


def short(identity: str) -> str:
    """The first 12 digits, for people; never for comparison."""
    return identity[:12]
