"""Checkpoints beside the commits: the write-ahead log is begun anew, and commits do none."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hes.store import sqlite_checkpoints
from hes.store.open import open_log
from hes.store.port import Append, EventLog
from hes.store.sqlite_file import SqliteFile


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = open_log(f"sqlite:///{tmp_path}/events.db")
    opened.fence()
    yield opened
    opened.close()


def write(log: EventLog, events: int) -> None:
    log.append([Append(f"meter:{n}", None, [("A/1", b"x" * 500)]) for n in range(events)])


def file_of(log: EventLog) -> SqliteFile:
    file = log._database  # type: ignore[attr-defined]
    assert isinstance(file, SqliteFile)
    return file


def test_the_log_is_begun_anew(
    log: EventLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_checkpoints, "CHECKPOINT_PAGES", 50)
    write(log, 600)
    with sqlite3.connect(tmp_path / "events.db", isolation_level=None) as db:
        assert sqlite_checkpoints._pages(db) > 50
        file_of(log)._checkpoints._bring_home(db)
        write(log, 1)
        assert sqlite_checkpoints._pages(db) < 20
    db.close()
    assert log.head() == 601


def test_the_writer_waits_only_for_the_last_pages_of_a_long_log(
    log: EventLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(log, 600)
    waits = _Waits()
    made = sqlite_checkpoints.Checkpoints(lambda: sqlite3.connect(":memory:"), waits)
    with sqlite3.connect(tmp_path / "events.db", isolation_level=None) as db:
        made._bring_home(db)
        assert waits.count == 0
        monkeypatch.setattr(sqlite_checkpoints, "CHECKPOINT_PAGES", 50)
        made._bring_home(db)
        assert waits.count == 1
    db.close()


def test_a_thread_does_it_when_enough_has_changed_and_ends_with_the_file(
    log: EventLog,
) -> None:
    made = file_of(log)._checkpoints
    made._every = 100
    write(log, 10)
    assert made._thread is None
    write(log, 100)
    assert made._thread is not None
    assert made._thread.is_alive()
    log.close()
    assert not made._thread.is_alive()


def test_commits_are_left_to_their_own_only_when_the_thread_does_not_come_after(
    log: EventLog,
) -> None:
    ((pages,),) = file_of(log)._writer.execute("PRAGMA wal_autocheckpoint").fetchall()
    assert pages == sqlite_checkpoints.CHECKPOINT_PAGES_MAX
    ((synchronous,),) = file_of(log)._writer.execute("PRAGMA synchronous").fetchall()
    assert synchronous == 2  # FULL: a commit is on disk when it returns


def test_a_writer_with_a_new_connection_counts_from_the_start() -> None:
    made = sqlite_checkpoints.Checkpoints(lambda: sqlite3.connect(":memory:"), _Waits())
    made.committed(sqlite_checkpoints.CHANGES - 1)
    assert made._thread is None
    made._changes = 10**9
    made.committed(5)
    assert made._changes == 5
    made.close()


@pytest.mark.parametrize(
    ("pages", "changes", "every"),
    [
        (5_000, 5_000, 5_000),
        (1_250, 2_500, 7_500),
        (25, 2_500, 12_500),
        (2_250, 225, 2_500),
    ],
)
def test_the_next_look_comes_when_the_log_is_long(
    monkeypatch: pytest.MonkeyPatch, pages: int, changes: int, every: int
) -> None:
    monkeypatch.setattr(sqlite_checkpoints, "_pages", lambda _db: pages)
    made = sqlite_checkpoints.Checkpoints(lambda: sqlite3.connect(":memory:"), _Waits())
    made._changes = changes
    with sqlite3.connect(":memory:") as db:
        made._bring_home(db)
    db.close()
    assert made._every == every


class _Waits:
    """Counts how often it is taken."""

    count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None: ...
