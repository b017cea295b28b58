"""A node on a PostgreSQL that fails while modems push: nothing is lost, all goes on by itself."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from databases import PrivatePostgres
from node_process import NodeProcess
from pushing_modems import pushing

from hes.app.serve import DRAIN_S

pytestmark = [pytest.mark.slow, pytest.mark.databases, pytest.mark.timeout(180)]
MODEMS = 30
WITHIN_S = 30.0
"""Pauses of the journal and of the read models, and a machine that is shared."""


@pytest.fixture
def node(server: PrivatePostgres, tmp_path: Path) -> Iterator[NodeProcess]:
    node = NodeProcess(tmp_path, server.new_database())
    try:
        node.start()
        yield node
    finally:
        node.kill()
        node.client.close()


async def until_health(node: NodeProcess, status: int) -> None:
    def is_so() -> bool:
        return node.client.get("/healthz").status_code == status

    await trio.to_thread.run_sync(node.until, is_so, WITHIN_S, f"the node's health is {status}")


async def test_a_crash_of_the_server_in_the_middle(
    server: PrivatePostgres, node: NodeProcess
) -> None:
    async with pushing(node, MODEMS):
        for _ in range(2):
            await trio.sleep(1.0)
            await trio.to_thread.run_sync(server.stop, signal.SIGQUIT)
            await until_health(node, 503)
            answer = node.client.get("/healthz")
            assert int(answer.headers["retry-after"]) > 0
            assert "cannot be reached" in answer.json()["problem"]
            await trio.to_thread.run_sync(server.start)
            await until_health(node, 200)
        await trio.sleep(1.0)


async def test_kills_and_ends_of_the_node(node: NodeProcess) -> None:
    async with pushing(node, MODEMS):
        for end in (node.kill, node.stop, node.kill):
            await trio.sleep(1.0)
            assert await trio.to_thread.run_sync(end) in {None, 0}
            await trio.to_thread.run_sync(node.start)
        await trio.sleep(1.0)
    assert node.stop() == 0


async def test_an_end_while_the_server_is_away(server: PrivatePostgres, node: NodeProcess) -> None:
    """It cannot drain: it says so and ends; the devices were told nothing that is not stored."""
    async with pushing(node, MODEMS):
        await trio.sleep(1.0)
        await trio.to_thread.run_sync(server.stop, signal.SIGQUIT)
        await until_health(node, 503)
        assert await trio.to_thread.run_sync(node.stop, DRAIN_S + WITHIN_S) == 1
        last = node.log().strip().splitlines()[-1]
        assert last.startswith("hes: ")
        assert "cannot be reached" in last
        await trio.to_thread.run_sync(server.start)
        await trio.to_thread.run_sync(node.start)
        await trio.sleep(1.0)
