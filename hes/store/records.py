"""What the contract of the ``eventsourcing`` library needs of a database beyond our own port.

The library chooses versions itself and wants all or nothing; the journal does neither.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from hes.events.layout import Layout
from hes.store.port import StoredRow


class Record(NamedTuple):
    """One event with a version that its writer chose; 0 and gaps are allowed."""

    stream: str
    version: int
    topic: str
    state: bytes


class Bounds(NamedTuple):
    """Which part of a stream, in which order."""

    after: int | None = None
    upto: int | None = None
    newest_first: bool = False
    limit: int | None = None


class Records(Protocol):
    """The event log, and beside it a table of the same shape that is not numbered.

    Writers that come this way are not fenced: they neither take the log over nor end when a node
    does. Their events take their turn among those of the node.
    """

    def create_tables(self) -> None:
        """Make the tables that only the library needs, if they are not there."""
        ...

    def insert(
        self,
        records: Sequence[Record],
        layouts: Sequence[Layout] = (),
        tracking: tuple[str, int] | None = None,
    ) -> list[int]:
        """Store all or nothing; return their positions. ``tracking``: see ``insert_tracking``.

        Raises:
            StoreDuplicate: a version is taken, or the tracking is not ahead.

        """
        ...

    def insert_aside(self, records: Sequence[Record]) -> None:
        """Store all or nothing outside the log; snapshots of the library's aggregates are.

        Raises:
            StoreDuplicate: a version is taken.

        """
        ...

    def insert_tracking(self, name: str, position: int) -> None:
        """Note that application ``name`` has processed its upstream as far as ``position``.

        Raises:
            StoreDuplicate: it was as far before.

        """
        ...

    def select(self, stream: str, bounds: Bounds, *, aside: bool = False) -> list[Record]:
        """Return a part of a stream."""
        ...

    def page(
        self, first: int, last: int | None, topics: Sequence[str], limit: int
    ) -> list[StoredRow]:
        """Return at most ``limit`` events from position ``first`` to ``last``, of some topics."""
        ...

    def head(self) -> int:
        """Return the position of the last event; 0 for an empty log."""
        ...

    def tracked(self, name: str) -> int | None:
        """Return how far application ``name`` has come."""
        ...
