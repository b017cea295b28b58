"""Ends calls into a database that take too long, from a thread of its own.

A server that stops in the middle keeps its connections open: without this, whoever waits for its
answer waits for ever. Where the driver cannot be told a deadline, its socket is cut instead.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final

TICK_S: Final = 0.5


class _Limit:
    """One call under way."""

    __slots__ = ("cut", "passed", "ticks")

    def __init__(self, ticks: int, cut: Callable[[], None]) -> None:
        self.ticks = ticks
        self.cut = cut
        self.passed = False


class Watch:
    """Watches calls of any thread. Its own thread begins with the first one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limits: set[_Limit] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def limit(self, within_s: float, cut: Callable[[], None]) -> Iterator[None]:
        """Call ``cut`` from another thread if the block takes longer; it must not block.

        Precise to ``TICK_S``.
        """
        limit = _Limit(max(1, round(within_s / TICK_S)), cut)
        with self._lock:
            self._limits.add(limit)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hes-watch", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._limits.discard(limit)

    def close(self) -> None:
        """End the thread."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(TICK_S):
            with self._lock:
                for limit in self._limits:
                    limit.ticks -= 1
                    if limit.ticks < 0 and not limit.passed:
                        limit.passed = True
                        limit.cut()


def cut_socket(number: int) -> None:
    """Make both ends of a connected socket see its end; ``number`` stays open."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(number)) as same:
        same.shutdown(socket.SHUT_RDWR)
