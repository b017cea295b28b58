"""The web on one port: ``/live`` is a websocket of ours, everything else HTTP through hypercorn.

The head of a connection's first request tells which it is. Binding is apart from serving, so that
a port in use is known before anything else has started.
"""

import errno
import socket
from collections.abc import Callable
from typing import Any, Final

import h11
import msgspec
import trio
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app
from trio_websocket import ConnectionClosed, HandshakeError
from wsproto.utilities import ProtocolError

from web.app import build_app
from web.auth import Tokens
from web.context import Web
from web.gate import Gate
from web.http import HEAD_SIZE_MAX, HttpConnection, http_config, read_request
from web.live_session import LiveSession
from web.log_numbers import show_sealing
from web.news import News
from web.options import WebOptions
from web.ports import Node
from web.static import Pages
from web.stream import FeedStream
from web.topics import offer_topics

HEAD_S: Final = 10.0
BACKLOG: Final = 512
VANISHED_S: Final = 60
LIVE_PATH: Final = b"/live"
LEAVING_S: Final = 1.0
"""Between the order to hang up and the end: tasks that were woken clean up."""
PEER_FAULTS: Final = (
    OSError,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
    h11.ProtocolError,
    ProtocolError,
    ConnectionClosed,
    HandshakeError,
)
"""What a peer can do to us; it ends that connection only."""


async def bind(host: str, port: int) -> list[trio.SocketListener]:
    """Return sockets that listen; port 0 takes a free one.

    Raises:
        OSError: the address cannot be had; the message says why.

    """
    try:
        return await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)
    except OSError as problem:
        why = problem.strerror or str(problem)
        if problem.errno == errno.EADDRINUSE:
            why = "another program listens there; stop it or choose another port"
        raise OSError(problem.errno, f"the web cannot listen on {host}:{port}: {why}") from None


class WebServer:
    """Serves a node's pages, API and live feed."""

    def __init__(
        self,
        node: Node,
        options: WebOptions,
        tokens: Tokens | None = None,
        pages: Pages | None = None,
    ) -> None:
        """Take what is served.

        Raises:
            ValueError: others can reach the address, and there are no tokens.

        """
        self.web: Final = Web(node, options)
        self.news: Final = News(self.web)
        self._gate = Gate(options, tokens)
        self.refusals: Final = self._gate.refusals
        self._config = http_config()
        app: Any = build_app(self.web, self._gate, pages)
        self._app = wrap_app(app, self._config.wsgi_max_body_size, "asgi")
        self._context = WorkerContext(None)
        self._streams: set[FeedStream] = set()
        self._silent: set[FeedStream] = set()
        """Those of them that have not said yet what they want."""
        self._quiet = trio.Event()
        """Set when the last stream has gone."""
        offer_topics(self.web)
        self._show_numbers()

    async def serve(
        self,
        listeners: list[trio.SocketListener],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until cancelled; then requests under way get ``grace_s``, and no more.

        It takes at most ``grace_s + LEAVING_S`` seconds to stop, whatever the peers do.
        """
        self._context = WorkerContext(None)
        async with trio.open_nursery() as nursery:
            connections: trio.Nursery = await nursery.start(self._keep_connections)
            try:
                task_status.started()
                await trio.serve_listeners(self._serve_one, listeners, handler_nursery=connections)
            finally:
                # This may be a cancellation, so nothing here may wait; and set() does not.
                await self._context.terminated.set()
                self.web.feed.say_goodbye()

    async def _keep_connections(self, task_status: trio.TaskStatus[trio.Nursery]) -> None:
        """Hold the connections, and let them outlive the order to stop by the grace."""
        with trio.CancelScope(shield=True) as scope:
            async with trio.open_nursery() as connections:
                connections.start_soon(self._feed_the_live)
                task_status.started(connections)
                await self._context.terminated.wait()
                scope.deadline = trio.current_time() + self.web.options.grace_s + LEAVING_S
                with trio.move_on_after(self.web.options.grace_s):
                    self._quiet = trio.Event()
                    for stream in list(self._silent):
                        stream.kill()
                    if self._streams:
                        await self._quiet.wait()
                # hypercorn shields its sends: only a closed socket ends them.
                for stream in list(self._streams):
                    stream.kill()
                connections.cancel_scope.cancel()

    async def _feed_the_live(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.web.feed.run, self.web.options.tick_s)
            nursery.start_soon(self.news.run, self.web.options.tick_s)
            nursery.start_soon(self.refusals.run)

    async def _serve_one(self, socket_stream: trio.SocketStream) -> None:
        stream = FeedStream(socket_stream, self.web.options.stall_s)
        if len(self._streams) >= self.web.options.connections_max:
            stream.kill()
            return
        self._streams.add(stream)
        _notice_the_vanished(socket_stream)
        try:
            await self._talk(stream)
        except* PEER_FAULTS:
            pass
        finally:
            self._streams.discard(stream)
            if not self._streams:
                self._quiet.set()
            stream.kill()

    async def _talk(self, stream: FeedStream) -> None:
        self._silent.add(stream)
        try:
            head = await _read_head(stream)
        finally:
            self._silent.discard(stream)
        if head is None:
            return
        stream.put_back(head)
        live_headers = _live_headers(head)
        if live_headers is not None:
            await LiveSession(self.web, self._gate, stream, live_headers).run()
        else:
            state = ConnectionState({"hang_up": stream.kill})
            tcp: Any = stream  # hypercorn wants no more of it than any stream has, and its socket.
            await HttpConnection(self._app, self._config, self._context, state, tcp)

    def _of_projections(self, field: str) -> Callable[[], dict[str, float]]:
        """Return what asks for a number of each read model."""

        def ask() -> dict[str, float]:
            rows = msgspec.to_builtins(list(self.web.node.projection_status()))
            return {row["name"]: float(row.get(field, 0)) for row in rows}

        return ask

    def _away(self) -> dict[str, float]:
        """Return which stores cannot be written now: somebody must be called, or it passes."""
        try:
            facts = self.web.node.system()
        except LookupError:
            return {}
        stores = {"log": facts.store, "read_models": facts.read_model}
        return {name: float(store.problem is not None) for name, store in stores.items()}

    def _show_numbers(self) -> None:
        feed, metrics = self.web.feed, self.web.metrics

        def count(name: str) -> Callable[[], float]:
            return lambda: float(getattr(feed.statistics(), name))

        metrics.gauge(
            "hes_web_connections", "Open connections, live ones too", lambda: len(self._streams)
        )
        metrics.counter(
            "hes_web_refused", "Wrong tokens, and pages of other sites",
            lambda: self.refusals.total,
        )  # fmt: skip
        metrics.gauges(
            "hes_store_away", "1 while it cannot be written; why is told by /api/v1/system",
            "store", self._away,
        )  # fmt: skip
        metrics.gauge("hes_live_clients", "Live clients", lambda: feed.statistics().clients)
        for name, about, field in (
            ("lag_events", "Events not seen yet", "lag"),
            ("age_seconds", "Seconds since it was last up with the log", "age_s"),
            ("poisoned_events", "Events put aside", "poisoned"),
        ):
            ask = self._of_projections(field)
            metrics.gauges(f"hes_projection_{name}", about, "projection", ask)
        for name, about in (
            ("encoded", "Frames made for all listeners of a topic"),
            ("sent", "Frames handed to the kernel"),
            ("resyncs", "Slow listeners who got a fresh snapshot"),
            ("stalled", "Listeners closed because they took nothing"),
        ):
            metrics.counter(f"hes_live_{name}", about, count(name))
        show_sealing(metrics, self.web.node.system)


def _notice_the_vanished(stream: trio.SocketStream) -> None:
    """Let the kernel end connections whose peer is gone without a word."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, VANISHED_S)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_S * 1000)


async def _read_head(stream: FeedStream) -> bytes | None:
    """Return what came first, with a whole request head if it is one; None when nothing came."""
    head = b""
    with trio.move_on_after(HEAD_S):
        while b"\r\n\r\n" not in head and len(head) < HEAD_SIZE_MAX:
            data = await stream.receive_some(HEAD_SIZE_MAX)
            if not data:
                return None
            head += data
            if not head[:3].isalpha():
                return head  # No HTTP; the parser says so better than we would.
        return head
    return None


def _live_headers(head: bytes) -> dict[str, str] | None:
    """Return the headers of a request for the live feed; None when it is another one."""
    if not head.startswith(b"GET " + LIVE_PATH):
        return None
    request = read_request(head)
    if request is None or request.target.partition(b"?")[0] != LIVE_PATH:
        return None
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
    return headers if headers.get("upgrade", "").lower() == "websocket" else None
