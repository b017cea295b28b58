"""Wall clock as a thing that is passed in, so that tests and replay decide what time it is."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

import trio


class Clock(Protocol):
    """Tells the time of day."""

    def now(self) -> datetime:
        """Return the time now, UTC, aware."""
        ...


class SystemClock:
    """The clock of this machine; the one place that reads it."""

    def __init__(self) -> None:
        self._now_ms = 0
        self._now = datetime.fromtimestamp(0, UTC)

    def now(self) -> datetime:
        """Return the time now, UTC, aware, in whole milliseconds.

        No clock that is set over a network is better than that, and what an event says for ever
        is noise below it: 60 octets of a meter's day (decision 10).
        """
        now_ms = int(time.time() * 1000)  # noqa: TID251 -- this is the clock that others take
        if now_ms != self._now_ms:
            self._now = datetime.fromtimestamp(now_ms / 1000, UTC)
            self._now_ms = now_ms  # last: another thread may ask in between
        return self._now


class TrioClock:
    """A wall clock that follows trio's, hence a virtual day under ``trio.testing.MockClock``."""

    def __init__(self, start: datetime) -> None:
        self._start = start

    def now(self) -> datetime:
        """Return ``start`` plus trio's current time."""
        return self._start + timedelta(seconds=trio.current_time())
