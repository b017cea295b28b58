"""A maximum stands in the read models under the time at which it occurred."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from hes.events.base import Recorded
from hes.events.layout import Channel, Layout
from hes.events.reading import Reading, Source
from projections.base import Projection, utc_ms
from projections.latest import PROJECTION as LATEST
from projections.readings import PROJECTION as READINGS
from projections.sql.sqlite import SqlitePlace

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
TOLD = NOW - timedelta(seconds=2)
OCCURRED = NOW - timedelta(days=3)
ENERGY, MAXIMUM = "1.0.1.8.0.255", "1.0.1.6.0.255"
READING = Reading(
    received_at=NOW,
    device_time=TOLD,
    source=Source.SCHEDULED,
    layout=Layout((Channel(ENERGY, 0, 30), Channel(MAXIMUM, 0, 27))),
    values=(5, 6),
    times=(None, OCCURRED),
)


@pytest.mark.parametrize("projection", [LATEST, READINGS])
@pytest.mark.parametrize(("times", "expected"), [((None, OCCURRED), OCCURRED), (None, TOLD)])
def test_a_value_has_its_own_time(
    tmp_path: Path,
    projection: Projection,
    times: tuple[datetime | None, ...] | None,
    expected: datetime,
) -> None:
    db = SqlitePlace(str(tmp_path / "read.db")).connect()
    (table,) = projection.tables
    db.create(table)
    event = msgspec.structs.replace(READING, times=times)
    projection.apply([Recorded(1, "meter:m", 1, event)], db)
    found = dict(db.query(f"SELECT obis, time FROM {table.name}"))
    db.close()
    assert found == {ENERGY: utc_ms(TOLD), MAXIMUM: utc_ms(expected)}
