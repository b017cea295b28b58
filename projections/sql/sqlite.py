"""Read models in SQLite.

They can be made again from the log at any time, so a commit need not reach the disk at once: after
a power cut the last ones are simply folded again, position and rows alike.

Many rows go with one statement: a driver gives the interpreter to another thread before each step
of a statement; a step a row would make the writer of the read models and the trio thread wait for
each other all the time. Of few sizes: a row of a prepared statement takes 1.2 KiB, and longer to
prepare than to carry out, and the driver keeps the last 128 statements.
"""

import contextlib
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from projections.errors import ReadModelError, ReadModelUnavailable, RowRefused
from projections.sql.database import DAY_MS, Database
from projections.sql.flat_rows import flat
from projections.sql.schema import Kind, Table, Upsert, create_indexes, create_table

BUSY_S: Final = 10.0
CACHE_KIB: Final = 4_096
CHECKPOINT_PAGES: Final = 8_000
"""32 MB of write-ahead log before its pages go home. A page that is changed again meanwhile goes
once; and the disk is waited for once, not every few batches."""
APPLICATION_ID: Final = 0x48455332
"""``HES2`` in the header of the file."""
ROWS_AT_ONCE: Final = (64, 16, 4, 1)
VALUES_MAX: Final = 999
"""Of one statement: SQLite as Debian builds it takes 250,000, the smallest builds 999."""
KEYS_AT_ONCE: Final = 100
"""Whose old rows are removed in one transaction: other writers of the file, and readers, wait."""
TYPES: Final = {
    Kind.TEXT: "TEXT", Kind.WHOLE: "INTEGER", Kind.REAL: "REAL", Kind.OCTETS: "BLOB",
}  # fmt: skip
NEW_ROW: Final = re.compile(r"\bs\.")
REFUSED: Final = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError)


class SqlitePlace:
    """A file; it is its owner's alone."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.shown = path

    def connect(self, *, read_only: bool = False) -> "SqliteDatabase":
        """Return a connection; threads may hand it on, but not share it.

        Raises:
            ReadModelError: the file cannot be opened, or is not ours.

        """
        return SqliteDatabase(self.path, _open(self.path, read_only=read_only))

    @contextlib.contextmanager
    def shadow(self) -> Iterator["SqlitePlace"]:
        """Lend a place for tables that are built beside these."""
        with tempfile.TemporaryDirectory(prefix="hes-rebuild-") as folder:
            yield SqlitePlace(str(Path(folder) / "shadow.db"))


class SqliteDatabase(Database):
    """See ``Database``."""

    def __init__(self, path: str, connection: sqlite3.Connection) -> None:
        super().__init__()
        self.path = path
        self._connection = connection

    def marked(self, sql: str) -> str:
        """See ``Database``."""
        return sql

    # -- statements

    def _run(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        try:
            return self._connection.execute(sql, values)
        except sqlite3.Error as problem:
            raise translated(self.path, problem) from None

    def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """See ``Database``."""
        self._run(self.render(sql), values)

    def count(self, sql: str, values: Sequence[Any] = ()) -> int:
        """See ``Database``."""
        return self._run(self.render(sql), values).rowcount

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """See ``Database``."""
        try:
            self._connection.executemany(self.render(sql), rows)
        except sqlite3.Error as problem:
            raise translated(self.path, problem) from None

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """See ``Database``."""
        try:
            return self._connection.execute(self.render(sql), values).fetchall()
        except sqlite3.Error as problem:
            raise translated(self.path, problem) from None

    def limited(self, select: str) -> str:
        """See ``Database``."""
        return f"{select} LIMIT ?"

    # -- many rows

    def insert_into(self, table: Table, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """See ``Database``."""
        head = f"INSERT INTO {name} ({', '.join(table.names)})"
        self._values(head, rows, "")

    def upsert_into(self, upsert: Upsert, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """See ``Database``."""
        head, tail = _upsert(upsert, name)
        self._values(head, rows, tail)

    def _values(self, head: str, rows: Sequence[Sequence[Any]], tail: str) -> None:
        packed = flat(rows)
        values, width, at = packed.values, packed.width, 0
        for count in ROWS_AT_ONCE:
            size = count * width
            if size > VALUES_MAX or len(values) - at < size:
                continue
            statement = _statement(head, width, count, tail)
            while len(values) - at >= size:
                self._run(statement, values[at : at + size])
                at += size

    # -- transactions

    def begin(self, *, careful: bool) -> None:
        """See ``Database``."""
        self.careful = careful
        self._run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """See ``Database``."""
        self._run("COMMIT")

    def rollback(self) -> None:
        """See ``Database``."""
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    # -- tables

    def has(self, name: str) -> bool:
        """See ``Database``."""
        return bool(self.query("SELECT 1 FROM sqlite_master WHERE name = ?", [name]))

    def ddl(self, table: Table, name: str) -> list[str]:
        """See ``Database``: an integer as the key is the row's own number."""
        numbered = [table.column(key).kind for key in table.key] == [Kind.WHOLE]
        if not numbered:
            return [
                create_table(table, name, TYPES, " WITHOUT ROWID"), *create_indexes(table, name)
            ]  # fmt: skip
        (key,) = table.key
        made = create_table(table, name, TYPES).removesuffix(f", PRIMARY KEY ({key}))") + ")"
        whole = f"{key} INTEGER NOT NULL"
        return [
            made.replace(whole, f"{key} INTEGER PRIMARY KEY", 1), *create_indexes(table, name)
        ]  # fmt: skip

    def forget_days(self, table: Table, before_day: int) -> None:
        """See ``Database``: along the key, since looking at all rows would take minutes."""
        place = table.key.index(table.by_day)
        keys = ", ".join(table.key[:place])
        marks = ", ".join("?" * place)
        name = self.physical(table.name)
        first = f"SELECT {keys} FROM {name} ORDER BY {keys} LIMIT 1"
        after = f"SELECT {keys} FROM {name} WHERE ({keys}) > ({marks}) ORDER BY {keys} LIMIT 1"
        old = f"DELETE FROM {name} WHERE ({keys}) = ({marks}) AND {table.by_day} < ?"
        found = self.query(first)
        while found:
            self._run("BEGIN IMMEDIATE")
            for _ in range(KEYS_AT_ONCE):
                last = tuple(found[0])
                self._run(old, (*last, before_day * DAY_MS))
                found = self.query(after, last)
                if not found:
                    break
            self._run("COMMIT")

    @contextlib.contextmanager
    def beside(self, shadow: Database) -> Iterator[Callable[[str], str]]:
        """See ``Database``."""
        self._run("ATTACH DATABASE ? AS shadow", (getattr(shadow, "path", ""),))
        try:
            yield lambda name: f"shadow.{name}"
        finally:
            self._run("DETACH DATABASE shadow")

    def close(self) -> None:
        """See ``Database``."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()


@lru_cache(maxsize=256)
def _statement(head: str, width: int, count: int, tail: str) -> str:
    row = f"({', '.join('?' * width)})"
    return f"{head} VALUES {', '.join([row] * count)}{tail}"


@lru_cache(maxsize=256)
def _upsert(upsert: Upsert, name: str) -> tuple[str, str]:
    """Return what stands before and behind the values."""
    sets = ", ".join(f"{column} = {value}" for column, value in upsert.values)
    when = f" WHERE {upsert.when}" if upsert.when else ""
    tail = f" ON CONFLICT ({', '.join(upsert.table.key)}) DO UPDATE SET {sets}{when}"
    head = f"INSERT INTO {name} AS t ({', '.join(upsert.columns)})"
    return head, NEW_ROW.sub("excluded.", tail) if sets else " ON CONFLICT DO NOTHING"


# -- the file


def path_of(url: str) -> str:
    """Return the file of a ``sqlite:///file`` URL.

    Raises:
        ReadModelError: it names none.

    """
    path = url.removeprefix("sqlite://").removeprefix("/")
    if not path:
        raise ReadModelError("read models need a file; write sqlite:///file.db")
    return path


def _open(path: str, *, read_only: bool) -> sqlite3.Connection:
    try:
        if not read_only:
            _make_private(path)
        mode = "ro" if read_only else "rwc"
        connection = sqlite3.connect(
            f"file:{quote(path)}?mode={mode}",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.row_factory = sqlite3.Row
        if not read_only:
            _prepare(connection, path)
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except sqlite3.Error as problem:
        raise ReadModelError(sentence(path, problem)) from None
    return connection


def _make_private(path: str) -> None:
    """Make a new file that only its owner may read: it tells who uses how much, and when.

    SQLite gives the files beside it the same mode. What is wrong with the path is told by SQLite.
    """
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    (found,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and found != APPLICATION_ID:
        connection.close()
        raise ReadModelError(f"{path} is a database of another program; name another file")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    if not tables:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def translated(path: str, problem: sqlite3.Error) -> Exception:
    """Return our error for one of SQLite."""
    if isinstance(problem, REFUSED):
        return RowRefused(f"{type(problem).__name__}: {problem}")
    return ReadModelUnavailable(sentence(path, problem))


def sentence(path: str, problem: sqlite3.Error) -> str:
    """Return what a person should read for an error of SQLite."""
    text = str(problem)
    if "unable to open" in text:
        if not Path(path).parent.is_dir():
            return f"the read models {path} cannot be opened: their folder does not exist"
        return f"the read models {path} cannot be opened; may this user read and write there?"
    if "not a database" in text or "malformed" in text:
        return f"{path} is no SQLite database, or it is damaged; remove it, it is made anew"
    if "locked" in text:
        return f"the read models {path} are held by another program; stop that one first"
    if "readonly" in text or "read-only" in text:
        return f"the read models {path} may not be written by this user"
    return f"the read models {path} failed: {text}"
