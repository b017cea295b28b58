"""The event log in Oracle: its connections. SQL at the level of 11g.

Thin mode reaches 12.1 and newer; 11g wants thick mode, with Oracle Instant Client 19. The driver's
own pool is not used: closed while a thread is inside a call, it has ended the whole process.
"""

import itertools
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import oracledb

from hes.store.database import Places
from hes.store.errors import StoreError
from hes.store.oracle_errors import codes, is_lost, told
from hes.store.oracle_link import Connection, Target, choose_mode, connect, target_of
from hes.store.oracle_rows import (
    DIALECT,
    OracleTransaction,
    joined,
    long_numbers,
    rest_of,
    whole,
)
from hes.store.password import read_password
from hes.store.schema import ORACLE, ORACLE_SEALED, SET_VERSION, UNSEALED
from hes.store.server import ANSWER_S, STATEMENT_S, ServerDatabase
from hes.store.watch import Watch

_VERSION: Final = "SELECT ddl FROM head"
_MISSING: Final = "ORA-00942"
_THERE: Final = frozenset({"ORA-00955", "ORA-00001"})
"""A name is used already; the row of ``head`` is there."""


def open_oracle(url: str, password_file: str | None = None) -> "OracleDatabase":
    """Return the database at an ``oracle://`` URL with the tables of a log.

    Raises:
        StoreError: it cannot be used; the message says why and what to do.

    """
    target = target_of(url)
    password = read_password(password_file)
    if password is not None:
        target = target._replace(password=password)
    choose_mode(target)
    database = OracleDatabase(target)
    try:
        database.prepare()
    except BaseException:
        database.close()
        raise
    return database


class OracleDatabase(ServerDatabase[Connection]):
    """See ``hes.store.database.Database``."""

    errors = oracledb.Error
    dialect = DIALECT

    def __init__(self, target: Target) -> None:
        super().__init__(target.shown)
        self._target = target
        self._watch = Watch()

    def prepare(self) -> None:
        """Make the tables if there are none; what a killed start made already is kept.

        Raises:
            StoreError: they are of another version, or cannot be made.

        """
        version = self._version()
        if version is None:
            self.create(ORACLE.log)
            version = self._version()
        if version == UNSEALED:
            self.create((*ORACLE_SEALED, SET_VERSION))
            version = self._version()
        self.check_version(version or 0)

    def _version(self) -> int | None:
        try:
            rows = self.rows(_VERSION)
        except StoreError as problem:
            if _MISSING not in codes(problem):
                raise
            return None
        return int(rows[0][0]) if rows else None

    def create(self, statements: Sequence[str]) -> None:
        """See ``Database.create``: each is a transaction of its own, as Oracle has it."""
        for statement in statements:
            try:
                with self.writing() as tx:
                    tx.execute(statement)
            except StoreError as problem:
                if not _THERE & set(codes(problem)):
                    raise

    def whole(self, owner: str, rows: list[Any], places: Places) -> list[Any]:
        """See ``Database.whole``."""
        found = itertools.chain.from_iterable(
            self.rows(sql, values) for sql, values in rest_of(owner, long_numbers(rows, places))
        )
        return whole(rows, places, joined(found))

    # -- the driver

    def close(self) -> None:
        """See ``Database.close``."""
        super().close()
        self._watch.close()

    def _connect(self) -> Connection:
        connection = connect(self._target)
        # Of each way to the server; past it the driver asks it to stop, and waits as long again.
        connection.call_timeout = STATEMENT_S * 1000
        return connection

    def _begin(self, connection: Connection, *, writer: bool) -> OracleTransaction:
        return OracleTransaction(connection)

    def _end(self, connection: Connection, *, commit: bool) -> None:
        if commit:
            connection.commit()
        else:
            connection.rollback()

    def _fetch(self, connection: Connection, sql: str, values: Sequence[Any]) -> list[Any]:
        return OracleTransaction(connection).rows(sql, values)

    def _limited(self, connection: Connection) -> AbstractContextManager[None]:
        return self._watch.limit(ANSWER_S, connection.cut)

    def _is_lost(self, problem: Exception, connection: Connection) -> bool:
        return is_lost(problem)

    def _told(self, problem: Exception) -> StoreError:
        return told(problem, self.shown)
