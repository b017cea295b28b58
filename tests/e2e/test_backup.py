"""A backup is taken while modems push; a node goes on from it, and makes its read models anew."""

import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import trio
from node_process import NodeProcess
from pushing_modems import pushing

from hes.store.open import open_log
from hes.store.port import StoredRow

MODEMS = 40


def hes(node: NodeProcess, *arguments: str) -> str:
    command = [sys.executable, "-m", "hes", *arguments, "--config", str(node.config)]
    done = subprocess.run(command, capture_output=True, timeout=60, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def stored(path: Path) -> list[StoredRow]:
    with closing(open_log(f"sqlite:///{path}")) as log:
        return log.read(0, 1_000_000)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_node_goes_on_from_a_backup_taken_under_load(stopped_node: NodeProcess) -> None:
    node, in_thread = stopped_node, trio.to_thread.run_sync
    copy = node.folder / "copy.db"
    await in_thread(node.start)
    async with pushing(node, MODEMS):
        await trio.sleep(2.0)
        told = await in_thread(partial(hes, node, "log", "backup", str(copy)))
        assert "as they were written" in told
        await trio.sleep(1.0)
    assert await in_thread(node.stop) == 0
    before, part = stored(node.folder / "events.db"), stored(copy)
    assert 100 < len(part) < len(before)
    assert part == before[: len(part)]

    assert "made anew" in await in_thread(partial(hes, node, "log", "restore", str(copy)))
    await in_thread(node.start)
    await in_thread(node.settled)
    assert stored(node.folder / "events.db")[: len(part)] == part
    for name in ("latest", "meters"):
        answer = await in_thread(node.post, f"/api/v1/projections/{name}/rebuild", {"verify": True})
        assert answer.json()["ok"], answer.text
    readings = sum(row.topic.startswith("Reading/") for row in part)
    assert len(await in_thread(partial(node.events, kind="Reading/1"))) >= readings > 50
