"""The event log in SQLite: the embedded default.

Threads: any may read; appends come from one thread at a time (the journal's), and would wait for
each other. See ``hes.store.sqlite_file`` for the connections.
"""

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

import msgspec

from hes.events.layout import Layout
from hes.store.errors import StoreError, StoreFenced
from hes.store.port import Append, Appended, Conflict, StoredRow
from hes.store.sqlite_file import SqliteFile

STREAMS_CACHED: Final = 500_000
"""Some 120 MB; past it all are forgotten, and each costs one query at its next event."""

# The order of the tables is given: a statistic must never turn a page into a scan.
FROM_LOG: Final = (
    "SELECT ev.nid, stream.name, ev.ver, topic.name, ev.state FROM ev"
    " CROSS JOIN stream ON stream.oid = ev.oid CROSS JOIN topic ON topic.id = ev.topic "
)
_FROM_STREAM: Final = (
    "SELECT ev.nid, stream.name, ev.ver, topic.name, ev.state FROM stream"
    " CROSS JOIN ev ON ev.oid = stream.oid CROSS JOIN topic ON topic.id = ev.topic "
)
_FIND_STREAM: Final = (
    "SELECT oid, (SELECT COALESCE(MAX(ver), 0) FROM ev WHERE ev.oid = stream.oid)"
    " FROM stream WHERE name = ?"
)
INSERT: Final = "INSERT INTO ev (nid, oid, ver, topic, state) VALUES (?, ?, ?, ?, ?)"
ROWS_AT_ONCE: Final = (256, 32)
"""Rows of one statement. SQLite gives the interpreter to another thread before each of its steps
and may wait some milliseconds to get it back: a row a step would make the trio thread and this one
wait for each other all the time."""
INSERTS: Final = {count: INSERT + ", (?, ?, ?, ?, ?)" * (count - 1) for count in ROWS_AT_ONCE}

Rows = list[tuple[int, int, int, int, bytes]]
"""Rows of ``ev``, in the order of ``INSERT``."""


class SqliteEventLog:
    """See ``hes.store.port.EventLog``."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._epoch: int | None = None
        self._appending = threading.Lock()
        self._end = -1
        """Position up to which the two dictionaries are right; -1: not at all."""
        self._streams: dict[str, list[int]] = {}
        """Name to [oid, version]; oid 0 while the stream has no event."""
        self._topics: dict[str, int] = {}

    def close(self) -> None:
        """See ``EventLog.close``."""
        self._file.close()

    # -- writing

    def fence(self) -> int:
        """See ``EventLog.fence``."""
        with self._appending, self._file.writing() as db:
            db.execute("UPDATE head SET epoch = epoch + 1")
            (epoch,) = _one(db, "SELECT epoch FROM head")
            self._epoch = epoch
        return epoch

    def append(
        self, batch: Sequence[Append], layouts: Sequence[Layout] = ()
    ) -> list[Appended | Conflict]:
        """See ``EventLog.append``."""
        with self._appending:
            end, self._end = self._end, -1
            with self._file.writing() as db:
                # The transaction has begun as a writer: nobody changes the head beside us.
                nid, epoch = _one(db, "SELECT nid, epoch FROM head")
                self._check_epoch(epoch)
                # Unequal: the last append failed, or another program appended. Emptied only between
                # batches: the versions of one under way stand nowhere else.
                if nid != end or len(self._streams) >= STREAMS_CACHED:
                    self._streams.clear()
                    self._topics.clear()
                results, rows = self._place(db, batch, nid)
                save_layouts(db, layouts)
                insert(db, rows)
                nid += len(rows)
                db.execute("UPDATE head SET nid = ?", (nid,))
            self._end = nid
        return results

    def _check_epoch(self, epoch: int) -> None:
        if self._epoch is None:
            raise StoreFenced("call fence() before the first append")
        if epoch != self._epoch:
            raise StoreFenced(
                f"another node writes {self._file.path} now (epoch {epoch}, ours {self._epoch})"
            )

    def _place(
        self, db: sqlite3.Connection, batch: Sequence[Append], nid: int
    ) -> tuple[list[Appended | Conflict], Rows]:
        """Return where each append goes, and the rows to insert behind position ``nid``."""
        results: list[Appended | Conflict] = []
        rows: Rows = []
        known = self._streams
        topics = self._topics
        # The named tuple's own constructor took a fifth of this loop's time.
        new = tuple.__new__
        for stream, expected, events in batch:
            entry = known.get(stream) or self._find(db, stream)
            oid, version = entry
            if expected is not None and expected != version:
                results.append(Conflict(stream, expected, version))
                continue
            if not oid and events:
                oid = entry[0] = add_stream(db, stream)
            results.append(new(Appended, (nid + 1, version + 1)))
            for topic, state in events:
                nid += 1
                version += 1
                number = topics.get(topic)
                if number is None:
                    number = topics[topic] = topic_id(db, topic)
                rows.append((nid, oid, version, number, state))
            entry[1] = version
        return results, rows

    def _find(self, db: sqlite3.Connection, name: str) -> list[int]:
        entry = self._streams[name] = list(db.execute(_FIND_STREAM, (name,)).fetchone() or (0, 0))
        return entry

    # -- reading

    def head(self) -> int:
        """See ``EventLog.head``."""
        ((nid,),) = self._file.rows("SELECT nid FROM head")
        return int(nid)

    def stream_head(self, stream: str) -> int:
        """See ``EventLog.stream_head``."""
        rows = self._file.rows(_FIND_STREAM, (stream,))
        return int(rows[0][1]) if rows else 0

    def read(self, after: int, limit: int) -> list[StoredRow]:
        """See ``EventLog.read``."""
        sql = FROM_LOG + "WHERE ev.nid > ? ORDER BY ev.nid LIMIT ?"
        return self._stored(sql, after, limit)

    def read_back(self, before: int, limit: int) -> list[StoredRow]:
        """See ``EventLog.read_back``."""
        sql = FROM_LOG + "WHERE ev.nid < ? ORDER BY ev.nid DESC LIMIT ?"
        return self._stored(sql, before, limit)

    def read_stream(self, stream: str, after: int, limit: int) -> list[StoredRow]:
        """See ``EventLog.read_stream``."""
        sql = _FROM_STREAM + "WHERE stream.name = ? AND ev.ver > ? ORDER BY ev.ver LIMIT ?"
        return self._stored(sql, stream, after, limit)

    def read_stream_back(self, stream: str, before: int, limit: int) -> list[StoredRow]:
        """See ``EventLog.read_stream_back``."""
        sql = _FROM_STREAM + "WHERE stream.name = ? AND ev.nid < ? ORDER BY ev.ver DESC LIMIT ?"
        return self._stored(sql, stream, before, limit)

    def _stored(self, sql: str, *values: str | int) -> list[StoredRow]:
        return list(map(StoredRow._make, self._file.rows(sql, values)))

    def streams(self, prefix: str, limit: int, after: str = "") -> list[str]:
        """See ``EventLog.streams``."""
        sql = (
            "SELECT name FROM stream WHERE name >= ? AND name < ? AND name > ?"
            " ORDER BY name LIMIT ?"
        )
        rows = self._file.rows(sql, (prefix, prefix + "\U0010ffff", after, limit))
        return [name for (name,) in rows]

    def layouts(self) -> list[Layout]:
        """See ``EventLog.layouts``."""
        rows = self._file.rows("SELECT id, state FROM layout ORDER BY id")
        return [self._layout(number, state) for number, state in rows]

    def layout(self, layout_id: int) -> Layout | None:
        """See ``EventLog.layout``."""
        rows = self._file.rows("SELECT id, state FROM layout WHERE id = ?", (layout_id,))
        return self._layout(*rows[0]) if rows else None

    def _layout(self, number: int, state: bytes) -> Layout:
        try:
            layout = Layout.from_state(state)
        except (msgspec.DecodeError, ValueError) as problem:
            raise self._damaged(number) from problem
        if layout.id != number:
            raise self._damaged(number)
        return layout

    def _damaged(self, number: int) -> StoreError:
        return StoreError(
            f"the channel layout {number} in {self._file.path} is damaged; restore a backup"
        )

    # -- beside the log

    def save_snapshot(self, stream: str, version: int, state: bytes) -> None:
        """See ``EventLog.save_snapshot``."""
        # WHERE before ON CONFLICT: without it SQLite reads ON as that of a join.
        sql = (
            "INSERT INTO snapshot (oid, ver, state) SELECT oid, ?, ? FROM stream WHERE name = ?"
            " ON CONFLICT (oid) DO UPDATE SET ver = excluded.ver, state = excluded.state"
            " WHERE excluded.ver >= snapshot.ver"
        )
        with self._file.writing() as db:
            db.execute(sql, (version, state, stream))

    def load_snapshot(self, stream: str) -> tuple[int, bytes] | None:
        """See ``EventLog.load_snapshot``."""
        sql = (
            "SELECT snapshot.ver, snapshot.state FROM stream"
            " CROSS JOIN snapshot ON snapshot.oid = stream.oid WHERE stream.name = ?"
        )
        rows = self._file.rows(sql, (stream,))
        return rows[0] if rows else None

    def save_secrets(self, secrets: Mapping[str, bytes | None]) -> None:
        """See ``EventLog.save_secrets``."""
        gone = [(name,) for name, value in secrets.items() if value is None]
        kept = [(name, value) for name, value in secrets.items() if value is not None]
        with self._file.writing() as db:
            db.executemany("DELETE FROM secret WHERE name = ?", gone)
            db.executemany("INSERT OR REPLACE INTO secret (name, value) VALUES (?, ?)", kept)

    def load_secrets(self) -> dict[str, bytes]:
        """See ``EventLog.load_secrets``."""
        return dict(self._file.rows("SELECT name, value FROM secret"))


def insert(db: sqlite3.Connection, rows: Rows) -> None:
    """Insert rows of ``ev``, many with each statement."""
    at = 0
    for count, sql in INSERTS.items():
        while len(rows) - at >= count:
            db.execute(sql, list(chain.from_iterable(rows[at : at + count])))
            at += count
    if at < len(rows):
        db.executemany(INSERT, rows[at:])


def add_stream(db: sqlite3.Connection, name: str) -> int:
    """Return the number of a new stream."""
    return db.execute("INSERT INTO stream (name) VALUES (?)", (name,)).lastrowid or 0


def topic_id(db: sqlite3.Connection, name: str) -> int:
    """Return the number of a topic, a new one if need be."""
    row = db.execute("SELECT id FROM topic WHERE name = ?", (name,)).fetchone()
    if row is not None:
        return int(row[0])
    return db.execute("INSERT INTO topic (name) VALUES (?)", (name,)).lastrowid or 0


def save_layouts(db: sqlite3.Connection, layouts: Sequence[Layout]) -> None:
    """Store layouts that may be stored already."""
    if layouts:
        db.executemany(
            "INSERT OR IGNORE INTO layout (id, state) VALUES (?, ?)",
            [(layout.id, layout.state) for layout in layouts],
        )


def _one(db: sqlite3.Connection, sql: str) -> tuple[int, ...]:
    """Return the only row of ``head``."""
    row: tuple[int, ...] | None = db.execute(sql).fetchone()
    if row is None:
        raise StoreError("the log has lost its head row; restore a backup")
    return row
