"""Brings the snapshots of actors up to what is sealed, so that no start reads a block."""

import contextlib
from collections.abc import Mapping
from typing import Final

from hes.ids import METER_PREFIX, MODEM_PREFIX, StreamId
from hes.meter_state import MeterState
from hes.modem_state import ModemState
from hes.store.codec import EventCodec
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.loading import load_memory
from hes.store.port import EventLog

KINDS: Final = ((METER_PREFIX, MeterState), (MODEM_PREFIX, ModemState))


def refresh(log: EventLog, codec: EventCodec, ends: Mapping[str, int]) -> int:
    """Save snapshots of the streams that are not as far as ``ends``; return how many.

    A memory is a fold of its stream and nothing else, so anybody may save it. Streams that cannot
    be read are left as they are: their actors will say why.

    Raises:
        StoreUnavailable: the database is away.

    """
    saved = 0
    for stream, version in ends.items():
        kind = next((kind for prefix, kind in KINDS if stream.startswith(prefix)), None)
        if kind is None:
            continue
        kept = log.load_snapshot(stream)
        if kept is not None and kept[0] >= version:
            continue
        with contextlib.suppress(_Unreadable):
            saved += _save(log, codec, kind, StreamId(stream))
    return saved


class _Unreadable(Exception):
    """A stream holds what this program does not understand."""


def _save(
    log: EventLog, codec: EventCodec, kind: type[MeterState | ModemState], stream: StreamId
) -> int:
    try:
        state, at = load_memory(kind, log, codec, stream)
    except StoreUnavailable:
        raise
    except StoreError as problem:
        raise _Unreadable(str(problem)) from problem
    log.save_snapshot(stream, at, state.snapshot())
    return 1
