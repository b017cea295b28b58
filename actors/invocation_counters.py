"""Our own invocation counters toward one meter: none is used that was not written down before.

A counter that is used twice with one key gives the key away, so they are reserved ahead: one event
for a month of readings. What is reserved and not used when the node ends is lost, which costs
nothing.
"""

from typing import Final

import msgspec

from protocols.errors import LocalProtocolError

RESERVED: Final = 2000
"""Written down ahead."""
EPOCH: Final = 1_577_836_800
"""2020-01-01: a meter that never met us gets counters from the seconds since, so that they are
above all that we may have used before a store was lost."""


class InvocationCounters(msgspec.Struct):
    """See the module."""

    next: int = 0
    end: int = 0
    """The first that is not known to be written down."""

    def take(self) -> int:
        """Return the next one.

        Raises:
            LocalProtocolError: it is not reserved.

        """
        if self.next >= self.end:
            used = f"invocation counter {self.next} is not reserved"
            raise LocalProtocolError("counter", used)
        self.next += 1
        return self.next - 1

    def needed(self, count: int, at_least: int, written: int, now_s: float) -> int:
        """Return below what counters must be written down, so that there are ``count``.

        ``written``: below what they are; ``at_least``: the meter takes no smaller one.
        """
        if not self.next:
            self.next = written or max(1, int(now_s) - EPOCH)
        self.next = max(self.next, at_least)
        return self.next + count
