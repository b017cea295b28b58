"""What projections and queries use of a connection, whatever the database.

Statements are written once, by hand, in the SQL that all have: tables in braces, ``?`` for values.
What differs is rendered by a subclass: many rows at once, conflicts, pages, types.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Any, ClassVar, Final

from projections.sql.schema import Table, Upsert

RENDERED_MAX: Final = 2000
DAY_MS: Final = 86_400_000
IN_MAX: Final = 512
"""Names in one ``IN (...)``; Oracle allows 1,000."""


class Names(dict[str, str]):
    """Tables in braces to their names: with the suffix that shadows have."""

    def __init__(self, suffix: str) -> None:
        super().__init__()
        self._suffix = suffix

    def __missing__(self, name: str) -> str:
        self[name] = name + self._suffix
        return self[name]


class Database(ABC):
    """A connection, used by one thread at a time.

    Every method may raise ``ReadModelUnavailable``, or ``RowRefused`` for a row that cannot be.
    """

    keeps_days: ClassVar[bool] = False
    """Whether a ``by_day`` table is one table a day here."""
    without: ClassVar[str] = "EXCEPT"
    """The word for rows of one query that are not in another."""

    def __init__(self, suffix: str = "") -> None:
        self.suffix = suffix
        self.zone: tzinfo = UTC
        """Where days begin and end, for sums by the day."""
        self.careful = False
        """Whether rows are mended before they are written: cut, and without characters that the
        database cannot hold. For events that were refused as they are."""
        self.kept_from: dict[str, int] = {}
        """The first day, UTC, since 1970, of a ``by_day`` table whose older days were removed."""
        self.shared: dict[tuple[int, int], Any] = {}
        """What projections made of the events at hand, for each other; by the first and the last
        position."""
        self._names = Names(suffix)
        self._rendered: dict[str, str] = {}

    def render(self, sql: str) -> str:
        """Return a statement as the driver takes it."""
        done = self._rendered.get(sql)
        if done is None:
            if len(self._rendered) >= RENDERED_MAX:
                self._rendered.clear()
            done = self._rendered[sql] = self.marked(sql.format_map(self._names))
        return done

    def physical(self, table: str) -> str:
        """Return the name that a table has here."""
        return self._names[table]

    @abstractmethod
    def marked(self, sql: str) -> str:
        """Return a statement with the marks of the driver for ``?``."""

    # -- statements

    @abstractmethod
    def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Carry out a statement."""

    @abstractmethod
    def count(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Carry out a statement; return how many rows it changed."""

    def counted(self, sql: str, values: Sequence[Any] = ()) -> Callable[[], int]:
        """Carry out a statement; return what tells, until the end, how many rows it changed.

        Whoever can wait for that with other statements lets a server go on without a pause.
        """
        count = self.count(sql, values)
        return lambda: count

    @abstractmethod
    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Carry out a statement for each of many rows, in their order."""

    @abstractmethod
    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return rows; values by place or by the name of the column."""

    @abstractmethod
    def limited(self, select: str) -> str:
        """Return a query of which only the first rows count; one more value says how many."""

    def query_in(self, sql: str, keys: Sequence[Any], values: Sequence[Any] = ()) -> list[Any]:
        """Return rows for many keys, for which ``sql`` has an ``IN (??)`` before other values."""
        found: list[Any] = []
        for some in _in_lists(keys):
            found += self.query(sql.replace("??", _marks(len(some))), [*some, *values])
        return found

    def execute_in(self, sql: str, keys: Sequence[Any], values: Sequence[Any] = ()) -> None:
        """Carry out a statement for many keys; see ``query_in``."""
        for some in _in_lists(keys):
            self.execute(sql.replace("??", _marks(len(some))), [*some, *values])

    # -- many rows

    def insert(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """Put rows in, all columns of each."""
        if rows:
            for name, some in self.placed(table, rows):
                self.insert_into(table, name, some)

    def upsert(self, upsert: Upsert, rows: Sequence[Sequence[Any]]) -> None:
        """Put rows in, or change those that are there."""
        if rows:
            for name, some in self.placed(upsert.table, rows):
                self.upsert_into(upsert, name, some)

    def placed(
        self, table: Table, rows: Sequence[Sequence[Any]]
    ) -> Iterable[tuple[str, Sequence[Sequence[Any]]]]:
        """Return the rows by the table that holds them."""
        return [(self.physical(table.name), rows)]

    def parts(self, table: Table, start_ms: int, end_ms: int) -> list[str]:
        """Return the names, in braces, of what holds the rows of a time, both ends included."""
        del start_ms, end_ms
        return [f"{{{table.name}}}"]

    @abstractmethod
    def insert_into(self, table: Table, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """See ``insert``; into the table called ``name``."""

    @abstractmethod
    def upsert_into(self, upsert: Upsert, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """See ``upsert``; into the table called ``name``."""

    # -- transactions

    @abstractmethod
    def begin(self, *, careful: bool) -> None:
        """Begin a transaction of a writer."""

    @abstractmethod
    def commit(self) -> None:
        """Keep it."""

    @abstractmethod
    def rollback(self) -> None:
        """Forget it; does nothing outside of one, and never fails."""

    def savepoint(self, name: str) -> None:
        """Mark a place to roll back to."""
        self.execute(f"SAVEPOINT {name}")

    def rollback_to(self, name: str) -> None:
        """Forget what came after a savepoint."""
        self.execute(f"ROLLBACK TO SAVEPOINT {name}")

    def release(self, name: str) -> None:
        """Forget a savepoint, and keep what came after it."""
        self.execute(f"RELEASE SAVEPOINT {name}")

    # -- tables

    @abstractmethod
    def has(self, name: str) -> bool:
        """Return whether a table or view is there."""

    @abstractmethod
    def ddl(self, table: Table, name: str) -> list[str]:
        """Return the statements that make a table as ``name``."""

    def make_sure_of(self, table: Table) -> None:
        """Make a table, unless it is there."""
        if not self.has(self.physical(table.name)):
            self.create(table)

    def create(self, table: Table) -> None:
        """Make a table that is not there."""
        for statement in self.ddl(table, self.physical(table.name)):
            self.execute(statement)

    def keep_room(self, table: Table) -> None:  # noqa: B027 -- most have nothing to keep
        """Let a table from an older program keep room for new rows as one made now would."""

    def drop(self, table: Table) -> None:
        """Remove a table that may be there."""
        name = self.physical(table.name)
        if self.has(name):
            self.execute(f"DROP TABLE {name}")

    def empty(self, table: Table) -> None:
        """Remove all rows."""
        self.execute(f"DELETE FROM {{{table.name}}}")

    def copies(self, table: Table, shadow: "Database") -> list[tuple[str, str]]:
        """Return which table takes the rows of which table of a shadow."""
        return [(self.physical(table.name), shadow.physical(table.name))]

    def add_days(self, table: Table, days: Iterable[int]) -> None:
        """Make the tables of days, UTC, since 1970; outside of a transaction."""
        raise NotImplementedError

    def forget_days(self, table: Table, before_day: int) -> None:
        """Remove the rows of days before one, UTC, since 1970; outside of a transaction."""
        old = f"DELETE FROM {{{table.name}}} WHERE {table.by_day} < ?"
        self.begin(careful=False)
        self.execute(old, [before_day * DAY_MS])
        self.commit()

    def refresh(self) -> None:  # noqa: B027 -- most have nothing to look at
        """Look anew which tables there are; for readers, who make none."""

    def prepare_days(self, table: Table, shadow: "Database") -> None:
        """Make the tables of the days that a shadow has."""
        del table, shadow

    @abstractmethod
    def beside(self, shadow: "Database") -> AbstractContextManager[Callable[[str], str]]:
        """Lend this connection, and the names that the tables of a shadow have in it."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; never fails."""


def _in_lists(keys: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Yield the keys in lists of few lengths, so that there are few statements to prepare."""
    for at in range(0, len(keys), IN_MAX):
        some = keys[at : at + IN_MAX]
        length = 1 << (len(some) - 1).bit_length()
        # A name that is there twice is found once.
        yield [*some, *[some[-1]] * (length - len(some))]


@lru_cache(maxsize=16)
def _marks(count: int) -> str:
    return ", ".join("?" * count)
