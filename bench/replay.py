"""Reading the log in order, against a raw cursor over the same events in the eventsourcing schema.

``rows`` are the stored rows with the names of stream and topic, page by page, as a read model takes
them; the anchor is a loop over a cursor. ``events`` are decoded besides; the anchor decodes each
state with a msgspec decoder that it has in hand. All take turns in one run; each ratio is to the
anchor of its turn, and the medians count. Run: ``python -m bench replay``.
"""

import argparse
import contextlib
import gc
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.journal import ACTORS, BATCH, NAMES, raw_postgres, raw_sqlite, with_postgres
from bench.store import event
from hes.app.serve import GC_THRESHOLDS
from hes.events.reading import Reading
from hes.store.codec import EventCodec
from hes.store.open import open_codec, open_log
from hes.store.port import Append, EventLog

PAGE: Final = 1000
WANTED: Final = 0.7
_COLUMNS: Final = "originator_id, originator_version, topic, state FROM stored_events"
SQLITE: Final = f"SELECT rowid, {_COLUMNS} ORDER BY rowid"
POSTGRES: Final = f"SELECT notification_id, {_COLUMNS} ORDER BY notification_id"

Rows = Callable[[], Iterable[Any]]
Turn = Callable[[], int]
"""Reads all and returns how many there were."""


def counted(rows: Rows) -> int:
    count = 0
    for _ in rows():
        count += 1
    return count


def decoded(rows: Rows, decode: Callable[[bytes], object]) -> int:
    count = 0
    for row in rows():
        decode(row[4])
        count += 1
    return count


def paged(log: EventLog, take: Callable[[Sequence[Any]], object]) -> int:
    position = count = 0
    while rows := log.read(position, PAGE):
        take(rows)
        position, count = rows[-1].position, count + len(rows)
    return count


def turns_of(log: EventLog, raw: Rows) -> dict[str, tuple[Turn, Turn]]:
    """Return what is measured: ours and its anchor."""
    codec = open_codec(log)
    layouts = {layout.id: layout for layout in log.layouts()}
    decoder = msgspec.msgpack.Decoder(Reading, dec_hook=lambda _, number: layouts[number])
    return {
        "rows": (lambda: paged(log, len), lambda: counted(raw)),
        "events": (
            lambda: paged(log, codec.recorded_all),
            lambda: decoded(raw, decoder.decode),
        ),
    }


def filled(url: str, events: Sequence[Reading], count: int) -> EventLog:
    log = open_log(url)
    log.fence()
    codec = open_codec(log)
    for at in range(0, count, BATCH):
        batch = [
            Append(NAMES[n % ACTORS], None, [codec.encode(events[n % len(events)])])
            for n in range(at, at + BATCH)
        ]
        log.append(batch, codec.layouts.take_unsaved())
    return log


@contextlib.contextmanager
def databases(events: Sequence[Reading], count: int) -> Iterator[dict[str, tuple[EventLog, Rows]]]:
    """Give the databases that there are, filled."""
    codec = EventCodec()
    states = [codec.encode(one)[1] for one in events]
    found: dict[str, tuple[EventLog, Rows]] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        raw_sqlite(folder, states)(count)
        db = stack.enter_context(contextlib.closing(sqlite3.connect(folder / "raw.db")))
        log = filled(f"sqlite:///{folder}/ours.db", events, count)
        found["sqlite"] = log, lambda: db.execute(SQLITE)
        server = with_postgres(stack)
        if server is not None:
            url = server.new_database()
            raw_postgres(url, states)(count)
            found["postgresql"] = (
                filled(server.new_database(), events, count),
                cursor_postgres(stack, url),
            )
        for log, _ in found.values():
            stack.callback(log.close)
        yield found


def cursor_postgres(stack: contextlib.ExitStack, url: str) -> Rows:
    import psycopg  # noqa: PLC0415 -- there may be none

    connection = stack.enter_context(psycopg.connect(url))

    def rows() -> Iterator[Any]:
        with connection.cursor("raw", binary=True) as cursor:
            cursor.itersize = PAGE
            yield from cursor.execute(POSTGRES)

    return rows


def rate(turn: Turn, count: int) -> float:
    gc.collect()
    started = time.perf_counter()
    if turn() != count:
        raise SystemExit("the log does not have what was written")
    return count / (time.perf_counter() - started)


def compare(name: str, turns: dict[str, tuple[Turn, Turn]], count: int, rounds: int) -> None:
    for kind, (ours, raw) in turns.items():
        found = [(rate(raw, count), rate(ours, count)) for _ in range(rounds + 1)][1:]
        ratio = statistics.median(rate / base for base, rate in found)
        base, own = (statistics.median(rates) for rates in zip(*found, strict=True))
        print(f"{name:11s} {kind:7s} {own:10,.0f} {base:10,.0f} {ratio:6.2f} {WANTED:7.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=11)
    given = parser.parse_args()
    gc.set_threshold(*GC_THRESHOLDS)
    events = [event(n) for n in range(1000)]
    print("database    read        per s        raw  ratio  wanted")
    with databases(events, given.events) as found:
        for name, (log, raw) in found.items():
            compare(name, turns_of(log, raw), given.events, given.rounds)


if __name__ == "__main__":
    main()
