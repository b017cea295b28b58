"""The latest value of each register of each meter."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hes.events.base import Recorded
from hes.events.reading import Reading
from hes.ids import meter_of
from projections.base import Change, Database, utc_ms
from projections.cells import cell

UPSERT = (
    "INSERT INTO latest (meter_id, obis, time, received_at, value, unit, source, quality)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (meter_id, obis) DO UPDATE SET"
    " time = excluded.time, received_at = excluded.received_at, value = excluded.value,"
    " unit = excluded.unit, source = excluded.source, quality = excluded.quality"
    " WHERE excluded.time >= latest.time"
)


class Latest:
    """Late data changes nothing: the newest time of the meter wins, not the last arrival."""

    name = "latest"
    version = 1
    tables = ("latest",)
    ddl = (
        "CREATE TABLE latest (meter_id TEXT NOT NULL, obis TEXT NOT NULL, time INTEGER NOT NULL,"
        " received_at INTEGER NOT NULL, value TEXT, unit TEXT, source TEXT NOT NULL,"
        " quality TEXT NOT NULL, PRIMARY KEY (meter_id, obis)) WITHOUT ROWID",
    )
    events = (Reading,)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``: fold in memory first, then write each register once."""
        newest: dict[tuple[str, str], tuple[Any, ...]] = {}
        for recorded in batch:
            for row in reading_rows(recorded):
                old = newest.get(row[:2])
                if old is None or row[2] >= old[2]:
                    newest[row[:2]] = row
        db.executemany(UPSERT, newest.values())
        return []


def reading_rows(recorded: Recorded) -> Iterator[tuple[Any, ...]]:
    """Yield meter, obis, time, received_at, value, unit, source, quality for each value."""
    event, meter = recorded.event, meter_of(recorded.stream)
    if meter is None or not isinstance(event, Reading):
        return
    received_at = utc_ms(event.received_at)
    time = utc_ms(event.device_time) if event.device_time else received_at
    source = event.source.value
    for channel, value in zip(event.layout.channels, event.values, strict=True):
        text, unit, quality = cell(channel, value)
        yield meter, channel.obis, time, received_at, text, unit, source, quality


PROJECTION = Latest()
