"""The latest value of each register of each meter."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hes.events.base import Recorded
from hes.events.reading import Reading
from hes.ids import meter_of
from projections.base import Change, Database, utc_ms
from projections.cells import cells
from projections.sql.schema import NAME, TEXT, Table, Upsert, text, whole

AHEAD_MS = 86_400_000
"""A meter's clock that is a day ahead of ours is wrong; once set right it must not be too late."""
MOMENT = "CASE WHEN {0}.time > {0}.received_at + 86400000 THEN {0}.received_at ELSE {0}.time END"
"""What ``moment`` says, in SQL."""
VALUE = (
    text("meter_id", NAME), text("obis"), whole("time"), whole("received_at"),
    text("value_text", TEXT, optional=True), text("unit", optional=True), text("source"),
    text("quality"),
)  # fmt: skip
LATEST = Table("latest", VALUE, key=("meter_id", "obis"))
NEWER = Upsert(LATEST, when=f"{MOMENT.format('s')} >= {MOMENT.format('t')}")


class Latest:
    """Late data changes nothing: the newest time of the meter wins, not the last arrival."""

    name = "latest"
    version = 3
    tables = (LATEST,)
    events = (Reading,)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``: fold in memory first, then write each register once."""
        newest: dict[tuple[str, str], tuple[Any, ...]] = {}
        for recorded in batch:
            for row in reading_rows(recorded):
                old = newest.get(row[:2])
                if old is None or moment(*row[2:4]) >= moment(*old[2:4]):
                    newest[row[:2]] = row
        db.upsert(NEWER, list(newest.values()))
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
    for obis, shown, unit, quality in cells(event.layout, event.values):
        yield meter, obis, own.get(obis, time), received_at, shown, unit, source, quality


def _own_times(event: Reading) -> dict[str, int]:
    """Return when the values occurred that have a time of their own, such as a maximum."""
    pairs = zip(event.layout.channels, event.times or (), strict=False)
    return {channel.obis: utc_ms(time) for channel, time in pairs if time is not None}


PROJECTION = Latest()
