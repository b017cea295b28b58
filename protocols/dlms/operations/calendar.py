"""Reads the tariff calendar of a meter (classes 20 and 11) and gives it a new one.

A new calendar is written into the passive half and read back before it is told to take over: the
meter never runs on half a calendar.
"""

import msgspec

from protocols.dlms.classes.activity_calendar import (
    ACTIVATE_PASSIVE,
    ACTIVITY_CALENDAR,
    ActivityCalendar,
    Day,
    Season,
    Week,
)
from protocols.dlms.classes.dates import Moment
from protocols.dlms.classes.special_days import SPECIAL_DAYS, SpecialDay
from protocols.dlms.client import Dialogue, DlmsClient
from protocols.dlms.cosem import Refused
from protocols.dlms.operations.access import call, read_object, write_field
from protocols.errors import MeterRefused


class CalendarRead(msgspec.Struct, frozen=True):
    """What a meter has."""

    calendar: ActivityCalendar
    special_days: tuple[SpecialDay, ...] | None
    """None: it has no such table, or does not show it."""


class NewCalendar(msgspec.Struct, frozen=True, kw_only=True):
    """What it is to have."""

    name: bytes
    seasons: tuple[Season, ...]
    weeks: tuple[Week, ...]
    days: tuple[Day, ...]
    special_days: tuple[SpecialDay, ...] | None = None
    """None: its table stays as it is. It counts at once, for it has no passive half."""
    activate_at: Moment | None = None
    """None: at once."""


def read_calendar(client: DlmsClient, calendar: bytes, special: bytes) -> Dialogue[CalendarRead]:
    """Read both objects.

    Raises:
        MeterRefused: the meter has no calendar there.

    """
    read = yield from read_object(client, ACTIVITY_CALENDAR, calendar)
    entries = yield from client.get(SPECIAL_DAYS.attribute(special, 2))
    days = None if isinstance(entries, Refused) else SPECIAL_DAYS.decode(2, entries)
    return CalendarRead(read, days)


def set_calendar(
    client: DlmsClient, calendar: bytes, special: bytes, new: NewCalendar
) -> Dialogue[CalendarRead]:
    """Write a calendar, check it, let it take over, and return what the meter has then.

    Raises:
        MeterRefused: the meter does not take it, or reads back something else.

    """
    fields = {
        "name_passive": new.name, "seasons_passive": new.seasons, "weeks_passive": new.weeks,
        "days_passive": new.days,
    }  # fmt: skip
    for field, value in fields.items():
        yield from write_field(client, ACTIVITY_CALENDAR, calendar, field, value)
    written = yield from read_object(client, ACTIVITY_CALENDAR, calendar)
    wrong = [field for field, value in fields.items() if getattr(written, field) != value]
    if wrong:
        raise MeterRefused(f"the meter reads back another {wrong[0]}; its calendar stays in force")
    if new.special_days is not None:
        yield from write_field(client, SPECIAL_DAYS, special, "entries", new.special_days)
    if new.activate_at is None:
        yield from call(client, ACTIVITY_CALENDAR, calendar, ACTIVATE_PASSIVE)
    else:
        field = "activate_passive_at"
        yield from write_field(client, ACTIVITY_CALENDAR, calendar, field, new.activate_at)
    return (yield from read_calendar(client, calendar, special))
