"""Names of streams and topics, which readers keep: never another one's, never without end."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hes.store import names
from hes.store.chain import Verifier
from hes.store.open import open_log
from hes.store.port import Append, EventLog


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = open_log(f"sqlite:///{tmp_path}/events.db")
    opened.fence()
    yield opened
    opened.close()


def write(log: EventLog, first: int, last: int) -> None:
    log.append(
        [Append(f"meter:{n}", None, [(f"T{n % 3}/1", b"%d" % n)]) for n in range(first, last + 1)]
    )


def told(log: EventLog) -> list[tuple[str, str, bytes]]:
    rows = log.read(0, 1000)
    assert rows == [row[:5] for row in log.read_chained(0, 1000)]
    assert rows == log.read_back(1001, 1000)[::-1]
    return [(row.stream, row.topic, row.state) for row in rows]


def wanted(last: int) -> list[tuple[str, str, bytes]]:
    return [(f"meter:{n}", f"T{n % 3}/1", b"%d" % n) for n in range(1, last + 1)]


def test_names_that_come_later_are_learnt(log: EventLog, tmp_path: Path) -> None:
    reader = open_log(f"sqlite:///{tmp_path}/events.db")
    for last in (2, 3, 40):
        write(log, log.head() + 1, last)
        assert told(reader) == wanted(last)
    reader.close()


def test_no_more_than_so_many_are_kept(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "NAMES_MAX", 10)
    write(log, 1, 35)
    for _ in range(2):
        found = [row for at in range(0, 35, 4) for row in log.read(at, 4)]
        assert [(row.stream, row.topic, row.state) for row in found] == wanted(35)
        assert len(log._reader._names.known[0]) <= 10  # type: ignore[attr-defined]
    assert told(log) == wanted(35)


@pytest.mark.parametrize("table", ["stream", "topic"])
def test_events_whose_name_was_taken_away_are_missed(
    log: EventLog, tmp_path: Path, table: str
) -> None:
    write(log, 1, 6)
    with sqlite3.connect(tmp_path / "events.db") as db:
        db.execute(f"DELETE FROM {table} WHERE name IN ('meter:2', 'T2/1')")
    db.close()
    left = [
        row for row in wanted(6) if row[0] != "meter:2" and (table, row[1]) != ("topic", "T2/1")
    ]
    assert told(log) == left
    verifier = Verifier()
    assert "events are missing" in str(next(verifier.take(log.read_chained(0, 10))))
