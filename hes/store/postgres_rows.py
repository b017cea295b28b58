"""PostgreSQL's transactions, and how it says things."""

import struct
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import psycopg
from psycopg import generators, pq
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.waiting import Wait

from hes.store.chain import CHAIN_SIZE
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
_COPY_PIECE: Final = 65_536
"""The driver may wait for ever for room for larger ones."""
# The head must stand where it is thought to; told it does not, the rows are not sent. In one
# string: two ways to the server for the whole transaction.
_MOVE_HEAD: Final = "UPDATE head SET nid = %d WHERE nid = %d AND epoch = %d"
_ADVANCE: Final = f"BEGIN; {_MOVE_HEAD}; {_COPY}; COMMIT"
# The same for a few rows, in one statement that is a transaction: one way, and half the work.
FEW: Final = 32
"""Past it COPY is faster: it writes many rows into a page at once."""
_STORE_FEW: Final = b"hes_store_few"
_STORE_FEW_SQL: Final = (
    b"WITH moved AS (UPDATE head SET nid = $1 WHERE nid = $2 AND epoch = $3 RETURNING nid)"
    b" INSERT INTO ev (nid, oid, ver, topic, state, chain) SELECT few.* FROM moved,"
    b" unnest($4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::bytea[], $9::bytea[]) few"
)
_INT8: Final = 20
_BYTEA: Final = 17
_number: Final = struct.Struct(">q").pack
_size: Final = struct.Struct(">i").pack
_array_begin: Final = struct.Struct(">5i").pack
_row: Final = struct.Struct(">hiqiqiqihi").pack
"""Number of columns; size and value of nid, oid, ver and topic; size of the state."""
_SIZE_OF_CHAIN: Final = struct.pack(">i", CHAIN_SIZE)


@cache
def marked(sql: str) -> bytes:
    """Return a statement with its values marked as psycopg wants them."""
    return sql.replace("?", "%s").encode()


class Connection(psycopg.Connection[Any]):
    """A connection of ours."""

    stores_few = False
    """Whether the server has parsed what stores a few rows."""


class PostgresTransaction:
    """See ``hes.store.database.Transaction``."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self.committing = False

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
        with self._connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.write(_copied(rows))

    def advance(self, rows: Sequence[EvRow], end: int, epoch: int) -> bool:
        """See ``Transaction.advance``: the transaction is over then."""
        connection = self._connection
        if len(rows) <= FEW:
            return connection.wait(self._store_few(rows, end, epoch))
        query = _ADVANCE % (rows[-1][0], end, epoch)
        if connection.wait(self._advance(connection.pgconn, query.encode(), _copied(rows))):
            return True
        connection.rollback()
        return False

    def _store_few(self, rows: Sequence[EvRow], end: int, epoch: int) -> PQGen[bool]:
        """Store a few rows; False if the head stands elsewhere: nothing was changed then.

        Raises:
            psycopg.Error: it failed otherwise.

        """
        connection = self._connection
        pgconn = connection.pgconn
        if not connection.stores_few:
            pgconn.send_prepare(_STORE_FEW, _STORE_FEW_SQL)
            _good((yield from generators.execute(pgconn)))
            connection.stores_few = True
        values = [_number(rows[-1][0]), _number(end), _number(epoch), *_arrays(rows)]
        # With the statement the server goes on to the commit.
        self.committing = True
        pgconn.send_query_prepared(_STORE_FEW, values, [pq.Format.BINARY] * len(values))
        (stored,) = _good((yield from generators.execute(pgconn)))
        return bool(stored.command_tuples)

    def _advance(self, pgconn: pq.abc.PGconn, query: bytes, data: bytes) -> PQGen[bool]:
        """Carry out ``_ADVANCE``; False if the head stands elsewhere: it has failed then.

        Raises:
            psycopg.Error: it failed otherwise.

        """
        pgconn.send_query(query)
        _, moved, _ = _good((yield from generators.execute(pgconn)))
        if moved.command_tuples != 1:
            yield from _end_copy(pgconn, b"the head stands elsewhere")
            return False
        for at in range(0, len(data), _COPY_PIECE):
            yield from generators.copy_to(pgconn, data[at : at + _COPY_PIECE])
        # With the end of the rows the server goes on to the commit.
        self.committing = True
        _good((yield from _end_copy(pgconn, None)))
        return True

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


def _copied(rows: Sequence[EvRow]) -> bytes:
    """Return rows of ``ev`` as COPY takes them."""
    parts = [_COPY_BEGIN]
    for nid, oid, ver, topic, state, chain in rows:
        begin = _row(6, 8, nid, 8, oid, 8, ver, 2, topic, len(state))
        parts += (begin, state, _SIZE_OF_CHAIN, chain)
    parts.append(_COPY_END)
    return b"".join(parts)


def _arrays(rows: Sequence[EvRow]) -> list[bytes]:
    """Return the columns of rows of ``ev`` as binary arrays (``array_recv`` of PostgreSQL)."""
    *numbers, states, chains = zip(*rows, strict=True)
    columns = [_array(_INT8, list(map(_number, column))) for column in numbers]
    return [*columns, _array(_BYTEA, states), _array(_BYTEA, chains)]


def _array(kind: int, items: Sequence[bytes]) -> bytes:
    """Return items of a type as an array of one dimension without nulls, counted from 1."""
    parts = [_array_begin(1, 0, kind, len(items), 1)]
    for item in items:
        parts += (_size(len(item)), item)
    return b"".join(parts)


def _end_copy(pgconn: pq.abc.PGconn, error: bytes | None) -> PQGen[list[pq.abc.PGresult]]:
    while not pgconn.put_copy_end(error):
        yield Wait.W
    results: list[pq.abc.PGresult] = yield from generators.execute(pgconn)
    return results


def _good(results: list[pq.abc.PGresult]) -> list[pq.abc.PGresult]:
    for result in results:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise error_from_result(result)
    return results
