"""The holes in a profile that were left behind when its newest intervals were read first.

Kept in the meter's memory, so that a restart forgets none. Pure: it knows no clock.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

DAY: Final = timedelta(days=1)
"""What is asked of a profile at a time: over a slow line, more may never come to its end."""
KEPT_MAX: Final = timedelta(days=60)
"""Meters keep about so much."""
LOGS_FROM: Final = 97
"""Profiles of group C 99 from this D on are event logs (IEC 62056-6-1)."""


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """Intervals that end between two times, both exclusive, are missing."""

    begin: datetime
    end: datetime


def is_dense(profile: str) -> bool:
    """Whether a profile has rows at least daily: billing values and event logs have not."""
    _, _, group_c, group_d, *_ = profile.split(".")
    return group_c == "99" and int(group_d) < LOGS_FROM


def opened(
    gaps: list[Gap], known: datetime | None, first: datetime, asked_at: datetime
) -> list[Gap]:
    """Return the gaps once the newest intervals came, of which ``first`` is the oldest.

    ``known`` is the last that we had before. Within a day it leaves no gap: what is between was
    asked for too, and the meter has no such intervals.
    """
    if known is None or known >= asked_at - DAY or first <= known:
        return gaps
    return [*(gap for gap in gaps if gap.end > asked_at - KEPT_MAX), Gap(known, first)]


def filled(gaps: Sequence[Gap], last: datetime, period_s: int | None) -> list[Gap]:
    """Return the gaps once intervals up to ``last`` came; they are filled from their beginning.

    ``period_s``: seconds between intervals; unknown, nobody can say that nothing is missing.
    """
    period = timedelta(seconds=period_s or 0)
    shorter = [Gap(last, g.end) if g.begin < last < g.end else g for g in gaps]
    return [gap for gap in shorter if gap.end - gap.begin > period]
