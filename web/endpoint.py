"""One operation of the API, declared in one place: its route, its handler, its description."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, TypeVar

import msgspec
import trio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from hes.commands import STORE_S, DoneLater, StoreAway
from web.context import Web
from web.errors import (
    EXPECTED,
    ApiError,
    as_api_error,
    error_answer,
    later_answer,
    unavailable,
)
from web.json_answer import json_answer
from web.query import Param, parse
from web.reading import read

T = TypeVar("T")
BODY_SIZE_MAX: Final = 64 * 1024
BODY_S: Final = 30.0
"""How long a body may take to arrive; a device list over a slow line is given more."""


class Call:
    """A request as handlers see it."""

    __slots__ = ("_endpoint", "_request", "query", "web")

    def __init__(self, request: Request, web: Web, endpoint: "Endpoint") -> None:
        self._request = request
        self._endpoint = endpoint
        self.web = web
        self.query = parse(request.query_params, endpoint.query)

    @property
    def actor(self) -> str:
        """Who asks, for the record."""
        return str(self._request.scope.get("hes.actor", "api"))

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return str(self._request.path_params[name])

    def number(self, name: str) -> int:
        """Return a part of the path that is a whole number.

        Raises:
            ApiError: 404, it is none, hence nothing has that name.

        """
        written = self.path(name)
        if len(written) > 18 or not (written.isascii() and written.isdecimal()):
            raise ApiError(404, f"{written[:40]!r} is no number; nothing has that name")
        return int(written)

    def accepts(self, media_type: str) -> bool:
        """Whether the caller asked for ``media_type`` by name."""
        return media_type in self._request.headers.get("accept", "")

    async def read(self, method: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a reading method of the node in a worker thread, few at a time."""
        return await read(self.web, method, *args, **kwargs)

    async def read_soon(self, what: str, method: Callable[..., T], *args: Any) -> T:
        """Run a reading method that takes no time while the store is there.

        Raises:
            StoreAway: it took too long; ``what`` was wanted.

        """
        with trio.move_on_after(STORE_S):
            return await read(self.web, method, *args)
        raise StoreAway(what)

    async def body(self, shape: type[T]) -> T:
        """Return the JSON body in the given shape.

        Raises:
            ApiError: 408, 413 or 422; the message says what is wrong.

        """
        data = await self._receive(BODY_SIZE_MAX, BODY_S)
        try:
            return msgspec.json.decode(data or b"{}", type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise ApiError(422, f"the body cannot be used: {problem}") from None

    async def text(self, size_max: int, within_s: float) -> str:
        """Return the body as text.

        Raises:
            ApiError: 408, 413 or 422.

        """
        data = await self._receive(size_max, within_s)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as problem:
            raise ApiError(422, f"the body is no UTF-8 at byte {problem.start}") from None

    async def data(self, size_max: int, within_s: float) -> bytes:
        """Return the body as it is.

        Raises:
            ApiError: 408 or 413.

        """
        return await self._receive(size_max, within_s)

    async def _receive(self, size_max: int, within_s: float) -> bytes:
        announced = self._request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced[:18]) > size_max:
            raise ApiError(413, f"a body of {announced[:18]} bytes; the limit here is {size_max}")
        data = bytearray()
        try:
            with trio.fail_after(within_s):
                async with aclosing(self._request.stream()) as chunks:
                    async for chunk in chunks:
                        data += chunk
                        if len(data) > size_max:
                            raise ApiError(413, f"the body has more than {size_max} bytes")
        except trio.TooSlowError:
            raise ApiError(408, f"the body did not arrive within {within_s:g} s") from None
        except ClientDisconnect:
            raise ApiError(400, "the caller hung up") from None
        return bytes(data)


Handler = Callable[[Call], Awaitable[Any]]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An operation; ``answer`` is the shape of its JSON, one of several, or a media type."""

    method: str
    path: str
    handler: Handler
    summary: str
    answer: Any
    query: tuple[Param, ...] = ()
    body: Any = None
    errors: tuple[int, ...] = ()

    def route(self, web: Web) -> Route:
        """Return the Starlette route."""

        async def serve(request: Request) -> Response:
            with web.metrics.request(self.method, self.path) as told:
                response = await _answer(self, request, web)
                told.status = response.status_code
            return response

        return Route(self.path, serve, methods=[self.method], name=f"{self.method} {self.path}")


async def _answer(endpoint: Endpoint, request: Request, web: Web) -> Response:
    try:
        result = await endpoint.handler(Call(request, web, endpoint))
    except DoneLater as later:
        return later_answer(later)
    except EXPECTED as problem:
        return error_answer(as_api_error(problem))
    except web.options.unavailable as problem:
        return error_answer(unavailable(problem))
    return result if isinstance(result, Response) else json_answer(result)


def get(path: str, handler: Handler, summary: str, answer: Any, **more: Any) -> Endpoint:
    """Declare a reading operation."""
    return Endpoint(
        method="GET", path=path, handler=handler, summary=summary, answer=answer, **more
    )


def post(path: str, handler: Handler, summary: str, answer: Any, **more: Any) -> Endpoint:
    """Declare an operation that does something."""
    return Endpoint(
        method="POST", path=path, handler=handler, summary=summary, answer=answer, **more
    )
