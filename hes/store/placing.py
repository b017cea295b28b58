"""Where events go: their positions, versions, numbers and values of the chain.

Pure but for its memory of the ends of streams, which is right as long as nobody else appends. The
adapters look up what it does not know, and store what it placed, inside one transaction.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from hes.store.chain import link, origin
from hes.store.errors import StoreDuplicate
from hes.store.port import Append, Appended, Conflict
from hes.store.records import Record

STREAMS_CACHED: Final = 500_000
"""Some 160 MB; past it all are forgotten, and each costs one query at its next event."""

EvRow = tuple[int, int, int, int, bytes, bytes]
"""A row of ``ev``: nid, oid, ver, topic, state, chain."""
StreamEnd = tuple[str, int, int, bytes | None]
"""Name, oid, version and chain of a stream's last event; 0 and None while it has none."""


class Placed(NamedTuple):
    """What must be stored, all or nothing."""

    rows: list[EvRow]
    streams: list[tuple[int, str]]
    """New rows of ``stream``: oid, name."""
    topics: list[tuple[int, str]]
    """New rows of ``topic``: id, name."""


class Placer:
    """Gives events their places. One thread at a time."""

    def __init__(self) -> None:
        self._streams: dict[str, list[Any]] = {}
        """Name to oid, version, chain; oid 0 while the stream has no event."""
        self._topics: dict[str, tuple[int, bytes]] = {}
        self._oid_max = 0
        self._number_max = 0

    @property
    def full(self) -> bool:
        """Whether it holds more than it should: forget it between two batches."""
        return len(self._streams) >= STREAMS_CACHED

    def forget(self, oid_max: int, topics: Iterable[tuple[int, str]]) -> None:
        """Begin anew with what the tables hold: the last number of a stream, and all topics."""
        self._streams.clear()
        self._oid_max = oid_max
        self._topics = {name: (number, name.encode()) for number, name in topics}
        self._number_max = max((number for number, _ in self._topics.values()), default=0)

    def unknown(self, streams: Iterable[str]) -> list[str]:
        """Return the names to look up before ``place``, each once."""
        known = self._streams
        return list(dict.fromkeys([name for name in streams if name not in known]))

    def learn(self, names: Iterable[str], found: Iterable[StreamEnd]) -> None:
        """Take the ends of streams; those that were not found are new."""
        ends = {name: (oid, version, chain) for name, oid, version, chain in found}
        for name in names:
            oid, version, chain = ends.get(name, (0, 0, None))
            self._streams[name] = [oid, version, origin(name) if chain is None else chain]

    def place(self, batch: Sequence[Append], nid: int) -> tuple[list[Appended | Conflict], Placed]:
        """Return where each append goes behind position ``nid``, and what to store."""
        results: list[Appended | Conflict] = []
        placed = Placed([], [], [])
        rows = placed.rows
        known = self._streams
        topics = self._topics
        # The named tuple's own constructor took a fifth of this loop's time.
        new = tuple.__new__
        for stream, expected, events in batch:
            entry = known[stream]
            oid, version, chain = entry
            if expected is not None and expected != version:
                results.append(Conflict(stream, expected, version))
                continue
            if not oid and events:
                oid = entry[0] = self._new_stream(stream, placed)
            results.append(new(Appended, (nid + 1, version + 1)))
            for topic, state in events:
                nid += 1
                version += 1
                number, name = topics.get(topic) or self._new_topic(topic, placed)
                chain = link(chain, nid, version, name, state)
                rows.append((nid, oid, version, number, state, chain))
            entry[1] = version
            entry[2] = chain
        return results, placed

    def place_records(self, records: Sequence[Record], nid: int) -> Placed:
        """Return what to store for events with versions of their own.

        Raises:
            StoreDuplicate: a version is not above those that its stream has. So the order of
                versions is that of positions, in every stream.

        """
        placed = Placed([], [], [])
        for stream, version, topic, state in records:
            entry = self._streams[stream]
            oid, last, chain = entry
            if version <= last and chain != origin(stream):
                raise StoreDuplicate(
                    f"{stream} has events up to version {last}; version {version} is stored"
                    " already, or too late"
                )
            nid += 1
            if not oid:
                oid = self._new_stream(stream, placed)
            number, name = self._topics.get(topic) or self._new_topic(topic, placed)
            chain = link(chain, nid, version, name, state)
            placed.rows.append((nid, oid, version, number, state, chain))
            entry[:] = oid, version, chain
        return placed

    def numbered(
        self, records: Sequence[Record]
    ) -> tuple[list[tuple[int, int, int, bytes]], Placed]:
        """Return rows of ``aside`` (oid, ver, topic, state), and the names to store for them."""
        placed = Placed([], [], [])
        rows = []
        for stream, version, topic, state in records:
            entry = self._streams[stream]
            if not entry[0]:
                entry[0] = self._new_stream(stream, placed)
            number, _ = self._topics.get(topic) or self._new_topic(topic, placed)
            rows.append((entry[0], version, number, state))
        return rows, placed

    def _new_stream(self, name: str, placed: Placed) -> int:
        self._oid_max += 1
        placed.streams.append((self._oid_max, name))
        return self._oid_max

    def _new_topic(self, name: str, placed: Placed) -> tuple[int, bytes]:
        self._number_max += 1
        placed.topics.append((self._number_max, name))
        found = self._topics[name] = self._number_max, name.encode()
        return found
