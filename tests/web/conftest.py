"""A node made of plain data, served on a loopback port, with clients for it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
import trio
from fake_node import READING, FakeNode, StoreAway, load_profile
from plain_http import NO_CERTIFICATES
from trio_websocket import WebSocketConnection, open_websocket_url

from hes.commands import CommandFailed
from hes.events.reading import FailureReason, LoadProfileRead, Reading
from web.auth import Tokens
from web.options import WebOptions
from web.server import WebServer, bind
from web.static import Pages


class Site:
    """A served node: its address, and ways to talk to it."""

    def __init__(self, server: WebServer, node: FakeNode, port: int) -> None:
        self.server = server
        self.node = node
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self.stopped = trio.Event()
        self.scope = trio.CancelScope()

    def http(self, **more: Any) -> httpx.AsyncClient:
        base = f"http://{self.host}"
        return httpx.AsyncClient(base_url=base, timeout=20, verify=NO_CERTIFICATES, **more)

    @asynccontextmanager
    async def live(self, *topics: str, **more: Any) -> AsyncIterator["Listener"]:
        async with open_websocket_url(f"ws://{self.host}/live", **more) as socket:
            listener = Listener(socket)
            try:
                if topics:
                    await listener.say({"subscribe": list(topics)})
                yield listener
            finally:
                # When the server hung up, the library leaves its socket open.
                if socket.closed:
                    await trio.aclose_forcefully(socket._stream)

    async def handshake(self, *headers: str) -> int:
        """Return the status that a websocket handshake with these headers gets."""
        lines = [
            "GET /live HTTP/1.1",
            *(
                headers
                if any(each.startswith("Host:") for each in headers)
                else [f"Host: {self.host}", *headers]
            ),
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        async with await self.raw() as stream:
            await stream.send_all("\r\n".join([*lines, "", ""]).encode())
            with trio.fail_after(5):
                answer = bytes(await stream.receive_some())
        return int(answer.split(b" ")[1])

    async def raw(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)


class Listener:
    """A live client that speaks JSON."""

    def __init__(self, socket: WebSocketConnection) -> None:
        self.socket = socket

    async def say(self, message: Any) -> None:
        await self.socket.send_message(
            message if isinstance(message, str) else msgspec.json.encode(message).decode()
        )

    async def hear(self, within_s: float = 5.0) -> dict[str, Any]:
        with trio.fail_after(within_s):
            told: dict[str, Any] = msgspec.json.decode(await self.socket.get_message())
        return told

    async def hear_delta(self, topic: str) -> dict[str, Any]:
        while True:
            told = await self.hear()
            if told.get("topic") == topic and "delta" in told:
                return told


Serve = Callable[..., Any]


@pytest.fixture
def node(tmp_path: Any) -> Any:
    made = FakeNode(f"sqlite:///{tmp_path}/log.db")
    yield made
    made.event_log.close()


@pytest.fixture
def serve(node: FakeNode, tmp_path: Any) -> Serve:
    """Return a context manager that serves the node."""

    @asynccontextmanager
    async def served(
        options: WebOptions | None = None,
        tokens: Tokens | None = None,
        pages: Pages | None = None,
    ) -> AsyncIterator[Site]:
        options = options or WebOptions(tick_s=0.02, unavailable=(StoreAway,))
        server = WebServer(node, options, tokens, pages or Pages(tmp_path / "no-bundle"))
        listeners = await bind("127.0.0.1", 0)
        site = Site(server, node, listeners[0].socket.getsockname()[1])

        async def run(task_status: Any) -> None:
            with site.scope:
                await server.serve(listeners, task_status=task_status)
            site.stopped.set()

        async with trio.open_nursery() as nursery:
            await nursery.start(run)
            yield site
            site.scope.cancel()

    return served


@pytest.fixture
async def site(serve: Serve) -> AsyncIterator[Site]:
    async with serve() as served:
        yield served


@pytest.fixture
async def http(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.http() as client:
        yield client


@pytest.fixture
def until() -> Callable[..., Any]:
    """Return a function that waits until a condition holds."""

    async def wait(condition: Callable[[], Any], within_s: float = 5.0) -> None:
        with trio.fail_after(within_s):
            while not condition():  # noqa: ASYNC110 -- what it waits for has no events
                await trio.sleep(0.005)

    return wait


@pytest.fixture
def failed() -> Callable[[str], CommandFailed]:
    return lambda reason: CommandFailed(FailureReason(reason), f"because of {reason}")


@pytest.fixture
def reading() -> Reading:
    return READING


@pytest.fixture
def profile() -> LoadProfileRead:
    return load_profile()
