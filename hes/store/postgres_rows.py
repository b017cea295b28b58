"""PostgreSQL's transactions, and how it says things."""

import struct
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import psycopg

from hes.store.database import Dialect
from hes.store.placing import EvRow, StreamEnd

DIALECT: Final = Dialect(
    join=" JOIN {table} ON {on}",
    limited="{} LIMIT ?",
    lock_head="SELECT nid, epoch FROM head FOR UPDATE",
)
_FIND: Final = (
    "SELECT stream.name, stream.oid, COALESCE(newest.ver, 0), newest.chain FROM stream"
    " LEFT JOIN LATERAL (SELECT ev.ver, ev.chain FROM ev WHERE ev.oid = stream.oid"
    " ORDER BY ev.ver DESC LIMIT 1) newest ON TRUE WHERE stream.name = ANY(?)"
)
_COPY: Final = "COPY ev (nid, oid, ver, topic, state, chain) FROM STDIN (FORMAT BINARY)"
# The binary form of COPY (PostgreSQL's manual, COPY, File Formats): the driver would make it value
# by value, some microseconds an event.
_COPY_BEGIN: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_END: Final = b"\xff\xff"
_row: Final = struct.Struct(">hiqiqiqihi").pack
"""Number of columns; size and value of nid, oid, ver and topic; size of the state."""
_size: Final = struct.Struct(">i").pack


@cache
def marked(sql: str) -> bytes:
    """Return a statement with its values marked as psycopg wants them."""
    return sql.replace("?", "%s").encode()


class PostgresTransaction:
    """See ``hes.store.database.Transaction``."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """See ``Transaction.rows``."""
        return self._connection.execute(marked(sql), values, binary=True).fetchall()

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """See ``Transaction.execute``."""
        return self._connection.execute(marked(sql), values).rowcount

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """See ``Transaction.many``."""
        if rows:
            with self._connection.cursor() as cursor:
                cursor.executemany(marked(sql), rows)

    def insert(self, rows: Sequence[EvRow]) -> None:
        """See ``Transaction.insert``: by COPY, which is no slower for few rows."""
        parts = [_COPY_BEGIN]
        for nid, oid, ver, topic, state, chain in rows:
            parts += (
                _row(6, 8, nid, 8, oid, 8, ver, 2, topic, len(state)), state, _size(len(chain)),
                chain,
            )  # fmt: skip
        parts.append(_COPY_END)
        with self._connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.write(b"".join(parts))

    def find_streams(self, names: Sequence[str]) -> list[StreamEnd]:
        """See ``Transaction.find_streams``."""
        return self.rows(_FIND, (list(names),))

    def first(self, state: bytes) -> bytes:
        """See ``Transaction.first``."""
        return state

    def save_rest(self, owner: str, number: int, version: int, state: bytes) -> None:
        """See ``Transaction.save_rest``: there is none."""

    def drop_rest(self, owner: str, first: int, last: int) -> None:
        """See ``Transaction.drop_rest``: there is none."""
