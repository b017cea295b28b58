"""The event log in PostgreSQL: its connections.

Every wait for the server has an end: the driver's for connecting, the server's own for a statement,
and ours for a server that stopped in the middle.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from hes.store.database import Places
from hes.store.errors import StoreError
from hes.store.password import read_password
from hes.store.postgres_errors import is_lost, one_line, told
from hes.store.postgres_rows import DIALECT, Connection, PostgresTransaction, marked
from hes.store.schema import (
    APPLICATION_ID,
    POSTGRES,
    POSTGRES_SEALED,
    SCHEMA_VERSION,
    SET_VERSION,
    UNSEALED,
)
from hes.store.server import ANSWER_S, CONNECT_S, LOCK_S, STATEMENT_S, ServerDatabase
from hes.store.watch import Watch, cut_socket

_LIMITS: Final = f"-c lock_timeout={LOCK_S}s -c statement_timeout={STATEMENT_S}s"
_LOCK_DDL: Final = f"SELECT pg_advisory_xact_lock({APPLICATION_ID})"
_IS_THERE: Final = "SELECT to_regclass('head') IS NOT NULL"
_VERSION: Final = "SELECT ddl FROM head"


def open_postgres(url: str, password_file: str | None = None) -> "PostgresDatabase":
    """Return the database at a ``postgresql://`` URL with the tables of a log.

    Raises:
        StoreError: it cannot be used; the message says why and what to do.

    """
    database = PostgresDatabase(url, read_password(password_file))
    try:
        database.prepare()
    except BaseException:
        database.close()
        raise
    return database


class PostgresDatabase(ServerDatabase[Connection]):
    """See ``hes.store.database.Database``."""

    errors = psycopg.Error
    dialect = DIALECT

    def __init__(self, url: str, password: str | None = None) -> None:
        try:
            settings = conninfo_to_dict(url)
        except psycopg.ProgrammingError as problem:
            raise StoreError(
                f"the URL of PostgreSQL is wrong ({one_line(problem)});"
                " write postgresql://user@host:5432/database"
            ) from None
        super().__init__(_shown(settings))
        self._settings: dict[str, Any] = {
            "connect_timeout": CONNECT_S, "application_name": "hes",
            "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3,
        } | settings  # fmt: skip
        if password is not None:
            self._settings["password"] = password
        self._settings["options"] = f"{settings.get('options') or ''} {_LIMITS}".strip()
        self._watch = Watch()

    def prepare(self) -> None:
        """Make the tables if there are none.

        Raises:
            StoreError: they are of another version, or cannot be made.

        """
        if not self.rows(_IS_THERE)[0][0]:
            with self.writing() as tx:
                tx.rows(_LOCK_DDL)
                if not tx.rows(_IS_THERE)[0][0]:
                    for statement in POSTGRES.log:
                        tx.execute(statement)
        ((version,),) = self.rows(_VERSION)
        if version == UNSEALED:
            version = self._add_sealed()
        self.check_version(version)

    def _add_sealed(self) -> int:
        """Make what a log of version 2 lacks; return the version."""
        with self.writing() as tx:
            tx.rows(_LOCK_DDL)
            ((version,),) = tx.rows(_VERSION)
            if version == UNSEALED:
                for statement in (*POSTGRES_SEALED, SET_VERSION):
                    tx.execute(statement)
        return SCHEMA_VERSION

    def create(self, statements: Sequence[str]) -> None:
        """See ``Database.create``."""
        with self.writing() as tx:
            tx.rows(_LOCK_DDL)
            for statement in statements:
                tx.execute(statement)

    def whole(self, owner: str, rows: list[Any], places: Places) -> list[Any]:
        """See ``Database.whole``: every state is in its row."""
        return rows

    def close(self) -> None:
        """See ``Database.close``."""
        super().close()
        self._watch.close()

    # -- the driver

    def _connect(self) -> Connection:
        return Connection.connect(**self._settings)

    def _connect_reading(self) -> Connection:
        # A read is a transaction of its own, without the two ways for its begin and end.
        return Connection.connect(**self._settings, autocommit=True)

    def _begin(self, connection: Connection, *, writer: bool) -> PostgresTransaction:
        if not writer:
            connection.execute("BEGIN")
        return PostgresTransaction(connection)

    def _end(self, connection: Connection, *, commit: bool) -> None:
        if commit:
            connection.commit()
        else:
            connection.rollback()

    def _fetch(self, connection: Connection, sql: str, values: Sequence[Any]) -> list[Any]:
        return connection.execute(marked(sql), values, binary=True).fetchall()

    def _limited(self, connection: Connection) -> AbstractContextManager[None]:
        try:
            number = connection.fileno()
        except psycopg.OperationalError:
            return nullcontext()
        return self._watch.limit(ANSWER_S, lambda: cut_socket(number))

    def _is_lost(self, problem: Exception, connection: Connection) -> bool:
        return is_lost(problem, connection)

    def _told(self, problem: Exception) -> StoreError:
        return told(problem, self.shown)


def _shown(settings: dict[str, Any]) -> str:
    host = settings.get("host") or settings.get("hostaddr") or "this machine"
    return f"the PostgreSQL database {settings.get('dbname') or settings.get('user')} on {host}"
