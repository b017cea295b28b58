"""What people ask of the node itself, in tasks of its own: they go on when who asked has left."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, TypeVar

import outcome
import structlog
import trio

from actors.patience import Patience
from hes.commands import StoreAway
from hes.store.errors import StoreUnavailable

T = TypeVar("T")
LAST_S: Final = 3.0
"""For those under way when the node is told to stop."""
LOGGER: Final = structlog.stdlib.get_logger("hes")


class Errand(Generic[T]):
    """One piece of work."""

    def __init__(self, work: Callable[[], Awaitable[T]], what: str) -> None:
        self.what = what
        self.scope = trio.CancelScope(shield=True)
        self._work = work
        self._result: outcome.Maybe[T] | None = None
        self._ended = trio.Event()
        self._heard = False

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self._ended.is_set()

    async def run(self) -> None:
        """Do the work; what came of it is for who waits, or for the program's log."""
        with self.scope:
            try:
                self._result = outcome.Value(await self._work())
            except Exception as problem:  # noqa: BLE001 -- for who waits, not for the others
                self._result = outcome.Error(problem)
        self._ended.set()
        if not self._heard and isinstance(self._result, outcome.Error):
            LOGGER.warning("what was accepted failed", what=self.what, why=str(self._result.error))

    async def until_ended(self) -> None:
        """Wait for the end, without hearing what came of it."""
        await self._ended.wait()

    async def wait(self) -> T:
        """Return or raise what came of it."""
        self._heard = True
        try:
            await self._ended.wait()
        except trio.Cancelled:
            self._heard = False
            raise
        if self._result is None:
            raise StoreUnavailable(f"{self.what} was ended, the node stops")
        return self._result.unwrap()

    async def within(self, patience: Patience) -> T:
        """Return or raise what came of it; call it off when that takes too long.

        Raises:
            StoreAway: it was called off.
            DoneLater: it goes on.

        """
        try:
            return await patience.wait(self.wait, self.what)
        except StoreAway:
            self.scope.cancel()
            raise


class Errands:
    """Those of one node."""

    def __init__(self) -> None:
        self._nursery: trio.Nursery | None = None
        self._under_way: set[Errand[Any]] = set()

    def detail(self) -> str:
        """Return what is being done, for the tree."""
        return ", ".join(sorted(errand.what for errand in self._under_way)) or "nothing to do"

    def start(self, work: Callable[[], Awaitable[T]], what: str) -> Errand[T]:
        """Begin a piece of work.

        Raises:
            StoreUnavailable: the node is starting or stopping.

        """
        if self._nursery is None:
            raise StoreUnavailable("the node is starting or stopping; try again")
        errand = Errand(work, what)
        self._nursery.start_soon(self._run, errand)
        return errand

    async def _run(self, errand: Errand[T]) -> None:
        self._under_way.add(errand)
        try:
            await errand.run()
        finally:
            self._under_way.discard(errand)

    async def run(self) -> None:
        """Hold the work until cancelled; then it gets ``LAST_S``, and no more."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                await trio.sleep_forever()
            finally:
                self._nursery = None
                for errand in self._under_way:
                    errand.scope.deadline = trio.current_time() + LAST_S
