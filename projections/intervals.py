"""The intervals of load profiles, each once, whenever and however often they are delivered."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hes.events.base import Recorded
from hes.events.reading import LoadProfileRead
from hes.ids import meter_of
from projections.base import Change, Database, utc_ms
from projections.cells import cells
from projections.sql.rows import insert_rows

INSERT = (
    "INSERT INTO interval_value (meter_id, profile, ends_at, obis, value, unit, status, quality,"
    " received_at)"
)
AGAIN = (
    " ON CONFLICT (meter_id, profile, ends_at, obis) DO UPDATE SET value = excluded.value,"
    " unit = excluded.unit, status = excluded.status, quality = excluded.quality,"
    " received_at = excluded.received_at"
    " WHERE excluded.value IS NOT NULL OR interval_value.value IS NULL"
)
"""The last delivery counts, but nothing does not replace a value."""


class Intervals:
    """Keyed by meter, profile, end of the interval and channel."""

    name = "intervals"
    version = 2
    tables = ("interval_value",)
    ddl = (
        "CREATE TABLE interval_value (meter_id TEXT NOT NULL, profile TEXT NOT NULL,"
        " ends_at INTEGER NOT NULL, obis TEXT NOT NULL, value TEXT, unit TEXT, status INTEGER,"
        " quality TEXT NOT NULL, received_at INTEGER NOT NULL,"
        " PRIMARY KEY (meter_id, profile, ends_at, obis)) WITHOUT ROWID",
    )
    events = (LoadProfileRead,)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``."""
        rows = [row for recorded in batch for row in _rows(recorded)]
        insert_rows(db, INSERT, rows, AGAIN)
        return {Change(f"meter:{meter_of(r.stream)}", "interval") for r in batch}


def _rows(recorded: Recorded) -> Iterator[tuple[Any, ...]]:
    event, meter = recorded.event, meter_of(recorded.stream)
    if meter is None or not isinstance(event, LoadProfileRead):
        return
    received_at = utc_ms(event.received_at)
    for row in event.rows:
        ends_at = utc_ms(row.ends_at)
        for obis, text, unit, quality in cells(event.layout, row.values):
            yield (
                meter, event.profile, ends_at, obis, text, unit, row.status, quality, received_at,
            )  # fmt: skip


PROJECTION = Intervals()
