"""The journal under 1,000 actors, against raw bulk writing in the eventsourcing library's schema.

Each actor appends an event of ten registers, waits until it is durable, and goes on. ``tasks`` wait
as a task each; ``pushes`` are called back, as devices' messages are. The anchor is a program that
does nothing else: on SQLite ``executemany`` with the same settings, on PostgreSQL COPY, a thousand
rows in each commit; both wait for the disk at each. Each turn has a turn of the anchor before it,
on a database of the same size; the medians of the ratios count. Two latencies: of a commit, from
its first statement to the return of its last; and of an answer, from an actor's append until it
knows. All actors append without a pause, so that of an answer is never below actors / rate. Run:
``python -m bench journal``.
"""

import argparse
import contextlib
import gc
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import trio

from actors.journal import Journal
from actors.journal_queue import Entry, JournalQueue
from actors.supervisor import ChildSpec, Supervisor
from actors.tree import open_node
from bench.store import event
from hes.app.serve import GC_THRESHOLDS
from hes.events.reading import Reading
from hes.store.codec import EventCodec
from hes.store.open import open_codec, open_log
from hes.store.sqlite_checkpoints import CHECKPOINT_PAGES
from hes.store.sqlite_file import CACHE_KIB

sys.path.append(str(Path(__file__).parents[1] / "tests/support"))

ACTORS: Final = 1000
BATCH: Final = 1000
NAMES: Final = [f"meter:{18_000_000 + n}" for n in range(ACTORS)]
TOPIC: Final = "Reading/1"
WANTED: Final = {"sqlite": 0.9, "postgresql": 0.5}
LATENCY_MS: Final = 50
SQLITE: Final = (
    "CREATE TABLE stored_events (originator_id TEXT, originator_version INTEGER, topic TEXT,"
    " state BLOB, PRIMARY KEY (originator_id, originator_version))"
)
POSTGRES: Final = (
    "CREATE TABLE stored_events (originator_id UUID NOT NULL, originator_version BIGINT NOT NULL,"
    " topic TEXT, state BYTEA, notification_id BIGSERIAL,"
    " PRIMARY KEY (originator_id, originator_version))",
    "CREATE UNIQUE INDEX stored_events_id ON stored_events (notification_id ASC)",
)
COLUMNS: Final = "originator_id, originator_version, topic, state"
COPY: Final = f"COPY stored_events ({COLUMNS}) FROM STDIN (FORMAT BINARY)"
IDS: Final = [str(uuid.UUID(int=n)) for n in range(ACTORS)]
Raw = Callable[[int], float]
"""Writes so many events and returns events/s."""


class Measured(NamedTuple):
    """One turn."""

    rate: float
    base: float
    """The anchor's, right before."""
    commit_p99_ms: float
    answer_p99_ms: float

    @property
    def ratio(self) -> float:
        """What counts."""
        return self.rate / self.base


# -- raw


def raw_sqlite(folder: Path, states: Sequence[bytes]) -> Raw:
    db = sqlite3.connect(folder / "raw.db", isolation_level=None)
    for pragma in (
        "journal_mode = WAL", "synchronous = FULL", f"cache_size = -{CACHE_KIB}",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
    ):  # fmt: skip
        db.execute(f"PRAGMA {pragma}")
    db.execute(SQLITE)
    stored = 0

    def write(count: int) -> float:
        nonlocal stored
        batches = [rows_of(at, states) for at in range(stored, stored + count, BATCH)]
        stored += count
        started = time.perf_counter()
        for rows in batches:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO stored_events VALUES (?, ?, ?, ?)", rows)
            db.execute("COMMIT")
        return count / (time.perf_counter() - started)

    return write


def raw_postgres(url: str, states: Sequence[bytes]) -> Raw:
    import psycopg  # noqa: PLC0415 -- there may be none

    connection = psycopg.connect(url)
    for statement in POSTGRES:
        connection.execute(statement)
    connection.commit()
    stored = 0

    def write(count: int) -> float:
        nonlocal stored
        batches = [
            [(uuid.UUID(name), *rest) for name, *rest in rows_of(at, states)]
            for at in range(stored, stored + count, BATCH)
        ]
        stored += count
        started = time.perf_counter()
        for rows in batches:
            with connection.cursor() as cursor, cursor.copy(COPY) as copy:
                copy.set_types(("uuid", "int8", "text", "bytea"))
                for row in rows:
                    copy.write_row(row)
            connection.commit()
        return count / (time.perf_counter() - started)

    return write


def rows_of(at: int, states: Sequence[bytes]) -> list[tuple[str, int, str, bytes]]:
    return [
        (IDS[n % ACTORS], n // ACTORS + 1, TOPIC, states[n % len(states)])
        for n in range(at, at + BATCH)
    ]


# -- ours


class Loop:
    """Actors that append without a pause until enough is stored."""

    def __init__(self, queue: JournalQueue, events: Sequence[Reading], count: int) -> None:
        self.queue = queue
        self.events = events
        self.left = count
        self.latencies: list[float] = []
        self.under_way = 0
        self.done = trio.Event()

    async def tasks(self) -> None:
        async with trio.open_nursery() as nursery:
            for name in NAMES:
                nursery.start_soon(self.task, name)

    async def task(self, name: str) -> None:
        while self.left > 0:
            self.left -= 1
            started = time.perf_counter()
            await self.queue.append(name, [self.events[self.left % len(self.events)]])
            self.latencies.append(time.perf_counter() - started)

    async def pushes(self) -> None:
        for name in NAMES:
            self.push(name)
        await self.done.wait()

    def push(self, name: str) -> None:
        self.left -= 1
        self.under_way += 1
        started = time.perf_counter()

        def then(entry: Entry) -> None:
            self.latencies.append(time.perf_counter() - started)
            self.under_way -= 1
            if self.left > 0:
                self.push(name)
            elif not self.under_way:
                self.done.set()

        one = self.events[self.left % len(self.events)]
        self.queue.append_soon(name, [one], then, None)  # type: ignore[arg-type]


class Turns:
    """A database, and what was found on it so far."""

    def __init__(self, name: str, url: str, raw: Raw, count: int) -> None:
        self.name = name
        self.log = open_log(url)
        self.log.fence()
        self.commits_s: list[float] = []
        self._append, self.log.append = self.log.append, self._timed  # type: ignore[method-assign]
        self.codec = open_codec(self.log)
        self.raw = raw
        self.count = count
        self.found: dict[str, list[Measured]] = {"tasks": [], "pushes": []}

    async def take(self, events: Sequence[Reading]) -> None:
        """Let each side have its turns."""
        queue = JournalQueue()
        root = Supervisor(ChildSpec(name="journal", start=lambda: self._journal(queue)))
        async with open_node("bench", lambda: root):
            for kind, turns in self.found.items():
                base = self.raw(self.count)
                loop = Loop(queue, events, self.count)
                gc.collect()
                self.commits_s.clear()
                started = time.perf_counter()
                await getattr(loop, kind)()
                rate = len(loop.latencies) / (time.perf_counter() - started)
                turns.append(Measured(rate, base, p99_ms(self.commits_s), p99_ms(loop.latencies)))

    def _timed(self, *batch: Any) -> Any:
        started = time.perf_counter()
        try:
            return self._append(*batch)
        finally:
            self.commits_s.append(time.perf_counter() - started)

    def _journal(self, queue: JournalQueue) -> Journal:
        return Journal(queue, self.log, self.codec, lambda _commit: None)

    def tell(self) -> bool:
        """Print the medians; return whether they are good enough."""
        good = True
        for kind, turns in self.found.items():
            rate, base, commit_ms, answer_ms = (
                statistics.median(values) for values in zip(*turns[1:], strict=True)
            )
            ratio = statistics.median(turn.ratio for turn in turns[1:])
            good &= ratio >= WANTED[self.name] and commit_ms < LATENCY_MS
            print(f"{self.name:11s} {kind:7s} {rate:9,.0f} {base:9,.0f} {ratio:6.2f}", end="")
            print(f" {WANTED[self.name]:7.1f} {commit_ms:8.1f} ms {answer_ms:8.1f} ms", flush=True)
        return good


def p99_ms(latencies_s: Sequence[float]) -> float:
    return statistics.quantiles(latencies_s, n=100)[98] * 1000


def with_postgres(stack: contextlib.ExitStack) -> Any:
    """Return a server that runs until the end of the block, if there is one."""
    from databases import DatabaseMissing, running_postgres  # noqa: PLC0415

    try:
        server = stack.enter_context(running_postgres(durable=True))
    except DatabaseMissing as missing:
        print(missing)
        return None
    stack.callback(server.drop_databases)
    return server


@contextlib.contextmanager
def databases(states: Sequence[bytes], count: int) -> Iterator[list[Turns]]:
    """Give the databases that there are."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = [Turns("sqlite", f"sqlite:///{folder}/ours.db", raw_sqlite(folder, states), count)]
        server = with_postgres(stack)
        if server is not None:
            raw = raw_postgres(server.new_database(), states)
            found.append(Turns("postgresql", server.new_database(), raw, count))
        yield found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=40_000, help="of each turn")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    gc.set_threshold(*GC_THRESHOLDS)
    events = [event(n) for n in range(1000)]
    codec = EventCodec()
    states = [codec.encode(one)[1] for one in events]
    print(f"{len(states[0])} bytes an event, {ACTORS} actors, {given.rounds} rounds, medians")
    print("database    actors   events/s      raw   ratio  wanted  commit p99  answer p99")
    with databases(states, given.events) as found:
        for turns in found:
            for _ in range(given.rounds + 1):  # the first one warms
                trio.run(turns.take, events)
            turns.tell()


if __name__ == "__main__":
    main()
