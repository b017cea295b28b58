"""Octets of events and of sealed days, beside the same in the hot table and under plain zlib.

A day of a meter is 48 intervals of ten channels: profiles that are read a row at a time, readings,
and readings that were pushed. Everything counts that the file of SQLite grew by. The anchor: the
stored states of a stream, one behind the other, compressed by zlib alone, with 32 octets for a
chain value. Also: what sealing costs, and reading one meter of a block. Run: ``python -m bench
sealed``.
"""

import argparse
import sqlite3
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from hes.events.base import DomainEvent
from hes.store.codec import EventCodec, LayoutBook
from hes.store.database import Database
from hes.store.open import open_database
from hes.store.port import Append
from hes.store.sealing import Sealer
from hes.store.sql_log import SqlEventLog

sys.path.append(str(Path(__file__).parents[1] / "tests/support"))

BATCH: Final = 5_000
NAMES: Final = 50
"""The name of a stream stands there once, however many days follow."""
CHAIN: Final = 32
READS: Final = 20

Told = Sequence[tuple[str, DomainEvent]]


def octets(file: Path) -> int:
    db = sqlite3.connect(file)
    try:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free, size = (
            db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    finally:
        db.close()
    return int((pages - free) * size)


def fill(database: Database, told: Told, codec: EventCodec) -> None:
    log = SqlEventLog(database)
    log.fence()
    for at in range(0, len(told), BATCH):
        some = told[at : at + BATCH]
        log.append([Append(stream, None, [codec.encode(event)]) for stream, event in some])


def zipped(told: Told, codec: EventCodec) -> int:
    streams: dict[str, list[bytes]] = {}
    for stream, event in told:
        streams.setdefault(stream, []).append(codec.encode(event)[1])
    return sum(len(zlib.compress(b"".join(states), 9)) + CHAIN for states in streams.values())


def read_ms(log: SqlEventLog, streams: Sequence[str]) -> float:
    """Return how long the day of one meter takes, each out of a block that is not known yet."""
    took = []
    for stream in streams:
        started = time.thread_time()
        log.read_stream(stream, 0, 1000)
        took.append(1000 * (time.thread_time() - started))
    return statistics.median(took)


def measure(kind: str, meters: int, days: int, folder: Path) -> None:
    from meter_days import BUDGET, DAY, events_of_days  # noqa: PLC0415 -- beside the tests

    file, codec = folder / f"{kind}.db", EventCodec(LayoutBook())
    told = events_of_days(kind, meters, days)
    meter_days = meters * days
    database, _ = open_database(f"sqlite:///{file}")
    empty = octets(file)
    fill(database, told, codec)
    hot = octets(file) - empty - NAMES * meters
    end = DAY + timedelta(days=days)
    started = time.thread_time()
    done = Sealer(database).seal(end, now=end)
    took_us = 1e6 * (time.thread_time() - started) / done.events
    sealed = octets(file) - empty - NAMES * meters
    names = sorted({stream for stream, _ in told})
    read = read_ms(SqlEventLog(database), names[:: max(1, len(names) // READS)])
    states = sum(len(codec.encode(event)[1]) for _, event in told)
    anchor = zipped(told, codec)
    database.close()
    print(
        f"{kind:9} event {states / len(told):4.0f} B | octets of a meter's day: hot"
        f" {hot / meter_days:6.0f}, zlib {anchor / meter_days:5.0f}, sealed"
        f" {sealed / meter_days:4.0f} (budget {BUDGET}), {sealed / anchor:4.2f} of zlib |"
        f" sealing {took_us:4.0f} us an event, one meter of a block {read:4.1f} ms",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meters", type=int, default=1000)
    parser.add_argument("--days", type=int, default=2)
    wanted = parser.parse_args()
    from meter_days import KINDS  # noqa: PLC0415 -- beside the tests

    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            measure(kind, wanted.meters, wanted.days, Path(folder))


if __name__ == "__main__":
    main()
