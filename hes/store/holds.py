"""Legal holds: streams whose events must not be purged. A fold of the stream of the log's life."""

from datetime import datetime
from typing import Final

from hes.events.base import DomainEvent
from hes.events.log_life import LegalHoldPlaced, LegalHoldReleased
from hes.ids import StreamId
from hes.store.codec import EventCodec
from hes.store.errors import StoreDuplicate, StoreError
from hes.store.port import EventLog
from hes.store.records import Record, Records

STREAM: Final = StreamId("audit:log")
PAGE: Final = 1000
TRIES: Final = 10
"""Others may append to the same stream at the same time."""


def holds(log: EventLog, codec: EventCodec) -> dict[str, LegalHoldPlaced]:
    """Return the streams on hold, and what was said when they were put there.

    Raises:
        StoreError: see ``EventLog``.

    """
    found: dict[str, LegalHoldPlaced] = {}
    version = -1
    while rows := log.read_stream(STREAM, version, PAGE):
        version = rows[-1].version
        for row in rows:
            event = codec.decode(row.topic, row.state)
            if isinstance(event, LegalHoldPlaced):
                found[event.held] = event
            elif isinstance(event, LegalHoldReleased):
                found.pop(event.held, None)
    return found


class Holder:
    """Places and releases holds, beside a node that runs."""

    def __init__(self, log: EventLog, records: Records, codec: EventCodec) -> None:
        self._log = log
        self._records = records
        self._codec = codec

    def place(self, stream: str, now: datetime, actor: str, reason: str) -> None:
        """Put a stream on hold.

        Raises:
            StoreError: there is no such stream, or it is on hold already.

        """
        if not self._log.stream_head(stream):
            raise StoreError(f"the log has no events of {stream}")
        held = holds(self._log, self._codec).get(stream)
        if held is not None:
            raise StoreError(
                f"{stream} is on hold since {held.received_at:%Y-%m-%d}, by {held.actor}"
            )
        self._append(LegalHoldPlaced(received_at=now, held=stream, actor=actor, reason=reason))

    def release(self, stream: str, now: datetime, actor: str, reason: str) -> None:
        """Release a stream.

        Raises:
            StoreError: it is not on hold.

        """
        if stream not in holds(self._log, self._codec):
            raise StoreError(f"{stream} is not on hold")
        self._append(LegalHoldReleased(received_at=now, held=stream, actor=actor, reason=reason))

    def _append(self, event: DomainEvent) -> None:
        topic, state = self._codec.encode(event)
        for left in reversed(range(TRIES)):
            version = self._log.stream_head(STREAM) + 1
            try:
                self._records.insert([Record(STREAM, version, topic, state)])
            except StoreDuplicate:
                if not left:
                    raise
            else:
                return
