"""Read models in PostgreSQL.

A batch is sent without waiting for answers (pipeline mode), so that the server writes while we
fold; what goes wrong shows at its end.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg.rows import RowMaker

from hes.store.postgres_errors import told
from hes.store.watch import Watch, cut_socket
from projections.errors import RowRefused, ours
from projections.sql.database import Database
from projections.sql.days import DayDatabase
from projections.sql.postgres_rows import Sent, distinct, insert_statement, sent, upsert_statement
from projections.sql.schema import Kind, Table, Upsert, create_indexes, create_table

CONNECT_S: Final = 10
STATEMENT_S: Final = 60
"""A statement of ours that takes longer is ended by the server; copies of a rebuild are not."""
SILENCE_MS: Final = 20_000
"""Unacknowledged bytes for so long end the connection."""
ANSWER_S: Final = 90.0
"""After it we hang up: the server does not even say that a statement took too long."""
REBUILD_S: Final = 3600.0
SHADOW: Final = "_s"
FILL_REWRITTEN: Final = 45
"""Percent of a page, for rows that are changed again and again: a new version that fits into the
page of the old one needs no new entry in an index, which halves the work; so all of a page's do."""
TYPES: Final = {
    Kind.TEXT: 'text COLLATE "C"', Kind.WHOLE: "bigint", Kind.REAL: "double precision",
    Kind.OCTETS: "bytea",
}  # fmt: skip


class PostgresPlace:
    """A database of a server, and our schema in it: the first of the search path."""

    def __init__(self, url: str, password: str | None = None, suffix: str = "") -> None:
        self.shown = shown(url)
        self._url = url
        self._password = password
        self._suffix = suffix
        self._watch = Watch()

    def connect(self, *, read_only: bool = False) -> "PostgresDatabase":
        """Return a connection; threads may hand it on, but not share it.

        Raises:
            ReadModelError: it cannot be had; ``ReadModelUnavailable`` when only for now.

        """
        options = f"-c statement_timeout={STATEMENT_S}s -c lock_timeout={CONNECT_S}s"
        if read_only:
            options += " -c default_transaction_read_only=on"
        else:
            # They can be made again from the log, rows and position alike.
            options += " -c synchronous_commit=off"
        secret: dict[str, Any] = {} if self._password is None else {"password": self._password}
        try:
            connection = psycopg.connect(
                self._url, autocommit=True, connect_timeout=CONNECT_S, options=options,
                application_name="hes read models", tcp_user_timeout=SILENCE_MS,
                keepalives_idle=30, row_factory=_rows, **secret,
            )  # fmt: skip
        except psycopg.Error as problem:
            raise translated(self.shown, problem) from None
        return PostgresDatabase(self.shown, connection, self._suffix, self._watch)

    @contextlib.contextmanager
    def shadow(self) -> Iterator["PostgresPlace"]:
        """Lend a place for tables that are built beside these."""
        yield PostgresPlace(self._url, self._password, SHADOW)


def _rows(cursor: psycopg.Cursor[Any]) -> RowMaker[Any]:
    return row_maker(tuple(column.name for column in cursor.description or ()))


@lru_cache(maxsize=256)
def row_maker(names: tuple[str, ...]) -> Callable[[Sequence[Any]], Any]:
    """Return what makes rows of values: by place, and by the name of the column."""
    places = {name.lower(): place for place, name in enumerate(names)}

    class Row(tuple[Any, ...]):
        __slots__ = ()

        def __getitem__(self, key: Any) -> Any:
            return tuple.__getitem__(self, places[key] if type(key) is str else key)

    return Row


class PostgresDatabase(DayDatabase):
    """See ``Database``."""

    def __init__(
        self, where: str, connection: psycopg.Connection[Any], suffix: str, watch: Watch
    ) -> None:
        super().__init__(suffix)
        self._watch = watch
        self._answer_s = ANSWER_S
        self._where = where
        self._connection = connection
        self._pipeline: contextlib.ExitStack | None = None

    def marked(self, sql: str) -> str:
        """See ``Database``."""
        return sql.replace("%", "%%").replace("?", "%s")

    # -- statements

    @contextlib.contextmanager
    def _asking(self) -> Iterator[psycopg.Connection[Any]]:
        """Lend the driver's connection: with our errors, and an end to every wait."""
        connection = self._connection
        try:
            with self._watch.limit(self._answer_s, lambda: cut_socket(connection.fileno())):
                yield connection
        except psycopg.Error as problem:
            raise translated(self._where, problem) from None

    def _run(self, statement: str, values: Sequence[Any], *, prepare: bool = False) -> Any:
        with self._asking() as connection:
            return connection.execute(statement.encode(), values or None, prepare=prepare or None)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """See ``Database``."""
        self._run(self.render(sql), self._mended(values))

    def count(self, sql: str, values: Sequence[Any] = ()) -> int:
        """See ``Database``."""
        return self.counted(sql, values)()

    def counted(self, sql: str, values: Sequence[Any] = ()) -> Callable[[], int]:
        """See ``Database``."""
        cursor = self._run(self.render(sql), self._mended(values))

        def count() -> int:
            self._sync()
            return int(cursor.rowcount)

        return count

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """See ``Database``."""
        if rows:
            with self._asking() as connection, connection.cursor() as cursor:
                cursor.executemany(self.render(sql).encode(), [self._mended(row) for row in rows])

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """See ``Database``."""
        cursor = self._run(self.render(sql), values)
        with self._asking():
            found: list[Any] = cursor.fetchall()
        return found

    def limited(self, select: str) -> str:
        """See ``Database``."""
        return f"{select} LIMIT ?"

    # -- many rows

    def insert_into(self, table: Table, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """See ``Database``."""
        is_json, values = self._packed(table, table.names, rows)
        self._run(insert_statement(table, table.names, name, is_json=is_json), values, prepare=True)

    def upsert_into(self, upsert: Upsert, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """See ``Database``."""
        places = [upsert.columns.index(key) for key in upsert.table.key]
        for some in distinct(rows, places):
            is_json, values = self._packed(upsert.table, upsert.columns, some)
            self._run(upsert_statement(upsert, name, is_json=is_json), values, prepare=True)

    def _packed(self, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Sent:
        if self.careful:
            rows = [self._mended(row) for row in rows]
        return sent([table.column(name).kind for name in names], rows)

    def _mended(self, values: Sequence[Any]) -> Any:
        if not self.careful:
            return values
        return tuple(v.replace("\0", "\ufffd") if isinstance(v, str) else v for v in values)

    # -- transactions

    def begin(self, *, careful: bool) -> None:
        """See ``Database``."""
        self.careful = careful
        if not careful:
            self._pipeline = contextlib.ExitStack()
            with self._asking() as connection:
                self._sent = self._pipeline.enter_context(connection.pipeline())
        self._run("BEGIN", ())

    def _sync(self) -> None:
        """Wait for what was sent."""
        if self._pipeline is not None:
            with self._asking():
                self._sent.sync()

    def commit(self) -> None:
        """See ``Database``."""
        pipeline, self._pipeline = self._pipeline, None
        with self._asking() as connection:
            connection.execute("COMMIT")
            if pipeline is not None:
                pipeline.close()

    def rollback(self) -> None:
        """See ``Database``."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            with contextlib.suppress(psycopg.Error):
                pipeline.close()
        with contextlib.suppress(psycopg.Error):
            if self._connection.info.transaction_status:
                self._connection.execute("ROLLBACK")

    # -- tables

    def has(self, name: str) -> bool:
        """See ``Database``."""
        return self.query("SELECT to_regclass(?)", [name])[0][0] is not None

    def ddl(self, table: Table, name: str) -> list[str]:
        """See ``Database``."""
        tail = f" WITH (fillfactor = {FILL_REWRITTEN})" if table.is_rewritten else ""
        return [create_table(table, name, TYPES, tail), *create_indexes(table, name)]

    def keep_room(self, table: Table) -> None:
        """See ``Database``: pages are filled so from now on, rows that are there stay."""
        if table.is_rewritten:
            self.execute(f"ALTER TABLE {{{table.name}}} SET (fillfactor = {FILL_REWRITTEN})")

    def drop_view(self, name: str) -> None:
        """See ``DayDatabase``."""
        self.execute(f"DROP VIEW IF EXISTS {name}")

    @contextlib.contextmanager
    def beside(self, shadow: Database) -> Iterator[Callable[[str], str]]:
        """See ``Database``."""
        self._run("SET statement_timeout = 0", ())
        self._answer_s = REBUILD_S
        try:
            yield str  # they stand beside ours, under the names that the shadow has
        finally:
            self._answer_s = ANSWER_S
            self._run(f"SET statement_timeout = '{STATEMENT_S}s'", ())

    def close(self) -> None:
        """See ``Database``."""
        with contextlib.suppress(psycopg.Error):
            self._connection.close()


def shown(url: str) -> str:
    """Return where a URL leads, without user, password and options."""
    where = url.partition("://")[2].rpartition("@")[2].partition("?")[0] or "the local server"
    return f"the PostgreSQL database {where}"


def translated(where: str, problem: psycopg.Error) -> Exception:
    """Return our error for one of PostgreSQL."""
    if isinstance(problem, psycopg.DataError | psycopg.IntegrityError):
        return RowRefused(f"{type(problem).__name__}: {' '.join(str(problem).split())[:300]}")
    return ours(told(problem, where))
