"""Rebuilds what was known of a meter at a time, and what is known today."""

from datetime import datetime
from typing import NamedTuple

from hes.audit.errors import AuditError
from hes.audit.known import Known
from hes.audit.walking import read, stream_rows
from hes.events.base import Recorded
from hes.ids import MeterId, meter_stream
from hes.store.codec import EventCodec
from hes.store.port import EventLog


class Replayed(NamedTuple):
    """Two folds of one stream."""

    then: Known
    now: Known
    unreadable: list[int]
    """Positions of events that this program cannot read: they are in neither."""


def replay(log: EventLog, codec: EventCodec, meter: MeterId, as_of: datetime) -> Replayed:
    """Fold the events of ``meter`` that we had received by ``as_of``, and all of them.

    Raises:
        AuditError: the log knows no such meter.
        StoreError: the database cannot be read.

    """
    then, now = Known(), Known()
    unreadable: list[int] = []
    for row in stream_rows(log, meter_stream(meter)):
        event = read(codec, row).event
        if event is None:
            unreadable.append(row.position)
            continue
        recorded = Recorded(row.position, row.stream, row.version, event)
        now.take(recorded)
        if event.received_at <= as_of:
            then.take(recorded)
    if not now.events and not unreadable:
        raise AuditError(f"the log has no events of a meter {meter}")
    return Replayed(then, now, unreadable)
