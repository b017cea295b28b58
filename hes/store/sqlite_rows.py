"""SQLite's transactions, and how it says things."""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from hes.store.database import Dialect
from hes.store.placing import EvRow, StreamEnd

# The order of the tables is given: a statistic must never turn a page into a scan.
DIALECT: Final = Dialect(
    join=" CROSS JOIN {table} ON {on}",
    limited="{} LIMIT ?",
    # The transaction has begun as a writer: nobody changes the head beside us.
    lock_head="SELECT nid, epoch FROM head",
)
_FIND: Final = (
    "SELECT stream.name, stream.oid, ev.ver, ev.chain FROM stream LEFT JOIN ev"
    " ON ev.oid = stream.oid AND ev.ver = (SELECT MAX(ver) FROM ev WHERE oid = stream.oid)"
    " WHERE stream.name = ?"
)
INSERT: Final = "INSERT INTO ev (nid, oid, ver, topic, state, chain) VALUES (?, ?, ?, ?, ?, ?)"
ROWS_AT_ONCE: Final = (256, 32)
"""Rows of one statement. SQLite gives the interpreter to another thread before each of its steps
and may wait some milliseconds to get it back: a row a step would make the trio thread and this one
wait for each other all the time."""
INSERTS: Final = {count: INSERT + ", (?, ?, ?, ?, ?, ?)" * (count - 1) for count in ROWS_AT_ONCE}


class SqliteTransaction:
    """See ``hes.store.database.Transaction``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """See ``Transaction.rows``."""
        return self._connection.execute(sql, values).fetchall()

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """See ``Transaction.execute``."""
        return self._connection.execute(sql, values).rowcount

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """See ``Transaction.many``."""
        if rows:
            self._connection.executemany(sql, rows)

    def insert(self, rows: Sequence[EvRow]) -> None:
        """See ``Transaction.insert``: many with each statement."""
        at = 0
        for count, sql in INSERTS.items():
            while len(rows) - at >= count:
                self._connection.execute(sql, list(chain.from_iterable(rows[at : at + count])))
                at += count
        if at < len(rows):
            self._connection.executemany(INSERT, rows[at:])

    def find_streams(self, names: Sequence[str]) -> list[StreamEnd]:
        """See ``Transaction.find_streams``."""
        found = (self._connection.execute(_FIND, (name,)).fetchone() for name in names)
        return [(name, oid, ver or 0, chain) for name, oid, ver, chain in filter(None, found)]

    def first(self, state: bytes) -> bytes:
        """See ``Transaction.first``."""
        return state

    def save_rest(self, owner: str, number: int, version: int, state: bytes) -> None:
        """See ``Transaction.save_rest``: there is none."""

    def drop_rest(self, owner: str, first: int, last: int) -> None:
        """See ``Transaction.drop_rest``: there is none."""
