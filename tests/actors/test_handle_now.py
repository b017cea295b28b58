"""Messages handled where they arrive: only by who is idle, and a fault is the actor's own crash."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.actor import Actor
from actors.mailbox import Ref, State
from actors.supervisor import Backoff, ChildSpec, Supervisor
from actors.tree import open_node


class Ready(Actor):
    """Handles numbers at once, and everything else in its turn."""

    def __init__(self, told: list[Any]) -> None:
        self.told = told

    def receive_now(self, message: Any) -> bool:
        if message == "fault":
            raise ValueError("on purpose")
        if isinstance(message, int):
            self.told.append(("now", message))
        return isinstance(message, int)

    async def receive(self, message: Any) -> None:
        if isinstance(message, trio.Event):
            await message.wait()
        self.told.append(("later", message if isinstance(message, int | str) else "event"))


@asynccontextmanager
async def running(told: list[Any]) -> AsyncIterator[Ref]:
    spec = ChildSpec(name="a", start=lambda: Ready(told))
    root = Supervisor(spec, backoff=Backoff(first_s=1.0, jitter=0))
    async with open_node("n", lambda: root) as node:
        ref = node.find("a")
        assert ref is not None
        await wait_all_tasks_blocked()
        yield ref


async def test_an_idle_actor_handles_it_in_the_task_of_the_caller() -> None:
    told: list[Any] = []
    async with running(told) as ref:
        assert ref.handle_now(1)
        assert told == [("now", 1)]
        assert (ref.handled, ref.waiting) == (1, 0)


async def test_what_it_does_not_take_is_left_to_the_caller() -> None:
    told: list[Any] = []
    async with running(told) as ref:
        assert not ref.handle_now("word")
        assert told == []


async def test_nothing_overtakes_a_message_that_waits_or_is_in_hand() -> None:
    told: list[Any] = []
    async with running(told) as ref:
        ref.tell("first")
        assert not ref.handle_now(1)
        gate = trio.Event()
        ref.tell(gate)
        await wait_all_tasks_blocked()
        assert not ref.handle_now(2)
        gate.set()
        await wait_all_tasks_blocked()
        assert ref.handle_now(3)
    assert told == [("later", "first"), ("later", "event"), ("now", 3)]


async def test_a_fault_is_the_crash_of_the_actor_and_nobody_elses(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock  # the pause before the restart takes no time
    told: list[Any] = []
    async with running(told) as ref:
        assert ref.handle_now("fault"), "the message was taken; it must not be told again"
        await ref.until(State.BACKOFF)
        await ref.until(State.RUNNING)
        assert ref.restarts == 1
        assert "ValueError: on purpose" in (ref.crash or "")
        await wait_all_tasks_blocked()
        assert ref.handle_now(4)


async def test_nobody_is_handed_anything_before_it_runs_or_after_its_end() -> None:
    ref = Ref(ChildSpec(name="x", start=lambda: Ready([])), "x")
    assert not ref.handle_now(1)
    ref.close()
    with pytest.raises(Exception, match="x"):
        ref.tell(1)
    assert not ref.handle_now(1)
