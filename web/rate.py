"""Events per second, from positions of the log."""

from collections import deque
from typing import Final

WINDOW_S: Final = 10.0


class EventRate:
    """Remembers where the log stood during the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, now: float, position: int) -> None:
        """Take that the log stands at ``position`` at the second ``now``."""
        seen = self._seen
        seen.append((now, position))
        # One sample older than the window stays: the rate is over at least the window.
        while len(seen) > 2 and seen[1][0] <= now - WINDOW_S:
            seen.popleft()

    def per_second(self) -> float:
        """Return the mean over the window; 0 while there is too little to tell."""
        if len(self._seen) < 2:
            return 0.0
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        if last_s <= first_s:
            return 0.0
        return round((last - first) / (last_s - first_s), 1)
