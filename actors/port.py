"""One connection of one modem: the link's codec between the socket and those who use its bytes.

Bytes from the meter go two ways at once: to the dialogue that has the serial line, and to the
reader of pushes, since a meter may push while another is being read.
"""

import contextlib
from collections.abc import Callable
from typing import Final, Protocol

import trio
from trio.lowlevel import Abort, Task, current_task, reschedule, wait_task_rescheduled

from actors.errors import ActorError, ConnectionLost
from actors.hub import Connection
from actors.trips import Trips
from protocols.errors import RemoteProtocolError
from protocols.links.base import (
    Heartbeat,
    Held,
    Identified,
    Link,
    LinkEvent,
    MeterBytes,
    Notice,
    Reply,
    Transparent,
)

PAUSE_S: Final = 0.5
"""A pause that ends a text of a modem that has no end mark."""
INBOX_SIZE_MAX: Final = 64 * 1024
"""A dialogue asks for at most one PDU at a time; more than this is noise."""


class PushSink(Protocol):
    """Cuts pushes out of meter bytes; see ``protocols.dlms.push_reader``."""

    def feed(self, data: bytes) -> None:
        """Take bytes from the serial line."""
        ...


class Port:
    """The receiver of a connection after its modem has said its name."""

    __slots__ = (
        "_feed_pushes", "_inbox", "_is_plain", "_trips", "_turned_away", "_waiting", "connection",
        "link", "lost_reason", "on_held", "on_lost", "on_notice", "pushes", "session", "talking",
    )  # fmt: skip

    def __init__(
        self,
        session: int,
        connection: Connection,
        link: Link,
        pushes: PushSink,
        on_lost: Callable[["Port", str], None],
        on_held: Callable[["Port"], None] = lambda _port: None,
    ) -> None:
        self.session = session
        self.connection = connection
        self.link = link
        self.lost_reason: str | None = None
        self.on_lost = on_lost
        self.on_held = on_held
        """Told that the link holds bytes back: ``pause`` is wanted when no more come."""
        self.on_notice: Callable[[Port, Notice], None] = lambda _port, _notice: None
        """Given what the modem tells beside its pipe."""
        self.talking = False
        """Whether a dialogue has the line and wants its bytes."""
        self._trips: Trips | None = None
        self._is_plain = link.is_plain if isinstance(link, Transparent) else _never
        self.pushes = pushes
        self._feed_pushes = pushes.feed
        self._inbox = b""
        self._waiting: Task | None = None
        self._turned_away: ActorError | None = None

    # -- from the hub

    def received(self, _connection: Connection, data: bytes) -> None:
        """See ``actors.hub.Receiver``."""
        if not self._is_plain(data):
            self._events(self.link.receive(data))
        elif self.talking:
            self.feed(data)
        else:
            self._feed_pushes(data)

    def pause(self) -> None:
        """Say that nothing came for a moment: what the link held back is let go."""
        self._events(self.link.idle())

    def _events(self, events: list[LinkEvent]) -> None:
        for event in events:
            match event:
                case MeterBytes(data=meter_bytes):
                    self.feed(meter_bytes)
                case Reply(data=reply):
                    self.connection.write(reply)
                case Held():
                    self.on_held(self)
                case Heartbeat() | Identified():
                    pass  # the connection's time of last contact is already noted
                case Notice():
                    self.on_notice(self, event)

    def lost(self, _connection: Connection, reason: str) -> None:
        """See ``actors.hub.Receiver``."""
        with contextlib.suppress(RemoteProtocolError):
            self.pause()  # what only the end of the connection ends
        self.lost_reason = reason
        self._wake()
        self.on_lost(self, reason)

    def feed(self, data: bytes) -> None:
        """Take bytes from the serial line, with what the link adds already taken off."""
        if self.talking:
            self._inbox = (self._inbox + data)[-INBOX_SIZE_MAX:]
            self._wake()
        try:
            self._feed_pushes(data)
        except RemoteProtocolError:
            # Wrapper frames have no sync mark: while a dialogue talks, its own check decides.
            if not self.talking:
                raise

    def listen(self, pushes: PushSink) -> None:
        """Give what comes from now on to another reader of pushes."""
        self._feed_pushes = pushes.feed

    # -- to the serial line

    @property
    def trips(self) -> Trips:
        """How long answers take; made when the first is asked for."""
        if self._trips is None:
            self._trips = Trips()
        return self._trips

    def begin(self) -> None:
        """Give the line to a dialogue; what came before it is purged."""
        self._inbox = b""
        self._turned_away = None
        self.talking = True
        self.trips.note_kernel(self.connection.round_trip_s())

    def end(self) -> None:
        """Take the line back."""
        self._inbox = b""
        self.talking = False

    def turn_away(self, why: ActorError) -> None:
        """Let the dialogue fail that has the line: the modem does not give it away."""
        if self.talking:
            self._turned_away = why
            self._wake()

    def write(self, data: bytes) -> None:
        """Send bytes to the serial line."""
        if data:
            self.connection.write(self.link.wrap(data))

    async def wait_bytes(self, wait_s: float) -> bytes | None:
        """Return what has come; None when nothing came for ``wait_s``.

        Raises:
            ConnectionLost: the modem is gone.
            LineBusy, NoSuchLine: the modem does not give the line away.

        """
        if not self._inbox and self.lost_reason is None and self._turned_away is None:
            with trio.move_on_after(wait_s):
                self._waiting = current_task()
                await wait_task_rescheduled(self._abort)
        if self._inbox:
            data, self._inbox = self._inbox, b""
            return data
        if self.lost_reason is not None:
            raise ConnectionLost(self.lost_reason)
        if self._turned_away is not None:
            raise self._turned_away
        return None

    def _wake(self) -> None:
        task, self._waiting = self._waiting, None
        if task is not None:
            reschedule(task)

    def _abort(self, _: object) -> Abort:
        self._waiting = None
        return Abort.SUCCEEDED


def _never(_data: bytes) -> bool:
    return False
