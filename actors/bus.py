"""The queue of one serial line: whole transactions, most urgent first, the old ones ageing upwards.

Plain data, no task: the modem's actor puts transactions in, the line's actor takes them out.
"""

import heapq
from collections.abc import Callable, Generator
from enum import IntEnum
from typing import Any, Final

from protocols.dialogue import Exchange

QUEUE_MAX: Final = 256
"""A line works off some thousand transactions a day; more waiting than this is a fault upstream."""
AGEING_S: Final = 300.0
"""Waiting so long is worth one step of priority, so that nothing starves."""


class Priority(IntEnum):
    """Lower is sooner."""

    DEMAND = 0
    CLOCK = 1
    SCHEDULED = 2
    BACKFILL = 3


class Transaction:
    """One exchange with one meter from its first to its last byte; it is never interrupted."""

    __slots__ = ("deadline", "dialogue", "done", "label", "priority", "settled", "wanted")

    def __init__(
        self,
        label: str,
        priority: Priority,
        dialogue: Callable[[], Generator[Exchange, bytes | None, Any]],
        *,
        deadline: float,
        done: Callable[[Any, Exception | None], None],
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self.label = label
        """For people: meter and what is read."""
        self.priority = priority
        self.dialogue = dialogue
        """Makes the dialogue when its turn comes."""
        self.deadline = deadline
        """trio's time after which nobody waits for it: it is never started then."""
        self.done = done
        """Called exactly once: the result, or why there is none."""
        self.wanted = wanted
        """Whether somebody still waits for it: else it is never started."""
        self.settled = False

    def settle(self, result: Any, failure: Exception | None = None) -> None:
        """Tell who asked; later calls change nothing."""
        if not self.settled:
            self.settled = True
            self.done(result, failure)


class Bus:
    """Transactions that wait for the line."""

    __slots__ = ("_heap", "_number")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Transaction]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, transaction: Transaction, now: float) -> bool:
        """Add ``transaction``; False when too many wait already.

        Ageing without ever sorting again: a transaction of priority p that came at t is due before
        one of priority p - 1 that came ``AGEING_S`` later.
        """
        if len(self._heap) >= QUEUE_MAX:
            return False
        self._number += 1
        rank = now + transaction.priority * AGEING_S
        heapq.heappush(self._heap, (rank, self._number, transaction))
        return True

    def take(self) -> Transaction | None:
        """Return the next transaction; None when none waits."""
        return heapq.heappop(self._heap)[2] if self._heap else None

    def fail_all(self, failure: Exception) -> None:
        """Settle everything that waits with ``failure``."""
        waiting, self._heap = self._heap, []
        for _, _, transaction in waiting:
            transaction.settle(None, failure)
