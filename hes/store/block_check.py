"""A block that is known to be right: made of events as they were written, and it gives them back.

Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from hes.store.block import Block
from hes.store.block_form import CODEC, StreamPart
from hes.store.block_writer import encode_block
from hes.store.chain import link, origin
from hes.store.errors import StoreError
from hes.store.port import StoredRow

NONE: Final = -1
"""Version of the part before the first."""


class HotRow(NamedTuple):
    """A row of ``ev``, and what it is sealed with."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes
    chain: bytes
    oid: int


def checked_block(
    streams: Sequence[list[HotRow]], before: Mapping[int, tuple[int, bytes]]
) -> bytes:
    """Return a block of some streams, which was read back and compared, and its chains computed.

    ``before``: oid of a stream to version and chain value of its last sealed event.

    Raises:
        StoreError: an event is not as it was written.

    """
    parts = [
        StreamPart(rows[0].stream, [StoredRow._make(row[:5]) for row in rows]) for rows in streams
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
    return state


def _check_chain(rows: Sequence[HotRow], chain: bytes) -> None:
    for row in rows:
        chain = link(chain, row.position, row.version, row.topic.encode(), row.state)
        if chain != row.chain:
            raise StoreError(
                f"position {row.position} ({row.stream}, version {row.version}) is not as it was"
                " written, or an event before it is missing: nothing of this day was sealed;"
                " run hes verify"
            )
