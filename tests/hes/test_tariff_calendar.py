"""A calendar that people write: what it may say, and that a meter's own comes back the same."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from actors.calendar_forms import calendar_answer, name_text, wire_calendar
from hes.tariff_calendar import (
    DateParts,
    DayProfile,
    Holiday,
    SeasonProfile,
    Switching,
    TariffCalendar,
    WeekProfile,
    check,
    date_text,
    name_bytes,
    parse_date,
    parse_time,
)
from protocols.dlms.classes.activity_calendar import ActivityCalendar
from protocols.dlms.operations.calendar import CalendarRead

DAY = DayProfile(1, (Switching("00:00", 3), Switching("17:30", 2)))
GOOD = TariffCalendar(
    name="2027", seasons=(SeasonProfile("Y", "*-01-01", "W"),),
    weeks=(WeekProfile("W", (1,) * 7),), days=(DAY,), holidays=(Holiday("2027-09-02", 1),),
)  # fmt: skip


def but(**fields: Any) -> TariffCalendar:
    return msgspec.structs.replace(GOOD, **fields)


def test_a_good_one_is_good() -> None:
    check(GOOD)
    check(but(holidays=None))


@pytest.mark.parametrize(
    ("calendar", "says"),
    [
        (but(seasons=()), "at least"),
        (but(days=(DAY, DAY)), "twice"),
        (but(weeks=(WeekProfile("W", (1,) * 6),)), "seven days"),
        (but(weeks=(WeekProfile("W", (1,) * 6 + (2,)),)), "seven days"),
        (but(seasons=(SeasonProfile("Y", "*-01-01", "V"),)), "a week 'V' that is not there"),
        (but(seasons=(SeasonProfile("Y", "01-01", "W"),)), "is no date"),
        (but(seasons=(SeasonProfile("Y", "*-13-01", "W"),)), "is no date"),
        (but(holidays=(Holiday("2027-09-02", 7),)), "a day 7 that is not there"),
        (but(holidays=(Holiday("2027-09-02", 1),) * 256), "more than 255"),
        (but(days=(DayProfile(1, ()),)), "does not begin"),
        (but(days=(DayProfile(1, (Switching("06:00", 1),)),)), "does not begin"),
        (but(days=(DayProfile(1, (Switching("00:00", 1), Switching("00:00", 2))),)), "rise"),
        (but(days=(DayProfile(1, (Switching("24:00", 1),)),)), "no time of day"),
        (but(days=(DayProfile(1, (Switching("0:00", 1),)),)), "no time of day"),
        (but(days=(DayProfile(300, DAY.switches),)), "from 0 to 255"),
        (but(days=(DayProfile(1, (Switching("00:00", 70_000),)),)), "no number of one"),
        (but(name="Đà Nẵng"), "no name of latin letters"),
        (but(name=""), "1 to 64 bytes"),
        (but(name="0xzz"), "no name of latin letters"),
        (but(scripts="x"), "no OBIS code"),
    ],
)
def test_what_would_leave_a_meter_without_a_rate(calendar: TariffCalendar, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check(calendar)


def test_dates_and_times() -> None:
    assert parse_date("2026-01-31") == DateParts(2026, 1, 31)
    assert parse_date("*-*-*/7") == DateParts(None, None, None, 7)
    assert parse_date("*-253-254") == DateParts(None, 253, 254)
    assert parse_time("17:30") == (17, 30, 0)
    assert parse_time("17:30:59") == (17, 30, 59)


@given(
    st.builds(
        DateParts, st.none() | st.integers(1, 9999), st.none() | st.integers(1, 12),
        st.none() | st.integers(1, 31), st.none() | st.integers(1, 7),
    )
)  # fmt: skip
def test_a_date_reads_as_it_is_written(parts: DateParts) -> None:
    assert parse_date(date_text(parts)) == parts


@given(st.binary(min_size=1, max_size=20))
def test_a_name_reads_as_it_is_written(name: bytes) -> None:
    assert name_bytes(name_text(name)) == name


def test_a_calendar_comes_back_from_the_wire_as_it_was() -> None:
    wire = wire_calendar(GOOD, lambda _: b"")
    there = CalendarRead(
        ActivityCalendar(
            name_active=wire.name, seasons_active=wire.seasons, weeks_active=wire.weeks,
            days_active=wire.days,
        ),
        wire.special_days,
    )  # fmt: skip
    assert calendar_answer(there).calendar == GOOD
