"""The latest value of each register of each meter."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hes.events.base import Recorded
from hes.events.reading import Reading
from hes.ids import meter_of
from projections.base import Change, Database, utc_ms
from projections.cells import cells
from projections.sql.rows import insert_rows

INSERT = "INSERT INTO latest (meter_id, obis, time, received_at, value, unit, source, quality)"
AHEAD_MS = 86_400_000
"""A meter's clock that is a day ahead of ours is wrong; once set right it must not be too late."""
MOMENT = "CASE WHEN {0}.time > {0}.received_at + 86400000 THEN {0}.received_at ELSE {0}.time END"
"""What ``moment`` says, in SQL."""
NEWER = (
    " ON CONFLICT (meter_id, obis) DO UPDATE SET"
    " time = excluded.time, received_at = excluded.received_at, value = excluded.value,"
    " unit = excluded.unit, source = excluded.source, quality = excluded.quality"
    f" WHERE {MOMENT.format('excluded')} >= {MOMENT.format('latest')}"
)


class Latest:
    """Late data changes nothing: the newest time of the meter wins, not the last arrival."""

    name = "latest"
    version = 2
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
                if old is None or moment(*row[2:4]) >= moment(*old[2:4]):
                    newest[row[:2]] = row
        insert_rows(db, INSERT, list(newest.values()), NEWER)
        return []


def moment(time: int, received_at: int) -> int:
    """Return when a value was so, by the meter's clock unless that is a day ahead; all in ms."""
    return received_at if time > received_at + AHEAD_MS else time


def reading_rows(recorded: Recorded) -> Iterator[tuple[Any, ...]]:
    """Yield meter, obis, time, received_at, value, unit, source, quality for each value."""
    event, meter = recorded.event, meter_of(recorded.stream)
    if meter is None or not isinstance(event, Reading):
        return
    received_at = utc_ms(event.received_at)
    time = utc_ms(event.device_time) if event.device_time else received_at
    source = event.source.value
    own = {} if event.times is None else _own_times(event)
    for obis, text, unit, quality in cells(event.layout, event.values):
        yield meter, obis, own.get(obis, time), received_at, text, unit, source, quality


def _own_times(event: Reading) -> dict[str, int]:
    """Return when the values occurred that have a time of their own, such as a maximum."""
    pairs = zip(event.layout.channels, event.times or (), strict=False)
    return {channel.obis: utc_ms(time) for channel, time in pairs if time is not None}


PROJECTION = Latest()
