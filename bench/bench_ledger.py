"""How fast the ledger posts, beside the fastest that SQLite itself takes the same rows.

One entry is a charging session: four postings, to one of 10 000 unbilled receivables and three accounts that all share. The
ledger deduplicates, chains, keeps balances and commits every 500 entries with synchronous=FULL; the plain run hands
ready-made rows to sqlite3's executemany, for the same two tables in one transaction, and does nothing else.
"""

import gc
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from sqlalchemy import Engine

from ledger.books import Booking, instant_text
from ledger.checks import check
from ledger.post import post
from ledger.sql_store import SqlLedger
from ledger.sql_tables import METADATA
from vocabulary.identity import ContractId, SessionId, StationId, TariffId, TokenUid, VersionHash, content_id
from vocabulary.money import Currency
from vocabulary.quantities import WattHours
from vocabulary.rated import Rated, RatedLine
from vocabulary.sessions import SessionRated, VatDecision
from vocabulary.tariff import Dimension
from wattbook.database import open_database, reading, writing

ENTRIES, BATCH, CONTRACTS, ROUNDS = 20_000, 500, 10_000, 3
T = TypeVar("T")
Rows = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]  # of entry, of posting
_START = datetime(2026, 10, 1, tzinfo=UTC)


def main() -> None:
    events = [_session(number) for number in range(ENTRIES)]
    posted_s, bookings = _timed(lambda: [Booking(entry, 1, _START) for event_ in events for entry in post(event_)])
    postings = sum(len(booking.entry.postings) for booking in bookings)
    rows = _rows(bookings)
    gc.freeze()  # the collector would walk what we hold ready for all rounds, which no real batch does
    rounds = [_round(bookings, rows) for _ in range(ROUNDS)]
    ours, plain, again, verified = (median(seconds) for seconds in zip(*rounds, strict=True))
    print(f"post(event)              {ENTRIES / posted_s:10,.0f} entries/s")
    print(f"ledger, batches of {BATCH}   {postings / ours:10,.0f} postings/s")
    print(f"plain executemany        {postings / plain:10,.0f} postings/s    ledger / plain = {plain / ours:.2f}")
    print(f"posted again             {ENTRIES / again:10,.0f} entries/s")
    print(f"checked                  {ENTRIES / verified:10,.0f} entries/s")


def _round(bookings: list[Booking], rows: Rows) -> tuple[float, float, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        with _books(Path(folder, "plain.db")) as engine:
            plain, _ = _timed(lambda: _post_plainly(engine, rows))
        with _books(Path(folder, "ledger.db")) as engine:
            ours, new = _timed(lambda: _post(engine, bookings))
            again, known = _timed(lambda: _post(engine, bookings))
            with reading(engine) as connection:
                verified, findings = _timed(lambda: check(SqlLedger(connection)))
    assert (new, known, findings) == (len(bookings), 0, ())
    return ours, plain, again, verified


def _post(engine: Engine, bookings: list[Booking]) -> int:
    new = 0
    for start in range(0, len(bookings), BATCH):
        with writing(engine) as connection:
            new += SqlLedger(connection).post_all(bookings[start : start + BATCH])
    return new


def _rows(bookings: list[Booking]) -> Rows:
    entries, postings = [], []
    for number, (entry, cause, recorded_at) in enumerate(bookings, start=1):
        known = (number, bytes.fromhex(entry.id), entry.kind, entry.subject, entry.version, instant_text(entry.effective_at))
        entries.append((*known, entry.currency, cause, instant_text(recorded_at), bytes(32)))
        for line, each in enumerate(entry.postings, start=1):
            postings.append((number, line, each.account, entry.currency, each.amount_micro))
    return entries, postings


def _post_plainly(engine: Engine, rows: Rows) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO entry VALUES (?,?,?,?,?,?,?,?,?,?)", rows[0])
        connection.exec_driver_sql("INSERT INTO posting VALUES (?,?,?,?,?)", rows[1])


@contextmanager
def _books(path: Path) -> Iterator[Engine]:
    engine = open_database(path, create=True)
    with writing(engine) as connection:
        METADATA.create_all(connection)
    yield engine
    engine.dispose()


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _session(number: int) -> SessionRated:
    start = _START + timedelta(seconds=number)
    end = start + timedelta(minutes=75)
    lines = (
        _line(Dimension.ENERGY, Decimal(18_342 + number % 977), Decimal("0.4118"), start, end),
        _line(Dimension.PARKING_TIME, Decimal(900), Decimal("3.00"), start, end),
    )
    return SessionRated(
        session=SessionId(content_id("bench", str(number))),
        station=StationId("CS-1"),
        site="site",
        site_name="Site",
        evse_id="DE*ABC*E1",
        start=start,
        end=end,
        ended_on=date(2026, 10, 1),
        time_zone="Europe/Berlin",
        energy_wh=WattHours(lines[0].quantity),
        begin_wh=WattHours(Decimal(0)),
        end_wh=WattHours(lines[0].quantity),
        contract=ContractId(f"C-{number * 7919 % CONTRACTS}"),
        token=TokenUid("T"),
        tariff=TariffId("T"),
        tariff_version=VersionHash("0" * 64),
        rated=Rated(currency=Currency("EUR"), lines=lines, owed=(), total=Decimal(0)),
        vat=VatDecision(rule="place-of-consumption", country="DE"),
    )


def _line(dimension: Dimension, billed: Decimal, price: Decimal, since: datetime, until: datetime) -> RatedLine:
    return RatedLine(
        dimension=dimension,
        element=1,
        quantity=billed,
        billed=billed,
        unit_price=price,
        vat_percent=Decimal(19),
        since=since,
        until=until,
        reason="",
    )


if __name__ == "__main__":
    main()
