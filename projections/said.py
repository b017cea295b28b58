"""What readings say of their meters: columns of values, made once for all projections.

Column by column, and rows only where they are written: that is half of the work of row by row, and
much less in memory at a time.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain, compress
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from hes.events.base import Recorded
from hes.events.layout import Layout
from hes.events.reading import Reading
from hes.ids import METER_PREFIX
from projections.base import Database, all_utc_ms, utc_ms
from projections.cells import columns_of, told
from projections.sql.flat_rows import FlatRows, woven
from projections.sql.schema import NAME, TEXT, text, whole

VALUE = (
    text("meter_id", NAME), text("obis"), whole("time"), whole("received_at"),
    text("value_text", TEXT, optional=True), text("unit", optional=True), text("source"),
    text("quality"),
)  # fmt: skip
T = TypeVar("T")
BY_STREAM = attrgetter("stream")


class Register(NamedTuple):
    """One code in readings of one layout."""

    obis: str
    times: Sequence[int]
    """Of the value itself, or of its reading; ms."""
    shown: Sequence[str | None]
    units: Sequence[str | None]
    qualities: Sequence[str]


class Said(NamedTuple):
    """Readings of one layout: one of them at each place of the lists.

    By meter, those of one meter in the order of the log: as in the tables, which are written page
    by page.
    """

    layout: Layout
    positions: Sequence[int]
    meters: Sequence[str]
    received: Sequence[int]
    times: Sequence[int]
    """The meter's, or ours when it told none; both in ms."""
    sources: Sequence[str]
    registers: Sequence[Register]
    """Of each of its ``columns_of``."""
    has_own_times: bool
    """Whether some registers have times of their own."""

    def only(self, wanted: Sequence[bool]) -> "Said":
        """Return the readings at some places."""

        def some(column: Sequence[T]) -> list[T]:
            return list(compress(column, wanted))

        return Said(
            self.layout, some(self.positions), some(self.meters), some(self.received),
            some(self.times), some(self.sources),
            [
                Register(one.obis, some(one.times), some(one.shown), some(one.units),
                         some(one.qualities))
                for one in self.registers
            ],
            self.has_own_times,
        )  # fmt: skip

    def rows(self, *more: Sequence[Any]) -> FlatRows:
        """Return a row of ``VALUE`` for each value, with something of its reading behind it.

        Those of one reading stand together, as they do in the tables: a tenth of the pages.
        """
        count = len(self.meters)
        return woven([
            [
                self.meters, [one.obis] * count, one.times, self.received, one.shown, one.units,
                self.sources, one.qualities, *more,
            ]
            for one in self.registers
        ])  # fmt: skip


def said(batch: Sequence[Recorded], db: Database) -> list[Said]:
    """Return what the readings of meters in a batch say.

    Whoever folds readings sees all of them from some position on: batches with the same first and
    the same last one have the same ones.
    """
    first = next((one for one in batch if type(one.event) is Reading), None)
    if first is None:
        return []
    last = next(one for one in reversed(batch) if type(one.event) is Reading)
    key = first.position, last.position
    found: list[Said] | None = db.shared.get(key)
    if found is None:
        found = db.shared[key] = _said(batch)
    return found


def meters_of(readings: Iterable[Said]) -> list[str]:
    """Return the meter of each reading."""
    return list(chain.from_iterable(one.meters for one in readings))


def repeated(names: Sequence[str]) -> set[str]:
    """Return those that are there more than once; mostly there are none."""
    if len(set(names)) == len(names):
        return set()
    return {name for name, count in Counter(names).items() if count > 1}


def _said(batch: Sequence[Recorded]) -> list[Said]:
    readings = sorted((one for one in batch if type(one.event) is Reading), key=BY_STREAM)
    # In order, what lies between two streams of meters is one too.
    if not all(one.stream.startswith(METER_PREFIX) for one in (readings[0], readings[-1])):
        readings = [one for one in readings if one.stream.startswith(METER_PREFIX)]
    events: list[Any] = [one.event for one in readings]  # of ``Reading``
    if len({id(event.layout) for event in events}) == 1 and {e.times for e in events} == {None}:
        return [_of_one_layout(readings, events)]
    groups: defaultdict[tuple[int, bool], list[Recorded]] = defaultdict(list)
    for one, event in zip(readings, events, strict=True):
        groups[event.layout.id, event.times is None].append(one)
    return [_of_one_layout(group, [one.event for one in group]) for group in groups.values()]


def _of_one_layout(readings: Sequence[Recorded], events: Sequence[Any]) -> Said:
    prefix_size, layout = len(METER_PREFIX), events[0].layout
    received = all_utc_ms([event.received_at for event in events])
    times = _times([event.device_time for event in events], received)
    values = [event.values for event in events]
    registers = [
        Register(column.obis, times, *told(column, values)) for column in columns_of(layout)
    ]
    has_own_times = events[0].times is not None
    if has_own_times:
        own = [_own_times(event) for event in events]
        registers = [one._replace(times=_own_or(one.obis, own, times)) for one in registers]
    return Said(
        layout, [one.position for one in readings], [one.stream[prefix_size:] for one in readings],
        received, times, [event.source._value_ for event in events], registers, has_own_times,
    )  # fmt: skip


def _times(told_at: Sequence[datetime | None], received: Sequence[int]) -> list[int]:
    known = [time for time in told_at if time is not None]
    times = all_utc_ms(known)
    if len(times) == len(received):
        return times
    rest = iter(times)
    return [at if time is None else next(rest) for time, at in zip(told_at, received, strict=True)]


def _own_times(event: Reading) -> dict[str, int]:
    """Return when the values occurred that have a time of their own, such as a maximum."""
    pairs = zip(event.layout.channels, event.times or (), strict=False)
    return {channel.obis: utc_ms(time) for channel, time in pairs if time is not None}


def _own_or(obis: str, own: Sequence[dict[str, int]], times: Sequence[int]) -> list[int]:
    return [mine.get(obis, time) for mine, time in zip(own, times, strict=True)]
