"""Loads the memory of a meter: its last snapshot and the events since."""

from typing import Final

import msgspec

from hes.ids import StreamId
from hes.meter_state import MeterState
from hes.store.codec import EventCodec
from hes.store.port import EventLog

PAGE: Final = 500


def load_state(log: EventLog, codec: EventCodec, stream: StreamId) -> tuple[MeterState, int]:
    """Return the memory and the version of the stream that it stands at."""
    state, version = _snapshot(log, stream)
    while rows := log.read_stream(stream, version, PAGE):
        for row in rows:
            state.apply(codec.decode(row.topic, row.state))
        version = rows[-1].version
        if len(rows) < PAGE:
            break
    return state, version


def _snapshot(log: EventLog, stream: StreamId) -> tuple[MeterState, int]:
    kept = log.load_snapshot(stream)
    if kept is None:
        return MeterState(), 0
    try:
        return MeterState.restore(kept[1]), kept[0]
    except msgspec.DecodeError:
        return MeterState(), 0  # an older version wrote it: the whole stream is folded instead
