"""The ``eventsourcing`` library's view of the event log, the same on every database."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from hes.events.layout import Layout
from hes.store import database as sql
from hes.store.database import Database, Places, Statements, Transaction
from hes.store.errors import CommitUnknown, StoreDuplicate
from hes.store.placing import Placed, Placer
from hes.store.port import StoredRow
from hes.store.reading import LogReader
from hes.store.records import Bounds, Record
from hes.store.schema import Schema
from hes.store.sealed import VERSION_MAX
from hes.store.sql_log import (
    forget,
    head_of,
    head_position,
    is_stored,
    look_up,
    save_layouts,
    store,
    store_names,
)


class SqlRecords:
    """See ``hes.store.records.Records``."""

    def __init__(self, database: Database, schema: Schema) -> None:
        self._database = database
        self._sql = Statements(database.dialect)
        self._reader = LogReader(database)
        self._schema = schema

    def create_tables(self) -> None:
        """See ``Records.create_tables``."""
        self._database.create(self._schema.aside)

    # -- writing

    def insert(
        self,
        records: Sequence[Record],
        layouts: Sequence[Layout] = (),
        tracking: tuple[str, int] | None = None,
    ) -> list[int]:
        """See ``Records.insert``."""
        placed = Placed([], [], [])
        try:
            with self._database.writing() as tx:
                nid, placer = self._placer(tx, records)
                placed = placer.place_records(records, nid)
                save_layouts(tx, layouts)
                if placed.rows:
                    store(tx, placed)
                if tracking is not None:
                    _track(tx, *tracking)
        except CommitUnknown:
            if not self._was_stored(placed):
                raise
        return [row[0] for row in placed.rows]

    def _was_stored(self, placed: Placed) -> bool:
        with self._database.writing() as tx:
            # Under the lock: a commit still under way ends first.
            head_of(tx, self._database)
            return bool(placed.rows) and is_stored(tx, placed.rows[-1])

    def _placer(self, tx: Transaction, records: Sequence[Record]) -> tuple[int, Placer]:
        """Return the head, which nobody else changes from now on, and a placer that knows all."""
        nid, _ = head_of(tx, self._database)
        placer = Placer()
        forget(placer, tx)
        look_up(placer, tx, [record.stream for record in records])
        return nid, placer

    def insert_aside(self, records: Sequence[Record]) -> None:
        """See ``Records.insert_aside``."""
        with self._database.writing() as tx:
            _, placer = self._placer(tx, records)
            rows, placed = placer.numbered(records)
            store_names(tx, placed)
            tx.many(sql.ADD_ASIDE, [(*row[:3], tx.first(row[3])) for row in rows])
            for oid, version, _, state in rows:
                tx.save_rest("aside", oid, version, state)

    def insert_tracking(self, name: str, position: int) -> None:
        """See ``Records.insert_tracking``."""
        with self._database.writing() as tx:
            _track(tx, name, position)

    # -- reading

    def select(self, stream: str, bounds: Bounds, *, aside: bool = False) -> list[Record]:
        """See ``Records.select``."""
        table = "aside" if aside else "ev"
        query = self._sql.part_of_stream(table)
        values: list[Any] = [stream]
        if bounds.after is not None:
            query += " AND e.ver > ?"
            values.append(bounds.after)
        if bounds.upto is not None:
            query += " AND e.ver <= ?"
            values.append(bounds.upto)
        query += " ORDER BY e.ver DESC" if bounds.newest_first else " ORDER BY e.ver"
        if bounds.limit is not None:
            query = self._sql.limited(query)
            values.append(bounds.limit)
        places = Places(state=3, number=4, version=1 if aside else None)
        rows = self._database.whole(table, self._database.rows(query, values), places)
        records = [Record(*row[:4]) for row in rows]
        return records if aside else self._with_sealed(stream, bounds, records)

    def _with_sealed(self, stream: str, bounds: Bounds, hot: list[Record]) -> list[Record]:
        """Return a part of a stream, given what ``ev`` has of it."""
        above = -1 if bounds.after is None else bounds.after
        upto = VERSION_MAX if bounds.upto is None else bounds.upto
        if bounds.newest_first:
            if len(hot) == bounds.limit:
                return hot
            upto = min(upto, hot[-1].version - 1) if hot else upto
        rows = self._reader.part_of_stream(stream, above, upto, newest_first=bounds.newest_first)
        sealed = [Record(*row[1:]) for row in islice(rows, bounds.limit)]
        if bounds.newest_first:
            return (hot + sealed)[: bounds.limit]
        # What was sealed after ``ev`` was asked is in both.
        last = sealed[-1].version if sealed else above
        return (sealed + [record for record in hot if record.version > last])[: bounds.limit]

    def page(
        self, first: int, last: int | None, topics: Sequence[str], limit: int
    ) -> list[StoredRow]:
        """See ``Records.page``."""
        query = self._sql.log + " WHERE ev.nid >= ?"
        values: list[Any] = [first]
        if last is not None:
            query += " AND ev.nid <= ?"
            values.append(last)
        if topics:
            query += f" AND topic.name IN ({', '.join('?' * len(topics))})"
            values.extend(topics)
        query = self._sql.limited(query + " ORDER BY ev.nid")
        values.append(limit)
        rows = self._reader.hot(query, *values)
        if rows and rows[0].position == first:
            return rows
        end = self._reader.sealed.end()
        found = list(islice(self._sealed_page(first, last, topics), limit))
        above = max(end, found[-1].position) if found else end
        return (found + [row for row in rows if row.position > above])[:limit]

    def _sealed_page(
        self, first: int, last: int | None, topics: Sequence[str]
    ) -> Iterator[StoredRow]:
        """Yield sealed events from one position to another, of some topics."""
        for row in self._reader.sealed.up(first - 1):
            if last is not None and row.position > last:
                return
            if not topics or row.topic in topics:
                yield row

    def head(self) -> int:
        """See ``Records.head``."""
        return head_position(self._database)

    def tracked(self, name: str) -> int | None:
        """See ``Records.tracked``."""
        rows = self._database.rows(sql.TRACKED, (name,))
        return int(rows[0][0]) if rows else None


def _track(tx: Transaction, name: str, position: int) -> None:
    if tx.execute(sql.SET_TRACKED, (position, name, position)) == 1:
        return
    if tx.rows(sql.TRACKED, (name,)):
        raise StoreDuplicate(f"application {name} has processed position {position} before")
    tx.execute(sql.ADD_TRACKED, (position, name))
