"""The node: root of the supervision tree, with its names, timers and watchdog."""

import heapq
import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import trio

from actors.errors import ActorError, NameTaken
from actors.mailbox import Question, Ref, State
from actors.supervisor import NO_JITTER, ChildSpec, Hooks, Supervisor, leaf
from hes.tree import ActorStatus

WATCHDOG_PERIOD_S: Final = 1.0
WATCHDOG_SLICE: Final = 250
"""Actors looked at without a break: a long pass would show in the slowest answers."""

FaultHook = Callable[[str, Ref], None]


class Node:
    """Everything that there is one of in a process."""

    def __init__(self, name: str, rng: random.Random) -> None:
        self.name = name
        self.rng = rng
        self.root: Ref
        self.on_fault: FaultHook = lambda _kind, _ref: None
        self.faults = {"crash": 0, "parked": 0, "gave-up": 0}
        self._names: dict[str, Ref] = {}
        self._watched: set[Ref] = set()
        self._timers: list[tuple[float, int, Ref, Any]] = []
        self._numbers = itertools.count()
        self._sooner = trio.Event()

    # -- names

    def register(self, name: str, ref: Ref) -> None:
        """Let ``whereis(name)`` return ``ref``.

        Raises:
            NameTaken: another living actor has it.

        """
        other = self._names.get(name)
        if other is not None and other is not ref and other.state is not State.STOPPED:
            raise NameTaken(name)
        self._names[name] = ref

    def whereis(self, name: str) -> Ref | None:
        """Return the living actor of that name."""
        ref = self._names.get(name)
        if ref is not None and ref.state is State.STOPPED:
            del self._names[name]
            return None
        return ref

    # -- timers

    def after(self, seconds: float, ref: Ref, message: Any) -> None:
        """Tell ``ref`` the message later: one heap for all, no task and no scope per timer."""
        due = trio.current_time() + seconds
        heapq.heappush(self._timers, (due, next(self._numbers), ref, message))
        if self._timers[0][2] is ref:
            self._sooner.set()

    async def run_timers(self) -> None:
        """Send what is due, for ever."""
        while True:
            now = trio.current_time()
            wait_s = self._timers[0][0] - now if self._timers else 3600.0
            if wait_s > 0:
                with trio.move_on_after(wait_s):
                    await self._sooner.wait()
                self._sooner = trio.Event()
                continue
            _, _, ref, message = heapq.heappop(self._timers)
            try:
                ref.tell(message)
            except ActorError:
                ref.dropped += 1
            await trio.lowlevel.checkpoint()

    # -- faults

    def fault(self, kind: str, ref: Ref) -> None:
        """Count what a supervisor reports and pass it on."""
        self.faults[kind] += 1
        self.on_fault(kind, ref)

    async def run_watchdog(self) -> None:
        """Kill incarnations that are busy with one message for longer than they may, for ever."""
        while True:
            await trio.sleep(WATCHDOG_PERIOD_S)
            for number, ref in enumerate(list(self._watched), start=1):
                limit_s = ref.spec.handler_s_max
                busy_s = trio.current_time() - ref._since
                if limit_s is not None and ref._current is not None and busy_s > limit_s:
                    ref.kill(f"busy with one message for more than {limit_s:g} s")
                if number % WATCHDOG_SLICE == 0:
                    await trio.lowlevel.checkpoint()

    # -- looking

    def walk(self, ref: Ref | None = None) -> Iterator[Ref]:
        """Yield every actor, parents first."""
        ref = ref or self.root
        yield ref
        if isinstance(ref.actor, Supervisor):
            for child in list(ref.actor.children.values()):
                yield from self.walk(child)

    def find(self, path: str) -> Ref | None:
        """Return the actor at ``path``; the root for an empty one."""
        ref: Ref | None = self.root
        for name in path.removeprefix(self.root.path).strip("/").split("/"):
            if not name:
                continue
            if ref is None or not isinstance(ref.actor, Supervisor):
                return None
            ref = ref.actor.children.get(name)
        return ref

    def find_child(self, name: str) -> Ref | None:
        """Return a child of the root."""
        root = getattr(self, "root", None)
        actor = None if root is None else root.actor
        return actor.children.get(name) if isinstance(actor, Supervisor) else None

    def status(
        self, path: str = "", *, depth: int = 99, offset: int = 0, limit: int = 1000
    ) -> ActorStatus | None:
        """Return what is to be seen at ``path``, children ``offset`` to ``offset + limit``."""
        ref = self.find(path)
        return None if ref is None else describe(ref, depth=depth, offset=offset, limit=limit)


def describe(ref: Ref, *, depth: int, offset: int = 0, limit: int = 1000) -> ActorStatus:
    """Return one actor, and ``depth`` generations of its children, as plain data."""
    now = trio.current_time()
    actor = ref.actor
    status = ActorStatus(
        path=ref.path,
        kind=type(actor).__name__ if actor is not None else "",
        state=ref.state,
        restarts=ref.restarts,
        handled=ref.handled,
        dropped=ref.dropped,
        mailbox=ref.waiting,
        mailbox_max=ref.high,
        uptime_s=now - ref._up_at if ref.state is State.RUNNING else 0.0,
        crash=ref.crash,
        crash_trace=ref.crash_trace,
        crash_ago_s=now - ref.crash_at if ref.crash is not None else None,
        detail=actor.detail() if actor is not None and ref.state is State.RUNNING else "",
    )
    _describe_current(ref, status, now)
    if isinstance(actor, Supervisor):
        status.strategy = actor.strategy
        status.totals = dict(actor.totals)
        status.children_total = len(actor.children)
        if depth > 0:
            shown = itertools.islice(list(actor.children.values()), offset, offset + limit)
            status.children = [describe(child, depth=depth - 1, limit=limit) for child in shown]
    return status


def _describe_current(ref: Ref, status: ActorStatus, now: float) -> None:
    current = ref._current
    if current is None:
        return
    one = current[0] if isinstance(current, list) else current
    status.current = type(one.message if isinstance(one, Question) else one).__name__
    status.current_for_s = now - ref._since


@asynccontextmanager
async def open_node(  # noqa: PLR0913 -- each is a word about the tree
    name: str,
    root: Callable[[], Supervisor],
    *,
    drain_s: float = 10.0,
    rng: random.Random = NO_JITTER,
    on_fault: FaultHook | None = None,
    on_tree: Callable[[Node], None] = lambda _node: None,
    fatal: tuple[type[Exception], ...] = (),
) -> AsyncIterator[Node]:
    """Run a tree while inside the block; ``on_tree`` is told before its first actor starts.

    Leaving it drains the tree in reverse order of start; cancelling it stops at once. When the root
    gives up, ``GaveUp`` comes out of the block: the process should end and be started again. So do
    failures of the ``fatal`` kinds, which a child of the root may raise by its spec: the process
    should end.
    """
    node = Node(name, rng)
    if on_fault is not None:
        node.on_fault = on_fault
    on_tree(node)
    top = Supervisor(intensity=0)  # the root may not crash even once
    top.hooks = Hooks(node.fault, rng, node._watched)
    top.ref = Ref(ChildSpec(name="", start=lambda: top, shutdown_s=drain_s), "")
    top.ref.actor = top
    try:
        async with trio.open_nursery() as services:
            services.start_soon(node.run_timers)
            services.start_soon(node.run_watchdog)
            async with trio.open_nursery() as top._nursery:
                spec = ChildSpec(name=name, start=root, shutdown_s=drain_s, fatal=fatal)
                node.root = top.spawn_child(spec)
                await node.root.until(State.RUNNING, State.STOPPED)
                yield node
                await top.stop_child(name)
            services.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        reason = leaf(group)  # the groups of the nurseries say nothing
        raise reason from reason.__cause__
