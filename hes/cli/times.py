"""Times as people type them on the command line."""

from datetime import datetime, timedelta

from hes.cli.failures import USAGE, CommandError
from hes.clock import Clock
from hes.durations import parse_duration


def parse_time(text: str, option: str, clock: Clock) -> datetime:
    """Return the time in ``text``: ISO 8601, a date, ``now``, or so long ago: ``-24h``.

    Without an offset it is meant in the time zone of this machine.

    Raises:
        CommandError: it is no time.

    """
    wanted = text.strip()
    try:
        if wanted == "now":
            return clock.now()
        if wanted.startswith("-"):
            return clock.now() - timedelta(seconds=parse_duration(wanted[1:]))
        return datetime.fromisoformat(wanted).astimezone()
    except (ValueError, OverflowError):
        raise CommandError(
            f"{option}: {text!r} is no time; write 2026-11-24T10:00:00+07:00, 2026-11-24 or -24h",
            USAGE,
        ) from None
