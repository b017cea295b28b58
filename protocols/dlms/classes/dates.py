"""Dates and times with parts left open, as schedules have them (IEC 62056-6-2, date and time).

Layouts::

    date       year(2) month day weekday                       FF, FFFF: any
    time       hour minute second hundredths
    date-time  date time deviation(2, minutes, 8000: open) status

Some makers write zeros where nothing is set: a date of zeros is open too.

A month of FD or FE is the end or the beginning of daylight saving; a day of FD or FE is the last
but one or the last of its month.
"""

from typing import Any, Final, NamedTuple, TypeVar

from protocols.dlms import axdr_encode as ax
from protocols.dlms.classes.kinds import OCTETS, Kind, impossible, wrong

DATE_SIZE: Final = 5
TIME_SIZE: Final = 4
MOMENT_SIZE: Final = 12
ANY: Final = 0xFF
ANY_YEAR: Final = 0xFFFF
OPEN_DEVIATION: Final = -0x8000
LAST_DAY: Final = 0xFE
NOT_SET: Final = bytes(DATE_SIZE)
T = TypeVar("T")


class Date(NamedTuple):
    """A date; None: any."""

    year: int | None = None
    month: int | None = None
    """1 to 12; 253 and 254: end and beginning of daylight saving."""
    day: int | None = None
    """1 to 31; 253 and 254: the last but one and the last of the month."""
    weekday: int | None = None
    """1 is Monday."""


class Time(NamedTuple):
    """A time of day; None: any, or not given."""

    hour: int | None = None
    minute: int | None = None
    second: int | None = None
    hundredths: int | None = None


class Moment(NamedTuple):
    """Date and time of day."""

    date: Date = Date()
    time: Time = Time()
    deviation_min: int | None = None
    """From local time to UTC, minutes."""
    status: int = ANY


ALWAYS: Final = Moment()
"""All parts open."""


def _open(value: int) -> int | None:
    return None if value == ANY else value


def _octet(value: int | None) -> int:
    if value is None:
        return ANY
    if not 0 <= value < ANY:
        impossible(value, "a part of a date or time")
    return value


def decode_date(octets: bytes) -> Date:
    """Return the date in 5 octets.

    Raises:
        RemoteProtocolError: it is none.

    """
    if octets == NOT_SET:
        return Date()
    month_ok = len(octets) == DATE_SIZE and (1 <= octets[2] <= 12 or octets[2] >= 0xFD)
    if not month_ok or not (1 <= octets[3] <= 31 or octets[3] >= 0xFD):
        wrong(octets, "a date")
    if not 1 <= octets[4] <= 7 and octets[4] != ANY:
        wrong(octets, "a date")
    year = int.from_bytes(octets[:2])
    return Date(None if year == ANY_YEAR else year, *map(_open, octets[2:]))


def decode_time(octets: bytes) -> Time:
    """Return the time of day in 4 octets.

    Raises:
        RemoteProtocolError: it is none.

    """
    limits = (23, 59, 59, 99)
    if len(octets) != TIME_SIZE or any(
        part > limit and part != ANY for part, limit in zip(octets, limits, strict=True)
    ):
        wrong(octets, "a time of day")
    return Time(*map(_open, octets))


def decode_moment(octets: bytes) -> Moment:
    """Return the date and time in 12 octets.

    Raises:
        RemoteProtocolError: it is none.

    """
    if len(octets) != MOMENT_SIZE:
        wrong(octets, "a date and time")
    deviation = int.from_bytes(octets[9:11], signed=True)
    return Moment(
        decode_date(octets[:5]),
        decode_time(octets[5:9]),
        None if deviation == OPEN_DEVIATION else deviation,
        octets[11],
    )


def encode_date(date: Date) -> bytes:
    """Return the 5 octets of a date."""
    year = ANY_YEAR if date.year is None else date.year
    if not 0 <= year <= ANY_YEAR:
        impossible(year, "a year")
    return year.to_bytes(2) + bytes(map(_octet, date[1:]))


def encode_time(time: Time) -> bytes:
    """Return the 4 octets of a time of day."""
    return bytes(map(_octet, time))


def encode_moment(moment: Moment) -> bytes:
    """Return the 12 octets of a date and time."""
    deviation = OPEN_DEVIATION if moment.deviation_min is None else moment.deviation_min
    tail = deviation.to_bytes(2, signed=True) + bytes((moment.status,))
    return encode_date(moment.date) + encode_time(moment.time) + tail


def _decoded(value: Any) -> bytes:
    return OCTETS.decode(value)


DATE: Final = Kind[Date](
    lambda value: ax.octets(encode_date(value)), lambda value: decode_date(_decoded(value))
)
TIME: Final = Kind[Time](
    lambda value: ax.octets(encode_time(value)), lambda value: decode_time(_decoded(value))
)
MOMENT: Final = Kind[Moment](
    lambda value: ax.octets(encode_moment(value)), lambda value: decode_moment(_decoded(value))
)
