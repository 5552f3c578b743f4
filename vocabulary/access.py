"""Who may use the HTTP door: a token, and the role that it gives. The token itself is nowhere but with its holder.

    Authorization: Bearer wattbook_<43 characters>

A token is `wattbook_` and 256 random bits in base64url, so that it is recognised where it was left lying about. What is kept of
it is its SHA-256 and its last four characters, by which people tell tokens apart.
"""

from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

from msgspec import Struct

PREFIX: Final = "wattbook_"
SECRET_BYTES: Final = 32


class Role(StrEnum):
    """What a token's holder is to the books. Of this version's doors, publishers and admins use the one for messages."""

    PUBLISHER = "publisher"
    FINANCE = "finance"
    PARTNER = "partner"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Token(Struct, frozen=True, kw_only=True):
    """A token as it is listed. `revoked` None: it holds."""

    name: str
    role: Role
    last_four: str
    created: datetime
    revoked: datetime | None = None


def digest_of(secret: str) -> bytes:
    return sha256(secret.encode(errors="surrogatepass")).digest()


def last_four(secret: str) -> str:
    return secret[-4:]
