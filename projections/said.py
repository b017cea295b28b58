"""What readings say of their meters: columns of values, made once for all projections.

Column by column, and rows only where they are written: that is half of the work of row by row, and
much less in memory at a time.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple

from hes.events.base import Recorded
from hes.events.layout import Layout
from hes.events.reading import Reading
from hes.ids import METER_PREFIX
from projections.base import Database, utc_ms
from projections.cells import Column, cell, columns_of
from projections.sql.schema import NAME, TEXT, text, whole

VALUE = (
    text("meter_id", NAME), text("obis"), whole("time"), whole("received_at"),
    text("value_text", TEXT, optional=True), text("unit", optional=True), text("source"),
    text("quality"),
)  # fmt: skip
Row = tuple[Any, ...]
WHOLE_NUMBERS = {int}


class Register(NamedTuple):
    """One code in readings of one layout; what is not a list is the same, endlessly."""

    obis: str
    times: Sequence[int]
    """Of the value itself, or of its reading; ms."""
    shown: Sequence[str | None]
    units: Iterable[str | None]
    qualities: Iterable[str]


class Said(NamedTuple):
    """Readings of one layout: one of them at each place of the lists, in the order of the log."""

    layout: Layout
    positions: Sequence[int]
    meters: Sequence[str]
    received: Sequence[int]
    times: Sequence[int]
    """The meter's, or ours when it told none; both in ms."""
    sources: Sequence[str]
    registers: Sequence[Register]
    """Of each of its ``columns_of``."""

    def rows(self, *more: Sequence[Any]) -> Iterator[Row]:
        """Return a row of ``VALUE`` for each value, with something of its reading behind it.

        Those of one reading stand together, as they do in the tables: a tenth of the pages.
        """
        columns = [
            zip(
                self.meters, repeat(one.obis), one.times, self.received, one.shown, one.units,
                self.sources, one.qualities, *more, strict=False,
            )
            for one in self.registers
        ]  # fmt: skip
        return chain.from_iterable(zip(*columns, strict=True))


def said(batch: Sequence[Recorded], db: Database) -> list[Said]:
    """Return what the readings of meters in a batch say.

    Whoever folds readings sees all of them from some position on: batches with the same first and
    the same last one have the same ones.
    """
    readings = [recorded for recorded in batch if type(recorded.event) is Reading]
    if not readings:
        return []
    key = readings[0].position, readings[-1].position
    found: list[Said] | None = db.shared.get(key)
    if found is None:
        found = db.shared[key] = _said(readings)
    return found


def meters_of(readings: Iterable[Said]) -> list[str]:
    """Return the meter of each reading."""
    return list(chain.from_iterable(one.meters for one in readings))


def _said(readings: Sequence[Recorded]) -> list[Said]:
    groups: defaultdict[tuple[int, bool], list[tuple[int, str, Reading]]] = defaultdict(list)
    prefix_size = len(METER_PREFIX)
    for recorded in readings:
        event, stream = recorded.event, recorded.stream
        if type(event) is Reading and stream.startswith(METER_PREFIX):
            group = groups[event.layout.id, event.times is None]
            group.append((recorded.position, stream[prefix_size:], event))
    return [_of_one_layout(*zip(*group, strict=True)) for group in groups.values()]


def _of_one_layout(
    positions: Sequence[int], meters: Sequence[str], events: Sequence[Reading]
) -> Said:
    layout = events[0].layout
    received = [utc_ms(event.received_at) for event in events]
    times = [
        at if event.device_time is None else utc_ms(event.device_time)
        for event, at in zip(events, received, strict=True)
    ]
    sources = [event.source._value_ for event in events]
    values = [event.values for event in events]
    registers = [_register(column, values, times) for column in columns_of(layout)]
    if events[0].times is not None:
        own = [_own_times(event) for event in events]
        registers = [one._replace(times=_told(one.obis, own, times)) for one in registers]
    return Said(layout, positions, meters, received, times, sources, registers)


def _register(column: Column, rows: Sequence[Sequence[Any]], times: Sequence[int]) -> Register:
    place, obis, channel, write, unit, quality = column
    values = [row[place] for row in rows]
    if set(map(type, values)) == WHOLE_NUMBERS:
        return Register(obis, times, list(map(write, values)), repeat(unit), repeat(quality))
    cells = [
        (write(value), unit, quality) if type(value) is int else cell(channel, value)
        for value in values
    ]
    return Register(obis, times, *zip(*cells, strict=True))


def _own_times(event: Reading) -> dict[str, int]:
    """Return when the values occurred that have a time of their own, such as a maximum."""
    pairs = zip(event.layout.channels, event.times or (), strict=False)
    return {channel.obis: utc_ms(time) for channel, time in pairs if time is not None}


def _told(obis: str, own: Sequence[dict[str, int]], times: Sequence[int]) -> list[int]:
    return [mine.get(obis, time) for mine, time in zip(own, times, strict=True)]
