"""One live client: its handshake, who it is, and what it wants to hear."""

import math
from collections.abc import Mapping
from typing import Final

import msgspec
import trio
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    WebSocketRequest,
    wrap_server_stream,
)

from web.auth import bearer_token
from web.context import Web
from web.errors import ApiError, error_body
from web.gate import Gate
from web.json_answer import encode_json
from web.live_topic import Client
from web.stream import FeedStream

HANDSHAKE_S: Final = 10.0
CLOSING_S: Final = 1.0
MESSAGE_SIZE_MAX: Final = 8_192
TOPICS_MAX: Final = 32
TOPIC_SIZE_MAX: Final = 80
MISTAKES_MAX: Final = 5
"""Messages without sense before we hang up."""
MESSAGE_PAUSE_S: Final = 0.02
"""After each message: 50 a second are more than any screen needs."""
POLICY_VIOLATION: Final = 1008


class Message(msgspec.Struct, forbid_unknown_fields=True):
    """What a client may say."""

    subscribe: list[str] = []
    unsubscribe: list[str] = []
    token: str | None = None
    """Browsers cannot send headers with a websocket, so the token comes first in here."""


_decoder: Final = msgspec.json.Decoder(Message)


class LiveSession:
    """Serves one websocket."""

    def __init__(
        self, web: Web, gate: Gate, stream: FeedStream, headers: Mapping[str, str]
    ) -> None:
        # The websocket library keeps the Host header to itself, so headers come beside.
        self._web = web
        self._gate = gate
        self._stream = stream
        self._headers = headers
        self._admitted = not gate.asks_for_tokens
        self._mistakes = 0

    async def run(self) -> None:
        """Talk until either side hangs up."""
        async with trio.open_nursery() as nursery:
            socket = None
            with trio.move_on_after(HANDSHAKE_S):
                request = await wrap_server_stream(
                    nursery, self._stream, message_queue_size=1, max_message_size=MESSAGE_SIZE_MAX
                )
                socket = await self._accept(request)
            if socket is not None:
                await self._converse(socket)
            nursery.cancel_scope.cancel()

    async def _accept(self, request: WebSocketRequest) -> WebSocketConnection | None:
        try:
            self._gate.check_host(self._headers)
            self._gate.check_origin(self._headers)
            if "authorization" in self._headers:
                await self._gate.actor(self._headers)
                self._admitted = True
            self._check_room()
        except ApiError as problem:
            self._refused(problem, bearer_token(self._headers.get("authorization", "")))
            body = encode_json(error_body(problem.code, problem.message))
            kind = [(b"content-type", b"application/json")]
            await request.reject(problem.status, extra_headers=kind, body=body)
            return None
        return await request.accept()

    async def _converse(self, socket: WebSocketConnection) -> None:
        client = self._web.feed.join(self._stream)
        code = 1000
        try:
            with trio.CancelScope() as patience:
                if not self._admitted:
                    patience.deadline = trio.current_time() + HANDSHAKE_S
                while self._mistakes < MISTAKES_MAX:
                    await self._hear(client, await socket.get_message())
                    if self._admitted:
                        patience.deadline = math.inf
                    await trio.sleep(MESSAGE_PAUSE_S)
            code = POLICY_VIOLATION
        except ConnectionClosed:
            pass  # The client has gone, or the feed hung up on it.
        finally:
            self._web.feed.leave(client)
        with trio.move_on_after(CLOSING_S):
            await socket.aclose(code)

    async def _hear(self, client: Client, text: str | bytes) -> None:
        try:
            message = _decoder.decode(text)
            if message.token is not None:
                await self._admit(message.token)
            self._check_admitted()
            for topic in message.unsubscribe:
                self._web.feed.unsubscribe(client, topic)
            for topic in message.subscribe:
                self._subscribe(client, topic)
        except msgspec.DecodeError as problem:
            sentence = f"this message makes no sense: {problem}"
            self._complain(client, ApiError(400, sentence, code="bad-message"))
        except ApiError as problem:
            self._complain(client, problem)

    async def _admit(self, token: str) -> None:
        try:
            await self._gate.actor_of(token)
        except ApiError as problem:
            self._refused(problem, token)
            raise
        self._admitted = True

    def _refused(self, problem: ApiError, token: str | None) -> None:
        self._gate.refused(problem, token, self._stream.peer, "GET /live")

    def _check_room(self) -> None:
        if self._web.feed.statistics().clients >= self._web.options.live_max:
            raise ApiError(503, "too many live clients; try again")

    def _check_admitted(self) -> None:
        if not self._admitted:
            raise ApiError(401, 'a token is needed first; send {"token": "NAME.SECRET"}')

    def _subscribe(self, client: Client, topic: str) -> None:
        if len(topic) > TOPIC_SIZE_MAX or not self._web.feed.knows(topic):
            known = "overview, meters, meter:ID, alarms, modems, events, tree"
            raise ApiError(404, f"no topic {topic[:80]!r}; known: {known}", code="unknown-topic")
        if len(client.topics) >= TOPICS_MAX and topic not in client.topics:
            raise ApiError(429, f"at most {TOPICS_MAX} topics at once; unsubscribe from some")
        self._web.feed.subscribe(client, topic)

    def _complain(self, client: Client, problem: ApiError) -> None:
        self._mistakes += 1
        self._web.feed.tell(client, error_body(problem.code, problem.message, problem.detail))
