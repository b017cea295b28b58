"""Events as people read them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hes.events.base import Recorded
from hes.events.layout import Channel, Layout
from hes.events.meter_clock import ClockSet
from hes.events.power import PowerFailure, PowerSign
from hes.events.reading import LoadProfileRead, ProfileRow, PushKept, Reading, Source
from hes.store.json_form import NESTING_MAX, plain, to_plain, value_shown

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ENERGY = Channel("1.0.1.8.0.255", 1, 30)
VOLTAGE = Channel("1.0.3.7.0.255", -1, 35)
SERIAL = Channel("0.0.96.1.0.255")


def test_a_reading_shows_each_value_with_what_it_is() -> None:
    event = Reading(
        received_at=NOW,
        device_time=NOW - timedelta(seconds=5),
        source=Source.PUSH,
        layout=Layout((ENERGY, VOLTAGE, SERIAL)),
        values=(1234, 2301, b"LGZ1"),
        digest=b"\x01\x02",
    )
    shown = to_plain(Recorded(7, "meter:1", 3, event))
    assert shown == {
        "position": 7,
        "stream": "meter:1",
        "version": 3,
        "type": "Reading/1",
        "received_at": "2026-05-01T12:00:00+00:00",
        "device_time": "2026-05-01T11:59:55+00:00",
        "data": {
            "source": "push",
            "values": [
                {
                    "obis": "1.0.1.8.0.255",
                    "value": "12.34",
                    "unit": "kWh",
                    "scaler": 1,
                    "raw": 1234,
                },
                {
                    "obis": "1.0.3.7.0.255",
                    "value": "230.1",
                    "unit": "V",
                    "scaler": -1,
                    "raw": 2301,
                },
                {
                    "obis": "0.0.96.1.0.255",
                    "value": "hex:4c475a31",
                    "unit": None,
                    "scaler": None,
                    "raw": "hex:4c475a31",
                },
            ],
            "digest": "hex:0102",
            "counter": None,
        },
    }
    assert json.loads(json.dumps(shown)) == shown


def test_a_profile_shows_its_rows_the_same_way() -> None:
    event = LoadProfileRead(
        received_at=NOW,
        source=Source.BACKFILL,
        profile="1.0.99.1.0.255",
        period_s=1800,
        layout=Layout((VOLTAGE,)),
        rows=(ProfileRow(ends_at=NOW, status=8, values=(2299,)),),
    )
    shown = to_plain(Recorded(1, "meter:1", 1, event))
    assert shown["device_time"] is None
    assert shown["data"]["rows"] == [
        {
            "time": "2026-05-01T12:00:00+00:00",
            "status": 8,
            "values": [
                {"obis": "1.0.3.7.0.255", "value": "229.9", "unit": "V", "scaler": -1, "raw": 2299}
            ],
        }
    ]
    assert "layout" not in shown["data"]


def test_octets_of_other_events_are_hex() -> None:
    kept = PushKept(received_at=NOW, reason="no-key", detail="", data=b"\xdb\x08")
    assert to_plain(Recorded(1, "meter:1", 1, kept))["data"]["data"] == "hex:db08"
    failure = PowerFailure(received_at=NOW, sign=PowerSign.LAST_GASP, digest=b"")
    assert to_plain(Recorded(1, "meter:1", 1, failure))["data"]["digest"] == "hex:"


def test_times_and_rows_of_other_events_are_plain_too() -> None:
    event = ClockSet(
        received_at=NOW, before=NOW, after=NOW, drift_before_s=-5.5, drift_after_s=0.0, method="set"
    )
    data = to_plain(Recorded(1, "meter:1", 1, event))["data"]
    assert data["before"] == "2026-05-01T12:00:00+00:00"
    assert data["drift_before_s"] == -5.5
    row = ProfileRow(ends_at=NOW, status=None, values=(b"\x01",))
    assert plain([row]) == [
        {"ends_at": "2026-05-01T12:00:00+00:00", "status": None, "values": ["hex:01"]}
    ]


@pytest.mark.parametrize(
    ("channel", "value", "text", "unit"),
    [
        (Channel("o", None, None), 5, "5", None),
        (Channel("o", None, 35), 5, "5", "V"),
        (Channel("o", -3, None), 5, "0.005", None),
        (Channel("o", 0, 200), 5, "5", "unit:200"),
        (Channel("o", 0, 30), 18_446_744_073_709_551_615, "18446744073709551615", "Wh"),
        (Channel("o", None, 35), 230.5, "230.5", "V"),
        (Channel("o", -1, 35), True, True, None),
        (Channel("o", -1, 35), None, None, None),
        (Channel("o", None, None), "21:00", "21:00", None),
        (Channel("o", None, None), [1, b"\x02", [None]], [1, "hex:02", [None]], None),
    ],
)
def test_a_value_is_as_clear_as_its_channel(
    channel: Channel, value: Any, text: Any, unit: str | None
) -> None:
    shown = value_shown(channel, value)
    assert (shown["value"], shown["unit"]) == (text, unit)


def test_values_beyond_the_layout_are_shown_without_a_name() -> None:
    event = Reading(received_at=NOW, source=Source.PUSH, layout=Layout((VOLTAGE,)), values=(1, 2))
    values = to_plain(Recorded(1, "meter:1", 1, event))["data"]["values"]
    assert [(value["obis"], value["value"]) for value in values] == [
        ("1.0.3.7.0.255", "0.1"),
        ("", "2"),
    ]


def test_what_nests_too_deep_ends_in_an_ellipsis() -> None:
    deep: list[Any] = []
    for _ in range(1000):
        deep = [deep]
    shown = plain(deep)
    for _ in range(NESTING_MAX):
        (shown,) = shown
    assert shown == "..."


def test_a_value_with_a_time_of_its_own_shows_it() -> None:
    layout = Layout((VOLTAGE, VOLTAGE))
    event = Reading(
        received_at=NOW, source=Source.DEMAND, layout=layout, values=(1, 2), times=(None, NOW)
    )
    shown = to_plain(Recorded(1, "meter:m", 1, event))["data"]
    assert [value.get("time") for value in shown["values"]] == [None, NOW.isoformat()]
    assert "times" not in shown
