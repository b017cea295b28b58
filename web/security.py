"""What stands around the application: the gate, the headers, and bodies nobody wanted."""

from collections.abc import Callable
from typing import Final

import trio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.auth import bearer_token
from web.errors import ApiError, error_answer
from web.gate import Gate, is_guarded

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
ANNOUNCE_BODY: Final = frozenset({"content-length", "transfer-encoding"})
LEFT_OVER_MAX: Final = 1_000_000
LEFT_OVER_S: Final = 2.0
SECURITY_HEADERS: Final = {
    # Vuetify writes its theme into a style element, hence inline styles; never inline scripts.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline';"
        " object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Security:
    """ASGI middleware around everything that is served over HTTP."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = Headers(scope=scope)
        body = _Body(receive, expected=bool(ANNOUNCE_BODY & set(headers)))

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            elif not message.get("more_body", False):
                # The last part waits until the request is received as far as anybody wants it.
                await send({**message, "more_body": True})
                await body.finish(scope["state"]["hang_up"])
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        try:
            await self._admit(scope, headers)
        except ApiError as problem:
            token = bearer_token(headers.get("authorization", ""))
            peer = (scope.get("client") or ("",))[0]
            self._gate.refused(problem, token, peer, f"{scope['method']} {scope['path']}")
            await error_answer(problem)(scope, receive, send_guarded)
        else:
            await self._app(scope, body, send_guarded)

    async def _admit(self, scope: Scope, headers: Headers) -> None:
        self._gate.check_host(headers)
        if scope["method"] not in SAFE_METHODS:
            self._gate.check_origin(headers)
        if is_guarded(scope["path"]):
            scope["hes.actor"] = await self._gate.actor(headers)


class _Body:
    """Receives a request, and knows whether all of it came."""

    __slots__ = ("_done", "_receive")

    def __init__(self, receive: Receive, *, expected: bool) -> None:
        self._receive = receive
        self._done = not expected

    async def __call__(self) -> Message:
        message = await self._receive()
        self._done = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    async def finish(self, hang_up: Callable[[], None]) -> None:
        """Take what the application left of a body, a little; then hang up.

        The server below waits until somebody takes what it received, even to end a request; not
        even a closed socket would wake it.
        """
        size = 0
        with trio.move_on_after(LEFT_OVER_S):
            while not self._done and size < LEFT_OVER_MAX:
                size += len((await self()).get("body", b""))
        if not self._done:
            hang_up()
            while not self._done:
                await self()
