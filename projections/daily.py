"""Energy of a day out of the rows of a load profile: pure sums, whatever order the rows came in.

A column of a load profile is either the energy of each interval (OBIS group D = 29, time integral
5), which is summed, or the index at the end of each interval (D = 8, time integral 1), of which
the difference counts (IEC 62056-6-1, value group D). A day is a local one; the interval that ends
at midnight is the last of the day before.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from typing import Final, NamedTuple

from projections.base import from_utc_ms, utc_ms

INTERVAL: Final = "29"
INDEX: Final = "8"
ENERGY_UNITS: Final = frozenset({
    "Wh", "varh", "VAh", "kWh", "kvarh", "kVAh", "MWh", "Mvarh", "MVAh", "GWh", "Gvarh", "GVAh",
})  # fmt: skip
"""What has none of them is no energy; a number without a unit may be any multiple of it."""
ENERGY_SIZE_MAX: Final = 64
WHOLE: Final = "whole"
PART: Final = "part"
RESET: Final = "reset"


Value = tuple[int, str | None, str | None]
"""When the interval ended, ms since 1970; the decimal text; its unit."""


class DayEnergy(NamedTuple):
    """Energy of one register in one day."""

    energy: str | None
    """Decimal text in ``unit``; None when an index went backwards."""
    unit: str | None
    intervals: int
    """Values that it was made of."""
    first_at: int
    last_at: int
    """Ends of the first and the last of them, ms since 1970."""
    quality: str
    """``whole``, ``part`` when values are missing, ``reset`` when an index went backwards."""


class Day(NamedTuple):
    """A local day, in ms since 1970: from ``start``, excluded, to ``end``, included."""

    number: int
    """As people read it: 20260501."""
    start: int
    end: int


def is_load_profile(profile: str) -> bool:
    """Whether a profile holds intervals, by its OBIS code: A = 1, C = 99, D = 1 or 2."""
    groups = profile.split(".")
    return groups[0] == "1" and groups[2:3] == ["99"] and groups[3:4] in (["1"], ["2"])


def kind_of(obis: str) -> str | None:
    """Return ``INTERVAL`` or ``INDEX`` for a register of energy; None for any other."""
    groups = obis.split(".")
    if len(groups) != 6 or groups[0] != "1" or groups[3] not in {INTERVAL, INDEX}:
        return None
    return groups[3]


def days_of(ends_at: int, zone: tzinfo) -> list[Day]:
    """Return the days to which the end of an interval matters.

    At midnight these are two: the last interval of one day, the first index of the next.
    """
    local = from_utc_ms(ends_at).astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if local == midnight:
        return [_day(midnight - timedelta(days=1)), _day(midnight)]
    return [_day(midnight)]


def _day(midnight: datetime) -> Day:
    # By the calendar: where clocks are changed, a day has 23 or 25 hours.
    after = (midnight + timedelta(days=1)).replace(tzinfo=midnight.tzinfo)
    number = midnight.year * 10_000 + midnight.month * 100 + midnight.day
    return Day(number, utc_ms(midnight.astimezone(UTC)), utc_ms(after.astimezone(UTC)))


def energy_of(obis: str, values: Iterable[Value], day: Day) -> DayEnergy | None:
    """Return the energy of a day; None when nothing can be told of it."""
    told = [value for value in values if value[1] is not None and value[2] in ENERGY_UNITS]
    unit = _common({value[2] for value in told})
    found = sorted((at, _number(text, shown, unit)) for at, text, shown in told)
    if not all(number.is_finite() for _, number in found):
        return None
    if kind_of(obis) == INTERVAL:
        return _sum([row for row in found if day.start < row[0] <= day.end], unit, day)
    return _difference([row for row in found if day.start <= row[0] <= day.end], unit, day)


def _common(units: set[str | None]) -> str | None:
    """Return the unit for a sum; a meter whose steps were changed may have told two of them."""
    named = sorted(unit for unit in units if unit is not None)
    if len(named) == 1:
        return named[0]
    return named[-1].removeprefix("k") if named else None


def _number(text: str | None, shown: str | None, unit: str | None) -> Decimal:
    number = Decimal(text or 0)
    return number if shown == unit else number * 1000


Found = Sequence[tuple[int, Decimal]]


def _sum(found: Found, unit: str | None, day: Day) -> DayEnergy | None:
    if not found:
        return None
    first, last = found[0][0], found[-1][0]
    gaps = [later[0] - row[0] for row, later in pairwise(found)]
    is_whole = bool(gaps) and len(found) * min(gaps) == day.end - day.start
    total = sum((number for _, number in found), Decimal(0))
    quality = WHOLE if is_whole else PART
    return DayEnergy(_plain(total), unit, len(found), first, last, quality)


def _difference(found: Found, unit: str | None, day: Day) -> DayEnergy | None:
    if len(found) < 2:
        return None
    (first, begin), (last, end) = found[0], found[-1]
    if any(later[1] < row[1] for row, later in pairwise(found)):
        return DayEnergy(None, unit, len(found), first, last, RESET)
    quality = WHOLE if (first, last) == (day.start, day.end) else PART
    return DayEnergy(_plain(end - begin), unit, len(found), first, last, quality)


def _plain(number: Decimal) -> str | None:
    """Return the digits; None for more of them than any counter has."""
    shown = f"{number:f}"
    return shown if len(shown) <= ENERGY_SIZE_MAX else None
