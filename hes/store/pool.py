"""Connections for readers: few, lent to one thread at a time, closed when they failed."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Final, Generic, Protocol, TypeVar

from hes.store.errors import StoreError, StoreUnavailable

CONNECTIONS_MAX: Final = 8
WAIT_S: Final = 10.0
"""How long a reader waits for a connection, while others have them all."""
DRAIN_S: Final = 10.0
"""How long closing waits for readers that are inside a call. One cut off in the middle of Oracle's
driver has crashed the process."""


class Closable(Protocol):
    """A connection of any driver."""

    def close(self) -> None:
        """Close it."""
        ...


C = TypeVar("C", bound=Closable)


class Pool(Generic[C]):
    """At most ``most`` connections. Threads: any may call."""

    def __init__(
        self, connect: Callable[[], C], shown: str, *, most: int = CONNECTIONS_MAX
    ) -> None:
        self._connect = connect
        self._shown = shown
        self._most = most
        self._free = threading.Condition()
        self._idle: list[C] = []
        self._lent = 0
        self._closed = False

    @contextlib.contextmanager
    def lent(self) -> Iterator[tuple[C, bool]]:
        """Give a connection, and whether it was used before: then it may be dead.

        Raises:
            StoreUnavailable: others have all of them.
            StoreError: the pool is closed.

        """
        connection, used = self._take()
        fit = False
        try:
            yield connection, used
            fit = True
        finally:
            self._put_back(connection, fit=fit)

    def drop_idle(self) -> None:
        """Close the connections that nobody has: the server was away."""
        with self._free:
            idle, self._idle = self._idle, []
        _close_all(idle)

    def close(self) -> None:
        """Close all; wait a little for those that are lent, which close when they come back."""
        with self._free:
            self._closed = True
            self._free.notify_all()
            self._free.wait_for(lambda: not self._lent, DRAIN_S)
        self.drop_idle()

    def _take(self) -> tuple[C, bool]:
        with self._free:
            if not self._free.wait_for(self._may_take, WAIT_S):
                raise StoreUnavailable(
                    f"{self._shown} is busy: {self._most} readers wait for its answers; try again"
                )
            if self._closed:
                raise StoreError(f"{self._shown} is closed")
            self._lent += 1
            if self._idle:
                return self._idle.pop(), True
        try:
            return self._connect(), False
        except BaseException:
            self._done()
            raise

    def _may_take(self) -> bool:
        return self._closed or self._lent < self._most

    def _put_back(self, connection: C, *, fit: bool) -> None:
        keep = fit and not self._closed
        if keep:
            with self._free:
                self._idle.append(connection)
        else:
            _close_all([connection])
        self._done()

    def _done(self) -> None:
        with self._free:
            self._lent -= 1
            self._free.notify_all()


def _close_all(connections: "list[C]") -> None:
    for connection in connections:
        # What cannot be closed any more is closed.
        with contextlib.suppress(Exception):
            connection.close()
