"""The energy of a period out of what a meter told: index readings, and values of intervals.

An index (OBIS group D = 8) is subtracted, the energy of intervals (D = 29) is added up, both
exactly. A value that was delivered more than once counts once, as it came last. Pure.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Final, NamedTuple

from hes.audit.values import channels, energy_of, time_of
from hes.events.base import DomainEvent
from hes.events.layout import Channel
from hes.events.reading import LoadProfileRead, Reading

DIGITS: Final = 60
"""Enough for sums of millions of numbers of 64 bits: nothing is ever rounded."""


class Point(NamedTuple):
    """One energy that a meter told, and where it stands in the log."""

    at: datetime
    """Of an interval: its end."""
    number: Decimal
    unit: str
    raw: int | float
    """As the meter sent it, before ``scaler``."""
    scaler: int | None
    clock: str
    """Who told the time: ``meter`` or ``head-end``."""
    position: int
    profile: str | None = None
    period_s: int | None = None
    status: int | None = None


class Delivered(NamedTuple):
    """All deliveries of one value, the last one first: that one counts."""

    counts: Point
    again: tuple[Point, ...] = ()

    @property
    def differing(self) -> list[Point]:
        """Earlier deliveries that said something else."""
        here = self.counts
        return [p for p in self.again if (p.number, p.unit) != (here.number, here.unit)]


def interval_code(obis: str) -> str:
    """Return the code under which a profile has the energy of intervals of a register."""
    groups = obis.split(".")
    return ".".join([*groups[:3], "29", *groups[4:]])


class Gathered:
    """The energies of one register in the events of a meter."""

    def __init__(self, obis: str, begin: datetime, end: datetime) -> None:
        self._index_code = obis
        self._interval_code = interval_code(obis)
        self._begin = begin
        self._end = end
        self._index: dict[datetime, list[Point]] = {}
        self._intervals: dict[str, dict[datetime, list[Point]]] = {}
        self.unusable: list[int] = []
        """Positions of events whose value has no unit of energy, or is none."""

    def take(self, position: int, event: DomainEvent) -> None:
        """Take the next event of the meter's stream."""
        if isinstance(event, Reading):
            self._reading(position, event)
        elif isinstance(event, LoadProfileRead):
            self._profile(position, event)

    def _reading(self, position: int, event: Reading) -> None:
        for place, channel, value in channels(event.layout, event.values):
            if channel.obis == self._index_code:
                time, clock = time_of(event, place)
                point = self._point(channel, value, time, position)
                if point is not None:
                    self._add(self._index, point._replace(clock=clock))

    def _profile(self, position: int, event: LoadProfileRead) -> None:
        wanted = {self._index_code, self._interval_code}
        if not any(channel.obis in wanted for channel in event.layout.channels):
            return
        for row in event.rows:
            for _, channel, value in channels(event.layout, row.values):
                inside = channel.obis == self._index_code or self._begin < row.ends_at <= self._end
                if channel.obis not in wanted or value is None or not inside:
                    continue
                point = self._point(channel, value, row.ends_at, position)
                if point is None:
                    continue
                point = point._replace(
                    profile=event.profile, period_s=event.period_s, status=row.status
                )
                if channel.obis == self._index_code:
                    self._add(self._index, point)
                else:
                    self._add(self._intervals.setdefault(event.profile, {}), point)

    def _point(self, channel: Channel, value: object, at: datetime, position: int) -> Point | None:
        told = energy_of(channel, value)
        if told is None or not isinstance(value, int | float):
            if position not in self.unusable[-1:]:
                self.unusable.append(position)
            return None
        return Point(at, *told, value, channel.scaler, "meter", position)

    @staticmethod
    def _add(points: dict[datetime, list[Point]], point: Point) -> None:
        points.setdefault(point.at, []).append(point)

    def index(self) -> list[Delivered]:
        """Return the index readings, the oldest first."""
        return _ordered(self._index)

    def intervals(self) -> dict[str, list[Delivered]]:
        """Return the intervals of the period by profile, the oldest first."""
        return {profile: _ordered(points) for profile, points in self._intervals.items()}


def _ordered(points: dict[datetime, list[Point]]) -> list[Delivered]:
    return [Delivered(points[at][-1], tuple(reversed(points[at][:-1]))) for at in sorted(points)]


class Difference(NamedTuple):
    """The energy between two index readings."""

    opening: Delivered
    closing: Delivered

    @property
    def energy(self) -> Decimal:
        """Closing less opening; negative when the index went backwards."""
        with localcontext(prec=DIGITS):
            return self.closing.counts.number - self.opening.counts.number

    @property
    def same_unit(self) -> bool:
        """Whether they can be subtracted."""
        return self.opening.counts.unit == self.closing.counts.unit


class ByIndex(NamedTuple):
    """The nearest index readings around a period; None where there are none."""

    inner: Difference | None
    """Within the period: it used so much at least."""
    outer: Difference | None
    """Around the period: so much at most."""

    @property
    def exact(self) -> bool:
        """Whether there are readings at just the beginning and the end."""
        return self.inner is not None and self.inner == self.outer


def by_index(points: Sequence[Delivered], begin: datetime, end: datetime) -> ByIndex:
    """Return what index readings tell of a period."""
    inside = [point for point in points if begin <= point.counts.at <= end]
    before = [point for point in points if point.counts.at <= begin][-1:]
    after = [point for point in points if point.counts.at >= end][:1]
    return ByIndex(_difference(inside[:1], inside[1:][-1:]), _difference(before, after))


def _difference(opening: Sequence[Delivered], closing: Sequence[Delivered]) -> Difference | None:
    if not opening or not closing:
        return None
    found = Difference(opening[0], closing[0])
    return found if found.same_unit else None


class Gap(NamedTuple):
    """Intervals of a period that nobody delivered, from the end of the last one before."""

    begin: datetime
    end: datetime


class ByIntervals(NamedTuple):
    """The sum of the intervals of a period."""

    profile: str
    energy: Decimal
    unit: str
    period_s: int | None
    gaps: list[Gap]
    points: list[Delivered]
    reaches_back: bool
    """The first interval began before the period."""


def by_intervals(
    profile: str, points: Sequence[Delivered], begin: datetime, end: datetime
) -> ByIntervals | None:
    """Return what the intervals of one profile tell of a period; None: nothing.

    Intervals of another unit than the first are left out, as a gap.
    """
    if not points:
        return None
    unit = points[0].counts.unit
    counted = [point for point in points if point.counts.unit == unit]
    period_s = next((p.counts.period_s for p in counted if p.counts.period_s), None)
    ends = [point.counts.at for point in counted]
    if period_s is None and len(ends) > 1:
        period_s = int(min(later - one for one, later in pairwise(ends)).total_seconds())
    with localcontext(prec=DIGITS):
        energy = sum((point.counts.number for point in counted), Decimal(0))
    return ByIntervals(
        profile,
        energy,
        unit,
        period_s,
        list(_gaps(ends, begin, end, period_s)),
        counted,
        period_s is not None and ends[0] - begin < timedelta(seconds=period_s),
    )


def _gaps(
    ends: Sequence[datetime], begin: datetime, end: datetime, period_s: int | None
) -> Iterable[Gap]:
    period = timedelta(seconds=period_s or 0)
    for one, later in pairwise([begin, *ends, end]):
        last = later == end and one == ends[-1]
        if later - one > period or (last and later > one):
            yield Gap(one, later)
