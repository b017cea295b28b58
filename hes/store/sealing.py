"""Seals the oldest events of a log: moves them from ``ev`` into blocks, octet by octet the same.

A *segment* is the events of one local day that follow each other, or a part of a day with very
many. Its blocks hold some tens of streams each. Before anything leaves ``ev``, each block is read
back and compared, and every chain value is computed anew. It goes in short steps, so that a node
that writes beside is not kept waiting (``hes.store.sealed_writing``). Runs beside a node, in any
process; two at once hurt nobody, one of them fails.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import groupby, islice
from typing import Any, Final, NamedTuple

import msgspec

from hes.store import database as sql
from hes.store.block_check import NONE, HotRow, checked_block
from hes.store.database import Database, Statements
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.life import Row, note
from hes.store.sealed import Sealed
from hes.store.sealed_writing import ANOTHER, End, Range, SealedWriter

PAGE: Final = 2_000
SEGMENT_EVENTS: Final = 500_000
"""A day of 10,000 meters that push. More of one day go into segments of their own, each with an end
of every stream, and whoever reads by position decodes a segment at once: some 80 MB."""
BLOCK_STREAMS: Final = 100
"""Some 80 KB for a day of meters; 20 ms to read one meter out of it."""
AHEAD_MAX: Final = timedelta(days=2)

MakeBlock = Callable[[Sequence[list[HotRow]], dict[int, tuple[int, bytes]]], bytes]
Progress = Callable[[int, int], None]
"""Told which position is sealed, and the last position of the log."""


class Segment(NamedTuple):
    """Events to be sealed together."""

    at: Range
    streams: list[tuple[str, int, int]]
    """Name, oid and number of events of each, by name."""

    def groups(self) -> Iterator[list[tuple[str, int, int]]]:
        """Yield the streams of each block."""
        for start in range(0, len(self.streams), BLOCK_STREAMS):
            yield self.streams[start : start + BLOCK_STREAMS]


class Sealing(NamedTuple):
    """What a run has done."""

    events: int
    octets: int
    """Of all blocks."""
    position: int
    """Everything up to here is sealed."""


class Sealer:
    """Seals one log. One thread at a time."""

    def __init__(
        self,
        database: Database,
        zone: tzinfo = UTC,
        *,
        segment_events: int = SEGMENT_EVENTS,
        before_segment: Callable[[dict[str, int]], object] = lambda _ends: None,
        told: Callable[[Range, int, int], Row] | None = None,
        block: MakeBlock = checked_block,
    ) -> None:
        """Take what is called with the ends of streams before they are sealed, and who notes it.

        ``block`` makes the blocks.
        """
        self._database = database
        self._sql = Statements(database.dialect)
        self._sealed = Sealed(database)
        self._writer = SealedWriter(database)
        self._zone = zone
        self._segment_events = segment_events
        self._before_segment = before_segment
        self._told = told
        self._block = block
        self._ahead = datetime.max.replace(tzinfo=UTC)
        self._found: Segment | None = None
        self._done = Sealing(0, 0, 0)

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
        for at in self.steps(before, now=now, most=most):
            progress(at, head)
        return self._done

    def steps(self, before: datetime, *, now: datetime, most: int | None = None) -> Iterator[int]:
        """Do as ``seal``, a short step at a time; yield the position that it has come to.

        ``done`` tells what came of it.
        """
        ((head,),) = self._database.rows(sql.HEAD)  # what comes meanwhile is for the next run
        self._done = Sealing(0, 0, self._sealed.end())
        self._ahead = now + AHEAD_MAX
        for _ in self._writer.clean():
            yield self._done.position
        end = head if most is None else min(head, self._done.position + most)
        while self._done.position < end:
            after = self._done.position
            try:
                limit = min(self._segment_events, end - after)
                yield from self._segment_steps(after, before, limit)
            except StoreError as problem:
                if isinstance(problem, StoreUnavailable) or self._sealed.end() == after:
                    raise
                # What looked wrong is that its rows went away under our eyes.
                raise StoreUnavailable(ANOTHER) from problem
            if self._done.position == after:
                return

    @property
    def done(self) -> Sealing:
        """What the last run has done, so far."""
        return self._done

    def _segment_steps(self, after: int, before: datetime, most: int) -> Iterator[int]:
        """Seal the next segment, if there is one."""
        for _ in self._look(after, before, most):
            yield after
        segment = self._found
        if segment is None:
            return
        events = octets = blocks = 0
        for group in segment.groups():
            count, size = self._seal_group(segment.at, group)
            events += count
            octets += size
            blocks += 1
            yield after + events
        self._publish(segment.at, blocks, octets)
        done = self._done
        self._done = Sealing(done.events + events, done.octets + octets, segment.at.last)
        yield segment.at.last
        for _ in self._writer.drop():
            yield segment.at.last

    def _publish(self, at: Range, blocks: int, octets: int) -> None:
        if self._told is None:
            self._writer.publish(at)
        else:
            row = self._told(at, blocks, octets)
            self._writer.publish(at, lambda tx, nid: note(tx, nid, row))

    # -- choosing

    def _look(self, after: int, before: datetime, most: int) -> Iterator[None]:
        """Find the events of one local day that follow position ``after``, a page at a time."""
        self._found = None
        last, until = after, datetime.min.replace(tzinfo=UTC)
        day: date | None = None
        counts: dict[tuple[str, int], int] = {}
        for row in islice(self._hot(after), most):
            at = received_at(row.state)
            if at is not None and at <= self._ahead:
                if at >= before or at.astimezone(self._zone).date() > (day or date.max):
                    break
                day = day or at.astimezone(self._zone).date()
                until = max(until, at)
            counts[row.stream, row.oid] = counts.get((row.stream, row.oid), 0) + 1
            last = row.position
            if not last % PAGE:
                yield
        if last > after:
            until_ms = round(until.timestamp() * 1000) if day else 0
            streams = sorted((name, oid, count) for (name, oid), count in counts.items())
            self._found = Segment(Range(after + 1, last, until_ms), streams)

    def _hot(self, after: int) -> Iterator[HotRow]:
        query, database = self._sql.to_seal, self._database
        while page := database.whole("ev", database.rows(query, (after, PAGE)), sql.EVENT):
            if page[0][0] != after + 1:
                raise StoreError(f"events are missing behind position {after}; run hes verify")
            yield from map(HotRow._make, page)
            after = page[-1][0]

    # -- sealing

    def _seal_group(self, at: Range, group: Sequence[tuple[str, int, int]]) -> tuple[int, int]:
        """Put the events of some streams into a block; return their number and its octets."""
        oids = [oid for _, oid, _ in group]
        streams = self._rows_of(at, oids)
        counts = {oid: count for _, oid, count in group}
        if {oid: len(rows) for oid, rows in streams.items()} != counts:
            raise StoreError(
                f"events from position {at.first} to {at.last} went away, or came, while they were"
                " read; nothing of this day was sealed; run hes verify"
            )
        self._before_segment({name: streams[oid][-1].version for name, oid, _ in group})
        before = self._ends(oids)
        ordered = [streams[oid] for oid in oids]
        state = self._block(ordered, before)
        events = sum(map(len, ordered))
        ends = [
            End(end.oid, end.version, before.get(end.oid, (NONE, b""))[0], end.position, end.chain)
            for end in (rows[-1] for rows in ordered)
        ]
        self._writer.add(at, state, events, ends)
        return events, len(state)

    def _rows_of(self, at: Range, oids: Sequence[int]) -> dict[int, list[HotRow]]:
        database, found = self._database, []
        for statement, some in sql.in_list(self._sql.to_seal_of, oids):
            found += database.rows(statement, [*some, at.first, at.last])
        rows = map(HotRow._make, database.whole("ev", found, sql.EVENT))
        return {oid: list(of_one) for oid, of_one in groupby(rows, key=lambda row: row.oid)}

    def _ends(self, oids: Sequence[int]) -> dict[int, tuple[int, bytes]]:
        """Return version and chain value of the last sealed event of streams."""
        found: list[Any] = []
        for statement, some in sql.in_list(sql.SEALED_ENDS, oids):
            found += self._database.rows(statement, some)
        return {oid: (ver, chain) for oid, ver, chain in found}


def received_at(state: bytes) -> datetime | None:
    """Return when an event came: the first field of all of ours; None for others'."""
    try:
        fields = msgspec.msgpack.decode(state)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    first = fields[0] if isinstance(fields, list) and fields else None
    return first if isinstance(first, datetime) and first.tzinfo is not None else None
