"""A network in memory: devices call a listener, and no socket is opened.

The connections are the hub's own class over a socket that is a pair of lists, so closing, pausing
and counting are what they are in the program.
"""

import itertools
import select
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

import trio

from actors.hub import SWEEP_PERIOD_S, Accept, Connection

SWEEP_S_MAX: Final = 30.0
"""Nobody who calls meanwhile has less time than that."""
_numbers = itertools.count(1000)


class MemorySocket:
    """The node's end of a connection."""

    def __init__(self, call: "Call") -> None:
        self._call = call
        self._number = next(_numbers)

    def fileno(self) -> int:
        return self._number

    def send(self, data: bytes) -> int:
        self._call.hear(bytes(data))
        return len(data)

    def recv(self, _size: int) -> bytes:
        if not self._call.unread:
            raise BlockingIOError
        return self._call.unread.popleft()

    def getsockopt(self, *_of: int) -> bytes:
        raise OSError("no TCP")

    def close(self) -> None:
        self._call.end()


class Call:
    """The device's end of a connection."""

    def __init__(self, hub: "MemoryHub", peer: str) -> None:
        self.unread: deque[bytes] = deque()
        self.heard = b""
        self.closed = False
        """Whether the node has hung up, or we."""
        self.on_heard: Callable[[bytes], None] = lambda _data: None
        self.on_end: Callable[[], None] = lambda: None
        self._hub = hub
        self.socket = MemorySocket(self)
        self.connection = Connection(
            cast("Any", hub), cast("Any", self.socket), peer, trio.current_time()
        )
        self.reason: str | None = None

    def say(self, *pieces: bytes) -> None:
        """Send bytes; each piece is a read of its own."""
        if not self.closed:
            self.unread.extend(pieces)
            self._hub.pump(self)

    def hang_up(self) -> None:
        """Close the connection."""
        self.say(b"")

    def hear(self, data: bytes) -> None:
        self.heard += data
        self.on_heard(data)

    def take(self) -> bytes:
        """Return what the node said since the last time."""
        data, self.heard = self.heard, b""
        return data

    def end(self) -> None:
        if not self.closed:
            self.closed = True
            self.on_end()


class MemoryHub:
    """What connections need of a hub."""

    def __init__(self) -> None:
        self.calls: dict[int, Call] = {}
        self.faults: list[Exception] = []
        self._paused: set[int] = set()

    def dial(self, accept: Accept, peer: str = "10.0.0.1:1") -> Call:
        """Let a device call."""
        call = Call(self, peer)
        self.calls[call.socket.fileno()] = call
        accept(call.connection)
        return call

    def pump(self, call: Call) -> None:
        """Let the node read, as long as it wants to."""
        number = call.socket.fileno()
        while call.unread and not call.closed and number not in self._paused:
            call.connection.ready(select.EPOLLIN, trio.current_time())

    async def sweep(self) -> None:
        """Close who is silent for too long, for ever, as the hub does.

        It sleeps as long as it can: on a virtual clock a tick a second is most of a test's time.
        """
        while True:
            now = trio.current_time()
            soonest = now + SWEEP_S_MAX
            for call in list(self.calls.values()):
                connection = call.connection
                limit_s = connection.idle_s_max
                if limit_s is None:
                    continue
                if now - connection.last_heard > limit_s:
                    connection.close(f"silent for {limit_s:g} s")
                soonest = min(soonest, connection.last_heard + limit_s)
            await trio.sleep(max(SWEEP_PERIOD_S, soonest - now))

    # -- from connections

    def watch(self, number: int, events: int) -> None:
        if not events & select.EPOLLIN:
            self._paused.add(number)
            return
        self._paused.discard(number)
        if number in self.calls:
            self.pump(self.calls[number])

    def forget(self, number: int) -> None:
        self.calls.pop(number, None)
        self._paused.discard(number)

    def fault(self, problem: Exception) -> None:
        self.faults.append(problem)


class CallStream(trio.abc.Stream):
    """A device's end of a call as a stream, for devices that are tasks of their own."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._news = trio.Event()
        call.on_heard = lambda _data: self._news.set()
        call.on_end = lambda: self._news.set()  # noqa: PLW0108 -- the event of then

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        if self._call.closed:
            raise trio.BrokenResourceError
        self._call.say(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, _size: int | None = None) -> bytes:
        while not self._call.heard and not self._call.closed:
            self._news = trio.Event()
            await self._news.wait()
        await trio.lowlevel.checkpoint()
        return self._call.take()

    async def aclose(self) -> None:
        self._call.hang_up()
        await trio.lowlevel.checkpoint()
