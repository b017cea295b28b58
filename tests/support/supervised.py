"""Children that write down their ups and downs, for the tests of supervisors."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import trio

from actors.actor import Actor
from actors.errors import ActorCrashed
from actors.mailbox import Ref, State
from actors.supervisor import Backoff, ChildSpec, Strategy, Supervisor
from actors.tree import Node

EVEN = Backoff(first_s=1.0, cap_s=8.0, jitter=0, reset_after_s=60.0)
GROUPS = [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE]


class Log(list[tuple[str, str, float]]):
    """What happened to whom, and when."""

    def names(self, what: str) -> list[str]:
        return [name for happened, name, _ in self if happened == what]

    def times(self, what: str) -> list[float]:
        return [at for happened, _, at in self if happened == what]


class Worker(Actor):
    """Writes its ups and downs into a log; does what the message says."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._count = 0

    def _note(self, what: str) -> None:
        self._log.append((what, self.ref.spec.name, trio.current_time()))

    async def started(self) -> None:
        self._note("up")

    async def receive(self, message: Any) -> Any:
        match message:
            case "boom":
                raise ValueError("boom")
            case "nursery":
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.sleep_forever)
                    raise KeyError("in a nursery")
            case "hang":
                await trio.sleep_forever()
            case _:
                pass
        self._count += 1
        return self._count

    async def stopping(self) -> None:
        self._note("down")


class Once(Worker):
    """Ends at once."""

    async def run(self) -> None:
        return


class Broken(Worker):
    """Never starts."""

    async def started(self) -> None:
        await super().started()
        raise OSError("no such device")


def workers(log: Log, names: str, **options: Any) -> Callable[[], Supervisor]:
    return lambda: Supervisor(
        *[ChildSpec(name=name, start=lambda: Worker(log)) for name in names],
        **{"backoff": EVEN, **options},
    )


def child(node: Node, path: str) -> Ref:
    ref = node.find(path)
    assert ref is not None
    return ref


def kids(node: Node) -> dict[str, Ref]:
    assert isinstance(node.root.actor, Supervisor)
    return dict(node.root.actor.children)


async def crash(ref: Ref, message: str = "boom") -> None:
    with pytest.raises(ActorCrashed):
        await ref.ask(message, 100)


async def until_up(refs: Sequence[Ref]) -> None:
    for ref in refs:
        await ref.until(State.RUNNING)
