"""What a day of a meter takes once it is sealed, everything counted that a file of SQLite holds."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from meter_days import BUDGET, DAY, KINDS, batches_of, events_of_days
from sealed_logs import opened
from stores import Place

from hes.store.chain import Verifier
from hes.store.codec import EventCodec, LayoutBook
from hes.store.port import Append

METERS = 60
DAYS = 2
NAMES = 50
"""The name of a stream, twice: it is there once, however many days follow."""


def octets(file: Path) -> int:
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free, size = (
            db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sealed_day_of_a_meter_is_within_the_budget(kind: str, tmp_path: Path) -> None:
    file, codec = tmp_path / "log.db", EventCodec(LayoutBook())
    with opened(Place(f"sqlite:///{file}")) as found:
        found.log.fence()
        empty = octets(file)
        told = []
        for batch in batches_of(events_of_days(kind, METERS, DAYS), 1000):
            rows = [(stream, codec.encode(event)) for stream, event in batch]
            found.log.append([Append(stream, None, [row]) for stream, row in rows])
            told += rows
        hot = octets(file) - empty
        found.seal(before=DAY + timedelta(days=DAYS))
        took = (octets(file) - empty - NAMES * METERS) / (METERS * DAYS)
        read = found.log.read_chained(0, len(told) + 1)
        assert [(row.stream, (row.topic, row.state)) for row in read] == told
        assert list(Verifier().take(read)) == []
    assert took < BUDGET
    assert hot / (METERS * DAYS) > 6 * took
