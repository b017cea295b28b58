"""Read models in Oracle: SQL of 11g, the driver python-oracledb in its thin mode (12.1 and newer).

11g itself is reached with Oracle's Instant Client 19 (``?thick`` behind the URL). An empty text is
NULL in Oracle; texts that are nothing but spaces, the empty one too, are therefore kept with one
space more.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import oracledb

from hes.store.errors import StoreError
from hes.store.oracle_errors import codes, told
from hes.store.oracle_link import Connection, Target, choose_mode, connect
from hes.store.watch import Watch
from projections.errors import RowRefused, ours
from projections.sql.database import DAY_MS, Database
from projections.sql.days import DayDatabase
from projections.sql.postgres import SHADOW, row_maker
from projections.sql.schema import (
    Column,
    Kind,
    Table,
    Upsert,
    create_indexes,
    create_table,
)

CALL_MS: Final = 60_000
"""Of each way to the server; past it the driver asks it to stop, and waits as long again."""
ANSWER_S: Final = 90.0
"""After it we hang up: the server does not even say that it stopped."""
REBUILD_S: Final = 3600.0
FETCH_ROWS: Final = 1000
TYPES: Final = {
    Kind.TEXT: "VARCHAR2({size} CHAR)", Kind.WHOLE: "NUMBER(19)", Kind.REAL: "BINARY_DOUBLE",
    Kind.OCTETS: "RAW({size})",
}  # fmt: skip
ALREADY_THERE: Final = "ORA-00955"
NOT_THERE: Final = "ORA-00942"
REFUSED: Final = frozenset({
    "ORA-00001", "ORA-01400", "ORA-01401", "ORA-01407", "ORA-01426", "ORA-01438", "ORA-01461",
    "ORA-01722", "ORA-12899",
})  # fmt: skip
"""What is wrong with a row."""


class OraclePlace:
    """A schema of a database; the user who logs in owns it."""

    def __init__(self, target: Target, *, partitions: bool = False, suffix: str = "") -> None:
        self.shown = target.shown
        self._target = target
        self._partitions = partitions
        self._suffix = suffix
        self._watch = Watch()

    def connect(self, *, read_only: bool = False) -> "OracleDatabase":
        """Return a connection; threads may hand it on, but not share it.

        Raises:
            ReadModelError: it cannot be had; ``ReadModelUnavailable`` when only for now.

        """
        try:
            choose_mode(self._target)
            connection = connect(self._target)
        except StoreError as problem:
            raise ours(problem) from None
        except oracledb.Error as problem:
            raise translated(self.shown, problem) from None
        connection.call_timeout = CALL_MS
        db = OracleDatabase(
            self.shown, connection, self._suffix, self._watch, partitions=self._partitions
        )
        db.read_only = read_only
        return db

    @contextlib.contextmanager
    def shadow(self) -> Iterator["OraclePlace"]:
        """Lend a place for tables that are built beside these."""
        yield OraclePlace(self._target, partitions=self._partitions, suffix=SHADOW)


class OracleDatabase(DayDatabase):
    """See ``Database``."""

    without = "MINUS"

    def __init__(
        self, where: str, connection: Connection, suffix: str, watch: Watch, *, partitions: bool
    ) -> None:
        super().__init__(suffix)
        self._watch = watch
        self._answer_s = ANSWER_S
        self.keeps_days = not partitions  # type: ignore[misc]
        self.read_only = False
        self._where = where
        self._connection = connection

    def marked(self, sql: str) -> str:
        """See ``Database``."""
        first, *rest = sql.split("?")
        return first + "".join(f":{number}{piece}" for number, piece in enumerate(rest, 1))

    # -- statements

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        """Give what waits for the server an end, and its errors our names."""
        try:
            with self._watch.limit(self._answer_s, self._connection.cut):
                yield
        except oracledb.Error as problem:
            raise translated(self._where, problem) from None

    def _run(self, statement: str, values: Sequence[Any]) -> oracledb.Cursor:
        with self._asking():
            cursor = self._connection.cursor()
            cursor.arraysize = cursor.prefetchrows = FETCH_ROWS
            try:
                cursor.execute(statement, [_kept(value) for value in values])
            except oracledb.Error:
                cursor.close()
                raise
        return cursor

    def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """See ``Database``."""
        self._run(self.render(sql), values).close()

    def count(self, sql: str, values: Sequence[Any] = ()) -> int:
        """See ``Database``."""
        with self._run(self.render(sql), values) as cursor:
            return int(cursor.rowcount)

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """See ``Database``."""
        if rows:
            self._many(self.render(sql), [[_kept(value) for value in row] for row in rows], None)

    def _many(
        self, statement: str, rows: Sequence[Sequence[Any]], sizes: Sequence[Any] | None
    ) -> None:
        with self._asking(), self._connection.cursor() as cursor:
            if sizes is not None:
                cursor.setinputsizes(*sizes)
            cursor.executemany(statement, list(rows))

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """See ``Database``."""
        with self._run(self.render(sql), values) as cursor:
            with self._asking():
                found = cursor.fetchall()
            make = row_maker(tuple(column[0] for column in cursor.description))
        if self.read_only:
            self.rollback()  # or a reader's session stays in a transaction
        return [make([_told(value) for value in row]) for row in found]

    def limited(self, select: str) -> str:
        """See ``Database``."""
        return f"SELECT * FROM ({select}) WHERE ROWNUM <= ?"

    # -- many rows

    def insert_into(self, table: Table, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """See ``Database``."""
        marks = ", ".join(f":{number}" for number in range(1, len(table.names) + 1))
        statement = f"INSERT INTO {name} ({', '.join(table.names)}) VALUES ({marks})"
        self._array(statement, table.columns, rows)

    def upsert_into(self, upsert: Upsert, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """See ``Database``."""
        columns = [upsert.table.column(column) for column in upsert.columns]
        self._array(_merge(upsert, name), columns, rows)

    def _array(self, sql: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> None:
        kept = [[_kept(value) for value in row] for row in rows]
        if self.careful:
            kept = [_cut(row, columns) for row in kept]
        self._many(sql, kept, [_size(column) for column in columns])

    # -- transactions

    def begin(self, *, careful: bool) -> None:
        """See ``Database``: any statement begins one."""
        self.careful = careful

    def commit(self) -> None:
        """See ``Database``."""
        with self._asking():
            self._connection.commit()

    def rollback(self) -> None:
        """See ``Database``."""
        limit = self._watch.limit(self._answer_s, self._connection.cut)
        with contextlib.suppress(oracledb.Error), limit:
            self._connection.rollback()

    def release(self, name: str) -> None:
        """See ``Database``: a savepoint of the same name takes its place by itself."""

    # -- tables

    def has(self, name: str) -> bool:
        """See ``Database``."""
        with self._asking(), self._connection.cursor() as cursor:
            try:
                cursor.execute(f"SELECT 1 FROM {name} WHERE 1 = 0")
            except oracledb.Error as problem:
                if NOT_THERE in codes(problem):
                    return False
                raise
        return True

    def make_sure_of(self, table: Table) -> None:
        """See ``Database``."""
        for statement in self.ddl(table, self.physical(table.name)):
            with self._asking(), self._connection.cursor() as cursor:
                try:
                    cursor.execute(statement)
                except oracledb.Error as problem:
                    if ALREADY_THERE not in codes(problem):
                        raise

    def ddl(self, table: Table, name: str) -> list[str]:
        """See ``Database``."""
        tail = ""
        if table.by_day and not self.keeps_days:
            tail = (
                f" PARTITION BY RANGE ({table.by_day}) INTERVAL ({DAY_MS})"
                f" (PARTITION {name}_p0 VALUES LESS THAN (0))"
            )
        return [create_table(table, name, TYPES, tail), *create_indexes(table, name)]

    def drop_view(self, name: str) -> None:
        """See ``DayDatabase``."""
        if self.has(name):
            self.execute(f"DROP VIEW {name}")

    @contextlib.contextmanager
    def beside(self, shadow: Database) -> Iterator[Callable[[str], str]]:
        """See ``Database``."""
        self._connection.call_timeout = round(REBUILD_S * 1000)
        self._answer_s = REBUILD_S
        try:
            yield str  # they stand beside ours, under the names that the shadow has
        finally:
            self._answer_s = ANSWER_S
            if self._connection.is_healthy():  # on a dead one the driver ends the whole process
                self._connection.call_timeout = CALL_MS

    def close(self) -> None:
        """See ``Database``."""
        with contextlib.suppress(oracledb.Error):
            self._connection.close()


def _kept(value: Any) -> Any:
    return value + " " if type(value) is str and not value.strip(" ") else value


def _told(value: Any) -> Any:
    return value[1:] if type(value) is str and value and not value.strip(" ") else value


def _cut(row: Sequence[Any], columns: Sequence[Column]) -> list[Any]:
    """Return a row that fits."""
    return [
        value[: column.size] if column.size and value is not None else value
        for value, column in zip(row, columns, strict=True)
    ]


def _size(column: Column) -> Any:
    """Return the type of a bind; a text needs its size."""
    match column.kind:
        case Kind.TEXT:
            return column.size
        case Kind.WHOLE:
            return oracledb.DB_TYPE_NUMBER
        case Kind.REAL:
            return oracledb.DB_TYPE_BINARY_DOUBLE
        case Kind.OCTETS:
            return oracledb.DB_TYPE_RAW


@lru_cache(maxsize=4096)
def _merge(upsert: Upsert, name: str) -> str:
    table = upsert.table
    binds = ", ".join(
        f"CAST(:{number} AS {_type(table.column(column))}) {column}"
        for number, column in enumerate(upsert.columns, 1)
    )
    on = " AND ".join(f"t.{key} = s.{key}" for key in table.key)
    sets = ", ".join(f"{column} = {value}" for column, value in upsert.values)
    when = f" WHERE {upsert.when}" if upsert.when else ""
    matched = f" WHEN MATCHED THEN UPDATE SET {sets}{when}" if sets else ""
    return (
        f"MERGE INTO {name} t USING (SELECT {binds} FROM dual) s ON ({on}){matched}"
        f" WHEN NOT MATCHED THEN INSERT ({', '.join(upsert.columns)})"
        f" VALUES ({', '.join(f's.{column}' for column in upsert.columns)})"
    )


def _type(column: Column) -> str:
    return TYPES[column.kind].format(size=column.size)


def translated(where: str, problem: oracledb.Error) -> Exception:
    """Return our error for one of Oracle."""
    found = set(codes(problem))
    if found & REFUSED or isinstance(problem, oracledb.DataError | oracledb.NotSupportedError):
        return RowRefused(f"{type(problem).__name__}: {' '.join(str(problem).split())[:300]}")
    return ours(told(problem, where))
