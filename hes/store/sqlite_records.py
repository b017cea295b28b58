"""The ``eventsourcing`` library's view of the event log in SQLite."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from hes.events.layout import Layout
from hes.store.errors import StoreDuplicate
from hes.store.port import StoredRow
from hes.store.records import Bounds, Record
from hes.store.schema import SQLITE_ASIDE
from hes.store.sqlite import FROM_LOG, INSERT, Rows, add_stream, save_layouts, topic_id
from hes.store.sqlite_file import SqliteFile

_INSERT_ASIDE: Final = "INSERT INTO aside (oid, ver, topic, state) VALUES (?, ?, ?, ?)"
_TRACK: Final = (
    "INSERT INTO tracking (name, nid) VALUES (?, ?) ON CONFLICT (name)"
    " DO UPDATE SET nid = excluded.nid WHERE excluded.nid > tracking.nid"
)


class SqliteRecords:
    """See ``hes.store.records.Records``."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def create_tables(self) -> None:
        """See ``Records.create_tables``."""
        with self._file.writing() as db:
            for statement in SQLITE_ASIDE:
                db.execute(statement)

    # -- writing

    def insert(
        self,
        records: Sequence[Record],
        layouts: Sequence[Layout] = (),
        tracking: tuple[str, int] | None = None,
    ) -> list[int]:
        """See ``Records.insert``."""
        with self._file.writing() as db:
            (nid,) = db.execute("SELECT nid FROM head").fetchone()
            rows: Rows = [
                (position, *numbered)
                for position, numbered in enumerate(_numbered(db, records), start=nid + 1)
            ]
            save_layouts(db, layouts)
            db.executemany(INSERT, rows)
            db.execute("UPDATE head SET nid = ?", (nid + len(rows),))
            if tracking is not None:
                _track(db, *tracking)
        return [row[0] for row in rows]

    def insert_aside(self, records: Sequence[Record]) -> None:
        """See ``Records.insert_aside``."""
        with self._file.writing() as db:
            db.executemany(_INSERT_ASIDE, _numbered(db, records))

    def insert_tracking(self, name: str, position: int) -> None:
        """See ``Records.insert_tracking``."""
        with self._file.writing() as db:
            _track(db, name, position)

    # -- reading

    def select(self, stream: str, bounds: Bounds, *, aside: bool = False) -> list[Record]:
        """See ``Records.select``."""
        table = "aside" if aside else "ev"
        sql = (
            f"SELECT stream.name, e.ver, topic.name, e.state FROM stream CROSS JOIN {table} e"  # noqa: S608 -- one of two names
            " ON e.oid = stream.oid CROSS JOIN topic ON topic.id = e.topic WHERE stream.name = ?"
        )
        values: list[str | int] = [stream]
        if bounds.after is not None:
            sql += " AND e.ver > ?"
            values.append(bounds.after)
        if bounds.upto is not None:
            sql += " AND e.ver <= ?"
            values.append(bounds.upto)
        sql += " ORDER BY e.ver DESC" if bounds.newest_first else " ORDER BY e.ver"
        if bounds.limit is not None:
            sql += " LIMIT ?"
            values.append(bounds.limit)
        return list(map(Record._make, self._file.rows(sql, values)))

    def page(
        self, first: int, last: int | None, topics: Sequence[str], limit: int
    ) -> list[StoredRow]:
        """See ``Records.page``."""
        sql = FROM_LOG + "WHERE ev.nid >= ?"
        values: list[str | int] = [first]
        if last is not None:
            sql += " AND ev.nid <= ?"
            values.append(last)
        if topics:
            sql += f" AND topic.name IN ({', '.join('?' * len(topics))})"
            values.extend(topics)
        sql += " ORDER BY ev.nid LIMIT ?"
        values.append(limit)
        return list(map(StoredRow._make, self._file.rows(sql, values)))

    def head(self) -> int:
        """See ``Records.head``."""
        ((nid,),) = self._file.rows("SELECT nid FROM head")
        return int(nid)

    def tracked(self, name: str) -> int | None:
        """See ``Records.tracked``."""
        rows = self._file.rows("SELECT nid FROM tracking WHERE name = ?", (name,))
        return int(rows[0][0]) if rows else None


def _numbered(
    db: sqlite3.Connection, records: Sequence[Record]
) -> list[tuple[int, int, int, bytes]]:
    """Return the records with the numbers of their streams and topics, new ones if need be."""
    streams = {name: _stream(db, name) for name in {record.stream for record in records}}
    topics = {name: topic_id(db, name) for name in {record.topic for record in records}}
    return [
        (streams[record.stream], record.version, topics[record.topic], record.state)
        for record in records
    ]


def _stream(db: sqlite3.Connection, name: str) -> int:
    row = db.execute("SELECT oid FROM stream WHERE name = ?", (name,)).fetchone()
    return add_stream(db, name) if row is None else int(row[0])


def _track(db: sqlite3.Connection, name: str, position: int) -> None:
    if db.execute(_TRACK, (name, position)).rowcount != 1:
        raise StoreDuplicate(f"application {name} has processed position {position} before")
