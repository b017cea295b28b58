"""Backups are one moment of a log under load, verified, and a node can go on from one."""

import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sealed_logs import CODEC, NOW, at, opened
from stores import Place

from hes.events.reading import FailureReason, ReadFailed, Source
from hes.store.backup import back_up, first_fault, restore, set_aside
from hes.store.errors import StoreError
from hes.store.open import open_log
from hes.store.port import Append, EventLog


def failed(number: int) -> tuple[str, bytes]:
    return CODEC.encode(
        ReadFailed(
            received_at=at(number), source=Source.SCHEDULED, what="registers",
            reason=FailureReason.NO_ANSWER, detail="x" * 500,
        )
    )  # fmt: skip


def fill(log: EventLog, count: int, first: int = 1) -> None:
    log.append([Append(f"meter:{n % 7}", None, [failed(n)]) for n in range(first, first + count)])


def new_log(path: Path, count: int = 50) -> EventLog:
    log = open_log(f"sqlite:///{path}")
    log.fence()
    fill(log, count)
    return log


def test_a_backup_under_load_is_one_moment_of_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hes.store.backup.PAGES", 8)
    source, target = tmp_path / "events.db", tmp_path / "backup.db"
    with closing(new_log(source, 3000)) as log:
        log.save_secrets({"meter:1": b"key"})
        heads: list[int] = []

        def goes_on(_done: int, _all: int) -> None:
            # After each few pages a node commits, and another goes home from its log ahead.
            if len(heads) < 60:
                fill(log, 5, 10_000 + 5 * len(heads))
                heads.append(log.head())

        head = back_up(source, target, goes_on)
        assert head == 3000 < heads[-1]
        with closing(open_log(f"sqlite:///{target}")) as copy:
            assert copy.head() == head
            assert copy.read(0, 5000) == log.read(0, head)
            assert copy.load_secrets() == {"meter:1": b"key"}
            assert first_fault(copy) is None
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["backup.db", "events.db"]


def test_a_backup_beside_a_writer_in_another_thread(tmp_path: Path) -> None:
    source, target = tmp_path / "events.db", tmp_path / "backup.db"
    with closing(new_log(source)) as log:
        stop = threading.Event()

        def write() -> None:
            number = 1000
            while not stop.is_set():
                fill(log, 20, number)
                number += 20

        thread = threading.Thread(target=write)
        thread.start()
        try:
            head = back_up(source, target)
        finally:
            stop.set()
            thread.join()
        with closing(open_log(f"sqlite:///{target}")) as copy:
            assert copy.read(0, 100_000) == log.read(0, head)


def test_what_was_sealed_and_purged_is_in_the_backup(tmp_path: Path) -> None:
    place = Place(f"sqlite:///{tmp_path}/events.db")
    new_log(tmp_path / "events.db").close()
    with opened(place) as found:
        found.seal(30)
        before = found.log.read(0, 100)
        assert back_up(tmp_path / "events.db", tmp_path / "b.db") == 50
    with opened(Place(f"sqlite:///{tmp_path}/b.db")) as copy:
        assert copy.log.sealed_to() == 30
        assert copy.log.read(0, 100) == before


def test_a_restored_log_goes_on_and_the_one_before_is_kept(tmp_path: Path) -> None:
    path, copy = tmp_path / "events.db", tmp_path / "b.db"
    with closing(new_log(path)) as log:
        back_up(path, copy)
        fill(log, 9, 500)
    assert restore(copy, path) == 50
    with closing(open_log(f"sqlite:///{path}")) as log:
        assert log.head() == 50
        log.fence()
        fill(log, 1, 900)
        assert first_fault(log) is None
    with closing(open_log(f"sqlite:///{path}.old")) as old:
        assert old.head() == 59
    assert copy.exists()
    with pytest.raises(StoreError, match="from a restore before: move it away first"):
        restore(copy, path)


def test_a_log_that_is_open_is_not_replaced(tmp_path: Path) -> None:
    path, copy = tmp_path / "events.db", tmp_path / "b.db"
    with closing(new_log(path)) as log:
        back_up(path, copy)
        with pytest.raises(StoreError, match="is open in another program; stop the node first"):
            restore(copy, path)
        fill(log, 1, 900)
        assert log.head() == 51
    assert not (tmp_path / "events.db.old").exists()
    assert not list(tmp_path.glob("*.part*"))


def test_a_restore_to_an_empty_place(tmp_path: Path) -> None:
    new_log(tmp_path / "events.db").close()
    back_up(tmp_path / "events.db", tmp_path / "b.db")
    assert restore(tmp_path / "b.db", tmp_path / "new.db") == 50


def altered(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("UPDATE ev SET state = x'90' WHERE nid = 7")
    db.close()


def test_what_is_not_as_it_was_written_is_neither_kept_nor_restored(tmp_path: Path) -> None:
    path, copy = tmp_path / "events.db", tmp_path / "b.db"
    new_log(path).close()
    back_up(path, copy)
    altered(copy)
    with pytest.raises(StoreError, match=r"position 7 \(meter:0, version 1\)"):
        restore(copy, path)
    altered(path)
    with pytest.raises(StoreError, match=r"c\.db is not as it was written: position 7 "):
        back_up(path, tmp_path / "c.db")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.db", "events.db"]


def test_mistakes_are_told(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with pytest.raises(StoreError, match="there is no log at"):
        back_up(path, tmp_path / "b.db")
    with pytest.raises(StoreError, match="there is no backup at"):
        restore(tmp_path / "b.db", path)
    new_log(path).close()
    with pytest.raises(StoreError, match="is there already; name a new file"):
        back_up(path, path)
    (tmp_path / "x.db").write_bytes(b"no database at all")
    with pytest.raises(StoreError, match="no SQLite database"):
        restore(tmp_path / "x.db", tmp_path / "new.db")


def test_an_empty_log_is_backed_up(tmp_path: Path) -> None:
    open_log(f"sqlite:///{tmp_path}/events.db").close()
    assert back_up(tmp_path / "events.db", tmp_path / "b.db") == 0


def test_read_models_are_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "read.db"
    assert not set_aside(path)
    path.write_text("x")
    (tmp_path / "read.db-wal").write_text("y")
    assert set_aside(path)
    assert [p.name for p in tmp_path.iterdir()] == ["read.db.old"]


def test_the_time_of_the_tests_is_behind_all_events() -> None:
    assert at(400) < NOW
