"""Live feed: sends a second to 1,000 websockets, next to the library's own way in the same run.

    python -m bench.live [CLIENTS]

The clients live in a child process on another core and throw away what they read.
"""

import json
import socket
import sys
import time

import trio
import trio.lowlevel
from trio_websocket import WebSocketConnection, wrap_server_stream

from web.live import LiveFeed
from web.stream import FeedStream

SECONDS = 3.0
UPGRADE = (
    b"GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
ROW = {"meter_id": "18097634", "state": "online", "text": "x" * 130}
"""A frame of some 200 bytes."""


async def clients(port: int, number: int) -> None:
    """Connect and read for ever."""

    async def one() -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        await stream.send_all(UPGRADE)
        while await stream.receive_some(65_536):
            pass

    async with trio.open_nursery() as nursery:
        for _ in range(number):
            nursery.start_soon(one)
            await trio.sleep(0.0005)


async def by_the_feed(feed: LiveFeed) -> float:
    """Return sends per second of CPU time: one row a tick, ticks without pause."""
    sent, cpu, end = feed.statistics().sent, time.process_time(), trio.current_time() + SECONDS
    number = 0
    while trio.current_time() < end:
        number += 1
        feed.publish("meters", ROW | {"n": number})
        await trio.lowlevel.checkpoint()
    cpu = time.process_time() - cpu
    return (feed.statistics().sent - sent) / cpu


async def by_the_library(sockets: list[WebSocketConnection]) -> float:
    """Return sends per second of CPU time, each encoded and sent by the library."""
    sent, cpu, end = 0, time.process_time(), trio.current_time() + SECONDS
    while trio.current_time() < end:
        for each in sockets:
            await each.send_message(json.dumps({"topic": "meters", "seq": sent, "delta": [ROW]}))
            sent += 1
    return sent / (time.process_time() - cpu)


async def main(number: int) -> None:
    """Measure and print."""
    feed = LiveFeed(stall_s=30.0, slack=65_536)

    async def snapshot(_: str) -> dict[str, int]:
        await trio.lowlevel.checkpoint()
        return {"total": number}

    feed.offer("meters", snapshot)
    sockets: list[WebSocketConnection] = []
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=1024)
    port = listener.socket.getsockname()[1]
    child = [sys.executable, __file__, "clients", str(port), str(number)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.run_process, child)

        async def accept() -> None:
            while len(sockets) < number:
                stream = FeedStream(await listener.accept(), 30.0)
                stream.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                request = await wrap_server_stream(nursery, stream)
                sockets.append(await request.accept())
                feed.subscribe(feed.join(stream), "meters")

        nursery.start_soon(feed.run, 0.0)
        await accept()
        await trio.sleep(0.5)
        own, library = await by_the_feed(feed), await by_the_library(sockets)
        told = feed.statistics()
        print(f"{number} clients, some 200 bytes a frame, sends per second of CPU")
        print(f"  feed     {own:>9,.0f}   {1e6 / own:5.1f} us a frame   resyncs {told.resyncs}")
        print(f"  library  {library:>9,.0f}   {1e6 / library:5.1f} us a frame")
        print(f"  ratio    {own / library:>9.1f}")
        nursery.cancel_scope.cancel()
    await listener.aclose()


if __name__ == "__main__":
    if sys.argv[1:2] == ["clients"]:
        trio.run(clients, int(sys.argv[2]), int(sys.argv[3]))
    else:
        trio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
