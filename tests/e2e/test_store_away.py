"""What people ask of a node whose store is away: a quick answer, and what is denied is not done."""

import contextlib
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
from databases import PrivatePostgres
from node_process import NodeProcess
from relay import Relay

from hes.commands import STORE_S

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
LATE_S: Final = 3.0
"""What a machine that is shared may add."""
BACK_S: Final = 120.0
"""A call that hangs has its own end; the journal and the read models pause between two tries."""
CSV: Final = {"Content-Type": "text/csv"}
Away = Callable[[], AbstractContextManager[None]]


def ask(node: NodeProcess, path: str, **body: Any) -> httpx.Response:
    """Return the answer, which comes in the time that is promised, and says what it has to."""
    began = time.monotonic()
    answer = node.client.post(path, **body)
    assert time.monotonic() - began < STORE_S + LATE_S, path
    assert answer.status_code in {202, 503}, answer.text
    if answer.status_code == 503:
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["error"]["message"].endswith("try again")
    else:
        assert "when the store is back" in answer.json()["accepted"]["message"]
    return answer


def imported(node: NodeProcess, meter: str) -> int:
    text = f"meter_id,modem_id\n{meter},M-{meter}\n"
    return ask(node, "/api/v1/devices", content=text, headers=CSV).status_code


def meters(node: NodeProcess) -> set[str]:
    rows = node.client.get("/api/v1/devices").text.splitlines()[1:]
    return {row.partition(",")[0] for row in rows}


def drill(node: NodeProcess, away: Away) -> None:
    """Ask for everything while the store is away; then look at what came of it."""
    node.import_csv("meter_id,modem_id\nbefore,M\n")
    with away():
        status = {name: imported(node, name) for name in ("one", "two", "three")}
        ask(node, "/api/v1/meters/before/read", json={"obis": ["1.8.0"]})
        ask(node, "/api/v1/projections/latest/rebuild", json={})
        ask(node, "/api/v1/modems", content="modem_id\nM9\n", headers=CSV)
    assert list(status.values()).count(202) <= 1, "only what was on its way cannot be called off"
    node.until(lambda: node.client.get("/healthz").status_code == 200, BACK_S, "all is well again")
    accepted = {name for name, code in status.items() if code == 202}
    node.until(lambda: accepted <= meters(node), BACK_S, "what was accepted is done")
    assert meters(node) == accepted | {"before"}, "denied, and done all the same"
    assert node.import_csv("meter_id,modem_id\nafter,M\n") == {"imported": 1, "unchanged": 0}
    node.settled()


def test_another_program_holds_the_file(node: NodeProcess) -> None:
    @contextlib.contextmanager
    def locked() -> Iterator[None]:
        with closing(sqlite3.connect(node.folder / "events.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    node.import_csv("meter_id,modem_id\nbefore,M\n")
    with locked():
        status = {name: imported(node, name) for name in ("one", "two", "three")}
        ask(node, "/api/v1/meters/before/read", json={"obis": ["1.8.0"]})
    assert list(status.values()) == [202, 503, 503]
    node.until(lambda: "one" in meters(node), BACK_S, "what was accepted is done")
    assert meters(node) == {"before", "one"}
    answer = node.client.post("/api/v1/meters/before/read", json={"obis": ["1.8.0"]})
    assert answer.status_code == 409


@contextlib.contextmanager
def started(folder: Path, url: str) -> Iterator[NodeProcess]:
    node = NodeProcess(folder, url)
    try:
        node.start()
        yield node
    finally:
        node.kill()
        node.client.close()


@pytest.mark.databases
def test_a_server_that_is_stopped(server: PrivatePostgres, tmp_path: Path) -> None:
    @contextlib.contextmanager
    def stopped() -> Iterator[None]:
        server.stop(signal.SIGQUIT)
        yield
        server.start()

    with started(tmp_path, server.new_database()) as node:
        drill(node, stopped)


@pytest.mark.databases
def test_a_server_that_says_nothing(server: PrivatePostgres, tmp_path: Path) -> None:
    at = urlsplit(server.new_database())
    assert at.port is not None
    with closing(Relay(at.port)) as relay:

        @contextlib.contextmanager
        def silent() -> Iterator[None]:
            relay.silent = True
            yield
            relay.silent = False
            relay.cut()

        netloc = at.netloc.rpartition(":")[0] + f":{relay.port}"
        with started(tmp_path, at._replace(netloc=netloc).geturl()) as node:
            drill(node, silent)
