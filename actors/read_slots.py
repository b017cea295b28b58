"""How many meters are read by the schedule at a time: plain data, shared by the node.

The collector takes a slot for each read that it asks for; the meter's actor frees it when the read
has ended. A slot whose actor died ends by itself when no such read can be under way any more.
"""

from collections.abc import Callable
from math import inf
from typing import Final

from actors.line import TRANSACTION_S_MAX
from hes.ids import MeterId

Key = tuple[MeterId, str]
"""A meter, and the kind of read."""
OVERTIME_S: Final = TRANSACTION_S_MAX + 10.0
"""A read that was begun just before its deadline has ended so long after it."""


class ReadSlots:
    """At most ``most`` reads; those on demand need no slot."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.sought = False
        """Whether the collector waits for one: then back-fill has to stand aside."""
        self.on_free: Callable[[], None] = lambda: None
        self.expires_at = inf
        """trio's time at which the first may end by itself."""
        self.in_line: dict[MeterId, None] = {}
        """Who waits to fill gaps, the first first: the collector lets them when it is idle."""
        self._held: dict[Key, float] = {}

    def __len__(self) -> int:
        return len(self._held)

    def take(self, key: Key, now: float, until: float) -> bool:
        """Take a slot, or keep the one that ``key`` has; False when there is none.

        ``until``: trio's time after which the read has ended for sure.
        """
        if now >= self.expires_at:
            self._expire(now)
        if key not in self._held and len(self._held) >= self.most:
            return False
        self._held[key] = until
        self.expires_at = min(self.expires_at, until)
        return True

    def take_spare(self, key: Key, now: float, until: float) -> bool:
        """Take a slot that nobody waits for; else the meter stands in line for one."""
        if key not in self._held and (self.sought or self.in_line):
            self.in_line[key[0]] = None
            return False
        taken = self.take(key, now, until)
        if not taken:
            self.in_line[key[0]] = None
        return taken

    def free(self, key: Key) -> None:
        """Give a slot back; without one nothing happens."""
        if self._held.pop(key, None) is not None and (self.sought or self.in_line):
            self.on_free()

    def _expire(self, now: float) -> None:
        self._held = {key: until for key, until in self._held.items() if until > now}
        self.expires_at = min(self._held.values(), default=inf)
