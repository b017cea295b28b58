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
from projections.base import Change, Database, utc_ms
from projections.cells import cells_in, columns_of
from projections.interval_table import INTERVAL
from projections.sql.database import DAY_MS
from projections.sql.schema import Upsert

__all__ = ["AGAIN", "INTERVAL", "PROJECTION"]

ROWS_AT_ONCE = 4_000
"""A day of a meter has some 200: those of a whole batch would take 50 MB."""
AGAIN = Upsert(INTERVAL, when="s.value_text IS NOT NULL OR t.value_text IS NULL")
"""The last delivery counts, but nothing does not replace a value."""

Row = tuple[Any, ...]


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
        rows: list[Row] = []
        stale = energy.StaleDays(db.zone, first_ms)
        for recorded in batch:
            event, meter = recorded.event, meter_of(recorded.stream)
            if meter is not None and isinstance(event, LoadProfileRead):
                ends = [utc_ms(row.ends_at) for row in event.rows]
                rows += _rows(event, meter, ends, first_ms)
                stale.add(event, meter, ends)
            if len(rows) >= ROWS_AT_ONCE:
                db.upsert(AGAIN, rows)
                rows = []
        db.upsert(AGAIN, rows)
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
) -> list[Row]:
    received_at, profile = utc_ms(event.received_at), event.profile
    columns = columns_of(event.layout)
    return [
        (meter, profile, ends_at, obis, shown, unit, row.status, quality, received_at)
        for row, ends_at in zip(event.rows, ends, strict=True)
        if first_ms is None or ends_at >= first_ms
        for obis, shown, unit, quality in cells_in(columns, row.values)
    ]


PROJECTION = Intervals()
