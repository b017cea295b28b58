"""The socket beneath a connection of python-oracledb, which the driver does not give away.

A listener that takes a connection and says nothing would be waited for as long as the process
lives: the driver ends neither that nor a call whose answer the network has swallowed. In thin mode
its socket is one of Python's, and the interpreter tells its audit hooks when one connects: so we
come by it, and can cut it.
"""

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any, Final

from hes.store.watch import Watch, cut_socket

HANDSHAKE_S: Final = 8.0
"""From the connection to a listener to the end of the logon; then the next address has its turn."""
SILENCE_MS: Final = 20_000
"""Octets that nobody confirms for so long end a connection, whatever it waits for."""
KEEP_ALIVE: Final = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
_EVENT: Final = "socket.connect"
_thread: Final = threading.local()
limited: Final = Watch().limit
"""Gives what waits for a server an end; one for the process."""
_installed: Final = threading.Event()


class Wire:
    """The socket of one connection, by a second descriptor: its number stays ours."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number: int | None = None
        self._is_given_up = False

    def connecting(self, found: socket.socket) -> None:
        """Take note of the socket; the driver tries one after the other.

        Raises:
            OSError: nobody waits for it any more.

        """
        with self._lock:
            if self._is_given_up:
                raise TimeoutError("nobody waits for this connection any more")
            self._let_go()
            _watched(found)
            self._number = os.dup(found.fileno())

    def cut(self) -> None:
        """End the connection: whoever waits for the other side sees its end."""
        with self._lock:
            if self._number is not None:
                cut_socket(self._number)

    def give_up(self) -> None:
        """End the connection, and each that the driver would try instead."""
        self._is_given_up = True
        self.cut()

    def release(self) -> None:
        """Let go of the socket: the driver has closed it, or will."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        number, self._number = self._number, None
        if number is not None:
            os.close(number)

    def __del__(self) -> None:
        self._let_go()

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Take the sockets that this thread connects within the block; each has ``HANDSHAKE_S``."""
        _install()
        with contextlib.ExitStack() as limits:
            _thread.wire, _thread.limits = self, limits
            try:
                yield
            finally:
                del _thread.wire, _thread.limits


def _install() -> None:
    """Have the interpreter tell us; a hook stays for the life of the process."""
    with _lock:
        if not _installed.is_set():
            sys.addaudithook(_hear)
            _installed.set()


_lock: Final = threading.Lock()


def _hear(event: str, values: tuple[Any, ...]) -> None:
    if event == _EVENT:
        wire: Wire | None = getattr(_thread, "wire", None)
        if wire is not None:
            wire.connecting(values[0])
            _thread.limits.close()
            _thread.limits.enter_context(limited(HANDSHAKE_S, wire.cut))


def _watched(found: socket.socket) -> None:
    """Have the system notice a peer that is gone."""
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in {**KEEP_ALIVE, "TCP_USER_TIMEOUT": SILENCE_MS}.items():
        if hasattr(socket, name):
            found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
