"""Seals the oldest events of a log: moves them from ``ev`` into blocks, octet by octet the same.

A *segment* is the events of one local day that follow each other, or a part of a day with very
many. Its blocks hold some tens of streams each. Before anything leaves ``ev``, the blocks are read
back and compared, and every chain value is computed anew. Blocks come and rows go in one
transaction: killed at any time, the next run goes on. Runs beside a node, in any process; two at
once hurt nobody, one of them fails.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from hes.store import database as sql
from hes.store.block import CODEC, Block, StreamPart, encode_block
from hes.store.chain import link, origin
from hes.store.database import Database, Statements, Transaction
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.port import StoredRow
from hes.store.sealed import NONE, Sealed

PAGE: Final = 5_000
SEGMENT_EVENTS: Final = 100_000
"""More of one day go into segments of their own: a segment is decoded at once (some 30 MB), and
deleting its rows keeps other writers of SQLite out for some tenths of a second."""
BLOCK_STREAMS: Final = 128
"""Some 80 KB for a day of meters; 20 ms to read one meter out of it."""
AHEAD_MAX: Final = timedelta(days=2)
ANOTHER: Final = "another program seals this log; run it again later"

Progress = Callable[[int, int], None]
"""Told which position is sealed, and the last position of the log."""


class HotRow(NamedTuple):
    """A row of ``ev``, and what it is sealed with."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes
    chain: bytes
    oid: int


class Segment(NamedTuple):
    """Events to be sealed together."""

    rows: list[HotRow]
    until_ms: int
    """When the last of them came."""

    @property
    def ends(self) -> dict[str, int]:
        """Streams, and the last version of each."""
        return {row.stream: row.version for row in self.rows}


class Sealing(NamedTuple):
    """What a run has done."""

    events: int
    octets: int
    """Of all blocks."""
    position: int
    """Everything up to here is sealed."""


class Sealer:
    """Seals one log. One thread."""

    def __init__(
        self,
        database: Database,
        zone: tzinfo = UTC,
        *,
        segment_events: int = SEGMENT_EVENTS,
        before_segment: Callable[[dict[str, int]], object] = lambda _ends: None,
    ) -> None:
        """Take what to call with the ends of the streams of a segment before they are sealed."""
        self._database = database
        self._sql = Statements(database.dialect)
        self._sealed = Sealed(database)
        self._zone = zone
        self._segment_events = segment_events
        self._before_segment = before_segment
        self._ahead = datetime.max.replace(tzinfo=UTC)

    def seal(
        self,
        before: datetime,
        *,
        now: datetime,
        most: int | None = None,
        progress: Progress = lambda _at, _head: None,
    ) -> Sealing:
        """Seal events up to the first that came at ``before`` or later; at most ``most``.

        An event from days after ``now`` was stamped by a wrong clock, and holds up nothing.

        Raises:
            StoreUnavailable: the database is away, or another program seals: run it again later.
            StoreError: an event is not as it was written; nothing of its segment was sealed.

        """
        ((head,),) = self._database.rows(sql.HEAD)
        events = octets = 0
        at = self._sealed.end()
        self._ahead = now + AHEAD_MAX
        while most is None or events < most:
            limit = self._segment_events if most is None else most - events
            count, size = self._seal_next(at, before, min(limit, self._segment_events))
            if not count:
                break
            events += count
            octets += size
            at += count
            progress(at, head)
        return Sealing(events, octets, at)

    def _seal_next(self, after: int, before: datetime, most: int) -> tuple[int, int]:
        """Seal the next segment; return its events and the octets of its blocks."""
        try:
            segment = self._next(after, before, most)
            if not segment.rows:
                return 0, 0
            self._before_segment(segment.ends)
            return len(segment.rows), self._seal(segment)
        except StoreError as problem:
            if isinstance(problem, StoreUnavailable) or self._sealed.end() == after:
                raise
            # What looked wrong is that its rows went away under our eyes.
            raise StoreUnavailable(ANOTHER) from problem

    # -- choosing

    def _next(self, after: int, before: datetime, most: int) -> Segment:
        """Return the events of one local day that follow position ``after``."""
        rows: list[HotRow] = []
        day: date | None = None
        until = datetime.min.replace(tzinfo=UTC)
        for row in islice(self._hot(after), most):
            at = received_at(row.state)
            if at is not None and at <= self._ahead:
                if at >= before or at.astimezone(self._zone).date() > (day or date.max):
                    break
                day = day or at.astimezone(self._zone).date()
                until = max(until, at)
            rows.append(row)
        return Segment(rows, round(until.timestamp() * 1000) if day else 0)

    def _hot(self, after: int) -> Iterator[HotRow]:
        query, database = self._sql.to_seal, self._database
        while page := database.whole("ev", database.rows(query, (after, PAGE)), sql.EVENT):
            if page[0][0] != after + 1:
                raise StoreError(f"events are missing behind position {after}; run hes verify")
            yield from map(HotRow._make, page)
            after = page[-1][0]

    # -- sealing

    def _seal(self, segment: Segment) -> int:
        """Seal one segment; return the octets of its blocks."""
        streams: dict[str, list[HotRow]] = {}
        for row in segment.rows:
            streams.setdefault(row.stream, []).append(row)
        names = sorted(streams)
        groups = [names[at : at + BLOCK_STREAMS] for at in range(0, len(names), BLOCK_STREAMS)]
        before = self._ends([rows[0].oid for rows in streams.values()])
        blocks = [self._block([streams[name] for name in group], before) for group in groups]
        with self._database.beside() as tx:
            self._store(tx, segment, blocks, before)
        return sum(len(state) for state, _ in blocks)

    def _ends(self, oids: Sequence[int]) -> dict[int, tuple[int, bytes]]:
        """Return version and chain value of the last sealed event of streams."""
        found: list[Any] = []
        for statement, some in sql.in_list(sql.SEALED_ENDS, oids):
            found += self._database.rows(statement, some)
        return {oid: (ver, chain) for oid, ver, chain in found}

    def _block(
        self, streams: Sequence[list[HotRow]], before: dict[int, tuple[int, bytes]]
    ) -> tuple[bytes, list[list[HotRow]]]:
        """Return a block of some streams, which was read back and compared."""
        parts = [
            StreamPart(rows[0].stream, [StoredRow._make(row[:5]) for row in rows])
            for rows in streams
        ]
        state = encode_block(parts)
        if Block(CODEC, state).parts() != parts:
            first = streams[0][0]
            raise StoreError(
                f"the events from position {first.position} did not come back from their block"
                " as they were: this is a fault of this program; nothing was changed"
            )
        for rows in streams:
            _, chain = before.get(rows[0].oid, (NONE, origin(rows[0].stream)))
            _check_chain(rows, chain)
        return state, list(streams)

    def _store(
        self,
        tx: Transaction,
        segment: Segment,
        blocks: Sequence[tuple[bytes, list[list[HotRow]]]],
        before: dict[int, tuple[int, bytes]],
    ) -> None:
        first, last = segment.rows[0].position, segment.rows[-1].position
        ((sealed,),) = tx.rows(sql.SEALED_TO)
        if sealed != first - 1:
            raise StoreUnavailable(ANOTHER)
        ((number,),) = tx.rows(sql.SEALED_ID_MAX)
        for state, streams in blocks:
            number += 1
            events = sum(map(len, streams))
            row = (number, first, last, segment.until_ms, CODEC, events, tx.first(state))
            tx.execute(sql.ADD_SEALED, row)
            tx.save_rest("sealed", number, 0, state)
            ends = [
                (end.oid, end.version, before.get(end.oid, (NONE, b""))[0], end.position, number,
                 end.chain)
                for end in (rows[-1] for rows in streams)
            ]  # fmt: skip
            tx.many(sql.ADD_SEALED_END, ends)
        gone = tx.execute(sql.DROP_EVENTS, (first, last))
        if gone != len(segment.rows):
            raise StoreError(
                f"{gone} events stood from position {first} to {last}, not {len(segment.rows)}:"
                " the log was changed meanwhile; nothing was sealed; run hes verify"
            )
        tx.drop_rest("ev", first, last)


def received_at(state: bytes) -> datetime | None:
    """Return when an event came: the first field of all of ours; None for others'."""
    try:
        fields = msgspec.msgpack.decode(state)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    first = fields[0] if isinstance(fields, list) and fields else None
    return first if isinstance(first, datetime) and first.tzinfo is not None else None


def _check_chain(rows: Sequence[HotRow], chain: bytes) -> None:
    for row in rows:
        chain = link(chain, row.position, row.version, row.topic.encode(), row.state)
        if chain != row.chain:
            raise StoreError(
                f"position {row.position} ({row.stream}, version {row.version}) is not as it was"
                " written, or an event before it is missing: nothing of this day was sealed;"
                " run hes verify"
            )
