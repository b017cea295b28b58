"""Connections for those who read: each call borrows one, in the thread that calls."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from projections.errors import ReadModelError, ReadModelUnavailable, RowRefused
from projections.sql.database import Database
from projections.sql.places import Place

IDLE_MAX: Final = 8
REPORTS_MAX: Final = 4
"""Reports at once: half of the threads that read for the web, so that screens always have some."""
WAIT_S: Final = 10.0
"""For the others to end."""
AWAY_S: Final = 30.0
"""A standby that was away is not asked again so soon: each try may take long for who waits."""

T = TypeVar("T")


class Pool:
    """Connections to one place."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._idle: queue.LifoQueue[Database] = queue.LifoQueue(IDLE_MAX)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of a query; none for a value that no row can have."""
        return self.run(lambda db: db.query(sql, values))

    def first(self, sql: str, values: Sequence[Any], limit: int) -> list[Any]:
        """Return the first rows of a query."""
        return self.run(lambda db: db.query(db.limited(sql), [*values, limit]))

    def query_in(self, sql: str, keys: Sequence[Any]) -> list[Any]:
        """Return the rows for many keys."""
        return self.run(lambda db: db.query_in(sql, keys))

    def run(self, work: Callable[[Database], list[T]]) -> list[T]:
        """Return what ``work`` finds.

        Raises:
            ReadModelUnavailable: the database is away.

        """
        try:
            return self._run(work)
        except (RowRefused, OverflowError):
            return []

    def _run(self, work: Callable[[Database], list[T]]) -> list[T]:
        try:
            db = self._idle.get_nowait()
        except queue.Empty:
            return self._on(self._place.connect(read_only=True), work)
        try:
            return self._on(db, work)
        except ReadModelUnavailable:
            # It may have been idle for long, and the server is another one by now.
            return self._on(self._place.connect(read_only=True), work)

    def _on(self, db: Database, work: Callable[[Database], list[T]]) -> list[T]:
        try:
            found = work(db)
        except ReadModelError:
            db.close()
            raise
        except BaseException:
            db.rollback()
            self._give_back(db)
            raise
        self._give_back(db)
        return found

    def _give_back(self, db: Database) -> None:
        try:
            self._idle.put_nowait(db)
        except queue.Full:
            db.close()


class ReportPool(Pool):
    """Connections to a standby, for what may be long; the primary is asked while it is away."""

    def __init__(
        self,
        place: Place,
        primary: Pool,
        *,
        seconds: Callable[[], float] = time.monotonic,  # noqa: TID251 -- in threads trio has no time
    ) -> None:
        super().__init__(place)
        self._primary = primary
        self._seconds = seconds
        self._away_until = 0.0
        self._rooms = threading.BoundedSemaphore(REPORTS_MAX)

    def run(self, work: Callable[[Database], list[T]]) -> list[T]:
        """See ``Pool.run``.

        Raises:
            ReadModelUnavailable: both are away, or so many reports are being made already.

        """
        with self._room():
            if self._seconds() >= self._away_until:
                try:
                    return super().run(work)
                except ReadModelUnavailable:
                    self._away_until = self._seconds() + AWAY_S
            return self._primary.run(work)

    @contextlib.contextmanager
    def _room(self) -> Iterator[None]:
        if not self._rooms.acquire(timeout=WAIT_S):
            raise ReadModelUnavailable(
                f"read models: {REPORTS_MAX} reports are being made, and take long; try again"
            )
        try:
            yield
        finally:
            self._rooms.release()
