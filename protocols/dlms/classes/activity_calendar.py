"""Class 20, Activity calendar: seasons, weeks and days that say which rate counts when.

The active calendar is only read. A new one is written into the passive half and takes over at its
activation time, or at once by method 1.
"""

from typing import Final, NamedTuple

import msgspec

from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.dates import ALWAYS, MOMENT, TIME, Moment, Time
from protocols.dlms.classes.kinds import OBIS, OCTETS, U8, U16, ZERO, array_of, structure_of

ACTIVATE_PASSIVE: Final = 1
NO_PARAMETER: Final = ZERO
USUAL_OBIS: Final = bytes((0, 0, 13, 0, 0, 255))


class Season(NamedTuple):
    """A part of the year."""

    name: bytes
    start: Moment
    """Its year is open when the season comes each year."""
    week: bytes
    """Name of the week that it is made of."""


class Week(NamedTuple):
    """The day profile of each weekday."""

    name: bytes
    monday: int
    tuesday: int
    wednesday: int
    thursday: int
    friday: int
    saturday: int
    sunday: int


class Switch(NamedTuple):
    """From this time of day on, the script is in force."""

    start: Time
    table: bytes
    """Script table of the tariffs."""
    selector: int
    """Which of its scripts, hence which rate."""


class Day(NamedTuple):
    """A day's switching times."""

    day_id: int
    switches: tuple[Switch, ...]


class ActivityCalendar(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes 2 to 10."""

    name_active: bytes
    seasons_active: tuple[Season, ...]
    weeks_active: tuple[Week, ...]
    days_active: tuple[Day, ...]
    name_passive: bytes = b""
    seasons_passive: tuple[Season, ...] = ()
    weeks_passive: tuple[Week, ...] = ()
    days_passive: tuple[Day, ...] = ()
    activate_passive_at: Moment = ALWAYS


_SEASONS: Final = array_of(structure_of(Season, OCTETS, MOMENT, OCTETS))
_WEEKS: Final = array_of(structure_of(Week, OCTETS, U8, U8, U8, U8, U8, U8, U8))
_SWITCHES: Final = array_of(structure_of(Switch, TIME, OBIS, U16))
_DAYS: Final = array_of(structure_of(Day, U8, _SWITCHES))
ACTIVITY_CALENDAR: Final = CosemClass(
    20, ActivityCalendar,
    {
        2: OCTETS, 3: _SEASONS, 4: _WEEKS, 5: _DAYS,
        6: OCTETS, 7: _SEASONS, 8: _WEEKS, 9: _DAYS, 10: MOMENT,
    },
)  # fmt: skip
