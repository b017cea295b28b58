"""The whole program as a process of its own, asked over HTTP like any user would."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from plain_http import NO_CERTIFICATES

START_S = 60.0
"""A machine that is shared."""
STOP_S = 15.0
HES = (sys.executable, "-m", "hes")
HES_ON_A_DOUBLE = (
    sys.executable, "-c",
    "import oracledb; oracledb.defaults.stmtcachesize = 0; from hes.__main__ import main; main()",
)  # fmt: skip
"""It does not know a query that comes again by its number."""
REGISTRATION = r"MODEM:(?P<modem_id>[\w.-]+)\r\n"
TEMPLATE = """
[store]
url = "{store}"
[read_model]
url = "{read_model}"
[web]
bind = "127.0.0.1:{web}"
[[listener]]
name = "pipe"
bind = "127.0.0.1:{modems}"
registration = '{registration}'
[collection]
enabled = false
[log]
style = "json"
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class NodeProcess:
    """``hes serve`` in a folder of its own; it can be killed and started again."""

    def __init__(
        self, folder: Path, store: str = "sqlite:///events.db", read_model: str = ""
    ) -> None:
        """``read_model``: empty for a file, or for the server that has the ``store``."""
        self.folder = folder
        self.program = HES_ON_A_DOUBLE if store.startswith("oracle") else HES
        self.web, self.modems = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.web}"
        self.config = folder / "hes.toml"
        at_server = "" if store.startswith("sqlite") else store
        self.config.write_text(
            TEMPLATE.format(
                web=self.web,
                modems=self.modems,
                registration=REGISTRATION,
                store=store,
                read_model=read_model or (at_server or "sqlite:///read.db"),
            )
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=self.url, timeout=20.0, verify=NO_CERTIFICATES)

    def add(self, section: str, lines: str) -> None:
        """Add lines to a section of its configuration."""
        text = self.config.read_text()
        assert section in text
        self.config.write_text(text.replace(section, section + lines, 1))

    # -- its life

    def start(self) -> None:
        with (self.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.program, "serve", "--config", str(self.config)], stderr=log, stdout=log
            )
        self.until(self._is_up, START_S, "the node comes up")

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        try:
            return self.client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """End it without a word, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self, within_s: float = STOP_S) -> int:
        """Let it drain; return its exit code."""
        return self._end(signal.SIGTERM, within_s)

    def _end(self, number: int, within_s: float = STOP_S) -> int:
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            return process.wait(within_s)
        finally:
            process.kill()

    def log(self) -> str:
        return (self.folder / "serve.log").read_text()

    # -- asking

    def until(self, condition: Callable[[], Any], within_s: float, what: str) -> Any:
        """Wait until ``condition`` holds and return what it returned."""
        deadline = time.monotonic() + within_s
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what}: not within {within_s} s\n{self.log()}"
            time.sleep(0.05)
        return found

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.client.post(path, json=body)

    def import_csv(self, text: str) -> dict[str, Any]:
        answer = self.client.post(
            "/api/v1/devices", content=text, headers={"Content-Type": "text/csv"}
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def events(self, stream: str = "", kind: str = "") -> list[dict[str, Any]]:
        """Return all events, or those of a stream or a kind."""
        found: list[dict[str, Any]] = []
        after = 0
        while True:
            page = self.get("/api/v1/events", after=after, limit=1000, stream=stream, type=kind)
            found += page["events"]
            if page["next"] is None or page["next"] == after:
                return found
            after = page["next"]

    def settled(self) -> None:
        """Wait until the read models have seen the whole log."""

        def is_level() -> bool:
            rows = self.get("/api/v1/projections")["projections"]
            head = self.get("/api/v1/events", limit=1)["head"]
            return all(row["position"] >= head for row in rows)

        self.until(is_level, 120.0, "the read models catch up")

    def run(self, *arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run another command of the program."""
        return subprocess.run(
            [*HES, *arguments], capture_output=True, text=True, timeout=timeout_s, check=False,
            cwd=self.folder, env=os.environ | {"NO_COLOR": "1"},
        )  # fmt: skip
