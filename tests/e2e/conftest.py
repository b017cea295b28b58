"""Nodes for tests of the whole program."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import DatabaseMissing, PrivatePostgres, private_postgres
from node_process import NodeProcess


@pytest.fixture
def stopped_node(tmp_path: Path) -> Iterator[NodeProcess]:
    """A node that is configured and not started."""
    node = NodeProcess(tmp_path)
    yield node
    node.kill()
    node.client.close()


@pytest.fixture
def node(stopped_node: NodeProcess) -> NodeProcess:
    """A running node."""
    stopped_node.start()
    return stopped_node


@pytest.fixture
def server() -> Iterator[PrivatePostgres]:
    """A PostgreSQL of one test, which may stop it."""
    try:
        with private_postgres() as running:
            yield running
    except DatabaseMissing as missing:
        pytest.skip(str(missing))
