"""The node is killed while 200 modems push: what was acknowledged is stored, and stored once."""

import random

import pytest
import trio
from node_process import NodeProcess
from pushing_modems import pushing

MODEMS = 200
KILLS = 3


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_acknowledged_pushes_survive_a_kill_exactly_once(stopped_node: NodeProcess) -> None:
    node = stopped_node
    rng = random.Random(7)
    await trio.to_thread.run_sync(node.start)
    async with pushing(node, MODEMS):
        for _ in range(KILLS):
            await trio.sleep(rng.uniform(1.0, 2.0))
            await trio.to_thread.run_sync(node.kill)
            await trio.to_thread.run_sync(node.start)
        await trio.sleep(1.0)
