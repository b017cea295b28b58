"""When the log is anchored: once each local day, at midnight and a little later. Pure."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

JITTER_S_MAX: Final = 600.0
"""Midnight is when many programs want the database at once."""
AHEAD_MAX: Final = timedelta(days=1)


def due_at(last: datetime | None, now: datetime, zone: tzinfo, jitter_s: float) -> datetime:
    """Return when the next anchor is due, UTC; ``now`` or earlier: at once.

    ``last``: time of the newest anchor by our clock. The one after it is due at the next midnight
    of ``zone`` plus ``jitter_s`` seconds, however late in its day it came: so no day has two, and
    a node that was away over a midnight makes up for it. An anchor of more than a day ahead was
    made by a wrong clock, and must not silence the right one.
    """
    if last is None or last > now + AHEAD_MAX:
        return now
    day = last.astimezone(zone).date() + timedelta(days=1)
    midnight = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    return midnight + timedelta(seconds=jitter_s)
