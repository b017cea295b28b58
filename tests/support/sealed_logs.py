"""Logs to seal, and everything that can be read of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stores import Place

from hes.store.codec import EventCodec, LayoutBook
from hes.store.open import open_database
from hes.store.port import EventLog
from hes.store.records import Bounds
from hes.store.sealing import Sealer, Sealing
from hes.store.sql_log import SqlEventLog
from hes.store.sql_records import SqlRecords
from hes.store.sqlite_file import SqliteFile

NOW: Final = datetime(2026, 5, 20, tzinfo=UTC)
DAY: Final = datetime(2026, 5, 1, tzinfo=UTC)
CODEC: Final = EventCodec(LayoutBook())


class Opened:
    """One log by all of its doors, as one process has it."""

    def __init__(self, place: Place) -> None:
        self.database, schema = open_database(place.url, place.password_file)
        self.log: EventLog = SqlEventLog(self.database)
        self.records = SqlRecords(self.database, schema)

    def seal(self, most: int | None = None, before: datetime = NOW, **options: Any) -> Sealing:
        """Seal the first ``most`` events, or all that came before a time."""
        return Sealer(self.database, **options).seal(before, now=NOW, most=most)


@contextmanager
def opened(place: Place) -> Iterator[Opened]:
    """Open a log, and close it."""
    found = Opened(place)
    try:
        yield found
    finally:
        found.log.close()


def at(number: int) -> datetime:
    """Return the time of the event with this number: some forty a day."""
    return DAY + timedelta(minutes=37 * number)


def everything(found: Opened, streams: list[str]) -> dict[str, Any]:
    """Return what every way of reading gives, in pages of different sizes.

    Of servers, where each page is a way to another process, only some are asked for.
    """
    log, records = found.log, found.records
    head = log.head()
    near = isinstance(found.database, SqliteFile)
    ends = range(-1, head + 2) if near else sorted({0, head // 2, head - 1, head + 1})
    seen: dict[str, Any] = {
        "head": head,
        "streams": log.streams("", 100),
        "last": records.head(),
    }
    for limit in (1, 3, 1000) if near else (2, 1000):
        for n in ends:
            seen[f"read {n} {limit}"] = log.read(n, limit)
            seen[f"back {n} {limit}"] = log.read_back(n, limit)
            seen[f"chained {n} {limit}"] = log.read_chained(n, limit)
            seen[f"chains {n} {limit}"] = log.chains(max(n, 0), limit)
            seen[f"page {n} {limit}"] = records.page(n, None, (), limit)
        for stream in streams:
            for n in ends:
                seen[f"{stream} {n} {limit}"] = log.read_stream(stream, n, limit)
                seen[f"{stream} back {n} {limit}"] = log.read_stream_back(stream, n, limit)
    for first in (1, head // 2):
        seen[f"page {first} A/1"] = records.page(first, head - 1, ("A/1",), 2)
    for stream in streams:
        seen[f"end of {stream}"] = log.stream_head(stream)
        for newest_first in (False, True):
            for above, upto, limit in ((None, None, None), (1, 3, 1), (None, 2, 1), (0, None, 2)):
                bounds = Bounds(above, upto, newest_first, limit)
                seen[f"{stream} {bounds}"] = records.select(stream, bounds)
    return seen
