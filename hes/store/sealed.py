"""Reads what was sealed: events that left ``ev`` and stand in blocks (``hes.store.block``).

Sealed are always the first positions of the log, up to ``end``. Blocks are kept in memory for a
while, few of them: who pages through a log asks for the same ones again.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Final, Generic, TypeVar

from hes.store import database as sql
from hes.store.block import Block
from hes.store.block_check import NONE
from hes.store.block_form import CODEC, StreamPart
from hes.store.block_writer import encode_block
from hes.store.chain import CHAIN_SIZE, ChainedRow, link, origin
from hes.store.database import Database, Places, Statements
from hes.store.errors import StoreError
from hes.store.port import StoredRow
from hes.store.segment_rows import SegmentRows

EMPTY: Final = 0
"""Codec of a block whose events were all purged."""
BLOCKS_KEPT: Final = 16
"""Of some tens of streams each: 1 to 2 MB."""
SEGMENTS_KEPT: Final = 2
"""All blocks of the same positions, decoded: 80 MB for 500,000 events, the largest there are."""
PARTS_AT_ONCE: Final = 32
VERSION_MAX: Final = 1 << 62
BLOCK: Final = Places(state=3, number=0)

T = TypeVar("T")


class Sealed:
    """See the module. Threads: any may call."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = Statements(database.dialect)
        self._blocks: _Kept[Block] = _Kept(BLOCKS_KEPT)
        self._segments: _Kept[SegmentRows] = _Kept(SEGMENTS_KEPT)
        self._chained: _Kept[SegmentRows] = _Kept(1)

    def end(self) -> int:
        """Return the last sealed position, 0 if there is none."""
        return self._number(sql.SEALED_TO)

    # -- by position

    def up(self, after: int) -> Iterator[StoredRow]:
        """Yield sealed events above a position."""
        for rows, place in self._up(after, self._segment):
            yield rows.row(place)

    def chained_up(self, after: int) -> Iterator[ChainedRow]:
        """Yield sealed events above a position with their chain values."""
        for rows, place in self._up(after, self._chained_segment):
            yield rows.chained(place)

    def _up(
        self, after: int, segment: Callable[[int], SegmentRows]
    ) -> Iterator[tuple[SegmentRows, int]]:
        while last := self._number(sql.SEALED_NEXT, after):
            rows = segment(last)
            for place in range(rows.above(after), len(rows)):
                yield rows, place
            after = last

    def down(self, before: int) -> Iterator[StoredRow]:
        """Yield sealed events below a position, the newest first."""
        while last := self._number(sql.SEALED_BACK, before):
            rows = self._segment(last)
            for place in range(rows.above(before - 1) - 1, -1, -1):
                yield rows.row(place)
            ((before,),) = self._database.rows(sql.SEALED_FROM, (last,))

    # -- by stream

    def stream_up(self, stream: str, after: int) -> Iterator[StoredRow]:
        """Yield sealed events of a stream with a version above ``after``."""
        at = after
        while parts := self._database.rows(self._sql.parts_above, (stream, at, PARTS_AT_ONCE)):
            for version, number, events in parts:
                at = version
                rows = self._block(number, events).rows_of(stream)
                yield from (row for row in rows if row.version > after)

    def stream_down(self, stream: str, before: int) -> Iterator[StoredRow]:
        """Yield sealed events of a stream below position ``before``, the newest first."""
        at = VERSION_MAX
        query = self._sql.parts_below
        while parts := self._database.rows(query, (stream, at, before, PARTS_AT_ONCE)):
            for version, number, events in parts:
                at = version
                rows = self._block(number, events).rows_of(stream)
                yield from (row for row in reversed(rows) if row.position < before)

    # -- what was purged

    def purged(self) -> list[tuple[int, int]]:
        """See ``EventLog.purged``."""
        return [(int(first), int(last)) for first, last in self._database.rows(sql.PURGED)]

    def purged_end(self, stream: str, version: int) -> tuple[int, bytes] | None:
        """See ``EventLog.purged_end``."""
        rows = self._database.rows(self._sql.part_end, (stream, version, 1))
        return (int(rows[0][0]), rows[0][1]) if rows and not rows[0][2] else None

    # -- blocks

    def parts_of(self, number: int) -> list[StreamPart]:
        """Return all events of one block."""
        rows = self._database.rows(sql.SEALED_BLOCK, (number,))
        rows = self._database.whole("sealed", rows, BLOCK)
        return [part for block in _made(rows) for part in block.parts()]

    def _block(self, number: int, events: int) -> Block:
        def made() -> Block:
            rows = self._database.rows(sql.SEALED_BLOCK, (number,))
            blocks = list(_made(self._database.whole("sealed", rows, BLOCK)))
            return blocks[0] if blocks else Block(CODEC, encode_block([]))

        # A purge leaves fewer events behind the same number.
        return self._blocks.get((number, events), made)

    def _key(self, last: int) -> Hashable:
        return tuple(map(tuple, self._database.rows(sql.SEALED_IDS, (last,))))

    def _segment(self, last: int) -> SegmentRows:
        """Return the events of all blocks that end at this position, in order."""
        return self._segments.get(self._key(last), lambda: self._read_segment(last))

    def _read_segment(self, last: int) -> SegmentRows:
        found = SegmentRows()
        for _, block in self._read_blocks(last):
            for part in block.parts():
                found.add(part)
        found.sort()
        return found

    def _read_blocks(self, last: int) -> Iterator[tuple[int, Block]]:
        """Yield the blocks one by one: decoded, they are much larger."""
        rows = self._database.rows(sql.SEALED_BLOCKS, (last,))
        rows = self._database.whole("sealed", rows, BLOCK)
        numbers = [row[0] for row in rows if row[1] != EMPTY]
        return zip(numbers, _made(rows), strict=True)

    def _chained_segment(self, last: int) -> SegmentRows:
        return self._chained.get(self._key(last), lambda: self._chain_segment(last))

    def _chain_segment(self, last: int) -> SegmentRows:
        found = SegmentRows()
        for number, block in self._read_blocks(last):
            rows = self._database.rows(self._sql.ends_of_block, (number,))
            ends = {name: (before, chain, prev) for name, _, _, chain, before, prev in rows}
            for part in block.parts():
                before, chain, prev = ends.get(part.stream, (None, None, NONE))
                if before is None:
                    # An end that is missing shows at the first event behind it.
                    before = origin(part.stream) if prev == NONE else bytes(CHAIN_SIZE)
                found.add(part, [row.chain for row in chained_part(part, before, chain)])
        found.sort()
        return found

    def _number(self, query: str, *values: int) -> int:
        ((number,),) = self._database.rows(query, values)
        return int(number or 0)


def chained_part(part: StreamPart, before: bytes, end: bytes | None) -> Iterator[ChainedRow]:
    """Yield the events of a part with chain values, which are computed anew.

    All but the last: that one was kept, so that a change of any event in the part shows there.
    """
    chain = before
    for row in part.rows:
        chain = link(chain, row.position, row.version, row.topic.encode(), row.state)
        if row is part.rows[-1] and end is not None:
            chain = end
        yield ChainedRow(*row, chain)


def _made(rows: list[Any]) -> Iterator[Block]:
    for number, codec, _, state in rows:
        if codec == EMPTY:
            continue
        try:
            yield Block(codec, state)
        except StoreError as problem:
            raise StoreError(f"block {number}: {problem}") from problem


class _Kept(Generic[T]):
    """The last few things that were made. Two threads may make the same; one of them is kept."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._found: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        made = make()
        with self._lock:
            self._found[key] = made
            while len(self._found) > self._most:
                self._found.popitem(last=False)
        return made
