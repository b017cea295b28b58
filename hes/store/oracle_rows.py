"""Oracle's transactions, and how it says things; SQL at the level of 11g."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

import oracledb

from hes.store.database import MOVE_HEAD, Dialect, Places, in_list
from hes.store.placing import EvRow, StreamEnd

DIALECT: Final = Dialect(
    join=" JOIN {table} ON {on}",
    limited="SELECT * FROM ({}) WHERE ROWNUM <= ?",
    # Without WAIT: the call has its end, see ``ANSWER_S``.
    lock_head="SELECT nid, epoch FROM head FOR UPDATE",
    hidden="content",
)
NAME_SIZE: Final = 400
"""Octets of the longest name; see ``hes.store.schema``."""
RAW_SIZE: Final = 2000
"""More octets a RAW of 11g cannot hold."""
_FIND: Final = (
    "SELECT f.name, f.oid, f.ver, ev.chain FROM (SELECT s.name, s.oid,"
    " (SELECT MAX(e.ver) FROM ev e WHERE e.oid = s.oid) AS ver FROM stream s"
    " WHERE s.name IN ({})) f LEFT JOIN ev ON ev.oid = f.oid AND ev.ver = f.ver"
)
_INSERT: Final = "INSERT INTO ev (nid, oid, ver, topic, state, chain) VALUES (?, ?, ?, ?, ?, ?)"
_DROP_MORE: Final = "DELETE FROM more WHERE owner = ? AND id = ? AND ver = ?"
_DROP_RANGE: Final = "DELETE FROM more WHERE owner = ? AND id >= ? AND id <= ?"
_ADD_MORE: Final = "INSERT INTO more (owner, id, ver, part, piece) VALUES (?, ?, ?, ?, ?)"
_MORE: Final = (
    "SELECT id, ver, piece FROM more WHERE owner = ? AND id IN ({}) ORDER BY id, ver, part"
)
STATEMENTS: Final = (_FIND, _INSERT, _DROP_MORE, _DROP_RANGE, _ADD_MORE, _MORE, DIALECT.lock_head)


@cache
def marked(sql: str) -> str:
    """Return a statement with its values marked as Oracle wants them: ``:1``, ``:2``."""
    head, *rest = sql.split("?")
    return head + "".join(f":{number}{part}" for number, part in enumerate(rest, 1))


class OracleTransaction:
    """See ``hes.store.database.Transaction``."""

    committing = False
    """See ``Transaction.committing``: never, its owner commits."""

    def __init__(self, connection: oracledb.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """See ``Transaction.rows``."""
        with self._connection.cursor() as cursor:
            cursor.arraysize = 1000
            # One size for all names: with each new one the server would prepare it anew.
            cursor.setinputsizes(*(NAME_SIZE if isinstance(v, str) else None for v in values))
            cursor.execute(marked(sql), list(values))
            found: list[Any] = cursor.fetchall()
            return found

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """See ``Transaction.execute``."""
        with self._connection.cursor() as cursor:
            cursor.execute(marked(sql), list(values))
            return int(cursor.rowcount)

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """See ``Transaction.many``: as one array."""
        if rows:
            with self._connection.cursor() as cursor:
                cursor.executemany(marked(sql), [list(row) for row in rows])

    def insert(self, rows: Sequence[EvRow]) -> None:
        """See ``Transaction.insert``."""
        raw = oracledb.DB_TYPE_RAW
        with self._connection.cursor() as cursor:
            # An empty state is NULL to Oracle, and NULL alone tells the driver no type.
            cursor.setinputsizes(None, None, None, None, raw, raw)
            cursor.executemany(
                marked(_INSERT), [[*row[:4], self.first(row[4]), row[5]] for row in rows]
            )
        for row in rows:
            if len(row[4]) > RAW_SIZE:
                self._add_rest("ev", row[0], 0, row[4])

    def advance(self, rows: Sequence[EvRow], end: int, epoch: int) -> bool:
        """See ``Transaction.advance``."""
        if self.execute(MOVE_HEAD, (rows[-1][0], end, epoch)) != 1:
            return False
        self.insert(rows)
        return True

    def find_streams(self, names: Sequence[str]) -> list[StreamEnd]:
        """See ``Transaction.find_streams``."""
        found = itertools.chain.from_iterable(
            self.rows(sql, some) for sql, some in in_list(_FIND, names)
        )
        return [(name, oid, ver or 0, chain) for name, oid, ver, chain in found]

    def first(self, state: bytes) -> bytes:
        """See ``Transaction.first``."""
        return state[:RAW_SIZE]

    def save_rest(self, owner: str, number: int, version: int, state: bytes) -> None:
        """See ``Transaction.save_rest``."""
        self.execute(_DROP_MORE, (owner, number, version))
        if len(state) > RAW_SIZE:
            self._add_rest(owner, number, version, state)

    def drop_rest(self, owner: str, first: int, last: int) -> None:
        """See ``Transaction.drop_rest``."""
        self.execute(_DROP_RANGE, (owner, first, last))

    def _add_rest(self, owner: str, number: int, version: int, state: bytes) -> None:
        starts = range(RAW_SIZE, len(state), RAW_SIZE)
        pieces = [state[start : start + RAW_SIZE] for start in starts]
        self.many(
            _ADD_MORE,
            [(owner, number, version, part, piece) for part, piece in enumerate(pieces, 1)],
        )


Key = tuple[int, int]


def whole(rows: list[Any], places: Places, rest: dict[Key, bytes]) -> list[Any]:
    """Return rows with the rest of their states; ``rest`` by number and version."""
    at = places.state
    return [
        (*row[:at], (row[at] or b"") + rest.get(_key(row, places), b""), *row[at + 1 :])
        for row in rows
    ]


def long_numbers(rows: Iterable[Any], places: Places) -> list[int]:
    """Return the numbers of those rows whose states may go on elsewhere."""
    return sorted({row[places.number] for row in rows if len(row[places.state] or b"") == RAW_SIZE})


def rest_of(owner: str, numbers: Sequence[int]) -> Iterator[tuple[str, list[Any]]]:
    """Yield the queries for the rest of states: number, version, piece, in order."""
    for sql, some in in_list(_MORE, numbers):
        yield sql, [owner, *some]


def joined(pieces: Iterable[tuple[int, int, bytes]]) -> dict[Key, bytes]:
    """Return what the pieces make, by number and version."""
    found: dict[Key, list[bytes]] = {}
    for number, version, piece in pieces:
        found.setdefault((number, version), []).append(piece)
    return {key: b"".join(parts) for key, parts in found.items()}


def _key(row: Any, places: Places) -> Key:
    return row[places.number], 0 if places.version is None else row[places.version]
