"""Supervisors in OTP's sense: who is started again after a crash, how often, and who goes with him.

The restart loop of a child lives in the child's own task: a restart never touches a sibling unless
the strategy says so. Here, and nowhere else, any ``Exception`` is caught.
"""

import random
import traceback
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec
import trio

from actors.actor import Actor
from actors.errors import ActorStopped, GaveUp, Killed, NameTaken
from actors.mailbox import Ref, State
from actors.regroup import Regroup

TRACE_SIZE_MAX: Final = 2000
REASON_SIZE_MAX: Final = 300
NO_JITTER: Final = random.Random(0)  # noqa: S311 -- spreads restarts, guards no secret


class Restart(StrEnum):
    """When a child is started again."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """After a crash, not after a normal end."""
    TEMPORARY = "temporary"
    """Never."""


class Strategy(StrEnum):
    """Who is restarted when one child crashes."""

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """The pause before a restart: doubles with each crash in a row, up to a cap."""

    first_s: float = 0.05
    factor: float = 2.0
    cap_s: float = 30.0
    jitter: float = 0.2
    """Part of the pause that chance adds or takes."""
    reset_after_s: float = 60.0
    """An incarnation that lived so long starts the row anew."""

    def delay_s(self, streak: int, rng: random.Random) -> float:
        """Return the pause before the ``streak``-th restart in a row (from 1)."""
        # The exponent is bounded, not only the result: 2.0 ** 2000 would overflow.
        pause_s = min(self.cap_s, self.first_s * self.factor ** min(streak - 1, 32))
        return pause_s * (1 + rng.uniform(-self.jitter, self.jitter))


class ChildSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How to start a child and what to do when it ends."""

    name: str
    start: Callable[[], Actor]
    """Makes a new incarnation with fresh state."""
    restart: Restart = Restart.PERMANENT
    shutdown_s: float = 5.0
    """Time to drain before it is cancelled."""
    mailbox: int = 64
    handler_s_max: float | None = None
    """The watchdog kills an incarnation that is busy with one message for longer."""
    fatal: tuple[type[Exception], ...] = ()
    """What no restart mends: the supervisor ends with it at once; of the root, the whole node."""


class Hooks(msgspec.Struct, frozen=True):
    """What a supervisor tells the node."""

    on_fault: Callable[[str, Ref], None]
    """``crash``, ``parked`` or ``gave-up``, and the child."""
    rng: random.Random
    watched: set[Ref]
    """The living actors whose handlers have a limit; the supervisors keep it."""


def leaf(failure: BaseException) -> BaseException:
    """Return the failure inside groups of one: nurseries wrap, and operators want the reason."""
    while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
        failure = failure.exceptions[0]
    return failure


def fatal_in(failure: BaseException | None, kinds: tuple[type[Exception], ...]) -> Exception | None:
    """Return the failure of one of these kinds, wherever in groups it is."""
    if isinstance(failure, kinds):
        return failure
    parts = failure.exceptions if isinstance(failure, BaseExceptionGroup) else ()
    return next(filter(None, (fatal_in(part, kinds) for part in parts)), None)


class Supervisor(Actor):
    """Owns children and restarts them.

    ``intensity`` crashes within ``period_s`` are borne, counted for all children (OTP) or, with
    ``per_child``, for each. One more and it gives up: with ``parks`` the one child is put aside for
    ``park_s`` (a poison modem must not take its siblings along), else the supervisor fails itself.
    """

    def __init__(  # noqa: PLR0913 -- each is a word of OTP
        self,
        *specs: ChildSpec,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: int = 5,
        period_s: float = 10.0,
        backoff: Backoff | None = None,
        per_child: bool = False,
        parks: bool = False,
        park_s: float = 900.0,
    ) -> None:
        self.specs = specs
        self.strategy = strategy
        self.intensity = intensity
        self.period_s = period_s
        self.backoff = backoff or Backoff()
        self.per_child = per_child
        self.parks = parks
        self.park_s = park_s
        self.children: dict[str, Ref] = {}
        self.totals: dict[str, int] = {}
        self.hooks = Hooks(lambda _kind, _ref: None, NO_JITTER, set())
        self._crashes: deque[float] = deque()
        self._regroup = Regroup(self)
        self._nursery: trio.Nursery | None = None

    # -- what others may do

    async def start_child(self, spec: ChildSpec) -> Ref:
        """Start a child and return when it is up, or at its first restart pause.

        Raises:
            NameTaken: a child of that name lives.
            ActorStopped: this supervisor is closing.

        """
        child = self.spawn_child(spec)
        await child.until(State.RUNNING, State.BACKOFF, State.PARKED, State.STOPPED)
        return child

    def spawn_child(self, spec: ChildSpec) -> Ref:
        """Start a child without waiting for it; its mailbox takes messages at once.

        Raises:
            NameTaken: a child of that name lives.
            ActorStopped: this supervisor is not running.

        """
        if spec.name in self.children:
            raise NameTaken(f"{self.ref.path}/{spec.name}")
        if self._nursery is None or self.ref.closing:
            raise ActorStopped(self.ref.path)
        child = Ref(spec, f"{self.ref.path}/{spec.name}")
        self.children[spec.name] = child
        self._count(child, None, child.state)
        child.on_state = self._count
        self._nursery.start_soon(self._live, child, name=child.path)
        return child

    async def stop_child(self, name: str) -> None:
        """Let a child drain, then end it."""
        child = self.children.get(name)
        if child is None:
            return
        child.close()
        if child.state in {State.STARTING, State.RUNNING}:
            child.set_state(State.STOPPING)
        with trio.move_on_after(child.spec.shutdown_s):
            if child.state in {State.BACKOFF, State.PARKED}:
                self._cancel(child)
            await child.until(State.STOPPED)
        self._cancel(child)
        await child.until(State.STOPPED)

    def resume_child(self, name: str) -> bool:
        """Start a parked child again now; False when it is not parked."""
        child = self.children.get(name)
        if child is None or child.state is not State.PARKED:
            return False
        child.set_state(State.BACKOFF)
        return True

    # -- its own life

    async def run(self) -> None:
        """Start the specified children, then wait until told to stop; stop them in reverse."""
        try:
            async with trio.open_nursery() as self._nursery:
                for spec in self.specs:
                    if not self.ref.closing:
                        await self.start_child(spec)
                if not self.ref.closing:
                    self.ref.set_state(State.RUNNING)
                while not self.ref.closing:
                    await self.ref.wait_message()
                await self._stop_children()
        finally:
            self._nursery = None

    async def _stop_children(self) -> None:
        if self.strategy is Strategy.ONE_FOR_ONE and len(self.children) > 32:
            async with trio.open_nursery() as nursery:
                for name in list(self.children):
                    nursery.start_soon(self.stop_child, name)
            return
        for name in reversed(list(self.children)):
            await self.stop_child(name)

    @staticmethod
    def _cancel(child: Ref) -> None:
        child._order = "stop"
        if child._life is not None:
            child._life.cancel()

    def _count(self, child: Ref, old: State | None, new: State) -> None:
        if old is not None:
            self.totals[old] = self.totals.get(old, 0) - 1
            if not self.totals[old]:
                del self.totals[old]
        if child.spec.name in self.children:
            self.totals[new] = self.totals.get(new, 0) + 1

    # -- a child's life: the loop of its incarnations

    async def _live(self, child: Ref) -> None:
        watched = self.hooks.watched if child.spec.handler_s_max is not None else None
        if watched is not None:
            watched.add(child)
        try:
            going_on = True
            while going_on:
                # An order may come before the task first runs; then there is nothing to end.
                failure = await self._run_once(child) if child._order is None else None
                going_on = self._goes_on(child, failure) and await self._rest(child)
        finally:
            if watched is not None:
                watched.discard(child)
            child.close()
            child.fail_queue()
            self.children.pop(child.spec.name, None)
            child.set_state(State.STOPPED)

    def _goes_on(self, child: Ref, failure: BaseException | None) -> bool:
        """Whether there will be another incarnation."""
        reason = fatal_in(failure, child.spec.fatal)
        if reason is not None:
            raise reason
        restart = child.spec.restart
        if child._order == "stop" or restart is Restart.TEMPORARY:
            return False
        if child._order == "restart" or failure is not None or self._regroup.takes(child):
            return True
        return restart is Restart.PERMANENT and not child.closing

    async def _rest(self, child: Ref) -> bool:
        """Wait for the turn of the next incarnation; False when it was stopped meanwhile."""
        order, child._order = child._order, None
        with trio.CancelScope() as child._life:
            if order == "restart" or self._regroup.takes(child):
                # A sibling's crash takes it along. If it crashed too, that is the same accident.
                await self._regroup.gate(child)
            else:
                await self._pause(child)
        child._life = None
        return child._order != "stop"

    async def _run_once(self, child: Ref) -> BaseException | None:
        """Run one incarnation to its end; return why it crashed, or None."""
        child.set_state(State.STARTING)
        child._up_at = trio.current_time()  # also of one that fails to start: its life was short
        failure: BaseException | None = None
        actor: Actor | None = None
        with trio.CancelScope() as child._life:
            try:
                actor = child.actor = child.spec.start()
                actor.ref = child
                if isinstance(actor, Supervisor):
                    actor.hooks = self.hooks
                await actor.started()
                child._up_at = trio.current_time()
                if not isinstance(actor, Supervisor):
                    child.set_state(State.RUNNING)
                await actor.run()
            except Exception as problem:  # noqa: BLE001 -- this is the place
                failure = problem
            except BaseExceptionGroup as group:
                # A nursery inside the actor was cancelled while one of its tasks failed.
                failure, rest = group.split(Exception)
                if rest is not None:
                    raise rest from None
            finally:
                failure = await self._bury(child, actor, failure)
        child._life = None
        return failure

    async def _bury(
        self, child: Ref, actor: Actor | None, failure: BaseException | None
    ) -> BaseException | None:
        """Clean up after an incarnation; return the reason to report, if it was a crash."""
        order = child._order or ""
        if failure is None and order.startswith("kill:"):
            failure = Killed(order.removeprefix("kill:"))
        child.fail_current(failure or ActorStopped(child.path))
        if actor is not None:
            deadline = trio.current_time() + child.spec.shutdown_s
            try:
                with trio.CancelScope(shield=True, deadline=deadline):
                    await actor.stopping()
            except Exception as problem:  # noqa: BLE001 -- and its clean-up likewise
                failure = failure or problem
        if failure is not None:
            self._note(child, failure)
        return failure

    def _note(self, child: Ref, failure: BaseException) -> None:
        reason = leaf(failure)
        child.restarts += 1
        child.crash_at = trio.current_time()
        child.crash = f"{type(reason).__name__}: {reason}"[:REASON_SIZE_MAX]
        trace = "".join(traceback.format_exception(reason, limit=-6))
        child.crash_trace = trace[-TRACE_SIZE_MAX:]
        failure.__traceback__ = reason.__traceback__ = None  # do not pin the dead frames
        self.hooks.on_fault("crash", child)

    # -- after a crash

    async def _pause(self, child: Ref) -> None:
        """Count the crash, give up if it was one too many, and wait for the turn to restart."""
        now = trio.current_time()
        times = self._crash_times(child)
        times.append(now)
        while now - times[0] > self.period_s:
            times.popleft()
        lived_long = now - child._up_at > self.backoff.reset_after_s
        child._streak = 1 if lived_long else child._streak + 1
        if len(times) > self.intensity:
            await self._too_many(child, times)
        if self.strategy is Strategy.ONE_FOR_ONE:
            child.set_state(State.BACKOFF)
            await trio.sleep(self.backoff.delay_s(child._streak, self.hooks.rng))
        else:
            assert self._nursery is not None  # noqa: S101 -- children live in it
            self._regroup.begin(child, self._nursery)
            await self._regroup.gate(child)

    def _crash_times(self, child: Ref) -> deque[float]:
        if not self.per_child:
            return self._crashes
        if child._crashes is None:
            child._crashes = deque()
        return child._crashes

    async def _too_many(self, child: Ref, times: deque[float]) -> None:
        if not self.parks:
            self.hooks.on_fault("gave-up", child)
            raise GaveUp(self.ref.path, len(times), self.period_s, child.crash or "")
        times.clear()
        child._streak = 0
        child.fail_queue()
        child.set_state(State.PARKED)
        self.hooks.on_fault("parked", child)
        with trio.move_on_after(self.park_s):
            await child.until(State.BACKOFF)
