"""Rows as the driver alone writes them: ``executemany`` into SQLite, COPY into PostgreSQL.

The tables have the same columns, and neither key nor index; a transaction a batch. What read models
cost beyond that is the fold, and that rows must be found to be changed.
"""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from projections.sql import postgres, sqlite
from projections.sql.places import Place
from projections.sql.postgres import PostgresPlace
from projections.sql.schema import Column, Kind
from projections.sql.sqlite import SqlitePlace


class Written(NamedTuple):
    """Rows that go into one table."""

    table: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]

    @property
    def names(self) -> str:
        return ", ".join(column.name for column in self.columns)

    def ddl(self, types: dict[Kind, str]) -> str:
        columns = ", ".join(f"{c.name} {types[c.kind].format(size=c.size)}" for c in self.columns)
        return f"CREATE TABLE {self.table} ({columns})"


def raw_s(
    place: Place, batches: Sequence[Sequence[Written]], clock: Callable[[], float]
) -> float | None:
    """Return the seconds that all batches but the first take; None: nothing to compare with."""
    tables = list({one.table: one for batch in batches for one in batch}.values())
    if isinstance(place, SqlitePlace):
        done = into_sqlite(tables, batches)
    elif isinstance(place, PostgresPlace):
        done = into_postgres(place, tables, batches)
    else:
        return None
    next(done)
    started = clock()
    for _ in done:
        pass
    return clock() - started


def into_sqlite(tables: Sequence[Written], batches: Sequence[Sequence[Written]]) -> Iterator[None]:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(sqlite3.connect(Path(folder) / "raw.db", isolation_level=None)) as connection,
    ):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        for table in tables:
            connection.execute(table.ddl(sqlite.TYPES))
        for batch in batches:
            connection.execute("BEGIN IMMEDIATE")
            for name, columns, rows in batch:
                marks = ", ".join("?" * len(columns))
                connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
            connection.execute("COMMIT")
            yield


def into_postgres(
    place: PostgresPlace, tables: Sequence[Written], batches: Sequence[Sequence[Written]]
) -> Iterator[None]:
    options = "-c synchronous_commit=off"
    with psycopg.connect(place._url, autocommit=True, options=options) as connection:
        for table in tables:
            connection.execute(f"DROP TABLE IF EXISTS {table.table}".encode())
            connection.execute(table.ddl(postgres.TYPES).encode())
        for batch in batches:
            with connection.transaction(), connection.cursor() as cursor:
                for one in batch:
                    copy = f"COPY {one.table} ({one.names}) FROM STDIN"
                    with cursor.copy(copy.encode()) as rows:
                        for row in one.rows:
                            rows.write_row(row)
            yield
