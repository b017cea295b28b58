"""Intervals of one meter, the newest first, wherever a database keeps them."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from hes.obis import PROFILES
from projections.daily import is_load_profile
from projections.interval_table import INTERVAL
from projections.sql.database import DAY_MS, Database
from projections.sql.days import REST, DayDatabase

DAYS_AT_ONCE: Final = 31
COLUMNS: Final = "ends_at, obis, value_text, unit, status, quality"


class Wanted(NamedTuple):
    """What to look for."""

    meter: str
    start_ms: int | None
    end_ms: int | None
    limit: int
    """Intervals at most: the newest."""


def intervals(db: Database, wanted: Wanted, profile: str | None) -> list[Any]:
    """Return the values of the newest intervals, by time; of the load profile, if none is named."""
    if profile:
        return _of_profile(db, wanted, PROFILES.get(profile, profile))
    return _of_profile(db, wanted, PROFILES["load"]) or _of_profile(db, wanted, _other(db, wanted))


def _other(db: Database, wanted: Wanted) -> str:
    """Return the load profile of a meter that has not the usual one, though it may have others."""
    for place in _everything(db):
        sql = f"SELECT DISTINCT profile FROM {place} WHERE meter_id = ?"
        found = sorted(filter(is_load_profile, (row[0] for row in db.query(sql, [wanted.meter]))))
        if found:
            return str(found[0])
    return PROFILES["load"]


def _of_profile(db: Database, wanted: Wanted, profile: str) -> list[Any]:
    found: list[Any] = []
    ends: set[int] = set()
    for places in _places(db, wanted):
        found += db.query(*_select(places, wanted, profile))
        ends = {row[0] for row in found}
        if len(ends) >= wanted.limit:
            break
    newest = sorted(ends)[-wanted.limit :]
    oldest = newest[0] if newest else 0
    return sorted((row for row in found if row[0] >= oldest), key=lambda row: int(row[0]))


def _select(places: Sequence[str], wanted: Wanted, profile: str) -> tuple[str, list[Any]]:
    """Return a query over tables, and its values."""
    where, values = " WHERE meter_id = ? AND profile = ?", [wanted.meter, profile]
    bounds: list[Any] = []
    for sign, bound in ((">=", wanted.start_ms), ("<=", wanted.end_ms)):
        if bound is not None:
            where += f" AND ends_at {sign} ?"
            bounds.append(bound)
    parts = [f"SELECT {COLUMNS} FROM {place}{where}" for place in places]
    return " UNION ALL ".join(parts), [*values, *bounds] * len(places)


# -- where they are


def _everything(db: Database) -> Iterator[str]:
    if not isinstance(db, DayDatabase) or not db.keeps_days:
        yield f"{{{INTERVAL.name}}}"
        return
    days = db.days(INTERVAL)
    yield from dict.fromkeys(days[day] for day in sorted(days, reverse=True))


def _places(db: Database, wanted: Wanted) -> Iterator[list[str]]:
    """Yield the tables of the time, some at once, the newest first."""
    if not isinstance(db, DayDatabase) or not db.keeps_days:
        yield [f"{{{INTERVAL.name}}}"]
        return
    days = db.days(INTERVAL)
    inside = [
        day
        for day in sorted(days, reverse=True)
        if (wanted.start_ms is None or day >= wanted.start_ms // DAY_MS)
        and (wanted.end_ms is None or day <= wanted.end_ms // DAY_MS)
    ]
    rest = db.physical(INTERVAL.name) + REST
    if any(days[day] == rest for day in inside):
        yield [rest]  # days of any time share it
    own = [days[day] for day in inside if days[day] != rest]
    for at in range(0, len(own), DAYS_AT_ONCE):
        yield own[at : at + DAYS_AT_ONCE]
