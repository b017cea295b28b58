"""Anchors: one digest a day over the chain values of all events since the one before.

Who keeps the digests elsewhere (on paper, with a notary) can show later that nobody wrote the log
anew, chains and all. Anchors are events of a stream of their own, and chained to each other::

    digest = SHA-256("hes-anchor/1" | 0x00 | digest before | first | last | chain values)

``first`` and ``last`` are positions, signed numbers of eight octets, most significant first; the
chain values follow in the order of positions. The first anchor has 32 zero octets before it.
Beside it stands the root of a Merkle tree over the same values (``hes.store.merkle``): by it a
single event can be proven without all the others.
"""

import hashlib
import struct
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from hes.events.audit import Anchored
from hes.ids import StreamId
from hes.store.codec import EventCodec
from hes.store.errors import StoreError
from hes.store.merkle import Tree
from hes.store.port import EventLog

STREAM: Final = StreamId("audit:anchors")
FIRST: Final = bytes(32)
PAGE: Final = 10_000
_pack: Final = struct.Struct(">qq").pack


class Span:
    """Folds the chain values from position ``first`` to ``last`` into a digest and a root."""

    def __init__(self, previous: bytes, first: int, last: int, wanted: Iterable[int] = ()) -> None:
        """Take in ``wanted`` the positions whose paths to the root are asked for."""
        self._hash = hashlib.sha256(b"hes-anchor/1\x00" + previous + _pack(first, last))
        self.tree = Tree(position - first for position in wanted)

    def take(self, chains: Sequence[bytes]) -> None:
        """Take the next values."""
        self._hash.update(b"".join(chains))
        self.tree.take(chains)

    def digest(self) -> bytes:
        """Return the digest over what was taken."""
        return self._hash.digest()


def last_anchor(log: EventLog, codec: EventCodec) -> Anchored | None:
    """Return the newest anchor; None while there is none.

    Raises:
        StoreError: see ``EventLog``.

    """
    rows = log.read_stream_back(STREAM, log.head() + 1, 1)
    if not rows:
        return None
    event = codec.decode(rows[0].topic, rows[0].state)
    if not isinstance(event, Anchored):
        raise StoreError(f"the stream {STREAM} holds a {event.topic}, not only anchors")
    return event


def next_anchor(log: EventLog, codec: EventCodec, now: datetime) -> Anchored | None:
    """Return the anchor to append to ``STREAM``; None when nothing came since the last one.

    Reads all chain values since then: call it in a worker thread. ``now`` is our clock's time.

    Raises:
        StoreError: see ``EventLog``.

    """
    before = last_anchor(log, codec)
    first = 1 if before is None else before.last + 1
    last = log.head()
    if last < first:
        return None
    previous = FIRST if before is None else before.digest
    span = span_of(log, previous, first, last)
    return Anchored(
        received_at=now, first=first, last=last, previous=previous, digest=span.digest(),
        root=span.tree.root(),
    )  # fmt: skip


def span_of(
    log: EventLog, previous: bytes, first: int, last: int, wanted: Iterable[int] = ()
) -> Span:
    """Return the fold over the events from position ``first`` to ``last``; see ``Span``.

    Raises:
        StoreError: an event is missing among them.

    """
    span = Span(previous, first, last, wanted)
    at = first - 1
    while at < last:
        chains = log.chains(at, min(PAGE, last - at))
        if not chains:
            raise StoreError(f"events are missing behind position {at}; run hes verify")
        span.take(chains)
        at += len(chains)
    return span
