"""The pushes of one modem that wait for their confirmation, in the order in which they came.

One is under way at a time, as in meters that store and forward: the next follows when the first is
confirmed, and after some attempts it is given up, so that one message which the head-end does not
like never blocks the rest.
"""

from collections import deque
from typing import Final

import msgspec

from hes.fleet.statistics import FleetStatistics

WAITING_MAX: Final = 32
"""Some 200 bytes each: 64 MB for 10,000 modems whose head-end is away."""
ATTEMPTS_MAX: Final = 5


class Push(msgspec.Struct):
    """One push; every attempt sends the same bytes."""

    meter: int
    """Which of the modem's meters it is from."""
    invoke_id: int
    frame: bytes
    attempts: int = 0


class Outbox:
    """See the module."""

    __slots__ = ("_resend_s", "_statistics", "_waiting", "due")

    def __init__(self, resend_s: float, statistics: FleetStatistics) -> None:
        self._resend_s = resend_s
        self._statistics = statistics
        self._waiting: deque[Push] = deque()
        self.due = float("inf")
        """When the first push is to be sent."""

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, push: Push, now: float) -> None:
        """Add a push; the oldest goes when there are too many."""
        self._waiting.append(push)
        if len(self._waiting) == 1:
            self.due = now
        elif len(self._waiting) > WAITING_MAX:
            self._drop(now)

    def connected(self, now: float) -> None:
        """Say that there is a new connection: what was sent on the old one may be lost."""
        if self._waiting:
            self.due = now

    def take(self, now: float) -> Push | None:
        """Return the push to send now, if there is one; count the attempt."""
        while self._waiting and self.due <= now:
            push = self._waiting[0]
            if push.attempts < ATTEMPTS_MAX:
                self._statistics.pushes_resent += push.attempts > 0
                push.attempts += 1
                self.due = now + self._resend_s
                return push
            self._drop(now)
        return None

    def confirm(self, meter: int, invoke_id: int, now: float) -> None:
        """Take away the push that was confirmed; another confirmation changes nothing."""
        first = self._waiting[0] if self._waiting else None
        if first is not None and (first.meter, first.invoke_id) == (meter, invoke_id):
            self._statistics.pushes_confirmed += 1
            self._next(now)

    def _drop(self, now: float) -> None:
        self._statistics.pushes_given_up += 1
        self._next(now)

    def _next(self, now: float) -> None:
        self._waiting.popleft()
        self.due = now if self._waiting else float("inf")
