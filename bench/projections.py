"""Read models: events folded and written, against the writing alone, on each database, in one run.

``writing alone`` carries out the same statements with the same rows, made before: what the database
costs without us. ``raw`` writes the same rows into tables without keys as fast as the driver can:
``executemany``, COPY. Positions are stored with the rows, as in a node; the events are decoded, as
the journal hands them over. With ``--cpu`` seconds are those of our processor time: they tell more
on a machine that is shared; what a server does is not in them.

``latest`` are the three models of what is shown first (some two rows an event), ``one`` are all of
them, of the same readings with one register (some three rows an event); ``mixed`` the same with
modems that come and go, failures and meter events among them, and of meters in any order, so that a
batch touches most pages; ``all`` are all of them, of readings with ten registers (some twenty-two
rows an event); ``profiles`` are load profiles of a
day, 48 intervals of four registers (192 rows an event); ``days`` the same with the energy of their
days, which a node makes in quiet moments.

Run: ``python -m bench projections``. PostgreSQL: a private one, if its programs are installed, or
the one that ``HES_TEST_POSTGRES_URL`` names; Oracle only where ``HES_TEST_ORACLE_DSN`` names one: a
double says nothing about speed.
"""

import argparse
import contextlib
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.projection_loads import BATCH, METERS, Load, loads
from bench.raw_rows import Written, raw_s
from hes.app.serve import GC_THRESHOLDS
from hes.events.base import Recorded
from projections.base import Projection, find_projections
from projections.errors import DaysMissing
from projections.folding import Tables
from projections.intervals import INTERVAL
from projections.sql.database import Database
from projections.sql.places import Place, open_place

sys.path.append(str(Path(__file__).parents[1] / "tests/support"))

TARGETS = {"sqlite": 50_000, "postgresql": 25_000}
"""Events/s of ``latest``, ``one`` and ``mixed`` that are wanted."""
Clock = Callable[[], float]
WANTED = {"latest", "one", "mixed"}
VERBS = ("execute", "counted", "many", "insert", "upsert")


class Noted(NamedTuple):
    """The calls of one batch."""

    calls: list[tuple[str, tuple[Any, ...]]]


def note_calls(db: Database) -> list[Noted]:
    """Let a connection note what is done with it, batch by batch."""
    noted: list[Noted] = []
    depth = [0]

    def watch(name: str) -> None:
        real = getattr(db, name)

        def call(*values: Any) -> Any:
            if not depth[0]:
                noted[-1].calls.append((name, values))
            depth[0] += 1
            try:
                return real(*values)
            finally:
                depth[0] -= 1

        setattr(db, name, call)

    begin = db.begin

    def begun(*, careful: bool) -> None:
        if not depth[0]:
            noted.append(Noted([]))
        begin(careful=careful)

    add_days = db.add_days

    def added(*values: Any) -> None:
        noted.pop()  # the batch is repeated
        depth[0] += 1
        add_days(*values)
        depth[0] -= 1

    db.begin = begun  # type: ignore[method-assign]
    db.add_days = added  # type: ignore[method-assign]
    for name in VERBS:
        watch(name)
    return noted


def fold(place: Place, load: Load, clock: Clock) -> tuple[float, list[Noted]]:
    """Return events/s, and what was done."""
    tables = Tables(place, models_of(load), anew=True)
    try:
        tables.take(load.events[0])
        started = clock()
        for batch in load.events[1:]:
            take(tables, batch, load)
        rate = size(load) / (clock() - started)
    finally:
        tables.close()
    tables = Tables(place, models_of(load), anew=True)
    noted = note_calls(tables._db)  # type: ignore[arg-type]
    for batch in load.events:
        take(tables, batch, load)
    tables.close()
    return rate, noted


def take(tables: Tables, batch: Sequence[Recorded], load: Load) -> None:
    tables.take(batch)
    while load.is_settled and tables.is_unsettled:
        tables.settle()


def write(place: Place, load: Load, noted: Sequence[Noted], clock: Clock) -> float:
    """Return events/s of the same statements without the folding."""
    tables = Tables(place, models_of(load), anew=True)
    db = tables._db
    assert db is not None
    started = clock()
    for number, batch in enumerate(noted):
        if number == 1:
            started = clock()
        try:
            carry_out(db, batch)
        except DaysMissing as missing:
            db.rollback()
            db.add_days(INTERVAL, missing.days)
            carry_out(db, batch)
    rate = size(load) / (clock() - started)
    tables.close()
    return rate


def carry_out(db: Database, batch: Noted) -> None:
    db.begin(careful=False)
    for name, values in batch.calls:
        getattr(db, name)(*values)
    db.commit()


def size(load: Load) -> int:
    return sum(map(len, load.events[1:]))


def models_of(load: Load) -> list[Projection]:
    return [p for p in find_projections() if not load.models or p.name in load.models]


@contextlib.contextmanager
def places() -> Iterator[dict[str, Place]]:
    """Give the databases that there are."""
    from databases import DatabaseMissing, running_postgres  # noqa: PLC0415 -- a path of the tests

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        found = {"sqlite": open_place(f"sqlite:///{folder}/read.db")}
        try:
            server = stack.enter_context(running_postgres())
            stack.callback(server.drop_databases)
            found["postgresql"] = open_place(server.new_database())
        except DatabaseMissing as missing:
            print(missing)
        if dsn := os.environ.get("HES_TEST_ORACLE_DSN"):
            found["oracle"] = open_place(f"oracle://{dsn.replace('/', ':', 1)}")
        yield found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cpu", action="store_true", help="count our processor time alone")
    parser.add_argument("--load", action="append", help="one of these only; several times")
    given = parser.parse_args()
    clock = time.thread_time if given.cpu else time.perf_counter
    print(f"batches of {BATCH} (profiles: {BATCH // 20}), {METERS} meters, medians")
    print("database     load       events/s  writing alone  ratio       raw  ratio  wanted")
    gc.set_threshold(*GC_THRESHOLDS)
    with places() as found:
        for name, place in found.items():
            for load in loads(given.events):
                if given.load and load.name not in given.load:
                    continue
                rates = [compare(place, load, clock) for _ in range(given.rounds)]
                ours, alone, raw = map(statistics.median, zip(*rates, strict=True))
                wanted = f"{TARGETS[name]:,}" if load.name in WANTED and name in TARGETS else ""
                print(f"{name:12} {load.name:9} {ours:9,.0f} {alone:14,.0f}", end="")
                print(f" {ours / alone:6.2f} {raw:9,.0f} {ours / raw:6.2f}  {wanted}", flush=True)


def compare(place: Place, load: Load, clock: Clock) -> tuple[float, float, float]:
    rate, noted = fold(place, load, clock)
    took_s = raw_s(place, [list(written(batch)) for batch in noted], clock)
    raw = float("nan") if took_s is None else size(load) / took_s
    return rate, write(place, load, noted, clock), raw


def written(batch: Noted) -> Iterator[Written]:
    for name, values in batch.calls:
        if name in {"insert", "upsert"} and values[1]:
            what, rows = values
            table = what if name == "insert" else what.table
            names = table.names if name == "insert" else what.columns
            # A table for each set of columns: COPY and executemany take whole rows.
            suffix = "" if names == table.names else f"_{len(names)}"
            columns = tuple(map(table.column, names))
            yield Written(f"raw_{table.name}{suffix}", columns, rows)


if __name__ == "__main__":
    main()
