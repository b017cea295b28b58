"""The latest value of each register of each meter."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

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
            for row in reading_rows(recorded, db):
                key = row[0], row[1]
                old = newest.get(key)
                if old is None or moment(row[2], row[3]) >= moment(old[2], old[3]):
                    newest[key] = row
        db.upsert(NEWER, list(newest.values()))
        return []


def moment(time: int, received_at: int) -> int:
    """Return when a value was so, by the meter's clock unless that is a day ahead; all in ms."""
    return received_at if time > received_at + AHEAD_MS else time


class Said(NamedTuple):
    """What a reading says of its meter."""

    meter: str
    received_at: int
    time: int
    """The meter's, or ours when it told none; both in ms."""
    rows: list[tuple[Any, ...]]
    """Meter, obis, time, received_at, value, unit, source, quality of each value: ``VALUE``."""


def said(recorded: Recorded, db: Database) -> Said | None:
    """Return what a reading says, made once for all projections; None: it is of no meter."""
    found: Said | None = db.shared.get(recorded.position)
    if found is None:
        event, meter = recorded.event, meter_of(recorded.stream)
        if meter is None or not isinstance(event, Reading):
            return None
        found = db.shared[recorded.position] = _said(event, meter)
    return found


def _said(event: Reading, meter: str) -> Said:
    received_at = utc_ms(event.received_at)
    time = utc_ms(event.device_time) if event.device_time else received_at
    source = event.source.value
    found = cells(event.layout, event.values)
    if event.times is None:
        rows: list[tuple[Any, ...]] = [
            (meter, obis, time, received_at, shown, unit, source, quality)
            for obis, shown, unit, quality in found
        ]
    else:
        own = _own_times(event)
        rows = [
            (meter, obis, own.get(obis, time), received_at, shown, unit, source, quality)
            for obis, shown, unit, quality in found
        ]
    return Said(meter, received_at, time, rows)


def reading_rows(recorded: Recorded, db: Database) -> list[tuple[Any, ...]]:
    """Return a row of ``VALUE`` for each value of a reading."""
    found = said(recorded, db)
    return [] if found is None else found.rows


def _own_times(event: Reading) -> dict[str, int]:
    """Return when the values occurred that have a time of their own, such as a maximum."""
    pairs = zip(event.layout.channels, event.times or (), strict=False)
    return {channel.obis: utc_ms(time) for channel, time in pairs if time is not None}


PROJECTION = Latest()
