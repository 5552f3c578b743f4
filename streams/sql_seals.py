"""The checkpoints that seal topics, in PostgreSQL: one row each, only ever inserted.

The primary key is the fence: of two sealers that go on from the same checkpoint one is refused, so no chain can fork. `line` is
the checkpoint as it was signed and published; the columns beside it are for finding it.
"""

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from streams.log import LogError
from streams.places import Partition
from streams.postgres_parts import refuse, text
from streams.seals import Seal

METADATA = MetaData()
_IS_EVIDENCE = "a checkpoint is evidence: it is never changed or removed"

SEAL = Table(
    "seal",
    METADATA,
    Column("topic", text(), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("last_offset", BigInteger, nullable=False),
    Column("line", LargeBinary, nullable=False),
    PrimaryKeyConstraint("topic", "partition", "number"),
)

for _verb in ("UPDATE", "DELETE", "TRUNCATE"):
    refuse(SEAL, _verb, _IS_EVIDENCE)


class AnotherSealer(LogError):
    def __init__(self, seals: Sequence[Seal]) -> None:
        these = ", ".join(f"{s.checkpoint.topic}/{s.checkpoint.partition} number {s.checkpoint.number}" for s in seals)
        super().__init__(
            f"another sealer is at work, and was faster; nothing was written of {these}: run one `wattbook seal run`"
        )


class SqlSeals:
    """The checkpoints of the database that `connection` is open to, which is in a transaction, a writing one for `add`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, seals: Sequence[Seal]) -> None:
        """All of them, or AnotherSealer: then the transaction is to be rolled back."""
        rows = [
            {"topic": at.topic, "partition": at.partition, "number": at.number, "last_offset": at.last, "line": seal.line}
            for seal in seals
            for at in (seal.checkpoint,)
        ]
        try:
            self._connection.execute(insert(SEAL), rows)
        except IntegrityError as error:
            raise AnotherSealer(seals) from error

    def latest(self, topic: str, partition: Partition) -> bytes | None:
        wanted = select(SEAL.c.line).where(SEAL.c.topic == topic, SEAL.c.partition == partition)
        return self._connection.execute(wanted.order_by(SEAL.c.number.desc()).limit(1)).scalar()

    def lines(self, topic: str, partition: Partition) -> list[bytes]:
        """All of a partition, in order."""
        wanted = select(SEAL.c.line).where(SEAL.c.topic == topic, SEAL.c.partition == partition)
        return list(self._connection.execute(wanted.order_by(SEAL.c.number)).scalars())

    def sealed(self) -> list[tuple[str, Partition]]:
        """The topics and partitions of which there is any checkpoint."""
        rows = self._connection.execute(select(SEAL.c.topic, SEAL.c.partition).where(SEAL.c.number == 1).order_by(*SEAL.c[:2]))
        return [(topic, Partition(partition)) for topic, partition in rows]
