"""The auditor's commands beside a node that runs: they read its files, and disturb nothing."""

import json
from typing import Any

import pytest
from node_process import NodeProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

DEVICES = "meter_id,modem_id,ct_ratio\nM1,861,200/5\n"


def lines(node: NodeProcess, *command: str) -> list[dict[str, Any]]:
    done = node.run(*command, "--config", str(node.config), "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_auditor_reads_the_log_of_a_running_node(node: NodeProcess) -> None:
    node.import_csv(DEVICES)
    assert node.post("/api/v1/meters/M1/read", {"obis": ["1.8.0"]}).status_code >= 400
    assert node.post("/api/v1/projections/latest/rebuild", {"verify": True}).status_code == 200
    paths = [child["path"] for child in node.get("/api/v1/tree")["children"]]
    assert "/main/anchors" in paths
    (verdict,) = lines(node, "verify")
    assert verdict["ok"]
    assert verdict["events"] == node.events()[-1]["position"]
    asked = [(entry["type"], entry["actor"]) for entry in lines(node, "audit")]
    assert ("DeviceRegistered/1", "local") in asked
    assert ("CommandRequested/1", "local") in asked
    assert ("CommandFinished/1", "local") in asked
    assert ("ReadModelRebuilt/1", "local") in asked
    kinds = [kind for kind, _ in asked]
    assert kinds[:2] == ["NodeStarted/1", "NodeConfigured/1"]
    done = node.run(
        "evidence", "M1", "2020-01-01", "2100-01-01", "-o", "b.zip", "--config", str(node.config)
    )
    assert done.returncode == 0, done.stderr
    (told,) = lines(node, "replay", "M1", "--as-of", "now")
    assert told["then"]["device"]["ct_ratio"] == "200/5"
    assert node.stop() == 0
    node.start()
    (verdict,) = lines(node, "verify")
    assert verdict["ok"]
    assert [entry["type"] for entry in lines(node, "audit")].count("NodeConfigured/1") == 1
