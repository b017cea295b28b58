"""Takes batches of events into all projections: rows and positions in one transaction.

Called in one thread at a time. A batch is written as if all its events made sense; when the
database or a projection refuses one of them, the batch is rolled back and taken again with care:
the event is put aside as poison, with the reason, and the projection goes on.
"""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, tzinfo
from typing import Final

import msgspec

from hes.events.base import DomainEvent, Recorded
from projections.base import Change, Projection, Tending
from projections.errors import (
    BatchTooLate,
    DaysMissing,
    ReadModelError,
    ReadModelUnavailable,
    RowRefused,
)
from projections.piece import Piece, pieces
from projections.sql.database import Database
from projections.sql.places import Place
from projections.sql.schema import DAYS, KEPT_FROM, POISON, POSITIONS, Table, Upsert

DATA_FAULTS: Final = (
    ValueError, KeyError, TypeError, ArithmeticError, AttributeError, IndexError,
    msgspec.MsgspecError, RowRefused,
)  # fmt: skip
"""What an event that makes no sense can cause; anything else is a fault of the program."""
REASON_SIZE_MAX: Final = 300
MOVE: Final = "UPDATE {projection} SET position = ? WHERE position = ? AND name IN (??)"
BASE: Final = (POSITIONS, POISON, KEPT_FROM)
KEEP: Final = Upsert(KEPT_FROM)


class Unreadable(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Stands for a stored event that this program cannot read; it is in no log."""

    kind: str
    """Its topic."""
    reason: str


UNREADABLE: Final = frozenset({Unreadable})


class Tables:
    """The read models' database, with one writer."""

    def __init__(
        self,
        place: Place,
        projections: Sequence[Projection],
        zone: tzinfo = UTC,
        *,
        anew: bool = False,
    ) -> None:
        self.place = place
        self.projections = list(projections)
        self.zone = zone
        """Where days begin and end."""
        self.positions: dict[str, int] = {}
        self.poisons: dict[str, int] = {}
        """How many events each projection has put aside."""
        self.is_unsettled = False
        """Whether a projection has left work for a quiet moment; see ``settle``."""
        self._kinds = {p.name: frozenset(p.events) for p in self.projections}
        self._tending = [p for p in self.projections if isinstance(p, Tending)]
        self._fouled = False
        """Whether the batch at hand has an event to put aside."""
        self._db: Database | None = None
        if anew:
            self.discard()
        self._open()

    def close(self) -> None:
        """Close the database."""
        if self._db is not None:
            self._db.close()
            self._db = None

    # -- opening

    def _open(self) -> Database:
        """Return the connection, made if there is none; what is stored then is what counts."""
        if self._db is None:
            db = self.place.connect()
            db.zone = self.zone
            try:
                self._prepare_base(db)
                positions = {p.name: self._prepare(p, db) for p in self.projections}
                self.poisons = _poisons(db)
                db.kept_from = _kept_from(db)
                self.is_unsettled = any(p.is_unsettled(db) for p in self._tending)
            except BaseException:
                db.close()
                raise
            self.positions = positions
            self._db = db
        return self._db

    @contextlib.contextmanager
    def _using(self) -> Iterator[Database]:
        """Lend the connection; one that fails is given up, and another made the next time."""
        db = self._open()
        try:
            yield db
        except BaseException as problem:
            db.rollback()
            if isinstance(problem, ReadModelUnavailable):
                self.close()
            raise

    def discard(self) -> None:
        """Remove all tables: these are a shadow's, or left over from one."""
        with contextlib.closing(self.place.connect()) as db:
            self._prepare_base(db)  # they tell which others there are
            own = [table for projection in self.projections for table in projection.tables]
            for table in (*own, *BASE, DAYS):
                db.drop(table)

    @staticmethod
    def _prepare_base(db: Database) -> None:
        for table in (*BASE, *((DAYS,) if db.keeps_days else ())):
            db.make_sure_of(table)

    @staticmethod
    def _prepare(projection: Projection, db: Database) -> int:
        """Make a projection's tables, anew when its version has changed; return its position.

        Its line goes first and comes last, so that tables which are half made are made again.
        """
        name = projection.name
        found = db.query("SELECT version, position FROM {projection} WHERE name = ?", [name])
        if found and int(found[0][0]) == projection.version:
            for table in projection.tables:
                db.keep_room(table)
            return int(found[0][1])
        db.begin(careful=True)
        db.execute("DELETE FROM {projection} WHERE name = ?", [name])
        db.execute("DELETE FROM {poison} WHERE projection = ?", [name])
        db.commit()
        for table in projection.tables:
            db.drop(table)
            db.create(table)
        db.begin(careful=True)
        db.insert(POSITIONS, [(name, projection.version, 0)])
        db.commit()
        return 0

    def lowest(self) -> int:
        """Return the position that every projection has reached."""
        return min(self.positions.values(), default=0)

    # -- folding

    def take(self, batch: Sequence[Recorded]) -> list[Change]:
        """Fold a batch that begins at or before every projection's next position.

        Raises:
            ReadModelUnavailable: nothing of it was stored, or all; try again.
            BatchTooLate: events before it are missing; begin with the one after ``lowest``.

        """
        if not batch:
            return []
        with self._using() as db:  # a new connection tells what is stored, see _open
            if batch[0].position > self.lowest() + 1:
                raise BatchTooLate(f"{self.place.shown} is at {self.lowest()} now")
            try:
                changes = self._whole(db, batch, careful=False)
            except DATA_FAULTS:
                db.rollback()
                changes = self._whole(db, batch, careful=True)
            if self._fouled:
                self.poisons = _poisons(db)
        for name, position in self.positions.items():
            self.positions[name] = max(position, batch[-1].position)
        return changes

    def _whole(self, db: Database, batch: Sequence[Recorded], *, careful: bool) -> list[Change]:
        """Fold a batch in one transaction; days that have no table yet get theirs before."""
        while True:
            try:
                return self._transaction(db, batch, careful=careful)
            except DaysMissing as missing:
                db.rollback()
                db.add_days(self._table(missing.base), missing.days)

    def _table(self, name: str) -> Table:
        return next(t for p in self.projections for t in p.tables if t.name == name)

    def _transaction(
        self, db: Database, batch: Sequence[Recorded], *, careful: bool
    ) -> list[Change]:
        changes: list[Change] = []
        self._fouled = False
        db.shared.clear()
        moving = [p for p in self.projections if self.positions[p.name] < batch[-1].position]
        db.begin(careful=careful)
        make_sure = self._move(db, moving, batch[-1].position)
        if careful:
            make_sure()
        for piece in pieces(batch):
            for projection in moving:
                changes += self._fold(db, projection, piece, careful=careful)
            db.shared.clear()
        make_sure()
        db.commit()
        return changes

    def _fold(
        self, db: Database, projection: Projection, piece: Piece, *, careful: bool
    ) -> Iterable[Change]:
        position = self.positions[projection.name]
        for recorded in piece.of(UNREADABLE, position):
            event = recorded.event
            if isinstance(event, Unreadable):
                self._set_aside(db, projection, recorded.position, event.kind, event.reason)
        mine = piece.of(self._kinds[projection.name], position)
        if not mine:
            return ()
        self.is_unsettled = self.is_unsettled or projection in self._tending
        return self._with_care(db, projection, mine) if careful else projection.apply(mine, db)

    def _move(
        self, db: Database, moving: Sequence[Projection], position: int | None
    ) -> Callable[[], None]:
        """Move the positions, first of all: who finds them elsewhere is not alone.

        None: they stay, and are looked at. Nothing may be kept before what is returned was called:
        it raises ``ReadModelError`` if they were elsewhere.
        """
        moved: list[tuple[list[str], Callable[[], int]]] = []
        by_position: defaultdict[int, list[str]] = defaultdict(list)
        for projection in moving:
            by_position[self.positions[projection.name]].append(projection.name)
        for before, names in by_position.items():
            marks = ", ".join("?" * len(names))
            to = before if position is None else position
            count = db.counted(MOVE.replace("??", marks), [to, before, *names])
            moved.append((names, count))

        def make_sure() -> None:
            for names, count in moved:
                if count() != len(names):
                    raise ReadModelError(
                        f"another program moves the read models {', '.join(names)} in"
                        f" {self.place.shown}"
                    )

        return make_sure

    def _with_care(
        self, db: Database, projection: Projection, mine: Sequence[Recorded]
    ) -> list[Change]:
        """Fold events at once if that goes, else one by one, to find the poison."""
        db.savepoint("whole_batch")
        try:
            return list(projection.apply(mine, db))
        except DATA_FAULTS:
            db.rollback_to("whole_batch")
        changes: list[Change] = []
        for recorded in mine:
            db.savepoint("one_event")
            try:
                changes += projection.apply([recorded], db)
            except DATA_FAULTS as fault:
                db.rollback_to("one_event")
                reason = str(fault) if isinstance(fault, RowRefused) else _told(fault)
                topic = recorded.event.topic
                self._set_aside(db, projection, recorded.position, topic, reason)
            db.release("one_event")
        return changes

    def _set_aside(
        self, db: Database, projection: Projection, position: int, topic: str, reason: str
    ) -> None:
        self._fouled = True
        db.insert(POISON, [(projection.name, position, topic, reason[:REASON_SIZE_MAX])])

    # -- between batches

    def settle(self) -> bool:
        """Do some of what projections left for a quiet moment; False when nothing is left.

        Raises:
            ReadModelUnavailable: nothing of it was stored, or all; try again.

        """
        with self._using() as db:
            db.begin(careful=False)
            self._move(db, self.projections, None)()
            more = [p.settle(db) for p in self._tending]
            db.commit()
            self.is_unsettled = any(more)
        return self.is_unsettled

    def forget(self, first_day: int) -> None:
        """Remove intervals before a day, UTC, since 1970, for good; never fewer than before.

        Raises:
            ReadModelUnavailable: try again; what is half done is ended then.

        """
        with self._using() as db:
            tables = [t for p in self.projections for t in p.tables if t.by_day]
            days = {t.name: max(first_day, db.kept_from.get(t.name, first_day)) for t in tables}
            db.kept_from = days
            db.begin(careful=False)
            self._move(db, self.projections, None)()
            db.upsert(KEEP, list(days.items()))
            for projection in self._tending:
                projection.forget(db)
            db.commit()
            for table in tables:
                db.forget_days(table, days[table.name])

    def kept_from(self) -> int | None:
        """Return the first day that is kept, UTC, since 1970; None: all are."""
        return max(self._open().kept_from.values(), default=None)

    # -- rebuilding

    def replace(self, projection: Projection, shadow: "Tables") -> None:
        """Swap in the rows that ``shadow`` holds, in one transaction: who reads sees all or none.

        Raises:
            ReadModelUnavailable: nothing was changed; try again.

        """
        with self._beside(projection, shadow) as (db, other, there):
            db.begin(careful=True)
            for table in projection.tables:
                db.empty(table)
                columns = ", ".join(table.names)
                for mine, copied in db.copies(table, other):
                    db.execute(
                        f"INSERT INTO {mine} ({columns}) SELECT {columns} FROM {there(copied)}"
                    )
            self._take_over(db, projection, shadow, there(other.physical(POISON.name)))
            db.commit()
            self.positions[projection.name] = shadow.positions[projection.name]
            self.poisons = _poisons(db)

    @staticmethod
    def _take_over(db: Database, projection: Projection, shadow: "Tables", poison: str) -> None:
        columns = ", ".join(POISON.names)
        db.execute("DELETE FROM {poison} WHERE projection = ?", [projection.name])
        db.execute(f"INSERT INTO {{poison}} ({columns}) SELECT {columns} FROM {poison}")
        db.execute(
            "UPDATE {projection} SET position = ? WHERE name = ?",
            [shadow.positions[projection.name], projection.name],
        )

    def differences(self, projection: Projection, shadow: "Tables") -> int:
        """Return how many rows are in one of the two and not in the other.

        Raises:
            ReadModelUnavailable: they cannot be compared now.

        """
        with self._beside(projection, shadow) as (db, other, there):
            return sum(
                _missing(db, table, *pair)
                for table in projection.tables
                for names in [(db.physical(table.name), there(other.physical(table.name)))]
                for pair in (names, names[::-1])
            )

    @contextlib.contextmanager
    def _beside(
        self, projection: Projection, shadow: "Tables"
    ) -> Iterator[tuple[Database, Database, Callable[[str], str]]]:
        """Lend the connection with the other tables beside it, and the names of these."""
        with self._using() as db, shadow._using() as other:  # noqa: SLF001 -- one of us
            for table in projection.tables:
                db.prepare_days(table, other)
            with db.beside(other) as there:
                yield db, other, there


def _told(fault: BaseException) -> str:
    return f"{type(fault).__name__}: {fault}"


def _missing(db: Database, table: Table, here: str, there: str) -> int:
    """Return how many rows are only here."""
    columns = ", ".join(table.names)
    found = db.query(
        f"SELECT count(*) FROM (SELECT {columns} FROM {here} {db.without}"
        f" SELECT {columns} FROM {there}) d"
    )
    return int(found[0][0])


def _poisons(db: Database) -> dict[str, int]:
    found = db.query("SELECT projection, count(*) FROM {poison} GROUP BY projection")
    return {row[0]: int(row[1]) for row in found}


def _kept_from(db: Database) -> dict[str, int]:
    return {row[0]: int(row[1]) for row in db.query("SELECT base, utc_day FROM {kept_from}")}
