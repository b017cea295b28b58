"""What the schedule reads of a meter: the newest of each profile first, what is missing beside it.

Pure: times in, windows out. A window holds both its ends.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from hes.events.reading import FailureReason
from hes.obis import PROFILES
from hes.rules.profile_gaps import DAY, KEPT_MAX, Gap, is_dense

__all__ = [
    "DAY", "KEPT_MAX", "Wanted", "Window", "missing", "newest", "retry_s", "settled_by",
    "worth_asking",
]  # fmt: skip

STEP: Final = timedelta(seconds=1)
"""Meters write times in whole seconds."""


RETRY_S: Final = (60.0, 300.0, 900.0)
"""Pauses before a scheduled read that failed is tried again: most troubles of a radio network are
over within a minute, and a meter that stays silent must not eat its line."""
LASTING: Final = frozenset({
    FailureReason.NO_MODEM, FailureReason.REFUSED, FailureReason.INTERNAL, FailureReason.PARTIAL,
})  # fmt: skip
"""Another try would bring the same. A modem that comes back is read when it does."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of every meter, and how many are read at a time."""

    registers: tuple[str, ...] = ()
    """OBIS codes; empty: those of the meter type."""
    profiles: tuple[str, ...] = (PROFILES["load"],)
    """OBIS codes of profiles."""
    concurrency: int = 1000
    """Scheduled reads that may be under way in the node."""

    @classmethod
    def of(cls, registers: Iterable[str], profiles: Iterable[str], concurrency: int) -> "Wanted":
        """Return what people wrote, with usual names as codes and each profile once."""
        codes = dict.fromkeys(PROFILES.get(name, str(name)) for name in profiles)
        return cls(
            registers=tuple(map(str, registers)), profiles=tuple(codes), concurrency=concurrency
        )


DEFAULT_PROFILES: Final = frozenset(Wanted().profiles)


def worth_asking(profiles: Iterable[str], offered: Callable[[str], bool]) -> list[str]:
    """Return the profiles without those that nobody chose and such a meter cannot have."""
    return [p for p in profiles if p not in DEFAULT_PROFILES or offered(p)]


class Window(NamedTuple):
    """A part of a profile."""

    profile: str
    begin: datetime
    end: datetime


def retry_s(tries: int, reason: FailureReason, left_s: float) -> float | None:
    """Return the pause before the next try of a scheduled read; None: there is none.

    ``tries``: how often it was tried again in this period; ``left_s``: what is left of the period,
    at whose end the next read is due anyway.
    """
    if reason in LASTING or tries >= len(RETRY_S) or RETRY_S[tries] >= left_s:
        return None
    return RETRY_S[tries]


def newest(
    profiles: Iterable[str],
    until: Mapping[str, datetime],
    settled: Mapping[str, datetime],
    now: datetime,
) -> list[Window]:
    """Return what a scheduled read asks for of each profile, never more than a day of a dense one.

    ``until``: end of the last interval that we have; ``settled``: up to where was looked already,
    whether there was anything or not.
    """
    windows = (Window(p, _newest_begin(p, until, settled, now), now) for p in profiles)
    return [window for window in windows if window.begin <= window.end]


def _newest_begin(
    profile: str, until: Mapping[str, datetime], settled: Mapping[str, datetime], now: datetime
) -> datetime:
    oldest = now - (DAY if is_dense(profile) else KEPT_MAX)
    known = [until[profile]] if profile in until else []
    if profile in settled and not is_dense(profile):
        known.append(settled[profile])
    return max([oldest, *(time + STEP for time in known)])


def missing(
    profiles: Iterable[str],
    until: Mapping[str, datetime],
    gaps: Mapping[str, Sequence[Gap]],
    settled: Mapping[str, datetime],
    now: datetime,
) -> Window | None:
    """Return the oldest window, of a day at most, that is missing and not the newest; or None."""
    for profile in profiles:
        if not is_dense(profile) or profile not in until:
            continue  # a meter that we never had intervals of begins with the last day
        looked = max(now - KEPT_MAX, settled.get(profile, now - KEPT_MAX))
        for gap in gaps.get(profile, ()):
            begin = max(gap.begin, looked) + STEP
            end = min(gap.end - STEP, begin + DAY)
            if begin <= end:
                return Window(profile, begin, end)
        # Nothing came for more than a day. Whole days only: the rest is asked for when something
        # comes and leaves it behind, and not anew each half hour until then.
        begin = max(until[profile], looked) + STEP
        if begin + DAY < now - DAY:
            return Window(profile, begin, begin + DAY)
    return None


def settled_by(window: Window) -> datetime | None:
    """Return up to where nothing can be missing once a read of the newest was answered.

    Of a sparse profile only: a meter whose clock is late writes an entry for times that we have
    already looked at, so the last day is looked at again.
    """
    return None if is_dense(window.profile) else window.end - DAY
