"""Who may use the HTTP door, and what it has answered, in the database.

    access_token   one row per token: its SHA-256, never the token itself; a row is revoked, and never removed
    told_answer    the last answers to bodies with an Idempotency-Key, per token and key; bounded, and no evidence of anything

A token is 256 random bits, so that one pass of SHA-256 is enough: nobody guesses it, and a slow hash would only let strangers
keep the server busy.
"""

import zlib
from datetime import UTC, datetime
from typing import Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from streams.postgres_parts import text
from vocabulary.access import Role, Token, digest_of, last_four

METADATA = MetaData()
ANSWERS_MAX: Final = 10_000

ACCESS_TOKEN = Table(
    "access_token",
    METADATA,
    Column("name", text(), primary_key=True),
    Column("role", text(), nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("last_four", text(), nullable=False),
    Column("created", text(), nullable=False),
    Column("revoked", text()),
)

TOLD_ANSWER = Table(
    "told_answer",
    METADATA,
    Column("token", text(), primary_key=True),
    Column("key", text(), primary_key=True),
    Column("number", BigInteger, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", LargeBinary, nullable=False),
)


class ToldAnswer(NamedTuple):
    """What a body was answered. `body`: its SHA-256."""

    body: bytes
    status: int
    answer: bytes


class NameTaken(Exception):
    """A token with this name exists, maybe revoked: a name stands for one token, for ever."""


class SqlAccess:
    """Tokens and answers of the database that `connection` is open to, which is in a transaction, a writing one where it
    writes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, name: str, role: Role, secret: str, now: datetime) -> None:
        if self._connection.execute(select(ACCESS_TOKEN.c.name).where(ACCESS_TOKEN.c.name == name)).first():
            raise NameTaken(name)
        row = {"name": name, "role": role.value, "digest": digest_of(secret), "last_four": last_four(secret)}
        self._connection.execute(insert(ACCESS_TOKEN), [row | {"created": _text(now)}])

    def revoke(self, name: str, now: datetime) -> bool:
        """False: there is none of this name that was not revoked."""
        wanted = (ACCESS_TOKEN.c.name == name) & ACCESS_TOKEN.c.revoked.is_(None)
        return self._connection.execute(update(ACCESS_TOKEN).where(wanted).values(revoked=_text(now))).rowcount == 1

    def tokens(self) -> list[Token]:
        """All that ever were, the first one first."""
        columns = [ACCESS_TOKEN.c[name] for name in ("name", "role", "last_four", "created", "revoked")]
        rows = self._connection.execute(select(*columns).order_by(ACCESS_TOKEN.c.created, ACCESS_TOKEN.c.name))
        return [
            Token(
                name=name, role=Role(role), last_four=four, created=_time(created), revoked=_time(revoked) if revoked else None
            )
            for name, role, four, created, revoked in rows
        ]

    def holder(self, secret: str) -> Token | None:
        """Whose token this is; None where it is nobody's, or revoked. Found by its hash, so its timing tells nothing of
        others."""
        wanted = select(ACCESS_TOKEN.c.name).where(ACCESS_TOKEN.c.digest == digest_of(secret), ACCESS_TOKEN.c.revoked.is_(None))
        name = self._connection.execute(wanted).scalar()
        return None if name is None else next(token for token in self.tokens() if token.name == name)

    def told(self, token: str, key: str) -> ToldAnswer | None:
        wanted = select(TOLD_ANSWER.c.body, TOLD_ANSWER.c.status, TOLD_ANSWER.c.answer)
        row = self._connection.execute(wanted.where(TOLD_ANSWER.c.token == token, TOLD_ANSWER.c.key == key)).first()
        return None if row is None else ToldAnswer(row.body, row.status, zlib.decompress(row.answer))

    def remember(self, token: str, key: str, told: ToldAnswer) -> None:
        """The newest ANSWERS_MAX are kept. The caller has looked before, in this transaction: the key is new."""
        number = int(self._connection.execute(select(func.coalesce(func.max(TOLD_ANSWER.c.number), 0))).scalar_one()) + 1
        row = {"token": token, "key": key, "number": number, "body": told.body, "status": told.status}
        self._connection.execute(insert(TOLD_ANSWER), [row | {"answer": zlib.compress(told.answer)}])
        self._connection.execute(delete(TOLD_ANSWER).where(TOLD_ANSWER.c.number <= number - ANSWERS_MAX))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _time(text_: str) -> datetime:
    return datetime.fromisoformat(text_)
