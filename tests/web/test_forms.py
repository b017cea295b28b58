"""Events as rows of answers."""

from datetime import UTC, datetime

from hes.events.layout import Channel, Layout
from hes.events.reading import Reading, Source
from web.forms import reading_rows

NOW = datetime(2026, 11, 28, 6, tzinfo=UTC)
PEAK = datetime(2026, 11, 1, 8, 15, tzinfo=UTC)
TOLD = datetime(2026, 11, 28, 5, 59, 58, tzinfo=UTC)


def test_a_maximum_has_the_time_at_which_it_occurred() -> None:
    layout = Layout((
        Channel(obis="1.0.1.8.0.255", class_id=3, attribute=2, scaler=0, unit=30),
        Channel(obis="1.0.1.6.0.255", class_id=4, attribute=2, scaler=0, unit=27),
    ))  # fmt: skip
    event = Reading(
        received_at=NOW, device_time=TOLD, source=Source.DEMAND, layout=layout,
        values=(1500, 250), times=(None, PEAK),
    )  # fmt: skip
    assert [(row["obis"], row["time"]) for row in reading_rows(event)] == [
        ("1.0.1.8.0.255", TOLD.isoformat()), ("1.0.1.6.0.255", PEAK.isoformat()),
    ]  # fmt: skip
