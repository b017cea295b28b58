"""Energy of days: sums and differences, midnights, gaps, and whatever order rows come in."""

import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from read_models import Models, rows_of

from hes.events.layout import Channel, Layout
from hes.events.reading import LoadProfileRead, ProfileRow, Source
from projections.base import find_projections, utc_ms
from projections.daily import days_of, energy_of, is_load_profile, kind_of
from projections.folding import Tables

SUM, INDEX = "1.0.1.29.0.255", "1.0.1.8.0.255"
MIDNIGHT = datetime(2026, 5, 1, tzinfo=UTC)
(_, DAY) = days_of(utc_ms(MIDNIGHT), UTC)


def at(hours: float) -> int:
    return utc_ms(MIDNIGHT + timedelta(hours=hours))


def energy(obis: str, *values: tuple[float, str | None, str | None]) -> tuple[Any, ...] | None:
    told = energy_of(obis, [(at(hour), text, unit) for hour, text, unit in values], DAY)
    return told and (told.energy, told.unit, told.intervals, told.quality)


def test_intervals_are_summed_and_the_one_that_ends_at_midnight_is_yesterdays() -> None:
    hours = [(float(hour), "1.5", "kWh") for hour in range(25)]
    assert energy(SUM, *hours) == ("36.0", "kWh", 24, "whole")
    assert energy(SUM, *hours[:20]) == ("28.5", "kWh", 19, "part")
    assert energy(SUM, *hours[:5], *hours[6:]) == ("34.5", "kWh", 23, "part")
    assert energy(SUM, hours[0]) is None


def test_of_an_index_the_difference_counts_from_midnight_to_midnight() -> None:
    hours = [(float(hour), str(1000 + hour), "Wh") for hour in range(25)]
    assert energy(INDEX, *hours) == ("24", "Wh", 25, "whole")
    assert energy(INDEX, *hours[1:]) == ("23", "Wh", 24, "part")
    assert energy(INDEX, hours[3]) is None
    assert energy(INDEX, *hours[:9], (9.0, "3", "Wh")) == (None, "Wh", 10, "reset")


def test_units_are_made_equal_and_what_is_no_energy_does_not_count() -> None:
    assert energy(SUM, (1, "1", "kWh"), (2, "500", "Wh")) == ("1500", "Wh", 2, "part")
    assert energy(SUM, (1, "1", "kWh"), (2, "230", "V"), (3, None, "kWh")) == (
        "1", "kWh", 1, "part",
    )  # fmt: skip
    assert energy(SUM, (1, "x", None)) is None
    assert energy(SUM, (1, "Infinity", "Wh")) is None


def test_days_are_local_and_as_long_as_the_clock_says() -> None:
    hanoi = timezone(timedelta(hours=7))
    (day,) = days_of(utc_ms(datetime(2026, 5, 1, 17, 30, tzinfo=UTC)), hanoi)
    assert (day.number, day.start) == (20260502, utc_ms(datetime(2026, 5, 1, 17, tzinfo=UTC)))
    numbers = [d.number for d in days_of(utc_ms(datetime(2026, 5, 1, 17, tzinfo=UTC)), hanoi)]
    assert numbers == [20260501, 20260502]
    (long,) = days_of(utc_ms(datetime(2026, 10, 25, 12, tzinfo=UTC)), ZoneInfo("Europe/Berlin"))
    assert long.end - long.start == 25 * 3_600_000


@pytest.mark.parametrize(
    ("profile", "is_load"),
    [("1.0.99.1.0.255", True), ("1.0.99.2.0.255", True), ("0.0.98.1.0.255", False),
     ("0.0.99.98.0.255", False), ("", False)],
)  # fmt: skip
def test_only_load_profiles_are_summed(profile: str, *, is_load: bool) -> None:
    assert is_load_profile(profile) == is_load


def test_only_energies_are_summed() -> None:
    codes = [SUM, INDEX, "1.0.32.7.0.255", "0.0.96.1.0.255", "x"]
    assert [kind_of(code) for code in codes] == ["29", "8", None, None, None]


def test_any_order_of_arrival_gives_the_same_days(models: Models) -> None:
    layout = Layout((Channel(SUM, -1, 30, 3, 2), Channel(INDEX, 0, 30, 3, 2)))
    rows = [
        ProfileRow(MIDNIGHT + timedelta(minutes=30 * n), 0, (n % 7, 100 + n)) for n in range(97)
    ]
    random.Random(7).shuffle(rows)
    for begin in range(0, len(rows), 11):
        some = tuple(rows[begin : begin + 11])
        told = LoadProfileRead(
            received_at=MIDNIGHT, source=Source.PUSH, profile="1.0.99.1.0.255", period_s=1800,
            layout=layout, rows=some,
        )  # fmt: skip
        models.tell(("meter:A", told), ("meter:A", told))
        if begin == 33:
            models.settle()
    may = MIDNIGHT.date()
    for _ in ("as they are", "settled"):
        found = models.query.energy_days("A", obis=[INDEX], first=None, last=None, limit=9)
        assert [(row.day.day, row.energy, row.quality) for row in found] == [
            (1, "48", "whole"), (2, "48", "whole"),
        ]  # fmt: skip
        (row,) = models.query.energy_days("A", obis=[SUM], first=may, last=may, limit=9)
        assert (row.energy, row.intervals) == (f"{sum(n % 7 for n in range(1, 49)) / 10}", 48)
        models.settle()


def profile(*rows: tuple[float, Any]) -> LoadProfileRead:
    """Return a profile of an index: hours and values."""
    told = tuple(ProfileRow(MIDNIGHT + timedelta(hours=hour), 0, (n,)) for hour, n in rows)
    return LoadProfileRead(
        received_at=MIDNIGHT, source=Source.PUSH, profile="1.0.99.1.0.255", period_s=3600,
        layout=Layout((Channel(INDEX, 0, 30, 3, 2),)), rows=told,
    )  # fmt: skip


def energies(models: Models, limit: int = 99) -> list[tuple[int, str | None]]:
    found = models.query.energy_days("A", obis=[], first=None, last=None, limit=limit)
    return [(row.day.day, row.energy) for row in found]


def test_a_day_of_which_nothing_can_be_told_any_more_is_gone(models: Models) -> None:
    models.tell(("meter:A", profile((1, 1), (2, 5))))
    models.settle()
    assert energies(models) == [(1, "4")]
    models.tell(("meter:A", profile((2, "no number"))))
    assert energies(models) == []
    models.settle()
    assert energies(models) == []


def test_the_newest_days_come_whether_settled_or_not(models: Models) -> None:
    days = [profile((24 * n, 10 * n), (24 * n + 9, 11 * n)) for n in range(6)]
    models.tell(*[("meter:A", day) for day in days[:4]])
    models.settle()
    models.tell(("meter:A", days[4]), ("meter:A", days[5]), ("meter:A", profile((33, 12))))
    told = [(1, "10"), (2, "10"), (3, "10"), (4, "10"), (5, "10"), (6, "5")]
    assert energies(models) == told
    assert energies(models, limit=3) == told[-3:]
    models.settle()
    assert energies(models) == told
    assert energies(models, limit=1) == told[-1:]


def test_a_batch_only_marks_days_and_a_restart_finds_the_marks(models: Models) -> None:
    models.tell(("meter:A", profile((1, 1), (2, 5))))
    assert rows_of(models.place)["energy_day"] == []
    again = Tables(models.place, find_projections())
    assert again.is_unsettled
    assert not again.settle()
    again.close()
    found = rows_of(models.place)
    assert [row[4] for row in found["energy_day"]] == ["4"]
    assert found["energy_stale"] == []
