"""Events per second, from positions of the log."""

from collections import deque
from typing import Final

WINDOW_S: Final = 10.0


class EventRate:
    """Remembers where the log stood during the last seconds."""

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, now: float, position: int) -> None:
        """Take that the log stands at ``position`` at the second ``now``."""
        seen = self._seen
        seen.append((now, position))
        # One sample older than the window stays: the rate is over at least the window.
        while len(seen) > 2 and seen[1][0] <= now - self._window_s:
            seen.popleft()

    def count(self) -> int:
        """Return how far the log came within the window."""
        return self._seen[-1][1] - self._seen[0][1] if self._seen else 0

    def per_second(self) -> float:
        """Return the mean over the window; 0 while there is too little to tell."""
        if len(self._seen) < 2:
            return 0.0
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        if last_s <= first_s:
            return 0.0
        return round((last - first) / (last_s - first_s), 1)
