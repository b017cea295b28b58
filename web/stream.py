"""A socket that two may write to: the websocket library, and the live feed without waiting.

Whole frames stay whole: what the kernel does not take of a frame waits in ``tail``, and everybody
else's bytes go behind it.
"""

import os
from typing import Final

import trio

SEND_SIZE: Final = 65_536
"""Bytes under one deadline: with 30 s each, a peer must take some 2 kB a second."""


class FeedStream(trio.abc.HalfCloseableStream):
    """A TCP stream whose first bytes were read already, and whose peer may stop reading."""

    def __init__(self, stream: trio.SocketStream, stall_s: float) -> None:
        self.socket = stream.socket
        self._stream = stream
        self._replay = b""
        self._stall_s = stall_s
        self._lock = trio.Lock()
        self._tail = bytearray()
        self.written = 0
        """Bytes that the kernel took from the feed: whether a slow peer moves at all."""

    @property
    def waiting(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return len(self._tail)

    @property
    def peer(self) -> str:
        """Address of the other side; empty when it is gone."""
        try:
            return str(self.socket.getpeername()[0])
        except OSError:
            return ""

    # -- for whoever reads, and writes with patience

    def put_back(self, data: bytes) -> None:
        """Let the next reader receive ``data`` again."""
        self._replay = data

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return the next bytes; empty when the peer has hung up."""
        if self._replay:
            data, self._replay = self._replay, b""
            return data
        return bytes(await self._stream.receive_some(max_bytes))

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send ``data`` behind what waits already.

        Raises:
            BrokenResourceError: the peer takes nothing, or is gone; the socket is closed.

        """
        view = memoryview(data)
        async with self._lock:
            if self._tail:
                waiting, self._tail = self._tail, bytearray()
                await self._send_part(waiting)
            for start in range(0, len(view), SEND_SIZE):
                await self._send_part(view[start : start + SEND_SIZE])
            # Frames that came meanwhile: their sender flushes when the lock is free.

    async def _send_part(self, part: bytes | bytearray | memoryview) -> None:
        # hypercorn shields its sends: a deadline outside of here would not end them.
        with trio.move_on_after(self._stall_s) as scope:
            await self._stream.send_all(part)
        if scope.cancelled_caught:
            self.kill()
            raise trio.BrokenResourceError(f"the peer took nothing for {self._stall_s:g} s")

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the kernel takes bytes again."""
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Say that nothing more comes."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close the socket."""
        await self._stream.aclose()

    def kill(self) -> None:
        """Close the socket at once; whoever waits on it is woken with ``ClosedResourceError``."""
        self.socket.close()

    # -- for the feed, which never waits

    def send_nowait(self, frame: bytes, slack: int) -> bool:
        """Take a whole frame; False when the peer is behind by more than ``slack`` bytes.

        A frame of any size is taken while nothing waits, hence no more than the larger of the
        largest frame and ``slack`` is ever held.

        Raises:
            BrokenResourceError: the peer is gone.

        """
        if not self.flush():
            if len(self._tail) + len(frame) > slack:
                return False
            self._tail += frame
            return True
        taken = self._write(frame)
        if taken < len(frame):
            self._tail += memoryview(frame)[taken:]
        return True

    def flush(self) -> bool:
        """Hand waiting bytes to the kernel; True when none are left and nobody else is sending.

        Raises:
            BrokenResourceError: the peer is gone.

        """
        if self._lock.locked():
            return False
        if self._tail:
            del self._tail[: self._write(self._tail)]
        return not self._tail

    def _write(self, data: bytes | bytearray) -> int:
        try:
            taken = os.write(self.socket.fileno(), data)
        except BlockingIOError:
            return 0
        except OSError as problem:
            raise trio.BrokenResourceError(f"the peer is gone: {problem}") from None
        self.written += taken
        return taken
