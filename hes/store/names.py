"""The names behind the numbers of streams and topics, for whoever reads many rows of ``ev``.

A join would look each of them up for every row and make a text of it anew: more than half of the
time of a page, and of its memory. A name never changes, and its number is never given again.
"""

from collections.abc import Sequence
from typing import Any, Final

from hes.store import database as sql
from hes.store.database import Database

NAMES_MAX: Final = 100_000
"""Some 12 MB; past it all are forgotten, and each costs a part of a query when it is met again."""

Table = dict[int, str]


class Names:
    """Threads: any may call; two that miss the same name both ask for it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._streams: Table = {}
        self._topics: Table = {}

    @property
    def known(self) -> tuple[Table, Table]:
        """The names of streams and of topics that were met: mostly they are enough."""
        return self._streams, self._topics

    def of(self, rows: Sequence[Any]) -> tuple[Sequence[Any], Table, Table]:
        """Return rows that begin as those of ``ev``, and tables with all names of theirs.

        A row whose stream or topic is not there is left out: somebody altered the log.
        """
        numbers, kinds = {row[1] for row in rows}, {row[3] for row in rows}
        streams = self._streams
        if not numbers <= streams.keys():
            streams = self._learn(numbers)
        if not kinds <= self._topics.keys():
            self._topics = dict(self._database.rows(sql.TOPICS))
        topics = self._topics
        if not (numbers <= streams.keys() and kinds <= topics.keys()):
            rows = [row for row in rows if row[1] in streams and row[3] in topics]
        return rows, streams, topics

    def _learn(self, numbers: set[int]) -> Table:
        streams = self._streams
        if len(streams) + len(numbers) > NAMES_MAX:
            streams = {}  # another thread may still read the old one
        missing = [number for number in numbers if number not in streams]
        for statement, some in sql.in_list(sql.STREAM_NAMES, missing):
            streams.update(self._database.rows(statement, some))
        self._streams = streams
        return streams
