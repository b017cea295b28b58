"""What the servers have in common: one connection that writes, a pool that reads, and their ends.

Threads: any may call. Every wait for the server has an end.
"""

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Generic, TypeVar

from hes.store.database import Dialect, Transaction
from hes.store.errors import CommitUnknown, StoreError
from hes.store.pool import Closable, Pool
from hes.store.schema import SCHEMA_VERSION

CONNECT_S: Final = 10
LOCK_S: Final = 10
"""How long a transaction waits for another program that writes."""
STATEMENT_S: Final = 30
"""How long the server may work on one statement."""
ANSWER_S: Final = 45.0
"""After it we hang up: the server does not even say that it took too long."""

C = TypeVar("C", bound=Closable)


class _Stale(Exception):
    """A connection that had been idle was dead."""


class ServerDatabase(ABC, Generic[C]):
    """See ``hes.store.database.Database``."""

    errors: type[Exception]
    """The driver's."""
    dialect: Dialect

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self._lock = threading.RLock()
        self._writer: C | None = None
        self._pool: Pool[C] = Pool(self._connect_reader, shown)
        self._closed = False

    # -- what the drivers do differently

    @abstractmethod
    def _connect(self) -> C:
        """Return a connection whose transactions begin by themselves; raise the driver's error."""

    def _connect_reading(self) -> C:
        """Return a connection for reading."""
        return self._connect()

    @abstractmethod
    def _begin(self, connection: C, *, writer: bool) -> Transaction:
        """Return a new transaction on a connection, the writer's or a reader's."""

    @abstractmethod
    def _end(self, connection: C, *, commit: bool) -> None:
        """Commit or roll back."""

    @abstractmethod
    def _fetch(self, connection: C, sql: str, values: Sequence[Any]) -> list[Any]:
        """Return the rows of a query."""

    @abstractmethod
    def _limited(self, connection: C) -> AbstractContextManager[None]:
        """Give the calls in the block an end, after ``ANSWER_S``."""

    @abstractmethod
    def _is_lost(self, problem: Exception, connection: C) -> bool:
        """Return whether the connection is of no use after this error."""

    @abstractmethod
    def _told(self, problem: Exception) -> StoreError:
        """Return our error for one of the driver's."""

    # -- transactions

    @contextlib.contextmanager
    def writing(self) -> Iterator[Transaction]:
        """See ``Database.writing``."""
        with self._lock:
            if self._closed:
                raise StoreError(f"{self.shown} is closed")
            if self._writer is None:
                self._writer = self._connected(self._connect)
            writer, self._writer = self._writer, None
            fit: list[bool] = []
            try:
                with self._transaction(writer, fit, writer=True) as tx:
                    yield tx
            finally:
                if fit:
                    self._writer = writer
                else:
                    self._discard(writer)

    @contextlib.contextmanager
    def beside(self) -> Iterator[Transaction]:
        """See ``Database.beside``."""
        with (
            self._pool.lent() as (connection, _),
            self._transaction(connection, [], writer=False) as tx,
        ):
            yield tx

    @contextlib.contextmanager
    def _transaction(
        self, connection: C, fit: list[bool], *, writer: bool
    ) -> Iterator[Transaction]:
        """Commit at the end, else roll back; ``fit`` gets an entry if the connection still is."""
        committing = False
        tx: Transaction | None = None
        try:
            with self._limited(connection):
                tx = self._begin(connection, writer=writer)
                yield tx
                committing = True
                self._end(connection, commit=True)
                fit.append(True)
        except self.errors as problem:
            lost = self._is_lost(problem, connection)
            if not lost:
                self._roll_back(connection, fit)
            if lost and (committing or (tx is not None and tx.committing)):
                raise CommitUnknown(
                    f"the connection to {self.shown} was lost during a commit, whose outcome is"
                    f" looked up ({problem})"
                ) from problem
            raise self._told(problem) from problem
        except BaseException:
            self._roll_back(connection, fit)
            raise

    def _roll_back(self, connection: C, fit: list[bool]) -> None:
        with contextlib.suppress(self.errors), self._limited(connection):
            self._end(connection, commit=False)
            fit.append(True)

    # -- reading

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """See ``Database.rows``."""
        try:
            return self._read(sql, values)
        except _Stale:
            # The server was restarted since: the others are dead too.
            self._pool.drop_idle()
            return self._read(sql, values)

    def _read(self, sql: str, values: Sequence[Any]) -> list[Any]:
        with self._pool.lent() as (connection, used):
            try:
                with self._limited(connection):
                    return self._fetch(connection, sql, values)
            except self.errors as problem:
                if used and self._is_lost(problem, connection):
                    raise _Stale from problem
                raise self._told(problem) from problem

    # -- connections

    def check_version(self, version: int) -> None:
        """Raise ``StoreError`` if the tables are of another version than ours."""
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"{self.shown} has schema {version}, this program reads {SCHEMA_VERSION};"
                " use the version of the program that wrote it"
            )

    def _connect_reader(self) -> C:
        return self._connected(self._connect_reading)

    def _connected(self, connect: "Any") -> C:
        try:
            made: C = connect()
        except self.errors as problem:
            raise self._told(problem) from problem
        return made

    def _discard(self, connection: C) -> None:
        with contextlib.suppress(self.errors):
            connection.close()

    def close(self) -> None:
        """See ``Database.close``."""
        with self._lock:
            self._closed = True
            writer, self._writer = self._writer, None
            if writer is not None:
                self._discard(writer)
        self._pool.close()
