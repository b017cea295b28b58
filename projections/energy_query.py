"""Energy of days of one meter: what is made already, and the rest of the intervals as they are."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from projections.energy import ENERGY_DAY, Stale, made, stale_of
from projections.sql.conditions import between, one_of
from projections.sql.database import Database

REGISTERS_MAX: Final = 100
"""Energies of a profile: no layout has so many."""
COLUMNS: Final = ENERGY_DAY.names[1:]
SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM {{energy_day}} WHERE meter_id = ?"


class EnergyWanted(NamedTuple):
    """What to look for."""

    meter: str
    obis: tuple[str, ...]
    """Empty: all."""
    first: int | None
    last: int | None
    """Days, both included: 20260501."""
    limit: int
    """Rows at most: those of the newest days."""


def energy_days(db: Database, wanted: EnergyWanted) -> list[dict[str, Any]]:
    """Return the newest rows, by day."""
    # First which days are stale: one that is made in between is then told twice the same.
    stale = [one for one in stale_of(db, wanted.meter) if _is_asked(wanted, one)]
    stale.sort(key=lambda one: -one.day.number)
    fresh = list(_fresh(db, wanted, stale))
    remade = {(one.profile, one.day.number) for one in stale}
    rows = [row for row in _stored(db, wanted, len(remade)) if (row[0], row[2]) not in remade]
    newest = sorted(rows + fresh, key=lambda row: (row[2], row[1], row[0]))[-wanted.limit :]
    return [dict(zip(COLUMNS, row, strict=True)) for row in newest]


def _is_asked(wanted: EnergyWanted, stale: Stale) -> bool:
    number = stale.day.number
    return (wanted.first is None or wanted.first <= number) and (
        wanted.last is None or number <= wanted.last
    )


def _fresh(db: Database, wanted: EnergyWanted, stale: list[Stale]) -> Iterator[tuple[Any, ...]]:
    """Yield rows of stale days, the newest first, until there are enough."""
    db.refresh()
    count = 0
    for one in stale:
        found = [
            row[1:]
            for row in made(db, one, [wanted.meter])
            if not wanted.obis or row[2] in wanted.obis
        ]
        yield from found
        count += len(found)
        if count >= wanted.limit:
            return


def _stored(db: Database, wanted: EnergyWanted, remade: int) -> list[tuple[Any, ...]]:
    """Return the newest stored rows: enough of them without those that are made anew."""
    where, values = between("local_day", wanted.first, wanted.last)
    where, values = one_of(where, values, "obis", wanted.obis)
    select = f"{SELECT}{where} ORDER BY local_day DESC, obis DESC, profile DESC"
    limit = wanted.limit + remade * REGISTERS_MAX
    found = db.query(db.limited(select), [wanted.meter, *values, limit])
    return [(*row[:2], int(row[2]), *row[3:]) for row in map(tuple, found)]
