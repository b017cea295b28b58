"""SQLite's transactions, and how it says things."""

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

from hes.store.database import MOVE_HEAD, Dialect
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
_ROW: Final = "(?, ?, ?, ?, ?, ?)"
ROWS_AT_ONCE: Final = 512
"""Most rows of one statement. SQLite gives the interpreter to another thread before each of its
steps and may wait some milliseconds to get it back: a row a step would make the trio thread and
this one wait for each other all the time."""


@cache
def insert_of(count: int) -> str:
    """Return what inserts up to ``count`` rows in one step; the first column of others is NULL."""
    if count == 1:
        return INSERT
    rows = ", ".join([_ROW] * count)
    into = INSERT.partition(" VALUES")[0]
    return f"{into} SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL"  # noqa: S608 -- marks


def size_for(count: int) -> int:
    """Return for how many rows a statement is made that inserts ``count``: at most an eighth more.

    Few sizes, so that few statements are prepared and kept.
    """
    step = 1 << max(0, count.bit_length() - 4)
    return -(-count // step) * step


class SqliteTransaction:
    """See ``hes.store.database.Transaction``."""

    committing = False
    """See ``Transaction.committing``: never, its owner commits."""

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
        for at in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[at : at + ROWS_AT_ONCE]
            count = size_for(len(some))
            values = list(chain.from_iterable(some))
            values += [None] * (count * len(some[0]) - len(values))
            self._connection.execute(insert_of(count), values)

    def advance(self, rows: Sequence[EvRow], end: int, epoch: int) -> bool:
        """See ``Transaction.advance``."""
        if self.execute(MOVE_HEAD, (rows[-1][0], end, epoch)) != 1:
            return False
        self.insert(rows)
        return True

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
