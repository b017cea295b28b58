"""How long whoever wants something waits for the store, and whether it can still be called off.

Who asks begins to wait; who carries it out says when it is no longer the store that is waited for,
and when it is again. A meter on a slow line may take its time; a store that is away may not.
"""

from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

import trio

from hes.commands import STORE_S, DoneLater, StoreAway

T = TypeVar("T")


def _easily() -> bool:
    return True


def _too_late() -> bool:
    return False


class Patience:
    """Of one who waits for one thing."""

    __slots__ = ("_scope", "call_off")

    def __init__(self) -> None:
        self._scope: trio.CancelScope | None = None
        self.call_off: Callable[[], bool] = _easily
        """Makes sure that nothing is done any more; False: it is too late for that."""

    def store(self, work_s: float = 0.0) -> None:
        """Take note that the store is waited for, from now on, or anew.

        ``work_s``: what it takes for it when it is well, where that is much.
        """
        self._wait_until(trio.current_time() + STORE_S + work_s)

    def world(self) -> None:
        """Take note that something else is waited for, which has limits of its own."""
        self._wait_until(inf)

    def accept(self) -> None:
        """Take note that it will be done, even if nobody waits for it any more."""
        self.call_off = _too_late

    def _wait_until(self, deadline: float) -> None:
        if self._scope is not None:
            self._scope.deadline = deadline

    async def wait(self, answer: Callable[[], Awaitable[T]], what: str) -> T:
        """Return the answer; the store is waited for at first.

        Raises:
            StoreAway: the store took too long, and nothing was or will be done.
            DoneLater: it took too long, and what was wanted is done when it is back.

        """
        with trio.CancelScope(deadline=trio.current_time() + STORE_S) as self._scope:
            return await answer()
        if self.call_off():
            raise StoreAway(what)
        raise DoneLater(what)
