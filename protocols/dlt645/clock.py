"""The clock of a DL/T 645 meter: reading it, telling it the time, writing it."""

from datetime import datetime, timedelta
from typing import Final

from protocols.dialogue import Dialogue
from protocols.dlt645 import bcd
from protocols.dlt645.client import Dlt645Client
from protocols.dlt645.exchange import BROADCAST_TIME, insist
from protocols.errors import RemoteProtocolError

DATE: Final = 0x04000101
TIME: Final = 0x04000102
DATE_1997: Final = 0xC010
TIME_1997: Final = 0xC011
BROADCAST_S_MAX: Final = 300.0
"""Meters take no broadcast that would change them by more."""
BETWEEN_BROADCASTS: Final = timedelta(days=1)
HALF_SECOND: Final = timedelta(milliseconds=500)
MIDNIGHT: Final = timedelta(minutes=5)
"""Nor do they take one so near to midnight, when they keep their values."""


def read_clock(client: Dlt645Client) -> Dialogue[datetime]:
    """Read the meter's time, UTC; the last question sent is the one about the time of day.

    Date and time are two questions; when midnight falls between them, they are asked again.

    Raises:
        MeterRefused: it tells no time.
        RemoteProtocolError: what it tells is none.

    """
    names = (DATE_1997, TIME_1997) if client.old else (DATE, TIME)
    digits = ""
    for _ in range(2):
        date = yield from _digits(client, names[0])
        time = yield from _digits(client, names[1])
        digits = date[:6] + time
        if not time.startswith("0000"):
            break
    raw = bytes.fromhex(digits)[::-1]
    instant = client.instant(raw) if len(raw) == 6 else None
    if instant is None:
        raise RemoteProtocolError("time", f"the meter's clock says {digits}")
    return instant


def _digits(client: Dlt645Client, di: int) -> Dialogue[str]:
    answer = yield from client.line.read(di)
    return bcd.backwards(insist(answer, "to tell its time"))


def may_broadcast(
    client: Dlt645Client, drift_s: float, now: datetime, last: datetime | None
) -> bool:
    """Return whether a meter would take its time from a broadcast.

    ``last``: when one was sent last; meters take one a day.
    """
    if client.settings.options.clock_by != "broadcast" or abs(drift_s) > BROADCAST_S_MAX:
        return False
    if last is not None and now - last < BETWEEN_BROADCASTS:
        return False
    return not any(_near_midnight(client, t) for t in (now, now + timedelta(seconds=drift_s)))


def _near_midnight(client: Dlt645Client, instant: datetime) -> bool:
    local = instant.astimezone(client.settings.zone)
    into = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
    return min(into, timedelta(days=1) - into) <= MIDNIGHT


def broadcast_time(client: Dlt645Client, instant: datetime) -> Dialogue[None]:
    """Tell the time to all meters on the line; each decides whether it takes it."""
    local = _whole_second(client, instant)
    yield from client.line.broadcast(BROADCAST_TIME, bcd.time_bytes(local, "%y%m%d%H%M%S"))


def write_date(client: Dlt645Client, instant: datetime) -> Dialogue[None]:
    """Write the date and the weekday, 0 is Sunday; see ``Dlt645Client.write``."""
    local = _whole_second(client, instant)
    data = bytes((local.isoweekday() % 7,)) + bcd.time_bytes(local, "%y%m%d")
    yield from client.write(DATE_1997 if client.old else DATE, data, "to change its date")


def write_time(client: Dlt645Client, instant: datetime) -> Dialogue[None]:
    """Write the time of day; see ``Dlt645Client.write``."""
    local = _whole_second(client, instant)
    name = TIME_1997 if client.old else TIME
    yield from client.write(name, bcd.time_bytes(local, "%H%M%S"), "to change its time")


def is_same_day(client: Dlt645Client, shown: datetime, told: datetime) -> bool:
    """Return whether a clock that shows ``shown`` has the date of what it is told."""
    return shown.astimezone(client.settings.zone).date() == _whole_second(client, told).date()


def _whole_second(client: Dlt645Client, instant: datetime) -> datetime:
    """Return the nearest second by the meter's clock: it is told no fractions."""
    return (instant + HALF_SECOND).astimezone(client.settings.zone)
