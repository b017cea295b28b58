"""The hash chain of a stream: what was stored cannot be changed, dropped or moved unseen.

Each event has the SHA-256 over the chain value before it in its stream and over itself::

    origin = SHA-256("hes-stream/1" | 0x00 | name of the stream in UTF-8)
    chain  = SHA-256(chain before | position | version | size of topic | size of state
                     | topic in UTF-8 | state)

Position and version are signed numbers of eight octets, sizes unsigned ones of four, most
significant octet first. Every part has a fixed size or stands behind its size, so that no two
events give the same octets. An event refers to its channel layout by the hash of its content: the
chain covers the layout by that (56 bits of it, against mishaps; not against whoever seeks two
layouts of one hash).

Pure: rows in, faults out.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

CHAIN_SIZE: Final = 32
_pack: Final = struct.Struct(f">{CHAIN_SIZE}sqqII").pack
_begin: Final = sha256().copy
"""A copy of a hash costs a third less than a new one."""
_ORIGIN: Final = b"hes-stream/1\x00"


Span = tuple[int, int]
"""First and last of some positions."""
PurgedEnd = Callable[[str, int], tuple[int, bytes] | None]
"""Stream and version to version and value of the purged event right before it."""


class ChainedRow(NamedTuple):
    """One stored event and its value of the chain."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes
    chain: bytes


class Fault(NamedTuple):
    """The first event of a stream or of the log that is not as it was written."""

    position: int
    stream: str
    version: int
    reason: str

    def __str__(self) -> str:
        where = f"position {self.position}"
        if self.stream:
            where += f" ({self.stream}, version {self.version})"
        return f"{where}: {self.reason}"


def origin(stream: str) -> bytes:
    """Return what the chain of a stream begins with."""
    return sha256(_ORIGIN + stream.encode()).digest()


def link(chain: bytes, position: int, version: int, topic: bytes, state: bytes) -> bytes:
    """Return the value of an event; ``chain`` is that of the event before it in its stream."""
    hashed = _begin()
    hashed.update(_pack(chain, position, version, len(topic), len(state)) + topic + state)
    return hashed.digest()


class Verifier:
    """Checks a log from its first event to its last, in pieces of any size."""

    def __init__(
        self, purged: Sequence[Span] = (), purged_end: PurgedEnd = lambda _stream, _version: None
    ) -> None:
        """Take what was purged, as ``EventLog`` tells it: of that only the last values are left."""
        self._purged = sorted(purged)
        self._purged_end = purged_end
        self.position = 0
        """Of the last row that was taken."""
        self._streams: dict[str, tuple[int, bytes]] = {}
        """Version and value of each stream's last row: some 200 bytes a stream."""
        self._topics: dict[str, bytes] = {}

    @property
    def streams(self) -> int:
        """Streams that were met."""
        return len(self._streams)

    def take(self, rows: Iterable[ChainedRow]) -> Iterator[Fault]:
        """Check the next rows, in the order of their positions; yield what is wrong.

        Behind a fault it goes on with what is stored, so that one change is one fault.
        """
        for row in rows:
            try:
                reason = self._reason(row)
            except (TypeError, struct.error):  # SQLite keeps a text where octets stood
                reason = "this event was altered: a part of it is of another type"
            if reason is not None:
                yield Fault(row.position, row.stream, row.version, reason)
            self.position = row.position
            self._streams[row.stream] = row.version, row.chain

    def end(self, head: int) -> Fault | None:
        """Return what is wrong at the end of a log whose head stands at position ``head``."""
        if self.position == head:
            return None
        first = min(self.position, head) + 1
        if self.position < head:
            return Fault(first, "", 0, f"events are missing up to the head at {head}")
        return Fault(first, "", 0, f"events stand behind the head at {head}")

    def _reason(self, row: ChainedRow) -> str | None:
        missing = row.position - self.position - 1
        if missing < 0:
            return "this event is out of order"
        if missing and not self._is_purged(self.position + 1, row.position - 1):
            first = self.position + 1
            gap = f"{first}" if missing == 1 else f"{first} to {row.position - 1}"
            return f"events are missing before this one: {gap}"
        known = self._streams.get(row.stream)
        version, chain = known if known is not None else (None, origin(row.stream))
        if version is not None and row.version <= version:
            return f"this event is out of order: its stream was at version {version} before it"
        topic = self._topics.get(row.topic)
        if topic is None:
            topic = self._topics[row.topic] = row.topic.encode()
        if link(chain, row.position, row.version, topic, row.state) == row.chain:
            return None
        end = self._purged_end(row.stream, row.version) if self._purged else None
        if end and link(end[1], row.position, row.version, topic, row.state) == row.chain:
            return None
        return "this event was altered, or one of its stream before it was dropped or moved"

    def _is_purged(self, first: int, last: int) -> bool:
        """Whether all positions from ``first`` to ``last`` were purged."""
        for start, end in self._purged:
            if start <= first <= end:
                first = end + 1
        return first > last
