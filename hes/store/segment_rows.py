"""The events of a segment in the order of positions, kept small: some 150 octets an event.

A segment may hold half a million events. As rows of Python they would take three times as much.
"""

from array import array

from hes.store.block_form import StreamPart
from hes.store.chain import ChainedRow
from hes.store.port import StoredRow


class SegmentRows:
    """Filled part by part; read by place, once ``sort`` was called."""

    def __init__(self) -> None:
        self._positions = array("q")
        self._versions = array("q")
        self._streams = array("l")
        self._topics = array("l")
        self._ends = array("q", [0])
        self._states = bytearray()
        self._chains: list[bytes] = []
        self._names: list[str] = []
        self._topic_names: dict[str, int] = {}
        self._by_number: list[str] = []
        self._order = array("l")

    def __len__(self) -> int:
        return len(self._positions)

    def add(self, part: StreamPart, chains: list[bytes] | None = None) -> None:
        """Take the events of a stream, and their chain values where somebody will ask."""
        for row in part.rows:
            self._positions.append(row.position)
            self._versions.append(row.version)
            self._streams.append(len(self._names))
            self._topics.append(self._topic_names.setdefault(row.topic, len(self._topic_names)))
            self._states += row.state
            self._ends.append(len(self._states))
        self._names.append(part.stream)
        if chains is not None:
            self._chains += chains

    def sort(self) -> None:
        """Bring them into the order of their positions."""
        positions = self._positions
        self._order = array("l", sorted(range(len(positions)), key=positions.__getitem__))
        self._by_number = list(self._topic_names)

    def above(self, position: int) -> int:
        """Return the place of the first event above a position."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._positions[self._order[middle]] > position:
                high = middle
            else:
                low = middle + 1
        return low

    def row(self, place: int) -> StoredRow:
        """Return the event at a place of the order."""
        at = self._order[place]
        return StoredRow(
            self._positions[at], self._names[self._streams[at]], self._versions[at],
            self._by_number[self._topics[at]],
            bytes(self._states[self._ends[at] : self._ends[at + 1]]),
        )  # fmt: skip

    def chained(self, place: int) -> ChainedRow:
        """Return the event with its chain value, which came with it."""
        return ChainedRow(*self.row(place), self._chains[self._order[place]])
