"""A SQLite database as a file on disk: opening it, its connections, its troubles in plain words.

Threads: any may call. One connection writes, under a lock; each read takes a connection of its own
from a pool, for trio's worker threads come and go. In WAL mode neither waits for the other; FULL
makes a commit durable. A database in memory has one connection, which all share under the lock.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from hes.store.database import Dialect, Places
from hes.store.errors import StoreDuplicate, StoreError, StoreUnavailable
from hes.store.schema import APPLICATION_ID, SCHEMA_VERSION, SQLITE
from hes.store.sqlite_chains import add_chains, add_sealed, lacks_chains
from hes.store.sqlite_checkpoints import CHECKPOINT_PAGES_MAX, Checkpoints
from hes.store.sqlite_rows import DIALECT, SqliteTransaction

MEMORY: Final = ":memory:"
BUSY_S: Final = 10.0
"""How long a statement waits for another program that writes."""
CACHE_KIB: Final = 262_144
"""Of the writer: the index over streams and versions is what a growing log is slow on."""
READERS_IDLE_MAX: Final = 8

_WAIT: Final = {
    sqlite3.SQLITE_BUSY: "the database {path} is held by another program; stop that one first",
    sqlite3.SQLITE_LOCKED: "the database {path} is held by another program; stop that one first",
    sqlite3.SQLITE_FULL: "no room is left for {path}; make some, the node goes on by itself",
    sqlite3.SQLITE_IOERR: "the disk under {path} failed ({text}); look into the system's log",
    sqlite3.SQLITE_READONLY: "{path} may not be written by this user; grant it the file and its"
    " folder",
    sqlite3.SQLITE_PERM: "{path} may not be used by this user; grant it the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "{path} cannot be opened; does its folder exist, and may this user"
    " write there?",
}
"""Code of SQLite to what a person should read, where trying again later may help."""
_MEND: Final = {
    sqlite3.SQLITE_NOTADB: "{path} is no SQLite database; name another file in the configuration",
    sqlite3.SQLITE_CORRUPT: "{path} is damaged ({text}); restore it from a backup",
}
"""The same, where it cannot."""


class SqliteFile:
    """One open database with our tables, made if there is none."""

    def __init__(self, path: str) -> None:
        """Open ``path``, or a new database in memory for ``MEMORY``.

        Raises:
            StoreError: it cannot be used; the message says why and what to do.

        """
        self.path = self.shown = path
        self.dialect: Dialect = DIALECT
        self._lock = threading.RLock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._checkpoints = Checkpoints(self._connect, self._lock)
        self._make_private()
        try:
            self._writer = self._connect()
        except sqlite3.Error as problem:
            raise self._told(problem) from None
        try:
            self._prepare(self._writer)
        except sqlite3.Error as problem:
            self._writer.close()
            raise self._told(problem) from None
        except BaseException:
            self._writer.close()
            raise

    @contextlib.contextmanager
    def writing(self) -> Iterator[SqliteTransaction]:
        """See ``Database.writing``."""
        with self._lock:
            self._check_open()
            writer = self._writer
            try:
                writer.execute("BEGIN IMMEDIATE")
                yield SqliteTransaction(writer)
                writer.execute("COMMIT")
                self._checkpoints.committed(writer.total_changes)
            except sqlite3.Error as problem:
                self._roll_back()
                raise self._told(problem) from problem
            except BaseException:
                self._roll_back()
                raise

    def beside(self) -> contextlib.AbstractContextManager[SqliteTransaction]:
        """See ``Database.beside``: SQLite has one writer."""
        return self.writing()

    def create(self, statements: Sequence[str]) -> None:
        """See ``Database.create``."""
        with self.writing() as tx:
            for statement in statements:
                tx.execute(statement)

    def whole(self, owner: str, rows: list[Any], places: Places) -> list[Any]:
        """See ``Database.whole``: every state is in its row."""
        return rows

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """See ``Database.rows``."""
        try:
            with self._reading() as connection:
                return connection.execute(sql, values).fetchall()
        except sqlite3.Error as problem:
            raise self._told(problem) from problem

    def close(self) -> None:
        """Close the database; a read that goes on in another thread ends first or by itself."""
        with self._lock:
            self._closed = True
            self._writer.close()
            while self._idle:
                self._idle.pop().close()
        self._checkpoints.close()

    # -- connections

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        if self.path == MEMORY:
            with self._lock:
                self._check_open()
                yield self._writer
            return
        connection = self._take_reader()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if not self._closed and len(self._idle) < READERS_IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def _take_reader(self) -> sqlite3.Connection:
        # Without the writer's lock: a read must not wait for a commit. Popping is atomic.
        self._check_open()
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"the database {self.path} is closed")

    def _roll_back(self) -> None:
        # Some errors have rolled back already. A failing rollback leaves a connection that no
        # later transaction could begin on, hence a new one.
        if not self._writer.in_transaction:
            return
        try:
            self._writer.execute("ROLLBACK")
        except sqlite3.Error:
            self._writer.close()
            self._writer = self._connect()
            self._tune(self._writer)

    # -- opening

    def _make_private(self) -> None:
        """Make a new file readable for its owner only: it will hold secrets too."""
        if self.path == MEMORY:
            return
        # What stands in the way of the file is said better when SQLite opens it.
        with contextlib.suppress(OSError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

    def _prepare(self, writer: sqlite3.Connection) -> None:
        # Asked before anything is changed: a file of another program must stay as it is.
        if not self._is_ours(writer):
            writer.execute("BEGIN IMMEDIATE")
            if not self._is_ours(writer):
                for statement in SQLITE.log:
                    writer.execute(statement)
                writer.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                writer.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            writer.execute("COMMIT")
        self._tune(writer)
        (version,) = writer.execute("PRAGMA user_version").fetchone()
        if version < SCHEMA_VERSION:
            add_sealed(writer, version)
        if lacks_chains(writer, version):
            add_chains(writer, self.path)

    def _is_ours(self, writer: sqlite3.Connection) -> bool:
        """Return whether our tables are there; False for an empty database.

        Raises:
            StoreError: it belongs to another program, or to another version of this one.

        """
        (tables,) = writer.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (program,) = writer.execute("PRAGMA application_id").fetchone()
        (version,) = writer.execute("PRAGMA user_version").fetchone()
        if not tables and program in {0, APPLICATION_ID}:
            return False
        if program != APPLICATION_ID:
            raise StoreError(f"{self.path} is a database of another program; name another file")
        if not 1 <= version <= SCHEMA_VERSION:
            raise StoreError(
                f"{self.path} has schema {version}, this program reads {SCHEMA_VERSION};"
                " use the version of the program that wrote it"
            )
        return True

    def _tune(self, writer: sqlite3.Connection) -> None:
        (mode,) = writer.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal" and self.path != MEMORY:
            raise StoreError(
                f"{self.path} cannot have a write-ahead log where it lies; use a local disk"
            )
        writer.execute("PRAGMA synchronous = FULL")
        writer.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        writer.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES_MAX}")

    def _told(self, problem: sqlite3.Error) -> StoreError:
        """Return our error for one of SQLite."""
        code = getattr(problem, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        kind, sentence = StoreError, f"the database {self.path} failed: {problem}"
        if self._closed:
            sentence = f"the database {self.path} is closed"
        elif code in _WAIT:
            kind, sentence = StoreUnavailable, _WAIT[code].format(path=self.path, text=problem)
        elif code in _MEND:
            sentence = _MEND[code].format(path=self.path, text=problem)
        elif code == sqlite3.SQLITE_CONSTRAINT:
            kind, sentence = StoreDuplicate, f"stored already in {self.path}: {problem}"
        if code == sqlite3.SQLITE_CANTOPEN and not Path(self.path).parent.is_dir():
            sentence = f"the folder of {self.path} does not exist; make it first"
        return kind(sentence)
