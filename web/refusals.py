"""Those who were not let in, for the audit log: each source once a while, the rest as a number.

Whoever tries tokens by the thousand fills neither the log nor the disk, and is seen all the same.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import trio

PERIOD_S: Final = 60.0
"""The same source is told once in it."""
SOURCES_MAX: Final = 10
"""So many sources are told in a period; those beyond are only counted."""
WHAT_MAX: Final = 120
NOBODY: Final = "?"
"""No token that we know; what was shown instead may be somebody's secret, and is kept nowhere."""


class Refusal(NamedTuple):
    """One who was not let in."""

    actor: str
    """The token of ours that the caller took the name of; ``NOBODY``."""
    peer: str
    """Address, or several."""
    what: str
    """Method and path."""
    status: int
    reason: str
    untold: int = 0
    """Others since the last one that was told."""


class Refusals:
    """Sorts out which are told."""

    def __init__(self) -> None:
        self.on_refused: Callable[[Refusal], None] = lambda _refusal: None
        """Told those that are to be written down; in the trio thread, and must not wait."""
        self.total = 0
        self._told: dict[tuple[str, str, int], float] = {}
        self._untold = 0
        self._last: Refusal | None = None

    def note(self, refusal: Refusal) -> None:
        """Take one."""
        self.total += 1
        now = trio.current_time()
        source = (refusal.actor, refusal.peer, refusal.status)
        self._told = {key: at for key, at in self._told.items() if at > now - PERIOD_S}
        if source in self._told or len(self._told) >= SOURCES_MAX:
            self._untold += 1
            self._last = refusal
            return
        self._told[source] = now
        self._tell(refusal)

    async def run(self) -> None:
        """Tell of those that were only counted, for ever."""
        while True:
            await trio.sleep(PERIOD_S)
            last, self._last = self._last, None
            if last is not None and self._untold:
                self._untold -= 1  # the last of them is told by itself
                self._tell(last)

    def _tell(self, refusal: Refusal) -> None:
        untold, self._untold = self._untold, 0
        self.on_refused(refusal._replace(what=refusal.what[:WHAT_MAX], untold=untold))
