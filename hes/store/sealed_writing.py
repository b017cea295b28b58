"""Puts blocks into their table, in steps that each keep other writers out for a moment only.

The blocks of a segment come one by one, unpublished: their ``nid_to`` is negative, and no reader
sees them. They are published together, in one short transaction that also makes sure that nobody
else did. From then on readers find every event, at first in ``ev`` as well, whose rows go bit by
bit. Killed at any time, the next run takes away what was left and goes on.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from hes.store import database as sql
from hes.store.block_form import CODEC
from hes.store.database import Database, Transaction
from hes.store.errors import StoreDuplicate, StoreUnavailable
from hes.store.sql_log import head_of

DROP_ROWS: Final = 1_000
"""Rows of ``ev`` that go at once: some 10 ms in SQLite."""
ANOTHER: Final = "another program seals this log; run it again later"


class Range(NamedTuple):
    """The positions of a segment."""

    first: int
    last: int
    until_ms: int
    """When the last of its events came, in milliseconds since 1970."""

    @property
    def events(self) -> int:
        """How many there are: positions have no gaps."""
        return self.last - self.first + 1


class End(NamedTuple):
    """The last event of a stream in a block."""

    oid: int
    version: int
    version_before: int
    """Of the stream's part before; -1: there is none."""
    position: int
    chain: bytes


class SealedWriter:
    """Writes the tables of sealed events. One thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def clean(self) -> Iterator[None]:
        """Take away what a run that was killed has left, a step at a time."""
        for (number,) in self._database.rows(sql.UNPUBLISHED):
            with self._database.beside() as tx:
                tx.execute(sql.DROP_SEALED_ENDS, (number,))
                tx.execute(sql.DROP_SEALED, (number,))
                tx.drop_rest("sealed", number, number)
            yield
        yield from self.drop()

    def add(self, at: Range, state: bytes, events: int, ends: Sequence[End]) -> None:
        """Add one block, unpublished."""
        try:
            with self._database.beside() as tx:
                ((number,),) = tx.rows(sql.SEALED_ID_MAX)
                number += 1
                row = (number, at.first, -at.last, at.until_ms, CODEC, events, tx.first(state))
                tx.execute(sql.ADD_SEALED, row)
                tx.save_rest("sealed", number, 0, state)
                tx.many(
                    sql.ADD_SEALED_END,
                    [
                        (end.oid, end.version, end.version_before, end.position, number, end.chain)
                        for end in ends
                    ],
                )
        except StoreDuplicate as problem:
            raise StoreUnavailable(ANOTHER) from problem

    def publish(
        self, at: Range, note: Callable[[Transaction, int], object] = lambda _tx, _nid: None
    ) -> None:
        """Let readers find all blocks of a segment; ``note`` is told the head, in the same moment.

        Raises:
            StoreUnavailable: another program has sealed these events, or is about to.

        """
        with self._database.writing() as tx:
            nid, _ = head_of(tx, self._database)  # one at a time
            ((sealed,),) = tx.rows(sql.SEALED_TO)
            ((events,),) = tx.rows(sql.UNPUBLISHED_EVENTS, (at.first, -at.last))
            if (sealed, events) != (at.first - 1, at.events):
                raise StoreUnavailable(ANOTHER)
            tx.execute(sql.PUBLISH, (at.last, at.first, -at.last))
            note(tx, nid)

    def drop(self) -> Iterator[None]:
        """Delete rows of ``ev`` that stand in published blocks, a step at a time."""
        ((sealed,),) = self._database.rows(sql.SEALED_TO)
        while True:
            ((first,),) = self._database.rows(sql.FIRST_HOT)
            if first is None or first > sealed:
                return
            last = min(int(first) + DROP_ROWS - 1, int(sealed))
            with self._database.beside() as tx:
                tx.execute(sql.DROP_EVENTS, (first, last))
                tx.drop_rest("ev", first, last)
            yield
