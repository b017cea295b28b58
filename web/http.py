"""HTTP/1.1 over hypercorn: one connection's worth, without its HTTP/2.

hypercorn's ``TCPServer`` is half internal, hence the pinned version.
"""

import logging
from typing import Any, Final

import h11
from hypercorn.config import Config
from hypercorn.events import Event, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.tcp_server import TCPServer

HEAD_SIZE_MAX: Final = 16_384
KEEP_ALIVE_S: Final = 30.0
"""Between two requests; browsers open another connection without a word."""


class Http1Protocol(H11Protocol):
    """Stays with HTTP/1.1 whatever the peer would like: less code that strangers can reach."""

    async def _check_protocol(self, event: h11.Request) -> None:
        """Ignore ``Upgrade: h2c``, as RFC 9110 allows."""

    async def _create_stream(self, request: h11.Request) -> None:
        """Ignore ``Upgrade: websocket`` likewise: the live feed has connections of its own."""
        headers = [pair for pair in request.headers if pair[0] != b"upgrade"]
        await super()._create_stream(
            h11.Request(
                method=request.method,
                headers=headers,
                target=request.target,
                http_version=request.http_version,
            )
        )


def read_request(head: bytes) -> h11.Request | None:
    """Return the request whose head this is; None when it is none, or not whole."""
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_SIZE_MAX)
    try:
        parser.receive_data(head)
        event = parser.next_event()
    except h11.RemoteProtocolError:
        return None
    return event if isinstance(event, h11.Request) else None


class HttpConnection(TCPServer):
    """Serves one connection until either side has had enough."""

    _reading = True

    async def _read_data(self) -> None:
        outer = self.protocol
        outer.protocol = Http1Protocol(
            outer.app,
            outer.config,
            outer.context,
            outer.task_group,
            outer.state,
            outer.ssl,
            outer.client,
            outer.server,
            outer.send,
        )
        await super()._read_data()
        self._reading = False
        await self.idle_task.stop()

    async def protocol_send(self, event: Event) -> None:
        """Send, or note that the connection is idle: unless the peer has said its last word.

        Without this, a connection that the peer has closed is kept for ``KEEP_ALIVE_S``.
        """
        if self._reading or not isinstance(event, Updated):
            await super().protocol_send(event)


def http_config() -> Config:
    """Return hypercorn's settings."""
    settings: dict[str, Any] = {
        "accesslog": None,
        "errorlog": logging.getLogger("hes.web"),
        "h11_max_incomplete_size": HEAD_SIZE_MAX,
        "include_server_header": False,
        "keep_alive_timeout": KEEP_ALIVE_S,
    }
    return Config.from_mapping(settings)
