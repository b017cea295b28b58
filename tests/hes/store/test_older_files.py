"""SQLite files of schema version 1, without hash chains: opened once, they have them."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from hes.store.chain import Verifier
from hes.store.errors import StoreError
from hes.store.open import open_log
from hes.store.port import Append, Appended, EventLog
from hes.store.schema import APPLICATION_ID

VERSION_1 = (
    "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), nid INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL)",
    "CREATE TABLE stream (oid INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "CREATE TABLE topic (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "CREATE TABLE layout (id INTEGER PRIMARY KEY, state BLOB NOT NULL)",
    "CREATE TABLE ev (nid INTEGER PRIMARY KEY, oid INTEGER NOT NULL, ver INTEGER NOT NULL,"
    " topic INTEGER NOT NULL, state BLOB NOT NULL, UNIQUE (oid, ver))",
    "CREATE TABLE snapshot (oid INTEGER PRIMARY KEY, ver INTEGER NOT NULL, state BLOB NOT NULL)",
    "CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
    "INSERT INTO head (one, nid, epoch) VALUES (1, 0, 0)",
)
"""As written on the day that logs began. Never edit it."""
EVENTS = [(n, n % 3 + 1, n // 3 + 1, 1, b"%d" % n) for n in range(1, 11)]


def old_file(path: Path, events: Sequence[tuple[int, int, int, int, bytes]] = EVENTS) -> None:
    with sqlite3.connect(path) as db:
        for statement in VERSION_1:
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
        db.executemany("INSERT INTO stream VALUES (?, ?)", [(n, f"meter:{n}") for n in range(1, 4)])
        db.execute("INSERT INTO topic VALUES (1, 'Reading/1')")
        db.executemany("INSERT INTO ev VALUES (?, ?, ?, ?, ?)", events)
        db.execute("UPDATE head SET nid = ?", (len(events),))
    db.close()


def check(log: EventLog) -> None:
    verifier = Verifier()
    assert list(verifier.take(log.read_chained(0, 1000))) == []
    assert verifier.end(log.head()) is None


def version_of(path: Path) -> int:
    with sqlite3.connect(path) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
    db.close()
    return int(version)


def test_an_older_log_gets_its_chains_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    old_file(path)
    log = open_log(f"sqlite:///{path}")
    check(log)
    assert [row.state for row in log.read(0, 100)] == [event[4] for event in EVENTS]
    log.fence()
    assert log.append([Append("meter:2", 4, [("Reading/1", b"new")])]) == [Appended(11, 5)]
    check(log)
    log.close()
    assert version_of(path) == 3
    again = open_log(f"sqlite:///{path}")
    check(again)
    again.close()


def test_an_older_log_that_is_empty_opens(tmp_path: Path) -> None:
    old_file(tmp_path / "events.db", [])
    log = open_log(f"sqlite:///{tmp_path}/events.db")
    check(log)
    log.close()


class Power(Exception):
    """Fails."""


def test_a_power_cut_in_the_middle_is_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.db"
    old_file(path)
    monkeypatch.setattr("hes.store.sqlite_chains.PAGE", 4)
    made = sqlite3.connect

    class Failing(sqlite3.Connection):
        commits = 0

        def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
            if sql == "COMMIT":
                Failing.commits += 1
                if Failing.commits == 3:  # behind the tables of blocks, and four events
                    raise Power
            return super().execute(sql, *values)  # type: ignore[arg-type]

    with monkeypatch.context() as failing:
        failing.setattr(sqlite3, "connect", lambda *a, **k: made(*a, factory=Failing, **k))
        with pytest.raises(Power):
            open_log(f"sqlite:///{path}")
    assert version_of(path) == 1
    with made(path) as db:
        done = db.execute("SELECT count(*) FROM ev WHERE chain IS NOT NULL").fetchone()
        assert done == (4,)
    db.close()
    log = open_log(f"sqlite:///{path}")
    check(log)
    log.close()


def test_events_that_an_older_program_wrote_meanwhile_get_theirs(tmp_path: Path) -> None:
    """It had the file open while a newer one brought it up."""
    path = tmp_path / "events.db"
    old_file(path)
    open_log(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO ev (nid, oid, ver, topic, state) VALUES (11, 1, 9, 1, x'00')")
        db.execute("UPDATE head SET nid = 11")
    db.close()
    log = open_log(f"sqlite:///{path}")
    check(log)
    log.close()


def test_versions_out_of_order_are_told_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    old_file(path, [(1, 1, 5, 1, b"a"), (2, 1, 3, 1, b"b")])
    with pytest.raises(StoreError, match=r"meter:1 has version 3 behind version 5, at position 2"):
        open_log(f"sqlite:///{path}")
    assert version_of(path) == 1


def test_a_log_without_sealed_blocks_gets_their_tables(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    old_file(path)
    log = open_log(f"sqlite:///{path}")
    log.close()
    with sqlite3.connect(path) as db:  # as version 2 was
        db.execute("DROP TABLE sealed")
        db.execute("DROP TABLE sealed_end")
        db.execute("PRAGMA user_version = 2")
    db.close()
    log = open_log(f"sqlite:///{path}")
    assert log.sealed_to() == 0
    assert log.read_stream("meter:1", 9, 10) == []
    check(log)
    log.close()
    assert version_of(path) == 3
