"""The hub: one task reads all device sockets and hands their bytes to who owns them.

It keeps its own epoll set, nested in trio's: a session costs no task, no scope and no buffer while
nothing comes. Deadlines are kept by a sweep over all connections, in small slices.
"""

import errno
import select
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec
import trio

from actors.actor import Actor
from actors.errors import ActorStopped, MailboxFull
from actors.mailbox import Ref
from protocols.errors import ProtocolError

READ_SIZE: Final = 16384
EVENTS_PER_POLL: Final = 128
BACKLOG: Final = 4096
OUT_SIZE_MAX: Final = 65536
"""A peer that lets so much of ours wait does not read."""
SWEEP_PERIOD_S: Final = 1.0
SWEEP_SLICE: Final = 500
ACCEPT_SLICE: Final = 64
ACCEPT_PAUSE_S: Final = 0.05
KEEPALIVE_IDLE_S: Final = 60
KEEPALIVE_INTERVAL_S: Final = 10
KEEPALIVE_COUNT: Final = 6
USER_TIMEOUT_MS: Final = 60_000
"""Unacknowledged bytes for so long end the connection: radio loss gives no other sign."""
TCP_INFO: Final[int | None] = getattr(socket, "TCP_INFO", None)
TCP_INFO_SIZE: Final = 104
ROUND_TRIP: Final = struct.Struct("=II")
ROUND_TRIP_AT: Final = 68
"""Of ``tcpi_rtt`` and ``tcpi_rttvar`` in Linux' ``struct tcp_info``, microseconds."""
IN: Final = select.EPOLLIN
OUT: Final = select.EPOLLOUT
READABLE: Final = select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP


class Receiver(Protocol):
    """Who gets the bytes of a connection. Called from the hub's task: never blocks, never waits."""

    def received(self, connection: "Connection", data: bytes) -> None:
        """Take bytes as they came.

        Raises:
            ProtocolError: the peer talks nonsense; its connection is closed with this reason.

        """
        ...

    def lost(self, connection: "Connection", reason: str) -> None:
        """Take note that the connection has ended; called exactly once."""
        ...


class Nobody:
    """The receiver of a connection that nobody has taken."""

    def received(self, connection: "Connection", data: bytes) -> None:
        """See ``Receiver``."""

    def lost(self, connection: "Connection", reason: str) -> None:
        """See ``Receiver``."""


NOBODY: Final = Nobody()


class Connection:
    """One socket of a device."""

    __slots__ = (
        "_events",
        "_fd",
        "_hub",
        "_out",
        "_pending",
        "_socket",
        "bytes_in",
        "bytes_out",
        "idle_s_max",
        "last_heard",
        "opened_at",
        "peer",
        "receiver",
    )

    def __init__(self, hub: "Hub", sock: socket.socket, peer: str, now: float) -> None:
        self._hub = hub
        self._socket = sock
        self._fd = sock.fileno()
        self._out = b""
        self._pending: Sequence[tuple[Ref, Any]] = ()
        """Messages that their actor had no room for: at most what one read gave."""
        self._events = IN
        self.peer = peer
        self.opened_at = now
        self.last_heard = now
        self.bytes_in = 0
        self.bytes_out = 0
        self.idle_s_max: float | None = None
        """Closed after so much silence; None: never."""
        self.receiver: Receiver = NOBODY

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._fd < 0

    @property
    def fd(self) -> int:
        """The file descriptor; -1 when closed."""
        return self._fd

    def write(self, data: bytes) -> None:
        """Send bytes; what the kernel does not take at once is kept and sent later."""
        if self._fd < 0:
            return
        if not self._out:
            self._send(data)
            return
        self._out += data
        if len(self._out) > OUT_SIZE_MAX:
            self.close("the peer does not read what is sent to it")

    def _send(self, data: bytes) -> None:
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as problem:
            self.close(describe(problem))
            return
        self.bytes_out += sent
        self._out = data[sent:]
        if self._out:
            self._want(self._events | OUT)
        elif self._events & OUT:
            self._want(self._events & ~OUT)

    def round_trip_s(self) -> float:
        """Return how long the kernel's own questions to the peer take, as it counts on it; or 0."""
        if self._fd < 0 or TCP_INFO is None:
            return 0.0
        try:
            info = self._socket.getsockopt(socket.IPPROTO_TCP, TCP_INFO, TCP_INFO_SIZE)
        except OSError:  # no TCP
            return 0.0
        if len(info) < TCP_INFO_SIZE:
            return 0.0
        smoothed_us, varies_us = ROUND_TRIP.unpack_from(info, ROUND_TRIP_AT)
        # As RFC 6298 waits for an acknowledgement.
        return float(smoothed_us + 4 * varies_us) / 1e6

    def pause(self) -> None:
        """Read no more for now: who owns the bytes has no room. TCP slows the peer down."""
        self._want(self._events & ~IN)

    def resume(self) -> None:
        """Read again."""
        self._want(self._events | IN)

    def deliver(self, ref: Ref, message: Any) -> None:
        """Tell an actor; when it has no room, keep the message and read no more until it has."""
        if self._pending:
            self._pending = [*self._pending, (ref, message)]
            return
        if ref.handle_now(message):
            return
        try:
            ref.tell(message)
        except MailboxFull:
            self._pending = [(ref, message)]
            self.pause()
            ref.when_room(self._deliver_pending)
        except ActorStopped as problem:
            self.close(str(problem))

    def _deliver_pending(self) -> None:
        pending, self._pending = self._pending, ()
        for ref, message in pending:
            self.deliver(ref, message)
        if not self._pending:
            self.resume()

    def _want(self, events: int) -> None:
        if events != self._events and self._fd >= 0:
            self._events = events
            self._hub.watch(self._fd, events)

    def ready(self, events: int, now: float) -> None:
        """Do what the socket is ready for; called by the hub."""
        if events != IN:
            if events & OUT and self._out:
                self._send(self._out)
            if self._fd < 0 or not events & READABLE:
                return
        try:
            data = self._socket.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError as problem:
            self.close(describe(problem))
            return
        if not data:
            self.close("the peer closed the connection")
            return
        self.bytes_in += len(data)
        self.last_heard = now
        try:
            self.receiver.received(self, data)
        except ProtocolError as problem:
            self.close(str(problem))
        except Exception as problem:  # noqa: BLE001 -- a fault of ours ends one connection, not all
            self._hub.fault(problem)
            self.close(f"fault of the head-end: {type(problem).__name__}: {problem}")

    def close(self, reason: str) -> None:
        """End the connection; its receiver is told. Later calls change nothing."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        self._hub.forget(fd)
        self._socket.close()
        self._out = b""
        try:
            self.receiver.lost(self, reason)
        except Exception as problem:  # noqa: BLE001 -- who closes is not to blame
            self._hub.fault(problem)


def describe(problem: OSError) -> str:
    """Return what the operator should read for an error of a socket."""
    match problem.errno:
        case errno.ETIMEDOUT:
            return "the network lost the peer (timed out)"
        case errno.ECONNRESET | errno.EPIPE:
            return "the peer reset the connection"
        case _:
            return f"network error: {problem.strerror or problem}"


class HubStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub has done since it started."""

    open: int
    accepted: int
    refused: int
    faults: int


Accept = Callable[[Connection], None]
"""Takes a new connection and gives it a ``receiver``."""


class Listening(msgspec.Struct):
    """A bound socket and who takes its connections."""

    socket: socket.socket
    accept: Accept
    name: str

    @property
    def port(self) -> int:
        """The port that it is bound to."""
        port: int = self.socket.getsockname()[1]
        return port


def bind(host: str, port: int, accept: Accept, *, name: str = "listener") -> Listening:
    """Bind a listening socket.

    Raises:
        OSError: the port is taken, or the address is not ours.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return Listening(sock, accept, name)


class Hub(Actor):
    """Accepts, reads and sweeps the sockets of all listeners."""

    def __init__(
        self,
        listeners: list[Listening],
        *,
        logins_per_s: float = 2000.0,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take ``is_busy``: while it is so, new connections wait in the kernel's queue."""
        self._listeners = listeners
        self._logins_per_s = logins_per_s
        self._is_busy = is_busy
        self._epoll = select.epoll()
        self._table: dict[int, Connection] = {}
        self._accepted = self._refused = self._faults = 0
        self._last_fault = ""

    def detail(self) -> str:
        """Return how many connections there are."""
        return f"{len(self._table)} connections, {self._accepted} accepted{self._last_fault}"

    def statistics(self) -> HubStatistics:
        """Return what the hub has done since it started."""
        return HubStatistics(
            open=len(self._table),
            accepted=self._accepted,
            refused=self._refused,
            faults=self._faults,
        )

    async def run(self) -> None:
        """Serve until cancelled or told to stop."""
        async with trio.open_nursery() as nursery:
            for listener in self._listeners:
                nursery.start_soon(self._accept, listener)
            nursery.start_soon(self._sweep)
            nursery.start_soon(self._read)
            while not self.ref.closing:
                await self.ref.wait_message()
            nursery.cancel_scope.cancel()

    async def stopping(self) -> None:
        """Close all connections."""
        for connection in list(self._table.values()):
            connection.close("the head-end is stopping")
        self._epoll.close()

    # -- from connections

    def watch(self, fd: int, events: int) -> None:
        """Change what is waited for."""
        self._epoll.modify(fd, events)

    def forget(self, fd: int) -> None:
        """Drop a connection that has ended."""
        if self._table.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def fault(self, problem: Exception) -> None:
        """Count a fault of ours in a receiver; the newest is shown in the tree."""
        self._faults += 1
        self._last_fault = f"; last fault: {type(problem).__name__}: {problem}"

    # -- tasks

    async def _accept(self, listener: Listening) -> None:
        """Take new connections, no more a second than the login budget allows."""
        pause_s = ACCEPT_SLICE / self._logins_per_s
        while True:
            await trio.lowlevel.wait_readable(listener.socket)
            if self._is_busy():
                await trio.sleep(ACCEPT_PAUSE_S)
            elif self._accept_some(listener):
                await trio.sleep(pause_s)
            else:
                self._refused += 1
                await trio.sleep(ACCEPT_PAUSE_S)

    def _accept_some(self, listener: Listening) -> bool:
        """Accept a slice of what waits; False when the process is out of descriptors."""
        for _ in range(ACCEPT_SLICE):
            try:
                sock, address = listener.socket.accept()
            except BlockingIOError:
                return True
            except OSError:
                return False
            self.adopt(sock, f"{address[0]}:{address[1]}", listener.accept)
        return True

    def adopt(self, sock: socket.socket, peer: str, accept: Accept) -> None:
        """Take a connected socket; ``accept`` gets its connection and gives it a receiver."""
        sock.setblocking(False)
        connection = Connection(self, sock, peer, trio.current_time())
        self._table[connection.fd] = connection
        self._epoll.register(connection.fd, select.EPOLLIN)
        self._accepted += 1
        try:
            set_options(sock)
            accept(connection)
        except OSError as problem:
            connection.close(describe(problem))
        except Exception as problem:  # noqa: BLE001 -- a fault of ours ends one connection, not all
            self.fault(problem)
            connection.close(f"fault of the head-end: {type(problem).__name__}: {problem}")

    async def _read(self) -> None:
        epoll, table = self._epoll, self._table
        while True:
            await trio.lowlevel.wait_readable(epoll.fileno())
            found = epoll.poll(0, EVENTS_PER_POLL)
            now = trio.current_time()
            for fd, events in found:
                connection = table.get(fd)
                if connection is not None:
                    connection.ready(events, now)

    async def _sweep(self) -> None:
        """Close who was silent for too long, a slice at a time."""
        while True:
            await trio.sleep(SWEEP_PERIOD_S)
            connections = list(self._table.values())
            for start in range(0, len(connections), SWEEP_SLICE):
                now = trio.current_time()
                for connection in connections[start : start + SWEEP_SLICE]:
                    limit_s = connection.idle_s_max
                    if limit_s is not None and now - connection.last_heard > limit_s:
                        connection.close(f"silent for {limit_s:g} s")
                await trio.lowlevel.checkpoint()


def set_options(sock: socket.socket) -> None:
    """Make the kernel notice a peer that has vanished without a word."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
