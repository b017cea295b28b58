"""Notes what is done to the log itself, in the transaction that does it."""

from collections.abc import Callable
from datetime import datetime

from hes.events.log_life import LogSealed
from hes.store.codec import EventCodec
from hes.store.database import Transaction
from hes.store.holds import STREAM
from hes.store.placing import Placer
from hes.store.port import Append
from hes.store.sealed_writing import Range
from hes.store.sql_log import forget, look_up, store

Row = tuple[str, bytes]
"""Topic and state of an event."""


def note(tx: Transaction, nid: int, row: Row) -> None:
    """Append an event to the stream of the log's life; ``tx`` has the head, which is at ``nid``."""
    placer = Placer()
    forget(placer, tx)
    look_up(placer, tx, [STREAM])
    _, placed = placer.place([Append(STREAM, None, [row])], nid)
    store(tx, placed)


def sealed_note(codec: EventCodec, now: datetime, actor: str) -> Callable[[Range, int, int], Row]:
    """Return what makes the event of a segment that is sealed, of its blocks and their octets."""

    def told(at: Range, blocks: int, octets: int) -> Row:
        return codec.encode(
            LogSealed(
                received_at=now, first=at.first, last=at.last, blocks=blocks, octets=octets,
                actor=actor,
            )
        )  # fmt: skip

    return told
