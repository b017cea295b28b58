"""Class 22, Single action schedule: a script at given times, such as the push of each half hour."""

from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

from protocols.dlms.classes.common import SCRIPT, Script
from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.dates import DATE, TIME, Date, Time
from protocols.dlms.classes.kinds import array_of, enum_of, structure_of


class ScheduleType(IntEnum):
    """How many times there are, whether they differ, and whether their dates may be open."""

    ONE_OPEN = 1
    """One time, its date may be open."""
    SAME_TIME_FIXED = 2
    """Several of the same time of day, dates not open."""
    SAME_TIME_OPEN = 3
    TIMES_FIXED = 4
    """Several times, dates not open."""
    TIMES_OPEN = 5


class Execution(NamedTuple):
    """One time to act at."""

    time: Time
    date: Date


class SingleActionSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes 2 to 4."""

    script: Script
    type: ScheduleType
    times: tuple[Execution, ...]


SINGLE_ACTION_SCHEDULE: Final = CosemClass(
    22, SingleActionSchedule,
    {2: SCRIPT, 3: enum_of(ScheduleType), 4: array_of(structure_of(Execution, TIME, DATE))},
)  # fmt: skip


def every(period_s: int) -> tuple[Execution, ...]:
    """Return the times of day of each whole period, on any date; the first is midnight.

    Periods that do not divide a day make a last one of the day that is shorter.
    """
    starts = range(0, 86_400, period_s)
    return tuple(Execution(Time(at // 3600, at // 60 % 60, at % 60, 0), Date()) for at in starts)
