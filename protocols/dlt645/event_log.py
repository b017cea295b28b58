"""Reading the event log of a DL/T 645-2007 meter: class 03, the last ten of each kind.

A record begins with when it happened; most go on with when it ended. What a clear or a programming
changed stands behind, and is not read.
"""

from datetime import datetime
from typing import Final

import msgspec

from protocols.dialogue import Dialogue
from protocols.dlt645 import bcd
from protocols.dlt645.client import Dlt645Client
from protocols.dlt645.exchange import Refusal
from protocols.errors import MeterRefused, RemoteProtocolError
from protocols.values import ProfileRead, ReadValue, TableRow

EVENTS: Final = "0.0.99.98.0.255"
EVENT_CODE: Final = "0.0.96.11.0.255"
DURATION: Final = "0.0.96.8.0.255"
SECOND: Final = 7
RECORDS_MAX: Final = 10
TIME_SIZE: Final = 6
COUNT_SIZE: Final = 3


class LogKind(msgspec.Struct, frozen=True):
    """One kind of event."""

    name: int
    """The identifier without the number of the record."""
    counter: int
    """The identifier of how often it happened."""
    counter_at: int = 0
    """Where in that answer."""
    begin_at: int = 0
    """Where in a record its time stands."""
    end_at: int | None = TIME_SIZE
    """Where its end stands; None: it has none."""


def _phased(di2: int) -> list[LogKind]:
    """Return the kinds of A, B and C; their counts and durations are one answer."""
    name = 0x03000000 | di2 << 16
    return [
        LogKind(name | phase << 8, name, counter_at=2 * COUNT_SIZE * (phase - 1))
        for phase in (1, 2, 3)
    ]


def _operated(di1: int, begin_at: int = 0) -> LogKind:
    name = 0x03300000 | di1 << 8
    return LogKind(name, name, begin_at=begin_at, end_at=None)


KINDS: Final = (
    LogKind(0x03110000, 0x03110000),
    LogKind(0x03300D00, 0x03300D00),
    LogKind(0x03300E00, 0x03300E00),
    _operated(0),
    _operated(1),
    _operated(2),
    _operated(3),
    _operated(4, begin_at=4),
    *_phased(1), *_phased(2), *_phased(3), *_phased(4),
    LogKind(0x03070000, 0x03070000),
    LogKind(0x03090000, 0x03090000),
    *_phased(0x0C),
)  # fmt: skip
"""Supply lost; covers; programming, clearing of all, demands or events, clock set (there, who
did it comes first); voltage lost, low, high, phase broken; phase order; imbalance; over-current."""


def read_events(client: Dlt645Client, begin: datetime, end: datetime) -> Dialogue[ProfileRead]:
    """Read the events from ``begin`` to ``end``: vendor code and duration.

    Raises:
        MeterRefused: it keeps no log.

    """
    if client.old:
        raise MeterRefused("meters of the standard of 1997 keep no event log")
    counts: dict[int, bytes] = {}
    rows: list[TableRow] = []
    for kind in KINDS:
        if kind.counter not in counts:
            answer = yield from client.line.read(kind.counter)
            counts[kind.counter] = b"" if isinstance(answer, Refusal) else answer
        happened = _count(counts[kind.counter], kind.counter_at)
        for number in range(1, min(happened, RECORDS_MAX) + 1):
            answer = yield from client.line.read(kind.name + number)
            row = None if isinstance(answer, Refusal) else _row(client, kind, answer)
            if row is None or row.time < begin:
                break  # the newest comes first
            if row.time <= end:
                rows.append(row)
    if not any(counts.values()):
        raise MeterRefused("the meter keeps no event log")
    columns = [ReadValue(EVENT_CODE, None, class_id=1, attribute=2),
               ReadValue(DURATION, None, 0, SECOND, 3, 2)]  # fmt: skip
    return ProfileRead(EVENTS, None, columns, sorted(rows, key=lambda row: row.time))


def _count(answer: bytes, at: int) -> int:
    raw = answer[at : at + COUNT_SIZE]
    text = bcd.backwards(raw)
    return int(text) if len(raw) == COUNT_SIZE and text.isdecimal() else 0


def _row(client: Dlt645Client, kind: LogKind, record: bytes) -> TableRow | None:
    time = _moment(client, record, kind.begin_at)
    if time is None:
        return None
    ended = None if kind.end_at is None else _moment(client, record, kind.end_at)
    lasted_s = None if ended is None else max(0, int((ended - time).total_seconds()))
    return TableRow(time, None, (f"{kind.name >> 8:06X}", lasted_s))


def _moment(client: Dlt645Client, record: bytes, at: int) -> datetime | None:
    raw = record[at : at + TIME_SIZE]
    try:
        return client.instant(raw) if len(raw) == TIME_SIZE else None
    except RemoteProtocolError:
        return None  # one damaged record does not cost the others
