"""The intervals of load profiles, each once, whenever and however often they are delivered.

What follows from them, the energy of days, is made later, of the rows that are there then; see
``energy``.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from hes.events.base import Recorded
from hes.events.reading import LoadProfileRead
from hes.ids import meter_of
from projections import energy
from projections.base import Change, Database, all_utc_ms, utc_ms
from projections.cells import columns_of, told
from projections.interval_table import INTERVAL
from projections.sql.database import DAY_MS
from projections.sql.flat_rows import FlatRows, joined, woven
from projections.sql.schema import Upsert

__all__ = ["AGAIN", "INTERVAL", "PROJECTION"]

ROWS_AT_ONCE = 4_000
"""A day of a meter has some 200: those of a whole batch would take 50 MB."""
AGAIN = Upsert(INTERVAL, when="s.value_text IS NOT NULL OR t.value_text IS NULL")
"""The last delivery counts, but nothing does not replace a value."""


class Intervals:
    """Keyed by meter, profile, end of the interval and channel."""

    name = "intervals"
    version = 4
    tables = (INTERVAL, energy.ENERGY_DAY, energy.STALE)
    events = (LoadProfileRead,)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``; rows of days that were removed are left out."""
        kept_from = db.kept_from.get(INTERVAL.name)
        first_ms = None if kept_from is None else kept_from * DAY_MS
        parts: list[FlatRows] = []
        stale = energy.StaleDays(db.zone, first_ms)
        for recorded in batch:
            event, meter = recorded.event, meter_of(recorded.stream)
            if meter is not None and isinstance(event, LoadProfileRead):
                ends = all_utc_ms([row.ends_at for row in event.rows])
                parts.append(_rows(event, meter, ends, first_ms))
                stale.add(event, meter, ends)
            if sum(map(len, parts)) >= ROWS_AT_ONCE:
                db.upsert(AGAIN, joined(parts))
                parts = []
        db.upsert(AGAIN, joined(parts))
        db.upsert(energy.MARK, stale.rows())
        return ()

    # -- between batches

    def is_unsettled(self, db: Database) -> bool:
        """See ``Tending``."""
        return energy.is_stale(db)

    def settle(self, db: Database) -> bool:
        """See ``Tending``."""
        return energy.settle(db)

    def forget(self, db: Database) -> None:
        """See ``Tending``."""
        energy.forget(db, db.kept_from[INTERVAL.name] * DAY_MS)


def _rows(
    event: LoadProfileRead, meter: str, ends: Sequence[int], first_ms: int | None
) -> FlatRows:
    kept = [
        (ends_at, row)
        for row, ends_at in zip(event.rows, ends, strict=True)
        if first_ms is None or ends_at >= first_ms
    ]
    count = len(kept)
    if not count:
        return woven([])
    meters, profiles = [meter] * count, [event.profile] * count
    times, received = [ends_at for ends_at, _ in kept], [utc_ms(event.received_at)] * count
    statuses, values = [row.status for _, row in kept], [row.values for _, row in kept]
    groups: list[list[Sequence[Any]]] = []
    for column in columns_of(event.layout):
        texts, units, qualities = told(column, values)
        codes = [column.obis] * count
        groups.append([meters, profiles, times, codes, texts, units, statuses, qualities, received])
    return woven(groups)


PROJECTION = Intervals()
