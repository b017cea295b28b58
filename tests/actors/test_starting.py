"""Actors that start: how many at once, and what they share."""

import threading

import trio
from actor_bench import Bench
from trio.testing import wait_all_tasks_blocked

from actors.context import READERS, STARTING_MAX, Context
from actors.type_words import SHARED
from protocols.meter_types.shipped import shipped_types


async def test_when_many_wait_for_their_memory_the_node_says_so() -> None:
    context, go_on = Bench().context, threading.Event()
    async with trio.open_nursery() as nursery:
        for _ in range(READERS + STARTING_MAX - 1):
            nursery.start_soon(Context.in_reader, context, go_on.wait, 10.0)
        await wait_all_tasks_blocked()
        assert not context.is_starting_many()
        nursery.start_soon(Context.in_reader, context, go_on.wait, 10.0)
        await wait_all_tasks_blocked()
        assert context.is_starting_many()
        go_on.set()
    assert not context.is_starting_many()


def test_meters_of_a_type_share_its_words() -> None:
    types = shipped_types()
    one, other = types.of("", "dlms"), types.of("", "iec62056-21")
    assert one is not None
    assert other is not None
    assert SHARED.of(one) is SHARED.of(one)
    assert SHARED.of(one) is not SHARED.of(other)
