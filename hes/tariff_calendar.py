"""A tariff calendar as people write it: seasons of weeks of days of switching times, and holidays.

Dates are ``YYYY-MM-DD``, where ``*`` is any: ``*-01-01`` comes each year. Times of day are
``HH:MM``. Rates are the numbers that the meter gives its own.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from hes import obis

_DATE: Final = re.compile(r"(\*|\d{4})-(\*|\d{1,3})-(\*|\d{1,3})(?:/([1-7]))?")
_TIME: Final = re.compile(r"(\d{2}):(\d{2})(?::(\d{2}))?")
ENTRIES_MAX: Final = 255
NAME_SIZE_MAX: Final = 64
HEX: Final = "0x"
"""In front of a name that is no text."""
DAYS_A_WEEK: Final = 7


class Switching(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From this time of day on, the rate counts."""

    at: str
    rate: int


class DayProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of day."""

    id: int
    switches: tuple[Switching, ...]


class WeekProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of week."""

    name: str
    days: tuple[int, ...]
    """Seven day profiles, Monday first."""


class SeasonProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the year."""

    name: str
    start: str
    week: str


class Holiday(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A date with a day profile of its own."""

    date: str
    day: int


class TariffCalendar(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of it."""

    name: str
    seasons: tuple[SeasonProfile, ...]
    weeks: tuple[WeekProfile, ...]
    days: tuple[DayProfile, ...]
    holidays: tuple[Holiday, ...] | None = None
    """None: the meter's table stays as it is, or it has none."""
    scripts: str = "0.0.10.0.100.255"
    """OBIS code of the meter's script table of tariffs."""
    activate_at: datetime | None = None
    """None: at once."""


class DateParts(NamedTuple):
    """Year, month, day, weekday; None: any."""

    year: int | None
    month: int | None
    day: int | None
    weekday: int | None = None


def parse_date(text: str) -> DateParts:
    """Return the parts of a date; months and days above 252 are those of daylight saving.

    Raises:
        ValueError: it is none.

    """
    match = _DATE.fullmatch(text)
    parts = [None if part in {"*", None} else int(part) for part in match.groups()] if match else []
    if not parts or not _fits(parts[1], 12) or not _fits(parts[2], 31):
        raise ValueError(f"{text!r} is no date; write 2026-01-31, or *-01-31 for each year")
    return DateParts(*parts)


def _fits(part: int | None, most: int) -> bool:
    return part is None or 1 <= part <= most or part in {253, 254}


def date_text(parts: DateParts) -> str:
    """Return a date as people write it."""
    year = "*" if parts.year is None else f"{parts.year:04}"
    month, day = ("*" if part is None else f"{part:02}" for part in parts[1:3])
    return f"{year}-{month}-{day}" + ("" if parts.weekday is None else f"/{parts.weekday}")


def parse_time(text: str) -> tuple[int, int, int]:
    """Return hour, minute and second of a time of day.

    Raises:
        ValueError: it is none.

    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time of day; write 06:30")
    hour, minute, second = (int(part or 0) for part in match.groups())
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{text!r} is no time of day")
    return hour, minute, second


def name_bytes(text: str) -> bytes:
    """Return a name as a meter has it: latin letters, or hex behind ``0x``.

    Raises:
        ValueError: no meter can have it.

    """
    try:
        name = bytes.fromhex(text[len(HEX) :]) if text.startswith(HEX) else text.encode("latin-1")
    except ValueError:
        raise ValueError(f"{text!r} is no name of latin letters, nor hex behind {HEX}") from None
    if not 0 < len(name) <= NAME_SIZE_MAX:
        raise ValueError(f"a name has 1 to {NAME_SIZE_MAX} bytes, not {len(name)}")
    return name


def check(calendar: TariffCalendar) -> None:
    """Make sure that a calendar says for every instant which rate counts.

    Raises:
        ValueError: it does not; the message says where.

    """
    for problem in _problems(calendar):
        raise ValueError(problem)


def _problems(calendar: TariffCalendar) -> Iterator[str]:
    holidays = calendar.holidays or ()
    tables: tuple[Sequence[object], ...] = (
        calendar.days, calendar.weeks, calendar.seasons, holidays,
    )  # fmt: skip
    if any(len(table) > ENTRIES_MAX for table in tables):
        yield f"more than {ENTRIES_MAX} entries in one table"
    if not all(tables[:3]):
        yield "a calendar has a season, a week and a day at least"
    for day in calendar.days:
        yield from _problems_of_day(day)
    obis.parse(calendar.scripts)
    names = [calendar.name, *(week.name for week in calendar.weeks)]
    for name in (*names, *(season.name for season in calendar.seasons)):
        name_bytes(name)
    for text in (*(season.start for season in calendar.seasons), *(h.date for h in holidays)):
        parse_date(text)
    yield from _loose_ends(calendar, holidays)


def _loose_ends(calendar: TariffCalendar, holidays: Sequence[Holiday]) -> Iterator[str]:
    """Yield where one part names another that is not there, or is there twice."""
    days = {day.id for day in calendar.days}
    weeks = {week.name for week in calendar.weeks}
    if len(days) < len(calendar.days) or len(weeks) < len(calendar.weeks):
        yield "a day or week is there twice"
    for week in calendar.weeks:
        if len(week.days) != DAYS_A_WEEK or not set(week.days) <= days:
            yield f"week {week.name!r} needs seven days out of {sorted(days)}"
    for season in calendar.seasons:
        if season.week not in weeks:
            yield f"season {season.name!r} names a week {season.week!r} that is not there"
    for holiday in holidays:
        if holiday.day not in days:
            yield f"the holiday {holiday.date} names a day {holiday.day} that is not there"


def _problems_of_day(day: DayProfile) -> Iterator[str]:
    if not 0 <= day.id <= 255:
        yield f"a day has a number from 0 to 255, not {day.id}"
    times = [parse_time(switch.at) for switch in day.switches]
    if not times or times[0] != (0, 0, 0):
        yield f"day {day.id} does not begin with a rate at 00:00"
    if any(later <= sooner for sooner, later in pairwise(times)):
        yield f"the times of day {day.id} do not rise"
    if any(not 0 <= switch.rate <= 0xFFFF for switch in day.switches):
        yield f"day {day.id} has a rate that is no number of one"
