"""Date-time of COSEM (IEC 62056-6-2, clause on date and time formats): 12 octets to UTC and back.

Layout::

    year(2) month day weekday | hour minute second hundredths | deviation(2, signed) | status

FF (FFFF for the year, 8000 for the deviation) means not specified. The deviation is minutes from
local time to UTC: local + deviation = UTC, -420 (FE5C) in Vietnam. Some makers write it with the
other sign; that is a property of the meter type, or seen from a deviation that is just the opposite
of the local one: no meter of this grid stands in the time zone of the other side.
"""

from collections.abc import Iterable
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from typing import Final

from protocols.errors import RemoteProtocolError

SIZE: Final = 12
UNSPECIFIED_DEVIATION: Final = -0x8000
STATUS_DST: Final = 0x80
STATUS_INVALID: Final = 0x01
LAST_DAYS: Final = frozenset({0xFD, 0xFE})
"""The last day but one of a month and the last: every month's, so no date either."""
DEVIATION_MAX: Final = 840
"""Minutes; no time zone is farther from UTC."""


def decode_time(
    octets: bytes, *, utc_offset_min: int = 0, positive_east: bool = False
) -> datetime | None:
    """Return the instant in ``octets``, UTC; None when date or hour is not specified.

    ``utc_offset_min`` is used when the deviation is not specified: minutes that local standard time
    is ahead of UTC (420 in Vietnam). ``positive_east`` is for makers who write the deviation with
    the other sign.

    Raises:
        RemoteProtocolError: ``date-time``: it is no date.

    """
    if len(octets) != SIZE:
        raise RemoteProtocolError("date-time", f"a date-time of {len(octets)} bytes")
    return _decoded(octets, utc_offset_min, positive_east)


_INTO_DAY: Final = {
    bytes((hour, minute)): timedelta(hours=hour, minutes=minute)
    for hour in range(24)
    for minute in range(60)
}


def decode_times(
    cells: Iterable[bytes], *, utc_offset_min: int = 0, positive_east: bool = False
) -> list[datetime | None]:
    """Return the instants of many date-times, each as ``decode_time`` tells it.

    Those of a table mostly share the day of the row before: it is worked out once.

    Raises:
        RemoteProtocolError: ``date-time``: one of them is no date.

    """
    date = rest = b""
    begins: datetime | None = None
    found: list[datetime | None] = []
    for octets in cells:
        into = _INTO_DAY.get(octets[5:7])
        if begins and into is not None and octets[:5] == date and octets[7:] == rest:
            found.append(begins + into)
            continue
        time = decode_time(octets, utc_offset_min=utc_offset_min, positive_east=positive_east)
        if time is not None and into is not None and MINYEAR < time.year < MAXYEAR:
            begins, date, rest = time - into, octets[:5], octets[7:]
        found.append(time)
    return found


def _decoded(octets: bytes, utc_offset_min: int, positive_east: bool) -> datetime | None:
    year = int.from_bytes(octets[:2])
    month, day = octets[2], octets[3]
    hour, minute, second, hundredths = octets[5:9]
    if year == 0xFFFF or 0xFF in {month, day, hour} or month > 12 or day in LAST_DAYS:
        return None
    try:
        local = datetime(
            year, month, day, hour, 0 if minute == 0xFF else minute,
            0 if second == 0xFF else second,
            0 if hundredths == 0xFF else hundredths * 10_000, tzinfo=UTC,
        )  # fmt: skip
        return local + timedelta(minutes=_to_utc_min(octets, utc_offset_min, positive_east))
    except (ValueError, OverflowError) as problem:
        raise RemoteProtocolError("date-time", f"{octets.hex()} is no date: {problem}") from None


def _to_utc_min(octets: bytes, utc_offset_min: int, positive_east: bool) -> int:
    deviation = int.from_bytes(octets[9:11], signed=True)
    if deviation == UNSPECIFIED_DEVIATION:
        return -utc_offset_min
    if abs(deviation) > DEVIATION_MAX:
        raise ValueError(f"a deviation of {deviation} minutes")
    return -deviation if positive_east or has_other_sign(octets, utc_offset_min) else deviation


def resolution_s(octets: bytes) -> float:
    """Return the steps in which a clock tells its time, the rest cut off; 0: with hundredths."""
    minute, second, hundredths = octets[6:9]
    if minute == 0xFF:
        return 3600.0
    if second == 0xFF:
        return 60.0
    return 1.0 if hundredths == 0xFF else 0.0


def deviation_of(octets: bytes) -> int | None:
    """Return the deviation as written, minutes; None when it is not specified or absurd."""
    deviation = int.from_bytes(octets[9:11], signed=True)
    return deviation if abs(deviation) <= DEVIATION_MAX else None


def without_deviation(octets: bytes) -> bytes:
    """Return a time as one that does not tell its deviation."""
    return octets[:9] + UNSPECIFIED_DEVIATION.to_bytes(2, signed=True) + octets[11:]


def has_other_sign(octets: bytes, utc_offset_min: int) -> bool:
    """Whether a time carries the deviation of a place ``utc_offset_min`` ahead of UTC, negated."""
    return utc_offset_min != 0 and deviation_of(octets) == utc_offset_min


def encode_time(
    instant: datetime,
    *,
    utc_offset_min: int | None = 0,
    status: int = 0,
    with_deviation: bool = True,
    positive_east: bool = False,
) -> bytes:
    """Return the 12 octets of ``instant`` in a local time that far ahead of UTC.

    Without deviation the local time stands alone (8000): some meters want it so.
    """
    offset_min = utc_offset_min or 0
    local = instant.astimezone(UTC) + timedelta(minutes=offset_min)
    deviation = offset_min if positive_east else -offset_min
    if not with_deviation:
        deviation = UNSPECIFIED_DEVIATION
    return (
        local.year.to_bytes(2)
        + bytes((local.month, local.day, local.isoweekday()))
        + bytes((local.hour, local.minute, local.second, local.microsecond // 10_000))
        + deviation.to_bytes(2, signed=True)
        + bytes((status,))
    )
