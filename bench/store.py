"""Event log against raw ``executemany`` on its tables without hash chains, same settings and run.

Prints events per second and the ratio for each size of batch. Both sides take turns, several times;
the medians count, for the disk under a shared machine has moods. Run: ``python -m bench.store``
"""

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from hes.events.layout import Channel, Layout
from hes.events.reading import Reading, Source
from hes.store.codec import EventCodec
from hes.store.open import open_codec, open_log
from hes.store.port import Append, Appended
from hes.store.sqlite_checkpoints import CHECKPOINT_PAGES
from hes.store.sqlite_file import CACHE_KIB

METERS = 5_000
NAMES = [f"meter:{18_000_000 + n}" for n in range(METERS)]
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
LAYOUT = Layout(tuple(Channel(f"1.0.{n}.7.0.255", -1, 35) for n in range(10)))
RAW = (
    "CREATE TABLE ev (nid INTEGER PRIMARY KEY, oid INTEGER NOT NULL, ver INTEGER NOT NULL,"
    " topic INTEGER NOT NULL, state BLOB NOT NULL, UNIQUE (oid, ver))"
)
INSERT = "INSERT INTO ev (nid, oid, ver, topic, state) VALUES (?, ?, ?, ?, ?)"
Commit = Callable[[], None]
"""Stores what was prepared."""
Prepare = Callable[[int, int], Commit]
"""Takes how many events are stored and how many are to follow; its own time does not count."""


def event(n: int) -> Reading:
    return Reading(
        received_at=NOW,
        device_time=NOW,
        source=Source.PUSH,
        layout=LAYOUT,
        values=tuple(70_000 + n + c for c in range(10)),
        digest=n.to_bytes(8),
    )


def raw(folder: Path, states: list[bytes]) -> Prepare:
    db = sqlite3.connect(folder / "raw.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    db.execute(RAW)

    def prepare(behind: int, count: int) -> Commit:
        rows = [
            (n + 1, n % METERS + 1, n // METERS + 1, 1, states[n % len(states)])
            for n in range(behind, behind + count)
        ]

        def commit() -> None:
            db.execute("BEGIN IMMEDIATE")
            db.executemany(INSERT, rows)
            db.execute("COMMIT")

        return commit

    return prepare


def ours(folder: Path, states: list[bytes]) -> Prepare:
    log = open_log(f"sqlite:///{folder}/ours.db")
    log.fence()

    def prepare(behind: int, count: int) -> Commit:
        batch = [
            Append(NAMES[n % METERS], None, [("Reading/1", states[n % len(states)])])
            for n in range(behind, behind + count)
        ]

        def commit() -> None:
            assert isinstance(log.append(batch)[-1], Appended)

        return commit

    return prepare


def encoding(folder: Path, events: list[Reading]) -> Prepare:
    """All that the journal does: from events to what is durable."""
    log = open_log(f"sqlite:///{folder}/encoding.db")
    log.fence()
    codec = open_codec(log)

    def prepare(behind: int, count: int) -> Commit:
        waiting = [
            (NAMES[n % METERS], events[n % len(events)]) for n in range(behind, behind + count)
        ]

        def commit() -> None:
            batch = [Append(name, None, [codec.encode(event)]) for name, event in waiting]
            log.append(batch, codec.layouts.take_unsaved())

        return commit

    return prepare


def rate(prepare: Prepare, behind: int, size: int, batches: int) -> float:
    commits = [prepare(behind + n * size, size) for n in range(batches)]
    started = time.perf_counter()
    for commit in commits:
        commit()
    return size * batches / (time.perf_counter() - started)


def compare(folder: Path, rounds: int) -> None:
    events = [event(n) for n in range(1000)]
    codec = EventCodec()
    states = [codec.encode(one)[1] for one in events]
    print(f"{len(states[0])} bytes an event, {METERS} streams, {rounds} rounds, medians")
    print("batch   raw ev/s  log ev/s  ratio   with encoding  ratio")
    sides = [raw(folder, states), ours(folder, states), encoding(folder, events)]
    stored = METERS
    for side in sides:
        side(0, METERS)()  # warm: all streams are known
    for size, batches in ((1, 400), (10, 300), (100, 150), (1000, 40)):
        rates: list[list[float]] = [[], [], []]
        for _ in range(rounds):
            for side, seen in zip(sides, rates, strict=True):
                seen.append(rate(side, stored, size, batches))
            stored += size * batches
        base, log, full = (statistics.median(seen) for seen in rates)
        print(f"{size:5d} {base:10,.0f}", end="")
        print(f" {log:9,.0f} {log / base:6.2f} {full:15,.0f} {full / base:6.2f}")


def reading_back(folder: Path) -> None:
    log = open_log(f"sqlite:///{folder}/ours.db")
    codec = EventCodec(open_codec(open_log(f"sqlite:///{folder}/encoding.db")).layouts)
    position, count, started = 0, 0, time.perf_counter()
    while rows := log.read(position, 2000):
        position, count = rows[-1].position, count + len(rows)
    print(f"paging the log: {count / (time.perf_counter() - started):,.0f} rows/s")
    rows = log.read(0, 20_000)
    started = time.perf_counter()
    for row in rows:
        codec.recorded(row)
    print(f"decoding: {len(rows) / (time.perf_counter() - started):,.0f} events/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        compare(Path(name), rounds)
        reading_back(Path(name))


if __name__ == "__main__":
    main()
