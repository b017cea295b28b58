"""A node whose log another one took over ends, and says so."""

from contextlib import closing

import httpx
import pytest
from node_process import STOP_S, NodeProcess

from hes.store.open import open_log

pytestmark = pytest.mark.slow


def test_a_node_that_lost_its_log_ends_with_a_sentence(node: NodeProcess) -> None:
    assert node.process is not None
    with closing(open_log(f"sqlite:///{node.folder}/events.db")) as other:
        other.fence()
        written = other.head()
        answer = node.client.get("/healthz")
        assert answer.status_code == 503
        assert "another node writes" in answer.json()["problem"]
        # Its next event is the end of it, whatever asked for it.
        import_one(node)
        assert node.process.wait(STOP_S) == 1
        assert other.head() == written
    node.process = None
    last = node.log().strip().splitlines()[-1]
    assert last.startswith("hes: another node writes")
    assert last.endswith("(epoch 2, ours 1)")
    assert "Traceback" not in last


def import_one(node: NodeProcess) -> None:
    """Bring a device; whether it is answered before the end does not matter."""
    try:
        node.client.post(
            "/api/v1/devices", content="meter_id,modem_id\n1,9\n",
            headers={"Content-Type": "text/csv"},
        )  # fmt: skip
    except httpx.HTTPError:
        pass
