"""Loads the memory of an actor: its last snapshot and the events since."""

from typing import Final, Protocol, Self, TypeVar

import msgspec

from hes.events.base import DomainEvent
from hes.ids import StreamId
from hes.meter_state import MeterState
from hes.store.codec import EventCodec
from hes.store.port import EventLog

PAGE: Final = 500


class Memory(Protocol):
    """A fold of one stream, which can be kept."""

    def apply(self, event: DomainEvent) -> None:
        """Take one event of the stream."""
        ...

    @classmethod
    def restore(cls, state: bytes) -> Self:
        """Return the memory in a stored form.

        Raises:
            msgspec.DecodeError: it was written by another version; fold the stream instead.

        """
        ...


M = TypeVar("M", bound=Memory)


def load_state(log: EventLog, codec: EventCodec, stream: StreamId) -> tuple[MeterState, int]:
    """Return the memory of a meter and the version of the stream that it stands at."""
    return load_memory(MeterState, log, codec, stream)


def load_memory(kind: type[M], log: EventLog, codec: EventCodec, stream: StreamId) -> tuple[M, int]:
    """Return the memory of a kind and the version of the stream that it stands at."""
    state, version = _snapshot(kind, log, stream)
    while rows := log.read_stream(stream, version, PAGE):
        for row in rows:
            state.apply(codec.decode(row.topic, row.state))
        version = rows[-1].version
        if len(rows) < PAGE:
            break
    return state, version


def _snapshot(kind: type[M], log: EventLog, stream: StreamId) -> tuple[M, int]:
    kept = log.load_snapshot(stream)
    if kept is None:
        return kind(), 0
    try:
        return kind.restore(kept[1]), kept[0]
    except msgspec.DecodeError:
        return kind(), 0  # an older version wrote it: the whole stream is folded instead
