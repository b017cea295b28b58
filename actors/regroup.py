"""Group restarts: one_for_all and rest_for_one, as one operation however many crash at once.

The group is stopped in reverse order of start, pauses once, and starts again in order. A crash
meanwhile joins the group; it does not queue another restart.
"""

from typing import TYPE_CHECKING

import trio

from actors.mailbox import Ref, State

if TYPE_CHECKING:
    from actors.supervisor import Supervisor

RESTING = (State.BACKOFF, State.PARKED, State.STOPPED)


class Regroup:
    """The group restart of one supervisor."""

    def __init__(self, supervisor: "Supervisor") -> None:
        self._supervisor = supervisor
        self._pending: set[Ref] = set()
        self._streak = 1
        self._running = False

    def takes(self, child: Ref) -> bool:
        """Whether ``child`` goes with a restart that has begun and has not started it yet."""
        return child in self._pending

    def begin(self, crashed: Ref, nursery: trio.Nursery) -> None:
        """Take the crashed child and all who go with it into the restart."""
        self._pending |= self._with(crashed)
        self._streak = max(self._streak, crashed._streak)
        if not self._running:
            self._running = True
            nursery.start_soon(self._run)

    async def gate(self, child: Ref) -> None:
        """Wait, as a child of the group, until it is this child's turn to start."""
        child.set_state(State.BACKOFF)
        await child.until(State.STARTING)

    def _with(self, crashed: Ref) -> set[Ref]:
        everybody = list(self._supervisor.children.values())
        if self._supervisor.strategy == "one_for_all":
            return set(everybody)
        return set(everybody[everybody.index(crashed) :])

    async def _run(self) -> None:
        while self._pending:
            group = await self._stop()
            self._pending.clear()
            await self._start(group)
        self._running = False

    async def _stop(self) -> set[Ref]:
        """Stop the group in reverse order; wait the longest pause of those who crashed."""
        supervisor = self._supervisor
        group: set[Ref] = set()
        while self._pending - group:
            group |= self._pending
            for child in reversed([c for c in supervisor.children.values() if c in group]):
                if child.state in {State.RUNNING, State.STARTING}:
                    self._order_restart(child)
                await child.until(*RESTING)
            streak, self._streak = self._streak, 1
            await trio.sleep(supervisor.backoff.delay_s(streak, supervisor.hooks.rng))
        return group

    @staticmethod
    def _order_restart(child: Ref) -> None:
        if child._order is None:
            child._order = "restart"
        if child._life is not None:
            child._life.cancel()

    async def _start(self, group: set[Ref]) -> None:
        """Let the group start in order; when one dies, who has not started goes with it."""
        for child in [c for c in self._supervisor.children.values() if c in group]:
            if self._pending:
                self._pending |= {one for one in group if one.state is State.BACKOFF}
                return
            if child.state is State.BACKOFF:
                child.set_state(State.STARTING)
                await child.until(State.RUNNING, *RESTING)
