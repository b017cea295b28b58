"""A whole node in a thread of the test, so that a test can reach into its actors and break them."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import trio

from actors.actor import Actor
from actors.supervisor import ChildSpec, Supervisor
from hes.app.demo import demo_config
from hes.app.serve import Running, open_running
from hes.clock import SystemClock

T = TypeVar("T")
START_S = 20.0


class NodeThread:
    """The node of ``hes demo`` with empty databases in ``folder`` and no fleet."""

    def __init__(self, folder: Path) -> None:
        self._config = demo_config(folder, 0)
        self._up = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._run,), daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(START_S), "the node did not come up"

    async def _run(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._end = trio.Event()
        async with open_running(self._config, SystemClock()) as self.running:
            self._up.set()
            await self._end.wait()

    running: Running

    @property
    def url(self) -> str:
        return self.running.web_url

    def do(self, act: Callable[[], T]) -> T:
        """Run ``act`` in the node's thread, between two of its tasks."""
        return trio.from_thread.run_sync(act, trio_token=self._token)

    def spawn(self, path: str, names: Sequence[str]) -> None:
        """Give the supervisor at ``path`` children that only wait for messages."""

        def act() -> None:
            ref = self.running.tree.find(path)
            assert ref is not None
            assert isinstance(ref.actor, Supervisor)
            for name in names:
                ref.actor.spawn_child(ChildSpec(name=name, start=Actor))

        self.do(act)

    def break_actor(self, path: str, problem: Exception) -> None:
        """Let the actor's next message end in ``problem``; the incarnation after it is sound."""

        def act() -> None:
            ref = self.running.tree.find(path)
            assert ref is not None, f"no actor {path}"
            assert ref.actor is not None

            async def receive(_: object) -> object:
                raise problem

            ref.actor.receive = receive  # type: ignore[method-assign]
            ref.tell("anything")

        self.do(act)

    def stop(self) -> None:
        self.do(self._end.set)
        self._thread.join(START_S)
        assert not self._thread.is_alive(), "the node did not end"
