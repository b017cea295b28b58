"""Failures that no restart mends end the whole node, at once and with their own reason."""

import pytest
import trio
from trio.testing import MockClock

from actors.actor import Actor
from actors.errors import ActorStopped
from actors.mailbox import Ref
from actors.supervisor import ChildSpec, Supervisor, fatal_in
from actors.tree import Node, open_node


class Lost(Exception):
    """Another one has our place."""


class Fragile(Actor):
    """Fails as it is told."""

    async def receive(self, message: object) -> None:
        if message == "in a nursery":
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                raise Lost("epoch 2, ours 1")
        if isinstance(message, Exception):
            raise message


def node_of(ended: list[str], fatal: tuple[type[Exception], ...] = (Lost,)) -> Supervisor:
    class Sibling(Actor):
        async def stopping(self) -> None:
            ended.append(self.ref.spec.name)

    return Supervisor(
        ChildSpec(name="writer", start=Fragile, fatal=fatal),
        ChildSpec(name="sibling", start=Sibling),
    )


def writer_of(node: Node) -> Ref:
    ref = node.find_child("writer")
    assert ref is not None
    return ref


@pytest.mark.parametrize("message", [Lost("epoch 2, ours 1"), "in a nursery"])
async def test_a_fatal_failure_comes_out_of_the_node_as_it_is(
    autojump_clock: MockClock, message: object
) -> None:
    ended: list[str] = []
    started = trio.current_time()

    async def run() -> None:
        async with open_node("n", lambda: node_of(ended), fatal=(Lost,)) as node:
            writer_of(node).tell(message)
            await trio.sleep_forever()

    with pytest.raises(Lost, match="epoch 2, ours 1"):
        await run()
    assert ended == ["sibling"]
    assert trio.current_time() == started


async def test_another_failure_of_the_same_actor_is_a_restart(autojump_clock: MockClock) -> None:
    ended: list[str] = []
    async with open_node("n", lambda: node_of(ended), fatal=(Lost,)) as node:
        writer = writer_of(node)
        writer.tell(ValueError("a bug"))
        await trio.sleep(1)
        assert writer.restarts == 1
        writer.tell("nothing")
    assert ended == ["sibling"]


async def test_without_the_word_in_its_spec_it_is_restarted(autojump_clock: MockClock) -> None:
    async with open_node("n", lambda: node_of([], fatal=()), fatal=(Lost,)) as node:
        writer = writer_of(node)
        writer.tell(Lost("epoch"))
        await trio.sleep(1)
        assert writer.restarts == 1


def test_it_is_found_in_groups() -> None:
    lost = Lost()
    deep = ExceptionGroup("", [ValueError(), ExceptionGroup("", [ActorStopped("a"), lost])])
    assert fatal_in(deep, (Lost,)) is lost
    assert fatal_in(deep, ()) is None
    assert fatal_in(None, (Lost,)) is None
    assert fatal_in(ValueError(), (Lost,)) is None
