"""One reader for the events in ``ev`` and for those that were sealed.

Events move from ``ev`` into blocks, never back, and in one transaction. So ``ev`` is asked first
and the blocks second: between the two, an event may be seen in both places, but never in none.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, Protocol, TypeVar

from hes.store import database as sql
from hes.store.chain import ChainedRow
from hes.store.database import Database, Statements
from hes.store.names import Names, Table
from hes.store.port import StoredRow
from hes.store.sealed import VERSION_MAX, Sealed

# The named tuples' own constructors take longer than all else.
_new: Final = tuple.__new__


class _Placed(Protocol):
    @property
    def position(self) -> int: ...


R = TypeVar("R", bound=_Placed)


class LogReader:
    """The reading half of ``hes.store.port.EventLog``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = Statements(database.dialect)
        self._names = Names(database)
        self.sealed = Sealed(database)

    def read(self, after: int, limit: int) -> list[StoredRow]:
        """See ``EventLog.read``."""
        rows = self._page(self._sql.page, after, limit)
        return self._joined(rows, after, limit, self.sealed.up, self.read)

    def read_chained(self, after: int, limit: int) -> list[ChainedRow]:
        """See ``EventLog.read_chained``."""
        found = self._whole(self._sql.chained, after, limit)
        try:
            rows = _chained(found, *self._names.known)
        except KeyError:
            rows = _chained(*self._names.of(found))
        return self._joined(rows, after, limit, self.sealed.chained_up, self.read_chained)

    def _joined(
        self,
        rows: list[R],
        after: int,
        limit: int,
        sealed: Callable[[int], Iterator[R]],
        again: Callable[[int, int], list[R]],
    ) -> list[R]:
        """Return a page of the log, given what ``ev`` has of it."""
        if rows and rows[0].position == after + 1:
            return rows
        end = self.sealed.end()
        if end <= after:
            return rows
        found = list(islice(sealed(after), limit))
        last = max(end, found[-1].position) if found else end
        found += [row for row in rows if row.position > last][: limit - len(found)]
        # Nothing is left of those that are sealed: it goes on behind them.
        return found or again(end, limit)

    def read_back(self, before: int, limit: int) -> list[StoredRow]:
        """See ``EventLog.read_back``."""
        rows = self._page(self._sql.page_back, before, limit)
        return self._filled(rows, before, limit, self.sealed.down)

    def read_stream_back(self, stream: str, before: int, limit: int) -> list[StoredRow]:
        """See ``EventLog.read_stream_back``."""
        rows = self.hot(self._sql.stream_page_back, stream, before, limit)
        return self._filled(rows, before, limit, lambda low: self.sealed.stream_down(stream, low))

    def _filled(
        self,
        rows: list[StoredRow],
        before: int,
        limit: int,
        sealed: Callable[[int], Iterator[StoredRow]],
    ) -> list[StoredRow]:
        """Return a page that goes back, given what ``ev`` has of it."""
        if len(rows) < limit:
            low = rows[-1].position if rows else before
            rows += islice(sealed(low), limit - len(rows))
        return rows

    def read_stream(self, stream: str, after: int, limit: int) -> list[StoredRow]:
        """See ``EventLog.read_stream``."""
        rows = self.hot(self._sql.stream_page, stream, after, limit)
        if rows and rows[0].version == after + 1:
            return rows
        found = list(islice(self.sealed.stream_up(stream, after), limit))
        last = found[-1].version if found else after
        return found + [row for row in rows if row.version > last][: limit - len(found)]

    def chains(self, after: int, limit: int) -> list[bytes]:
        """See ``EventLog.chains``."""
        rows = self._database.rows(self._sql.chains, (after, limit))
        if not rows or rows[0][0] != after + 1:
            rows = [(row.position, row.chain) for row in self.read_chained(after, limit)]
        return [chain for at, (position, chain) in enumerate(rows, after + 1) if position == at]

    def part_of_stream(
        self, stream: str, above: int, upto: int, *, newest_first: bool
    ) -> Iterator[StoredRow]:
        """Yield the sealed events of a stream with versions above ``above``, up to ``upto``."""
        if newest_first:
            for row in self.sealed.stream_down(stream, VERSION_MAX):
                if row.version <= above:
                    return
                if row.version <= upto:
                    yield row
        else:
            for row in self.sealed.stream_up(stream, above):
                if row.version > upto:
                    return
                yield row

    def _page(self, query: str, *values: int) -> list[StoredRow]:
        """Return rows of ``ev`` that a query names by numbers."""
        found = self._whole(query, *values)
        try:
            return _stored(found, *self._names.known)
        except KeyError:
            return _stored(*self._names.of(found))

    def hot(self, query: str, *values: str | int) -> list[StoredRow]:
        """Return rows of ``ev`` that a query names."""
        return list(map(StoredRow._make, self._whole(query, *values)))

    def _whole(self, query: str, *values: str | int) -> Sequence[Any]:
        database = self._database
        return database.whole("ev", database.rows(query, values), sql.EVENT)


def _stored(rows: Sequence[Any], streams: Table, topics: Table) -> list[StoredRow]:
    """Return rows with names for numbers."""
    return [
        _new(StoredRow, (nid, streams[oid], ver, topics[topic], state))
        for nid, oid, ver, topic, state in rows
    ]


def _chained(rows: Sequence[Any], streams: Table, topics: Table) -> list[ChainedRow]:
    """Return rows with names for numbers, and their values of the chain."""
    return [
        _new(ChainedRow, (nid, streams[oid], ver, topics[topic], state, chain))
        for nid, oid, ver, topic, state, chain in rows
    ]
