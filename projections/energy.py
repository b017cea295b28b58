"""Energy of days, made of the rows of the day that are there, never of what arrives.

A batch only marks the days whose rows it changed. In quiet moments the marked days are made anew,
all registers of each at once; until then whoever asks for one has it made of its rows. A night of
load profiles thus costs the energy of a day once a day, not once a delivery.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from functools import lru_cache
from typing import Any, Final, NamedTuple

from hes.events.layout import Layout
from hes.events.reading import LoadProfileRead
from projections.cells import LAYOUTS_CACHED
from projections.daily import INDEX, Day, days_of, energy_of, is_load_profile, kind_of
from projections.interval_table import INTERVAL
from projections.sql.database import Database
from projections.sql.schema import NAME, Table, Upsert, text, whole

SETTLED_AT_ONCE: Final = 1000
"""Marks; so many are made in one transaction."""
ENDS_CACHED: Final = 8192
ENERGY_DAY: Final = Table(
    "energy_day",
    (
        text("meter_id", NAME), text("profile"), text("obis"), whole("local_day"),
        text("energy", optional=True), text("unit", optional=True), whole("intervals"),
        whole("first_at"), whole("last_at"), text("quality"),
    ),
    key=("meter_id", "profile", "obis", "local_day"),
    indexes=(("local_day", "obis"),),
)  # fmt: skip
STALE: Final = Table(
    "energy_stale",
    (
        whole("local_day"), text("profile"), text("meter_id", NAME), whole("day_start"),
        whole("day_end"),
    ),
    key=("local_day", "profile", "meter_id"),
    indexes=(("meter_id",),),
)  # fmt: skip
"""Days whose energy must be made anew; when they begin and end, so that readers need no zone."""
MARK: Final = Upsert(STALE)
MARKS: Final = "SELECT local_day, day_start, day_end, profile, meter_id FROM {energy_stale}"
OLDEST: Final = f"{MARKS} ORDER BY local_day, profile, meter_id"
OF_A_DAY: Final = (
    "SELECT meter_id, obis, ends_at, value_text, unit FROM {part}"
    " WHERE meter_id IN (??) AND profile = ? AND ends_at >= ? AND ends_at <= ?"
    " AND (obis LIKE '1.%.8.%' OR obis LIKE '1.%.29.%')"
)
"""Energies, and a few others."""
OF_METERS: Final = "WHERE meter_id IN (??) AND profile = ? AND local_day = ?"

Row = tuple[Any, ...]


class Stale(NamedTuple):
    """A day of a profile."""

    profile: str
    day: Day


class StaleDays:
    """Which days a batch makes stale."""

    def __init__(self, zone: tzinfo, first_ms: int | None) -> None:
        """``first_ms``: the begin of the first day whose rows are kept."""
        self._zone = zone
        self._first_ms = first_ms
        self._marked: set[tuple[Day, str, str]] = set()

    def add(self, event: LoadProfileRead, meter: str, ends: Sequence[int]) -> None:
        """Take a profile; ``ends`` of its intervals are in ms."""
        kinds = _kinds(event.layout)
        if not kinds or not is_load_profile(event.profile):
            return
        # An interval ends in one day; an index at midnight also begins the next.
        count = 2 if INDEX in kinds else 1
        for day in {day for end in ends for day in _days(end, self._zone)[:count]}:
            if self._first_ms is None or day.start >= self._first_ms:
                self._marked.add((day, event.profile, meter))

    def rows(self) -> list[Row]:
        """Return a row of ``STALE`` for each."""
        return [
            (day.number, profile, meter, day.start, day.end) for day, profile, meter in self._marked
        ]


@lru_cache(maxsize=LAYOUTS_CACHED)
def _kinds(layout: Layout) -> frozenset[str]:
    kinds = (kind_of(channel.obis) for channel in layout.channels)
    return frozenset(kind for kind in kinds if kind is not None)


@lru_cache(maxsize=ENDS_CACHED)
def _days(ends_at: int, zone: tzinfo) -> list[Day]:
    return days_of(ends_at, zone)


# -- making them


def is_stale(db: Database) -> bool:
    """Return whether any day is."""
    return bool(db.query(db.limited("SELECT local_day FROM {energy_stale}"), [1]))


def settle(db: Database) -> bool:
    """Make some of the marked days anew; False when there are no more."""
    marks = db.query(db.limited(OLDEST), [SETTLED_AT_ONCE])
    for stale, meters in _grouped(marks).items():
        of_them = [stale.profile, stale.day.number]
        # All of the day: a register of which nothing can be told any more must go.
        db.execute_in(f"DELETE FROM {{energy_day}} {OF_METERS}", meters, of_them)
        db.insert(ENERGY_DAY, list(made(db, stale, meters)))
        db.execute_in(f"DELETE FROM {{energy_stale}} {OF_METERS}", meters, of_them)
    return len(marks) == SETTLED_AT_ONCE


def _grouped(marks: Sequence[Any]) -> dict[Stale, list[str]]:
    found: defaultdict[Stale, list[str]] = defaultdict(list)
    for number, start, end, profile, meter in marks:
        found[Stale(profile, Day(int(number), int(start), int(end)))].append(meter)
    return found


def made(db: Database, stale: Stale, meters: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of ``ENERGY_DAY`` of a day, as the intervals tell it now."""
    profile, day = stale
    registers: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
    for place in db.parts(INTERVAL, day.start, day.end):
        sql = OF_A_DAY.replace("{part}", place)
        for meter, obis, *value in db.query_in(sql, meters, [profile, day.start, day.end]):
            registers[meter, obis].append(value)
    for (meter, obis), values in registers.items():
        energy = energy_of(obis, values, day) if kind_of(obis) else None
        if energy is not None:
            yield (meter, profile, obis, day.number, *energy)


def stale_of(db: Database, meter: str) -> list[Stale]:
    """Return the marked days of a meter."""
    return list(_grouped(db.query(f"{MARKS} WHERE meter_id = ?", [meter])))


# -- forgetting them


def forget(db: Database, first_ms: int) -> None:
    """Remove the days that begin before a moment: of them rows are gone, or will be."""
    *_, day = days_of(first_ms, db.zone)
    number = day.number if day.start >= first_ms else day.number + 1
    for table in (ENERGY_DAY, STALE):
        db.execute(f"DELETE FROM {{{table.name}}} WHERE local_day < ?", [number])
