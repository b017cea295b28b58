"""Nodes for tests of the whole program."""

from collections.abc import Iterator
from pathlib import Path

import pytest
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
