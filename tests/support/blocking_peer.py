"""A library that blocks, in a thread, in front of a simulated meter behind a real TCP socket."""

import socket
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import outcome
import trio

T = TypeVar("T")
TEST_S_MAX = 30


async def behind_tcp(
    answer: Callable[[bytes], bytes], run: Callable[[int], T], *, piece: int = 0
) -> T:
    """Return what ``run(port)`` returns, called in a thread while ``answer`` answers at that port.

    ``piece``: answers are sent in pieces of so many bytes; 0: whole.
    """

    async def serve(stream: trio.SocketStream) -> None:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async for data in stream:
            sent = answer(bytes(data))
            size = piece or max(1, len(sent))
            for at in range(0, len(sent), size):
                await stream.send_all(sent[at : at + size])

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        with trio.fail_after(TEST_S_MAX):
            result = await outcome.acapture(trio.to_thread.run_sync, run, port)
        nursery.cancel_scope.cancel()
    return result.unwrap()
