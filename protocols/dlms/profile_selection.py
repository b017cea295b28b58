"""Which rows of a profile a meter sends: by range of time, by entry, or all that it has.

Meters differ in what they can, and some refuse times with a deviation, others times without. The
ways are tried from the cheapest on; the one that worked is where the next read begins.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from math import ceil
from typing import Any, Final

import msgspec

from protocols.dlms import axdr_encode as ax, cosem
from protocols.dlms.acse import SELECTIVE_ACCESS
from protocols.dlms.client import Dialogue, DlmsClient
from protocols.dlms.cosem import (
    Attribute,
    DataAccessError,
    Refused,
    Result,
    Selection,
    by_column,
    by_entry,
    by_range,
    obis_bytes,
)
from protocols.dlms.objects import Column
from protocols.dlms.reader import TimeRules

FIFO: Final = 1
"""Sort method: the first entry is the oldest."""
SLACK: Final = 4
"""Entries that are read on top: a clock that was set back has captured some moments twice."""
FINAL: Final = frozenset({DataAccessError.READ_WRITE_DENIED, DataAccessError.OBJECT_UNDEFINED})
"""Refusals of the profile itself, whichever way it is asked for."""


class Way(StrEnum):
    """How to ask."""

    RANGE = "range"
    RANGE_OTHERWISE = "range-otherwise"
    """By range, the times written with the deviation where the meter goes without, or without."""
    ENTRY = "entry"
    WHOLE = "whole"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one profile between two times."""

    obis: bytes
    clock: Column
    begin: datetime
    end: datetime
    period_s: int | None
    time_of: Callable[[Any], datetime | None]
    """Tells the time of a row."""
    selection: tuple[Way, ...] = tuple(Way)
    """The ways that meters of this type know, the likeliest first."""

    @property
    def buffer(self) -> Attribute:
        """The attribute that holds the rows."""
        return Attribute(cosem.CLASS_PROFILE, self.obis, 2)

    def range_in(self, style: TimeRules) -> Selection:
        """Return the selection of the rows, the times written as the clock column has them."""
        clock, ends = obis_bytes(self.clock.obis), (self.begin, self.end)
        if self.clock.class_id == cosem.CLASS_CLOCK:
            return by_range(clock, *(style.encode(end) for end in ends))
        values = [ax.u32(min(max(0, int(end.timestamp())), 0xFFFFFFFF)) for end in ends]
        return by_column(self.clock.class_id, clock, *values)


def read_buffer(
    client: DlmsClient, wanted: Wanted, rules: TimeRules, known: Way | None
) -> Dialogue[tuple[Result, Way]]:
    """Return the rows, at least those that are wanted, and the way that worked."""
    selective = client.agreed is not None and client.agreed.allows(SELECTIVE_ACCESS)
    ways = list(wanted.selection) if selective else [Way.WHOLE]
    first = ways.index(known) if known in ways else 0
    result: Result = Refused(DataAccessError.OTHER_REASON)
    for way in ways[first:]:
        result = yield from _ask(client, wanted, rules, way)
        if not isinstance(result, Refused) or result.code in FINAL:
            return result, way
    return result, ways[first]


def _ask(client: DlmsClient, wanted: Wanted, rules: TimeRules, way: Way) -> Dialogue[Result]:
    match way:
        case Way.RANGE | Way.RANGE_OTHERWISE:
            style = rules if way is Way.RANGE else rules.other_way()
            return (yield from client.get(wanted.buffer, wanted.range_in(style)))
        case Way.ENTRY:
            first = yield from _first_entry(client, wanted)
            return (yield from client.get(wanted.buffer, by_entry(first, 0)))
        case Way.WHOLE:  # pragma: no branch -- no other
            return (yield from client.get(wanted.buffer))


def _first_entry(client: DlmsClient, wanted: Wanted) -> Dialogue[int]:
    """Return an entry that is not later than the first wanted row, as late as can be told.

    Counted back from the newest: rows are at most one a period, so going back so many of them
    reaches far enough. 1, the oldest, where the meter does not tell enough.
    """
    if not wanted.period_s:
        return 1
    count = yield from client.get(Attribute(cosem.CLASS_PROFILE, wanted.obis, 7))
    method = yield from client.get(Attribute(cosem.CLASS_PROFILE, wanted.obis, 5))
    if not isinstance(count, int) or count < 1 or method != FIFO:
        return 1
    rows = yield from client.get(wanted.buffer, by_entry(count, count))
    newest = wanted.time_of(rows[-1]) if isinstance(rows, list) and rows else None
    if newest is None:
        return 1
    back_s = (newest - wanted.begin).total_seconds()
    return max(1, count - max(0, ceil(back_s / wanted.period_s)) - SLACK)
