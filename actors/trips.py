"""How long answers take to begin behind one modem; patience grows with it on a slow network.

The protocols' own waits are made for a network that takes a second there and back. What it takes
longer, as answers and the kernel's acknowledgements show, is waited for in addition. A silent meter
on a quick line costs no more for it.
"""

from collections import deque
from typing import Final

NORMAL_S: Final = 1.0
EXTRA_S_MAX: Final = 20.0
KEPT: Final = 20
"""Trips that are remembered: the longest but one is their 95th percentile."""


class Trips:
    """The last trips of one connection."""

    __slots__ = ("_kernel_s", "_last")

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=KEPT)
        self._kernel_s = 0.0

    def note(self, trip_s: float) -> None:
        """Take note of how long an answer took to begin."""
        self._last.append(trip_s)

    def note_kernel(self, trip_s: float) -> None:
        """Take note of what the kernel knows: it hears from the modem also when no meter speaks."""
        self._kernel_s = trip_s

    @property
    def extra_s(self) -> float:
        """What to wait for an answer beyond what its protocol says."""
        found = sorted(self._last)[-2:]
        answers_s = found[0] if len(self._last) == KEPT else found[-1] if found else 0.0
        return min(max(answers_s, self._kernel_s, NORMAL_S) - NORMAL_S, EXTRA_S_MAX)
