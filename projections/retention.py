"""How long intervals are kept: days that are too old go once a day, and do not come back."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from projections.base import utc_ms
from projections.sql.database import DAY_MS

LOOK_S: Final = 600.0
"""How often one looks whether a day has ended, while nothing else happens."""


class Retention:
    """Which days are too old now."""

    def __init__(self, keep_days: int, now: Callable[[], datetime]) -> None:
        """``keep_days`` whole days, UTC, before the present one are kept."""
        self._keep_days = keep_days
        self._now = now
        self._done: int | None = None

    def due(self) -> int | None:
        """Return the first day to keep, since 1970; None when those before it are gone."""
        day = utc_ms(self._now()) // DAY_MS - self._keep_days
        return None if self._done is not None and day <= self._done else day

    def done(self, day: int) -> None:
        """Take note that the days before one are gone."""
        self._done = day
