"""What screens and files get of a value: its digits, exactly, in its unit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st
from read_models import ENERGY, NOON, Models, at, reading

from hes.events.layout import Channel, Layout
from hes.events.reading import Source
from hes.quantities import decimal_text, shown_scale
from projections.base import EPOCH, all_utc_ms, from_utc_ms, utc_ms
from projections.cells import columns_of, told

VOLTAGE = Channel("1.0.32.7.0.255", -1, 35, 3, 2)
M = "meter:A"


def shown(models: Models, channel: Channel, value: Any) -> tuple[str | None, str | None, str]:
    models.tell((M, reading(value, channels=[channel])))
    (row,) = models.query.readings("A", obis=[], start=None, end=None, limit=10)
    return row.value, row.unit, row.quality


@pytest.mark.parametrize(
    ("value", "scaler_unit", "told"),
    [
        (2301, (-1, 35), ("230.1", "V", "good")),
        (230.1, (0, 35), ("230.1", "V", "good")),
        (23010, (-2, 35), ("230.10", "V", "good")),
        (2**64 - 1, (0, 30), ("18446744073709551615", "Wh", "good")),
        (2**64 - 1, (-9, 30), ("18446744073.709551615", "Wh", "good")),
        (2**64 - 1, (9, 30), ("18446744073709551615000000", "kWh", "good")),
        (-(2**63), (-9, 30), ("-9223372036.854775808", "Wh", "good")),
        (-1, (-3, 27), ("-0.001", "W", "good")),
        (0, (9, 30), ("0", "kWh", "good")),
        (123456, (1, 30), ("1234.56", "kWh", "good")),
        (0, (-3, 27), ("0.000", "W", "good")),
        (7, (0, 99), ("7", "unit:99", "good")),
        (7, (0, 255), ("7", "1", "good")),
        (7, (-1, None), ("0.7", None, "good")),
        (7, (None, 30), ("7", "Wh", "good")),
        (7, (None, None), ("7", None, "unscaled")),
        (None, (0, 30), (None, None, "good")),
        (b"LGZ1", (None, None), ("LGZ1", None, "good")),
        (b"\x00\xff", (None, None), ("hex:00ff", None, "good")),
        (b"", (None, None), ("hex:", None, "good")),
        ("Đà Nẵng", (None, None), ("Đà Nẵng", None, "good")),
        (str(2**70), (0, 30), (str(2**70), None, "good")),
    ],
)
def test_a_value_is_told_exactly(
    models: Models,
    value: Any,
    scaler_unit: tuple[int | None, int | None],
    told: tuple[str | None, str | None, str],
) -> None:
    assert shown(models, Channel("1.0.1.8.0.255", *scaler_unit), value) == told


@given(st.integers(-(2**63), 2**64 - 1), st.integers(-9, 9))
def test_decimal_text_is_the_number_itself(value: int, scaler: int) -> None:
    text = decimal_text(value, scaler)
    assert Decimal(text) * Decimal(10) ** -scaler == value
    assert "E" not in text
    assert len(text.partition(".")[2]) == max(0, -scaler)


@given(
    st.lists(st.integers(0, 1200) | st.integers(-(2**63), 2**64 - 1), min_size=1, max_size=4),
    st.integers(-9, 9),
)
def test_many_numbers_are_written_as_each_of_them(values: list[int], scaler: int) -> None:
    channel = Channel("1.0.1.8.0.255", scaler, 30)
    shown_as, unit = shown_scale(scaler, 30)
    (column,) = columns_of(Layout((channel,)))
    expected = [decimal_text(value, shown_as) for value in values]
    assert list(map(column.write, values)) == expected
    for some in (values, [abs(value) for value in values]):
        texts, units, qualities = told(column, [(value,) for value in some])
        assert list(texts) == [decimal_text(value, shown_as) for value in some]
        assert (set(units), set(qualities)) == ({unit}, {"good"})


@given(st.lists(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)))
def test_many_times_are_each_of_them(microseconds: list[int]) -> None:
    instants = [EPOCH + timedelta(microseconds=us) for us in microseconds]
    assert all_utc_ms(instants) == [utc_ms(instant) for instant in instants]
    assert all_utc_ms(instants) == [us // 1000 for us in microseconds]


@given(st.integers(0, 7_258_118_400_000))
def test_times_keep_their_milliseconds(ms: int) -> None:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    assert utc_ms(instant) == ms
    assert from_utc_ms(utc_ms(instant)) == instant
    assert utc_ms(instant + timedelta(microseconds=999)) == utc_ms(instant)


# -- late, repeated and missing


def latest(models: Models) -> dict[str, tuple[str | None, datetime]]:
    detail = models.query.meter("A")
    assert detail is not None
    return {row.obis: (row.value, row.time) for row in detail.latest}


def test_late_data_is_kept_but_is_not_the_latest(registered: Models) -> None:
    registered.tell((M, reading(200, device_time=at(30), received_at=at(31))))
    registered.tell((M, reading(100, device_time=at(0), received_at=at(32))))
    assert latest(registered) == {ENERGY.obis: ("200", at(30))}
    page = registered.query.meter_rows(["A"])[0]
    assert page.energy_import is not None
    assert (page.energy_import.value, page.last_reading_at) == ("200", at(32))
    found = registered.query.readings("A", obis=[], start=None, end=None, limit=10)
    assert [row.value for row in found] == ["100", "200"]


def test_late_data_in_one_batch_is_not_the_latest_either(registered: Models) -> None:
    registered.tell(
        (M, reading(200, device_time=at(30), received_at=at(31))),
        (M, reading(100, device_time=at(0), received_at=at(32))),
    )
    assert latest(registered) == {ENERGY.obis: ("200", at(30))}
    page = registered.query.meter_rows(["A"])[0]
    assert page.energy_import is not None
    assert page.energy_import.value == "200"


@pytest.mark.parametrize("together", [True, False])
def test_a_clock_in_the_next_century_does_not_stay_the_latest(
    registered: Models, *, together: bool
) -> None:
    wrong = (M, reading(1, device_time=at(0).replace(year=2100), received_at=at(0)))
    right = (M, reading(2, device_time=at(29), received_at=at(30)))
    if together:
        registered.tell(wrong, right)
    else:
        registered.tell(wrong)
        registered.tell(right)
    assert latest(registered) == {ENERGY.obis: ("2", at(29))}
    page = registered.query.meter_rows(["A"])[0]
    assert page.energy_import is not None
    assert page.energy_import.value == "2"


def test_two_values_of_one_moment_from_two_sources_are_both_kept(models: Models) -> None:
    pushed = reading(100, device_time=at(0), received_at=at(1))
    asked = reading(101, device_time=at(0), received_at=at(1), source=Source.DEMAND)
    models.tell((M, pushed), (M, asked), (M, asked))
    found = models.query.readings("A", obis=[], start=None, end=None, limit=10)
    assert [(row.value, row.source) for row in found] == [
        ("100", "push"), ("101", "demand"), ("101", "demand"),
    ]  # fmt: skip


def test_what_a_message_does_not_tell_keeps_its_last_value(registered: Models) -> None:
    registered.tell((M, reading(7, 2301, channels=[ENERGY, VOLTAGE])))
    registered.tell((M, reading(8, received_at=at(1))))
    assert latest(registered) == {
        ENERGY.obis: ("8", at(1)), VOLTAGE.obis: ("230.1", NOON),
    }  # fmt: skip
