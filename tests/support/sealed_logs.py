"""Logs to seal, and everything that can be read of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stores import Place

from hes.events.node import ActorFailed
from hes.store.chain import Verifier
from hes.store.codec import EventCodec, LayoutBook
from hes.store.open import open_database
from hes.store.port import Append, EventLog
from hes.store.records import Bounds, Record
from hes.store.sealing import Sealer, Sealing
from hes.store.sql_log import SqlEventLog
from hes.store.sql_records import SqlRecords
from hes.store.sqlite_file import SqliteFile

NOW: Final = datetime(2026, 5, 20, tzinfo=UTC)
DAY: Final = datetime(2026, 5, 1, tzinfo=UTC)
CODEC: Final = EventCodec(LayoutBook())
STREAMS: Final = ["meter:1", "meter:2", "modem:1"]


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


def state_of(number: int, detail: str = "x") -> bytes:
    """Return a stored event of the time ``at(number)``."""
    event = ActorFailed(
        received_at=at(number), path="/main", reason=detail, restarts=number, decision="parked"
    )
    return CODEC.encode(event)[1]


def fill(place: Place, script: list[tuple[str, str, bytes, int]]) -> None:
    """Store events one by one; some through the library's door, which leaves gaps of versions."""
    with opened(place) as found:
        found.log.fence()
        for stream, topic, state, step in script:
            if step == 1:
                found.log.append([Append(stream, None, [(topic, state)])])
            else:
                version = found.log.stream_head(stream) + step
                found.records.insert([Record(stream, version, topic, state)])


def check(log: Any) -> None:
    """Make sure that the chains of a log are whole."""
    verifier = Verifier()
    assert list(verifier.take(log.read_chained(0, 1000))) == []
    assert verifier.end(log.head()) is None


def many(place: Place, count: int = 60) -> None:
    """Fill a log with events of three streams in turn."""
    fill(place, [(STREAMS[n % 3], "ActorFailed/1", state_of(n), 1) for n in range(1, count + 1)])
