"""Takes batches of events into all projections: rows and position in one transaction.

Called in one thread at a time. An event that a projection cannot take is put aside as poison, with
the reason, and the projection goes on.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from hes.events.base import DomainEvent, Recorded
from projections.base import Change, Projection
from projections.errors import ReadModelError
from projections.sql.sqlite import connect, unavailable

DATA_FAULTS: Final = (
    ValueError, KeyError, TypeError, ArithmeticError, AttributeError, IndexError,
    msgspec.MsgspecError, sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError,
)  # fmt: skip
"""What an event that makes no sense can cause; anything else is a fault of the program."""
REASON_SIZE_MAX: Final = 300


class Unreadable(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Stands for a stored event that this program cannot read; it is in no log."""

    kind: str
    """Its topic."""
    reason: str


class Tables:
    """The read models' database, with one writer."""

    def __init__(self, path: str, projections: Sequence[Projection]) -> None:
        self.path = path
        self.projections = list(projections)
        self.positions: dict[str, int] = {}
        self.poisons: dict[str, int] = {}
        """How many events each projection has put aside."""
        self._fouled = False
        """Whether the batch at hand has an event to put aside."""
        self._db = connect(path)
        try:
            for projection in projections:
                self.positions[projection.name] = self._prepare(projection)
            self._count_poisons()
        except sqlite3.Error as problem:
            raise unavailable(path, problem) from None

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def _prepare(self, projection: Projection) -> int:
        """Make a projection's tables, anew when its version has changed; return its position."""
        row = self._db.execute(
            "SELECT version, position FROM projection WHERE name = ?", (projection.name,)
        ).fetchone()
        if row is not None and row[0] == projection.version:
            return int(row[1])
        self._db.execute("BEGIN IMMEDIATE")
        for table in projection.tables:
            self._db.execute(f"DROP TABLE IF EXISTS {table}")
        self._db.execute("DELETE FROM poison WHERE projection = ?", (projection.name,))
        for statement in projection.ddl:
            self._db.execute(statement)
        self._db.execute(
            "INSERT OR REPLACE INTO projection (name, version, position) VALUES (?, ?, 0)",
            (projection.name, projection.version),
        )
        self._db.execute("COMMIT")
        return 0

    def lowest(self) -> int:
        """Return the position that every projection has reached."""
        return min(self.positions.values(), default=0)

    def take(self, batch: Sequence[Recorded]) -> list[Change]:
        """Fold a batch that begins at or before every projection's next position.

        Raises:
            ReadModelUnavailable: nothing of it was stored; try again.

        """
        if not batch:
            return []
        changes: dict[Change, None] = {}
        self._fouled = False
        last = batch[-1].position
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for projection in self.projections:
                if self.positions[projection.name] < last:
                    changes.update(dict.fromkeys(self._fold(projection, batch)))
            self._db.execute("COMMIT")
            if self._fouled:
                self._count_poisons()
        except BaseException as problem:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(problem, sqlite3.Error):
                raise unavailable(self.path, problem) from None
            raise
        for name, position in self.positions.items():
            self.positions[name] = max(position, last)
        return list(changes)

    def _fold(self, projection: Projection, batch: Sequence[Recorded]) -> Iterable[Change]:
        """Fold what is new to one projection; an old event changes nothing."""
        position = self.positions[projection.name]
        kinds = projection.events
        mine = [r for r in batch if r.position > position and type(r.event) in kinds]
        changes = self._apply(projection, mine) if mine else []
        for recorded in batch:
            event = recorded.event
            if isinstance(event, Unreadable) and recorded.position > position:
                self._set_aside(projection, recorded.position, event.kind, event.reason)
        moved = self._db.execute(
            "UPDATE projection SET position = ? WHERE name = ? AND position = ?",
            (batch[-1].position, projection.name, position),
        )
        if moved.rowcount != 1:
            raise ReadModelError(
                f"another program moves the read model {projection.name} in {self.path}"
            )
        return changes

    def _apply(self, projection: Projection, mine: Sequence[Recorded]) -> list[Change]:
        self._db.execute("SAVEPOINT whole")
        try:
            changes = list(projection.apply(mine, self._db))
        except DATA_FAULTS:
            self._db.execute("ROLLBACK TO whole")
            changes = self._one_by_one(projection, mine)
        self._db.execute("RELEASE whole")
        return changes

    def _one_by_one(self, projection: Projection, mine: Sequence[Recorded]) -> list[Change]:
        """Find the poison in a batch that failed."""
        changes: list[Change] = []
        for recorded in mine:
            self._db.execute("SAVEPOINT one")
            try:
                changes += projection.apply([recorded], self._db)
            except DATA_FAULTS as fault:
                self._db.execute("ROLLBACK TO one")
                reason = f"{type(fault).__name__}: {fault}"
                self._set_aside(projection, recorded.position, recorded.event.topic, reason)
            self._db.execute("RELEASE one")
        return changes

    def _set_aside(self, projection: Projection, position: int, topic: str, reason: str) -> None:
        self._fouled = True
        self._db.execute(
            "INSERT OR REPLACE INTO poison (projection, position, topic, reason)"
            " VALUES (?, ?, ?, ?)",
            (projection.name, position, topic, reason[:REASON_SIZE_MAX]),
        )

    # -- rebuilding

    def replace(self, projection: Projection, shadow: "Tables") -> None:
        """Swap in the rows that ``shadow`` holds, in one transaction.

        Raises:
            ReadModelUnavailable: nothing was changed; try again.

        """
        with self._attached(shadow) as db:
            self._swap(db, projection, shadow.positions[projection.name])

    def _swap(self, db: sqlite3.Connection, projection: Projection, position: int) -> None:
        name = projection.name
        try:
            db.execute("BEGIN IMMEDIATE")
            for table in projection.tables:
                db.execute(f"DELETE FROM main.{table}")  # noqa: S608 -- names from our own code
                db.execute(f"INSERT INTO main.{table} SELECT * FROM shadow.{table}")  # noqa: S608
            db.execute("DELETE FROM main.poison WHERE projection = ?", (name,))
            db.execute("INSERT INTO main.poison SELECT * FROM shadow.poison")
            db.execute("UPDATE projection SET position = ? WHERE name = ?", (position, name))
            db.execute("COMMIT")
            self.positions[name] = position
            self._count_poisons()
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")

    @contextlib.contextmanager
    def _attached(self, shadow: "Tables") -> Iterator[sqlite3.Connection]:
        """Lend the connection with the other database beside it, as ``shadow``."""
        try:
            self._db.execute("ATTACH DATABASE ? AS shadow", (shadow.path,))
            try:
                yield self._db
            finally:
                self._db.execute("DETACH DATABASE shadow")
        except sqlite3.Error as problem:
            raise unavailable(self.path, problem) from None

    def differences(self, projection: Projection, shadow: "Tables") -> int:
        """Return how many rows are in one of the two and not in the other.

        Raises:
            ReadModelUnavailable: they cannot be compared now.

        """
        with self._attached(shadow) as db:
            return sum(
                db.execute(
                    f"SELECT count(*) FROM (SELECT * FROM {a}.{t} EXCEPT SELECT * FROM {b}.{t})"  # noqa: S608
                ).fetchone()[0]
                for t in projection.tables
                for a, b in (("main", "shadow"), ("shadow", "main"))
            )

    def _count_poisons(self) -> None:
        rows = self._db.execute("SELECT projection, count(*) FROM poison GROUP BY projection")
        self.poisons = dict(rows.fetchall())
