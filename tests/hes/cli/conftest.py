"""A node that is none: answers on loopback what a test tells it, and remembers what was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest

from hes.cli.program import run


class Asked(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    body: str
    authorization: str | None


class FakeNode:
    """``answers`` maps method and path to a status and a body; a list is used up one by one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self.answers: dict[str, Any] = {}

    def answer(self, call: str, body: Any, status: int = 200) -> None:
        self.answers.setdefault(call, []).append((status, body))

    def refuse(self, call: str, status: int, message: str, detail: Any = None) -> None:
        error = {"code": "told", "message": message, "detail": detail}
        self.answer(call, {"error": error}, status)

    def take(self, asked: Asked) -> tuple[int, str]:
        self.asked.append(asked)
        waiting = self.answers.get(f"{asked.method} {asked.path}")
        if not waiting:
            return 404, json.dumps(
                {"error": {"code": "x", "message": "nobody told me", "detail": 1}}
            )
        status, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return status, body if isinstance(body, str) else json.dumps(body)


def _handler(node: FakeNode) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size).decode()
            query = dict(parse_qsl(parts.query))
            told = self.headers.get("Authorization")
            status, text = node.take(Asked(self.command, parts.path, query, body, told))
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _serve  # noqa: N815 -- names of http.server

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def node() -> Iterator[FakeNode]:
    fake = FakeNode("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Hes = Callable[..., Said]


@pytest.fixture
def hes(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hes:
    """Run a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HES_TOKEN", raising=False)

    def call(*arguments: str) -> Said:
        code = run(arguments)
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture
def free_port() -> int:
    """A port that nothing listens on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
