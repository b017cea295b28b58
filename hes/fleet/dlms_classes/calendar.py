"""The tariff calendar of a simulated meter: the passive half takes over when it is told to."""

from datetime import datetime
from typing import Any, Final

from hes.fleet.dlms_classes.stored import DONE, StoredObject
from protocols.dlms.classes.activity_calendar import (
    ACTIVATE_PASSIVE,
    ACTIVITY_CALENDAR,
    USUAL_OBIS,
    ActivityCalendar,
    Day,
    Season,
    Switch,
    Week,
)
from protocols.dlms.classes.dates import ALWAYS, Date, Moment, Time, encode_moment
from protocols.dlms.classes.kinds import U16
from protocols.dlms.classes.special_days import (
    DELETE,
    INSERT,
    SPECIAL_DAY,
    SPECIAL_DAYS,
    USUAL_OBIS as SPECIAL_OBIS,
    SpecialDays,
)
from protocols.dlms.cosem import Refused
from protocols.dlms.cosem_time import decode_time

TARIFFS: Final = bytes((0, 0, 10, 0, 100, 255))
HALVES: Final = ("name", "seasons", "weeks", "days")


def _switch(hour: int, minute: int, selector: int) -> Switch:
    return Switch(Time(hour, minute, 0, 0), TARIFFS, selector)


USUAL: Final = ActivityCalendar(
    name_active=b"SIM2024",
    seasons_active=(Season(b"YEAR", Moment(Date(None, 1, 1), Time(0, 0, 0, 0)), b"WEEK"),),
    weeks_active=(Week(b"WEEK", 1, 1, 1, 1, 1, 1, 1),),
    days_active=(
        Day(1, (_switch(0, 0, 3), _switch(6, 0, 1), _switch(17, 30, 2), _switch(22, 30, 1))),
    ),
)  # fmt: skip


class SimulatedCalendar(StoredObject[ActivityCalendar]):
    """Class 20."""

    def __init__(self, utc_offset_min: int) -> None:
        writable = [f"{part}_passive" for part in HALVES]
        super().__init__(ACTIVITY_CALENDAR, USUAL_OBIS, USUAL, [*writable, "activate_passive_at"])
        self._utc_offset_min = utc_offset_min
        self.methods = {ACTIVATE_PASSIVE: lambda _parameter, _now: self._take_over()}

    def read(self, index: int, now: datetime) -> bytes | Refused:
        """See ``StoredObject``; the time to take over may have come."""
        octets = encode_moment(self.values.activate_passive_at)
        due = decode_time(octets, utc_offset_min=self._utc_offset_min)
        if due is not None and due <= now:
            self._take_over()
        return super().read(index, now)

    def _take_over(self) -> int:
        halves = {f"{part}_active": getattr(self.values, f"{part}_passive") for part in HALVES}
        self.change(activate_passive_at=ALWAYS, **halves)
        return DONE


class SimulatedSpecialDays(StoredObject[SpecialDays]):
    """Class 11."""

    def __init__(self) -> None:
        super().__init__(SPECIAL_DAYS, SPECIAL_OBIS, SpecialDays(entries=()), {"entries"})
        self.methods = {INSERT: self._insert, DELETE: self._delete}

    def _insert(self, parameter: Any, _now: datetime) -> int:
        entry = SPECIAL_DAY.decode(parameter)
        others = [other for other in self.values.entries if other.number != entry.number]
        self.change(entries=tuple(sorted([*others, entry])))
        return DONE

    def _delete(self, parameter: Any, _now: datetime) -> int:
        number = U16.decode(parameter)
        self.change(entries=tuple(e for e in self.values.entries if e.number != number))
        return DONE
