"""The event log over SQL, the same on every database; see ``hes.store.database`` for what differs.

Threads: any may read; appends come from one thread at a time (the journal's), and would wait for
each other.
"""

import contextlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from hes.events.layout import Layout
from hes.store import database as sql
from hes.store.chain import ChainedRow
from hes.store.database import Database, Places, Statements, Transaction
from hes.store.errors import CommitUnknown, StoreDuplicate, StoreError, StoreFenced
from hes.store.placing import EvRow, Placed, Placer, StreamEnd
from hes.store.port import Append, Appended, Conflict, StoredRow
from hes.store.reading import LogReader

Results = list[Appended | Conflict]


class Unsettled(NamedTuple):
    """A batch whose commit may or may not have happened."""

    batch: Sequence[Append]
    results: Results
    last: EvRow


class SqlEventLog:
    """See ``hes.store.port.EventLog``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = Statements(database.dialect)
        self._reader = LogReader(database)
        self._epoch: int | None = None
        self._appending = threading.Lock()
        self._end = -1
        """Position up to which ``_placer`` is right; -1: not at all."""
        self._placer = Placer()
        self._unsettled: Unsettled | None = None

    def close(self) -> None:
        """See ``EventLog.close``."""
        self._database.close()

    # -- writing

    def fence(self) -> int:
        """See ``EventLog.fence``."""
        with self._appending, self._database.writing() as tx:
            _, epoch = head_of(tx, self._database)
            tx.execute(sql.SET_EPOCH, (epoch + 1,))
        self._epoch = epoch + 1
        return self._epoch

    def append(self, batch: Sequence[Append], layouts: Sequence[Layout] = ()) -> Results:
        """See ``EventLog.append``."""
        with self._appending:
            try:
                return self._append(batch, layouts)
            except CommitUnknown:
                # The second try learns under the lock of the head how the first one ended.
                return self._append(batch, layouts)

    def _append(self, batch: Sequence[Append], layouts: Sequence[Layout]) -> Results:
        end, self._end = self._end, -1
        placer = self._placer
        if not layouts and self._knows(end, batch):
            results, placed = placer.place(batch, end)
            if self._advance(end, batch, results, placed):
                return results
            end = -1  # what the placer knows is wrong now
        with self._database.writing() as tx:
            # From here on nobody changes the head beside us.
            nid, epoch = head_of(tx, self._database)
            settled = self._settled(tx, batch)
            if settled is not None:
                return settled
            self._check_epoch(epoch)
            # Unequal: the last append failed, or another program appended. Emptied only between
            # batches: the versions of one under way stand nowhere else.
            if nid != end or placer.full:
                forget(placer, tx)
            look_up(placer, tx, [append[0] for append in batch])
            results, placed = placer.place(batch, nid)
            save_layouts(tx, layouts)
            if placed.rows:
                nid = store(tx, placed)
                self._unsettled = Unsettled(batch, results, placed.rows[-1])
        self._unsettled = None
        self._end = nid
        return results

    def _knows(self, end: int, batch: Sequence[Append]) -> bool:
        """Return whether a batch can be placed without asking the database."""
        return (
            end >= 0
            and self._unsettled is None
            and not self._placer.full
            and not self._placer.unknown([append[0] for append in batch])
        )

    def _advance(self, end: int, batch: Sequence[Append], results: Results, placed: Placed) -> bool:
        """Store what was placed behind ``end``, unless somebody else was there meanwhile."""
        rows = placed.rows
        if not rows or placed.streams or placed.topics or self._epoch is None:
            return False
        # Before, since the commit may be part of it.
        self._unsettled = Unsettled(batch, results, rows[-1])
        with self._database.writing() as tx:
            moved = tx.advance(rows, end, self._epoch)
        self._unsettled = None
        if moved:
            self._end = rows[-1][0]
        return moved

    def _settled(self, tx: Transaction, batch: Sequence[Append]) -> Results | None:
        """Return the results of ``batch`` if it was stored without our knowing."""
        unsettled, self._unsettled = self._unsettled, None
        if unsettled is None or not is_stored(tx, unsettled.last):
            return None
        # Another batch than then: whoever brought that one gave up, and this one is new.
        return unsettled.results if batch == unsettled.batch else None

    def _check_epoch(self, epoch: int) -> None:
        if self._epoch is None:
            raise StoreFenced("call fence() before the first append")
        if epoch != self._epoch:
            raise StoreFenced(
                f"another node writes {self._database.shown} now"
                f" (epoch {epoch}, ours {self._epoch})"
            )

    # -- reading

    def head(self) -> int:
        """See ``EventLog.head``."""
        return head_position(self._database)

    def check(self) -> int:
        """See ``EventLog.check``."""
        ((nid, epoch),) = self._database.rows(sql.HEAD_EPOCH)
        if self._epoch is not None:
            self._check_epoch(epoch)
        return int(nid)

    def stream_head(self, stream: str) -> int:
        """See ``EventLog.stream_head``."""
        rows = self._database.rows(sql.STREAM_END, (stream,))
        return max((int(version) for row in rows for version in row if version), default=0)

    def read(self, after: int, limit: int) -> list[StoredRow]:
        """See ``EventLog.read``."""
        return self._reader.read(after, limit)

    def read_back(self, before: int, limit: int) -> list[StoredRow]:
        """See ``EventLog.read_back``."""
        return self._reader.read_back(before, limit)

    def read_stream(self, stream: str, after: int, limit: int) -> list[StoredRow]:
        """See ``EventLog.read_stream``."""
        return self._reader.read_stream(stream, after, limit)

    def read_stream_back(self, stream: str, before: int, limit: int) -> list[StoredRow]:
        """See ``EventLog.read_stream_back``."""
        return self._reader.read_stream_back(stream, before, limit)

    def read_chained(self, after: int, limit: int) -> list[ChainedRow]:
        """See ``EventLog.read_chained``."""
        return self._reader.read_chained(after, limit)

    def chains(self, after: int, limit: int) -> list[bytes]:
        """See ``EventLog.chains``."""
        return self._reader.chains(after, limit)

    def sealed_to(self) -> int:
        """See ``EventLog.sealed_to``."""
        return self._reader.sealed.end()

    def purged(self) -> list[tuple[int, int]]:
        """See ``EventLog.purged``."""
        return self._reader.sealed.purged()

    def purged_end(self, stream: str, version: int) -> tuple[int, bytes] | None:
        """See ``EventLog.purged_end``."""
        return self._reader.sealed.purged_end(stream, version)

    def streams(self, prefix: str, limit: int, after: str = "") -> list[str]:
        """See ``EventLog.streams``."""
        # No name is empty, and to Oracle an empty text is none.
        low = prefix or "\x01"
        values = (low, prefix + "\U0010ffff", after or "\x01", limit)
        return [name for (name,) in self._database.rows(self._sql.streams, values)]

    def layouts(self) -> list[Layout]:
        """See ``EventLog.layouts``."""
        return [self._layout(*row) for row in self._layout_rows(sql.LAYOUTS)]

    def layout(self, layout_id: int) -> Layout | None:
        """See ``EventLog.layout``."""
        rows = self._layout_rows(sql.LAYOUT, layout_id)
        return self._layout(*rows[0]) if rows else None

    def _layout_rows(self, query: str, *values: int) -> list[Any]:
        rows = self._database.rows(query, values)
        return self._database.whole("layout", rows, Places(state=1, number=0))

    def _layout(self, number: int, state: bytes) -> Layout:
        try:
            layout = Layout.from_state(state)
        except (msgspec.DecodeError, ValueError) as problem:
            raise self._damaged(number) from problem
        if layout.id != number:
            raise self._damaged(number)
        return layout

    def _damaged(self, number: int) -> StoreError:
        return StoreError(
            f"the channel layout {number} in {self._database.shown} is damaged; restore a backup"
        )

    # -- beside the log

    def save_snapshot(self, stream: str, version: int, state: bytes) -> None:
        """See ``EventLog.save_snapshot``."""
        # Two at once for one stream: the second one meets the row of the first, and looks again.
        for _ in range(2):
            with contextlib.suppress(StoreDuplicate), self._database.beside() as tx:
                _save_snapshot(tx, stream, version, state)
                break

    def load_snapshot(self, stream: str) -> tuple[int, bytes] | None:
        """See ``EventLog.load_snapshot``."""
        rows = self._database.rows(self._sql.snapshot, (stream,))
        rows = self._database.whole("snapshot", rows, Places(state=1, number=2))
        return (int(rows[0][0]), rows[0][1]) if rows else None

    def save_secrets(self, secrets: Mapping[str, bytes | None]) -> None:
        """See ``EventLog.save_secrets``."""
        kept = [(name, value) for name, value in secrets.items() if value is not None]
        with self._database.beside() as tx:
            tx.many(sql.DROP_SECRET, [(name,) for name in secrets])
            tx.many(self._sql.add_secret, kept)

    def load_secrets(self) -> dict[str, bytes]:
        """See ``EventLog.load_secrets``."""
        # An empty value is none to Oracle.
        return {name: value or b"" for name, value in self._database.rows(self._sql.secrets)}


def _save_snapshot(tx: Transaction, stream: str, version: int, state: bytes) -> None:
    found = tx.rows(sql.STREAM_OID, (stream,))
    if not found:
        return
    ((oid,),) = found
    kept = tx.rows(sql.SNAPSHOT_VER, (oid,))
    if not kept or kept[0][0] <= version:
        tx.execute(sql.SET_SNAPSHOT if kept else sql.ADD_SNAPSHOT, (version, tx.first(state), oid))
        tx.save_rest("snapshot", oid, 0, state)


# -- what the log and the library's records share


def head_of(tx: Transaction, database: Database) -> tuple[int, int]:
    """Return position and epoch of the head, which nobody else changes from now on."""
    rows = tx.rows(database.dialect.lock_head)
    if not rows:
        raise StoreError("the log has lost its head row; restore a backup")
    nid, epoch = rows[0]
    return nid, epoch


def head_position(database: Database) -> int:
    """Return the position of the last event."""
    ((nid,),) = database.rows(sql.HEAD)
    return int(nid)


def forget(placer: Placer, tx: Transaction) -> None:
    """Let a placer begin anew."""
    ((oid_max,),) = tx.rows(sql.OID_MAX)
    placer.forget(oid_max, tx.rows(sql.TOPICS))


def look_up(placer: Placer, tx: Transaction, streams: Sequence[str]) -> None:
    """Teach a placer the streams that it does not know."""
    unknown = placer.unknown(streams)
    if unknown:
        placer.learn(unknown, stream_ends(tx, unknown))


def stream_ends(tx: Transaction, names: Sequence[str]) -> list[StreamEnd]:
    """Return the ends of those streams that are there, sealed or not."""
    found = tx.find_streams(names)
    # Asked second: events go from ``ev`` to the sealed ones, never back.
    quiet = {oid: name for name, oid, _, chain in found if chain is None}
    if not quiet:
        return found
    # Those at the end count.
    ends = list(found)
    for statement, oids in sql.in_list(sql.SEALED_ENDS, list(quiet)):
        ends += [(quiet[oid], oid, ver, chain) for oid, ver, chain in tx.rows(statement, oids)]
    return ends


def store(tx: Transaction, placed: Placed) -> int:
    """Store events and the names they need; return the position of the last."""
    store_names(tx, placed)
    tx.insert(placed.rows)
    nid = placed.rows[-1][0]
    tx.execute(sql.SET_HEAD, (nid,))
    return nid


def store_names(tx: Transaction, placed: Placed) -> None:
    """Store new streams and topics."""
    tx.many(sql.ADD_STREAM, placed.streams)
    tx.many(sql.ADD_TOPIC, placed.topics)


def save_layouts(tx: Transaction, layouts: Sequence[Layout]) -> None:
    """Store layouts that may be stored already."""
    for layout in {layout.id: layout for layout in layouts}.values():
        if not tx.rows(sql.LAYOUT, (layout.id,)):
            tx.execute(sql.ADD_LAYOUT, (layout.id, tx.first(layout.state)))
            tx.save_rest("layout", layout.id, 0, layout.state)


def is_stored(tx: Transaction, row: EvRow) -> bool:
    """Return whether this very event is there, after a commit that nobody heard the end of."""
    found = tx.rows(sql.CHAIN_AT, (row[0],)) or tx.rows(sql.SEALED_AT, (row[0],))
    return bool(found) and found[0][0] == row[5]
