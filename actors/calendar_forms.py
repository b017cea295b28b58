"""A tariff calendar as people write it, and as a DLMS meter has it (classes 20 and 11)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from hes import obis
from hes.control import CalendarAnswer
from hes.tariff_calendar import (
    HEX,
    DateParts,
    DayProfile,
    Holiday,
    SeasonProfile,
    Switching,
    TariffCalendar,
    WeekProfile,
    date_text,
    name_bytes,
    parse_date,
    parse_time,
)
from protocols.dlms.classes.activity_calendar import Day, Season, Switch, Week
from protocols.dlms.classes.dates import ALWAYS, Date, Moment, Time, decode_moment
from protocols.dlms.classes.special_days import SpecialDay
from protocols.dlms.operations.calendar import CalendarRead, NewCalendar

MIDNIGHT: Final = Time(0, 0, 0, 0)


def name_text(name: bytes) -> str:
    """Return a name as people write it."""
    text = name.decode("latin-1")
    plain = text.isascii() and text.isprintable() and not text.startswith(HEX)
    return text if plain else HEX + name.hex()


def time_text(time: Time) -> str:
    """Return a time of day; parts that are left open as nought, seconds only where they count."""
    hour, minute, second = (part or 0 for part in time[:3])
    return f"{hour:02}:{minute:02}" + (f":{second:02}" if second else "")


def _time(text: str) -> Time:
    return Time(*parse_time(text), 0)


def _date_text(date: Date) -> str:
    return date_text(DateParts(*date))


# -- from a meter


def calendar_answer(read: CalendarRead) -> CalendarAnswer:
    """Return what a meter has, as people read it."""
    found = read.calendar
    waits = found.name_passive not in {b"", found.name_active}
    until = found.activate_passive_at
    return CalendarAnswer(
        calendar=TariffCalendar(
            name=name_text(found.name_active),
            seasons=tuple(map(_season_form, found.seasons_active)),
            weeks=tuple(WeekProfile(name_text(w.name), tuple(w[1:])) for w in found.weeks_active),
            days=tuple(map(_day_form, found.days_active)),
            holidays=_holidays(read.special_days),
            scripts=_scripts(found.days_active),
        ),
        waiting=name_text(found.name_passive) if waits else None,
        waiting_until=None if until.date.year is None else _moment_text(until),
    )


def _moment_text(moment: Moment) -> str:
    return f"{_date_text(moment.date)} {time_text(moment.time)}"


def _season_form(season: Season) -> SeasonProfile:
    start = _date_text(season.start.date)
    return SeasonProfile(name_text(season.name), start, name_text(season.week))


def _day_form(day: Day) -> DayProfile:
    switches = sorted(day.switches, key=lambda switch: switch.start[:3])
    return DayProfile(
        day.day_id, tuple(Switching(time_text(s.start), s.selector) for s in switches)
    )


def _holidays(entries: Sequence[SpecialDay] | None) -> tuple[Holiday, ...] | None:
    if entries is None:
        return None
    return tuple(Holiday(_date_text(entry.date), entry.day_id) for entry in entries)


def _scripts(days: Sequence[Day]) -> str:
    tables = [switch.table for day in days for switch in day.switches]
    return obis.from_bytes(tables[0]) if tables else "0.0.10.0.100.255"


# -- to a meter


def wire_calendar(calendar: TariffCalendar, local: Callable[[datetime], bytes]) -> NewCalendar:
    """Return a calendar as it is written; ``local`` writes an instant as the meter's clock does.

    Raises:
        ValueError: no meter can have it.

    """
    at = calendar.activate_at
    holidays = calendar.holidays
    table = obis.to_bytes(obis.parse(calendar.scripts))
    return NewCalendar(
        name=name_bytes(calendar.name),
        seasons=tuple(map(_wire_season, calendar.seasons)),
        weeks=tuple(Week(name_bytes(week.name), *week.days) for week in calendar.weeks),
        days=tuple(_wire_day(day, table) for day in calendar.days),
        special_days=None if holidays is None else tuple(map(_wire_holiday, enumerate(holidays))),
        activate_at=None if at is None else decode_moment(local(at)),
    )


def _wire_season(season: SeasonProfile) -> Season:
    start = ALWAYS._replace(date=Date(*parse_date(season.start)), time=MIDNIGHT)
    return Season(name_bytes(season.name), start, name_bytes(season.week))


def _wire_day(day: DayProfile, table: bytes) -> Day:
    return Day(day.id, tuple(Switch(_time(s.at), table, s.rate) for s in day.switches))


def _wire_holiday(numbered: tuple[int, Holiday]) -> SpecialDay:
    number, holiday = numbered
    return SpecialDay(number, Date(*parse_date(holiday.date)), holiday.day)
