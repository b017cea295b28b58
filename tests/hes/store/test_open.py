"""URLs of stores, and the sentences for those that cannot be opened."""

import os
import sqlite3
import stat
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hes.store.database import MOVE_HEAD
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.open import open_log, path_of
from hes.store.port import Append, Appended
from hes.store.sealing import Sealer
from hes.store.sqlite import SqliteEventLog
from hes.store.sqlite_file import READERS_IDLE_MAX, SqliteFile

ROW = ("Reading/1", b"state")


def refusal(path: Path) -> str:
    with pytest.raises(StoreError) as caught:
        open_log(f"sqlite:///{path}")
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///hes.db", "hes.db"),
        ("sqlite:///data/hes.db", "data/hes.db"),
        ("sqlite:////var/lib/hes.db", "/var/lib/hes.db"),
        ("sqlite://", ":memory:"),
    ],
)
def test_urls_name_files(url: str, path: str) -> None:
    assert path_of(url) == path


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("hes.db", "'hes.db' is no URL; write sqlite:///file.db"),
        ("sqlite://hes.db", "names no file; write sqlite:///file.db"),
        ("sqlite:///", "names no file"),
        ("mysql://u:secret@host/db", "^the store mysql:// is not supported"),
        ("oracle://dsn", "^the URL of Oracle names no user or no database; write oracle://user"),
        ("oracle://user@", "^the URL of Oracle names no user or no database; write oracle://user"),
        ("postgresql://u@host:5432/db?wrong=1", "^the URL of PostgreSQL is wrong"),
    ],
)
def test_other_urls_are_refused_with_what_to_write(url: str, sentence: str) -> None:
    with pytest.raises(StoreError, match=sentence):
        open_log(url)


def test_a_password_in_a_url_is_not_repeated() -> None:
    with pytest.raises(StoreError) as caught:
        open_log("mysql://user:secret@dsn")
    assert "secret" not in str(caught.value)


def test_a_relative_path_is_a_file_of_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    open_log("sqlite:///here.db").close()
    assert (tmp_path / "here.db").is_file()


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    log = open_log(f"sqlite:///{tmp_path}/hes.db")
    log.fence()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == 3
    assert modes == {0o600}
    log.close()


def test_logs_in_memory_are_apart() -> None:
    one, other = open_log("sqlite://"), open_log("sqlite://")
    one.fence()
    assert one.append([Append("meter:1", 0, [ROW])]) == [Appended(1, 1)]
    assert (one.head(), other.head()) == (1, 0)
    one.close()
    other.close()


# -- what cannot be opened


def test_a_missing_folder(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "hes.db"
    assert refusal(path) == f"the folder of {path} does not exist; make it first"


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    assert "cannot be opened" in refusal(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written(tmp_path: Path) -> None:
    path = tmp_path / "hes.db"
    path.touch(mode=0o400)
    assert "may not be written by this user" in refusal(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everywhere")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "hes.db"
    path.touch(mode=0)
    assert "may this user write there?" in refusal(path)


def test_a_file_that_is_no_database_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    text = b"Dear customer, your bill is attached.\n" * 100
    path.write_bytes(text)
    assert refusal(path).startswith(f"{path} is no SQLite database; name another file")
    assert path.read_bytes() == text


def test_a_database_of_another_program_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "music.db"
    with sqlite3.connect(path) as music:
        music.execute("CREATE TABLE song (name TEXT)")
    music.close()
    before = path.read_bytes()
    assert refusal(path) == f"{path} is a database of another program; name another file"
    assert path.read_bytes() == before


def test_a_log_of_another_version_names_both(tmp_path: Path) -> None:
    path = tmp_path / "hes.db"
    open_log(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    assert "has schema 9, this program reads 3; use the version" in refusal(path)


def test_a_damaged_file_says_to_restore_a_backup(tmp_path: Path) -> None:
    path = tmp_path / "hes.db"
    log = open_log(f"sqlite:///{path}")
    log.fence()
    log.append([Append("meter:1", 0, [ROW] * 5000)])
    log.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(StoreError, match=r"is damaged .*; restore it from a backup") as caught:
        open_log(f"sqlite:///{path}").read(0, 10)
    assert not isinstance(caught.value, StoreUnavailable)


def test_a_file_held_by_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hes.store.sqlite_file.BUSY_S", 0.05)
    path = tmp_path / "hes.db"
    open_log(f"sqlite:///{path}").close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    assert refusal(path) == f"the database {path} is held by another program; stop that one first"
    holder.close()


# -- what goes wrong later


def opened(path: Path) -> tuple[SqliteFile, SqliteEventLog]:
    file = SqliteFile(str(path))
    log = SqliteEventLog(file)
    log.fence()
    return file, log


def test_a_full_disk_stores_nothing_and_the_log_goes_on_afterwards(tmp_path: Path) -> None:
    file, log = opened(tmp_path / "hes.db")
    log.append([Append("meter:1", 0, [ROW])])
    file._writer.execute("PRAGMA max_page_count = 20")
    with pytest.raises(StoreUnavailable, match=r"no room is left .*; make some"):
        log.append([Append("meter:1", 1, [("Reading/1", bytes(100_000))])])
    assert (log.head(), log.stream_head("meter:1")) == (1, 1)
    file._writer.execute("PRAGMA max_page_count = 100000")
    assert log.append([Append("meter:1", 1, [ROW])]) == [Appended(2, 2)]
    log.close()


def test_a_disk_that_turned_read_only_is_waited_for(tmp_path: Path) -> None:
    file, log = opened(tmp_path / "hes.db")
    file._writer.execute("PRAGMA query_only = 1")
    with pytest.raises(StoreUnavailable, match="may not be written by this user"):
        log.append([Append("meter:1", 0, [ROW])])
    file._writer.execute("PRAGMA query_only = 0")
    assert log.append([Append("meter:1", 0, [ROW])]) == [Appended(1, 1)]
    log.close()


def test_a_writer_that_waits_too_long_for_another_program_may_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hes.store.sqlite_file.BUSY_S", 0.05)
    _, log = opened(tmp_path / "hes.db")
    holder = sqlite3.connect(tmp_path / "hes.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="is held by another program"):
        log.append([Append("meter:1", 0, [ROW])])
    holder.execute("ROLLBACK")
    assert log.append([Append("meter:1", 0, [ROW])]) == [Appended(1, 1)]
    holder.close()
    log.close()


def test_a_closed_log_says_so(tmp_path: Path) -> None:
    _, log = opened(tmp_path / "hes.db")
    log.close()
    with pytest.raises(StoreError, match="is closed"):
        log.head()
    with pytest.raises(StoreError, match="is closed"):
        log.append([])


def test_a_damaged_layout_says_to_restore_a_backup(tmp_path: Path) -> None:
    file, log = opened(tmp_path / "hes.db")
    file._writer.execute("INSERT INTO layout VALUES (5, x'90'), (6, x'ff')")
    for number in (5, 6):
        with pytest.raises(StoreError, match=f"channel layout {number} .* is damaged"):
            log.layout(number)
    log.close()


def test_a_lost_head_row_says_to_restore_a_backup(tmp_path: Path) -> None:
    file, log = opened(tmp_path / "hes.db")
    file._writer.execute("DELETE FROM head")
    with pytest.raises(StoreError, match="lost its head row; restore a backup"):
        log.append([Append("meter:1", 0, [ROW])])
    log.close()


def test_more_streams_than_the_cache_holds_keep_their_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hes.store.placing.STREAMS_CACHED", 3)
    _, log = opened(tmp_path / "hes.db")
    for version in range(3):
        batch = [Append(f"meter:{n}", version, [ROW]) for n in range(10)]
        assert all(isinstance(result, Appended) for result in log.append(batch))
        assert len(log._placer._streams) == 10
    # Twice in one batch, with more streams than the cache holds.
    for start in (3, 5):
        again = [Append(f"meter:{n % 5}", start + n // 5, [ROW]) for n in range(10)]
        assert all(isinstance(result, Appended) for result in log.append(again))
        assert len(log._placer._streams) == 5
    log.close()


# -- connections


class Fragile(sqlite3.Connection):
    """A connection that breaks when it should roll back."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql in {"ROLLBACK", MOVE_HEAD}:
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *values)


def pragmas(file: SqliteFile) -> list[object]:
    names = ("journal_mode", "synchronous", "cache_size", "wal_autocheckpoint")
    return [file._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in names]


DURABLE = ["wal", 2, -262_144, 40_000]


def test_commits_reach_the_disk(tmp_path: Path) -> None:
    file, log = opened(tmp_path / "hes.db")
    assert pragmas(file) == DURABLE
    log.close()


def test_a_connection_that_cannot_roll_back_is_replaced(tmp_path: Path) -> None:
    file, log = opened(tmp_path / "hes.db")
    log.append([Append("meter:1", 0, [ROW])])
    file._writer.close()
    file._writer = Fragile(file.path, isolation_level=None)
    with pytest.raises(StoreError, match="failed"):
        log.append([Append("meter:1", 1, [ROW])])
    assert type(file._writer) is sqlite3.Connection
    assert pragmas(file) == DURABLE
    assert log.append([Append("meter:1", 1, [ROW])]) == [Appended(2, 2)]
    log.close()


def test_a_place_without_write_ahead_log_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Plain(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            return super().execute(sql.replace("= WAL", "= DELETE"), *values)

    monkeypatch.setattr(SqliteFile, "_connect", lambda self: Plain(self.path, isolation_level=None))
    assert "cannot have a write-ahead log where it lies; use a local disk" in refusal(
        tmp_path / "hes.db"
    )


def test_threads_that_come_and_go_share_few_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, log = opened(tmp_path / "hes.db")
    connected: list[int] = []
    connect = file._connect

    def counted() -> sqlite3.Connection:
        connected.append(1)
        return connect()

    monkeypatch.setattr(file, "_connect", counted)
    for _ in range(20):
        thread = threading.Thread(target=log.head)
        thread.start()
        thread.join()
    assert len(connected) == 1
    threads = [threading.Thread(target=log.read, args=(0, 10)) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(file._idle) <= READERS_IDLE_MAX
    log.close()
    assert file._idle == []


def test_a_reader_that_failed_is_not_used_again(tmp_path: Path) -> None:
    file, log = opened(tmp_path / "hes.db")
    log.head()
    with pytest.raises(StoreError, match="no such table"):
        file.rows("SELECT nid FROM away")
    assert file._idle == []
    assert log.head() == 0
    log.close()


def test_pages_are_read_by_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, log = opened(tmp_path / "hes.db")
    plans: list[str] = []
    rows = file.rows

    def explained(sql: str, values: Sequence[Any] = ()) -> list[Any]:
        plans.extend(row[3] for row in rows("EXPLAIN QUERY PLAN " + sql, values))
        return rows(sql, values)

    log.append([Append("meter:1", 0, [ROW] * 30)])
    now = datetime(2026, 5, 1, tzinfo=UTC)
    Sealer(file, segment_events=10).seal(now, now=now, most=20)
    monkeypatch.setattr(file, "rows", explained)
    for after in (5, 25):
        log.read(after, 1)
        log.read_back(after, 1)
        log.read_stream("meter:1", after, 1)
        log.read_stream_back("meter:1", after, 1)
        log.read_chained(after, 1)
        log.purged_end("meter:1", after)
    log.stream_head("meter:1")
    log.streams("meter:", 10)
    log.load_snapshot("meter:1")
    assert len(plans) > 30
    plans = [plan for plan in plans if plan != "SCAN topic"]  # some ten names, read at once
    assert [plan for plan in plans if "SCAN" in plan or "TEMP B-TREE" in plan] == []
    log.close()
