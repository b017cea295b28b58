"""When a clock may be put right by its own methods, and how long to wait for the right moment.

The methods that round are called as our own clock stands at a whole unit: the meter then jumps to
that very instant. Elsewhere they would put it wrong by up to half a unit.
"""

from datetime import datetime
from typing import Final

from hes.rules.clock_drift import seconds_to_safety

UNITS_S: Final = {"quarter": 900, "period": 1800, "minute": 60}
"""The unit that each way rounds to."""
WAYS: Final = (*UNITS_S, "preset", "shift")
WAIT_S_MAX: Final = 60.0
"""The line is held meanwhile."""
SHIFT_S_MAX: Final = 900
MARGIN: Final = 0.9
"""A drift this near to half a unit could be rounded the wrong way."""


def wait_s(way: str, drift_s: float, now: datetime) -> float:
    """Return how long to wait until the method may be called.

    Raises:
        ValueError: it may not; the message says why and what to do.

    """
    unit_s = UNITS_S.get(way)
    if unit_s is None:
        _guard(now)
        if way == "shift" and abs(drift_s) > SHIFT_S_MAX:
            raise ValueError(f"the clock is off by {drift_s:.0f} s; a shift does {SHIFT_S_MAX} s")
        return 0.0
    if abs(drift_s) > MARGIN * unit_s / 2:
        raise ValueError(f"the clock is off by {drift_s:.0f} s: it would jump to another {way}")
    left_s = unit_s - now.timestamp() % unit_s
    if way == "minute":
        _guard(now)
    elif left_s > WAIT_S_MAX:
        raise ValueError(f"it is {left_s:.0f} s to the next {way}; ask within the last minute")
    return left_s


def _guard(now: datetime) -> None:
    if seconds_to_safety(now):
        raise ValueError(f"an interval ends too near; ask again in {seconds_to_safety(now):.0f} s")
