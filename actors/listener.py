"""Who is calling? Takes new connections until they have said it, then hands them to their modem.

The first bytes decide which link it is; a link that carries no name of its own (DLMS push) is named
by the first message that belongs to a meter.
"""

from typing import Final

import trio

from actors.context import Context
from actors.hub import Connection
from actors.modem import FIRST_BYTES_MAX, Attach
from actors.port import PAUSE_S
from actors.routing import Unroutable, route
from actors.strangers import Stranger
from hes.ids import ModemId
from protocols.dlms.push_reader import PushFrame, PushReader
from protocols.errors import RemoteProtocolError
from protocols.links.base import (
    Heartbeat,
    Identified,
    Link,
    LinkEvent,
    LinkKind,
    LinkSettings,
    MeterBytes,
    Notice,
    Reply,
    Verdict,
)
from protocols.links.registry import detect

IDENTIFY_S_MAX: Final = 60.0
"""A caller that has not said who it is by then is let go, and noted with its first bytes."""
IDLE_S_MAX: Final = 3600.0
"""Without a heartbeat in the settings: twice the half hour between collections."""
REST_SIZE_MAX: Final = 64 * 1024
UNKNOWN_MODEMS_MAX: Final = 1000
"""Modems outside the device list that get an actor; more are noted and let go."""


class Listener:
    """The callers of one configured port that have not said who they are."""

    def __init__(self, name: str, settings: LinkSettings, context: Context) -> None:
        self.name = name
        self.settings = settings
        self.context = context
        self.idle_s_max = IDLE_S_MAX
        self.callers: dict[Caller, None] = {}

    def accept(self, connection: Connection) -> None:
        """Take a new connection from the hub."""
        connection.idle_s_max = IDENTIFY_S_MAX
        caller = Caller(self, connection)
        connection.receiver = caller
        self.callers[caller] = None

    def pauses(self) -> None:
        """Look after callers that are quiet or slow; call it some times a second."""
        now = trio.current_time()
        for caller in list(self.callers):
            if now - caller.connection.last_heard >= PAUSE_S:
                caller.pause()
            if now - caller.connection.opened_at > IDENTIFY_S_MAX:
                caller.give_up()


class Caller:
    """The receiver of a connection until its modem's actor has taken it over."""

    __slots__ = ("_attach", "_first", "_link", "_listener", "_reader", "_told", "connection")

    def __init__(self, listener: Listener, connection: Connection) -> None:
        self._listener = listener
        self._first = b""
        self._link: Link | None = None
        self._reader: PushReader | None = None
        self._attach: Attach | None = None
        """On its way to the modem; what comes meanwhile is added to it."""
        self._told = False
        """Whether a message that is nobody's was noted."""
        self.connection = connection

    # -- from the hub

    def received(self, _connection: Connection, data: bytes) -> None:
        """See ``actors.hub.Receiver``."""
        if self._link is not None:
            self._first = (self._first + data)[:FIRST_BYTES_MAX]
            self._events(self._link.receive(data))
            return
        self._first += data
        kind = detect(self._first, self._listener.settings)
        if isinstance(kind, LinkKind):
            self._link = kind.make(self._listener.settings)
            self._events(self._link.receive(self._first))
        elif kind is Verdict.NO:
            raise RemoteProtocolError("link", "the first bytes are of no link that is known")

    def lost(self, connection: Connection, reason: str) -> None:
        """See ``actors.hub.Receiver``."""
        self._listener.callers.pop(self, None)
        if self._attach is None and not self._told:
            self._tell(reason, "", self._first[:FIRST_BYTES_MAX], None, whole=False)
        elif self._attach is not None:
            self._attach.lost_reason = reason

    def pause(self) -> None:
        """Let a text without an end mark end here: nothing came for a moment."""
        if self._link is None:
            return
        try:
            self._events(self._link.idle())
        except RemoteProtocolError as problem:
            self.connection.close(str(problem))

    def give_up(self) -> None:
        """Let a caller go that talks and talks, but never says who it is.

        One whose messages were noted may stay as long as it has more to say.
        """
        if not self._told:
            self.connection.close(f"it did not say within {IDENTIFY_S_MAX:g} s who it is")

    # -- what the link says

    def _events(self, events: list[LinkEvent]) -> None:
        for event in events:
            match event:
                case Identified(modem_id=modem_id, claim=claim):
                    self._hand_over(ModemId(modem_id), claim)
                case MeterBytes(data=data):
                    self._meter_bytes(data)
                case Reply(data=data):
                    self.connection.write(data)
                case Heartbeat() | Notice():
                    pass

    def _meter_bytes(self, data: bytes) -> None:
        """Keep bytes for the modem; on a link that names nobody, look for the name in them."""
        if self._attach is not None and self._reader is None:
            self._attach.rest += data
            if len(self._attach.rest) > REST_SIZE_MAX:
                self.connection.close("more came than its modem's actor could take")
            return
        if self._reader is None:
            self._reader = PushReader(self._message, self._unreadable)
        self._reader.feed(data)

    def _message(self, frame: PushFrame) -> None:
        if self._attach is not None:
            self._attach.frames.append(frame)
            return
        try:
            routed = route(self._listener.context.directory, None, frame)
        except Unroutable as problem:
            self._tell(problem.reason, str(problem), frame.apdu, problem.title, whole=True)
            return
        device = routed.meters[0]
        claim = "system-title" if routed.title is not None else "device-id"
        self._hand_over(device.modem_id or ModemId(device.meter_id), claim, frame)

    def _unreadable(self, reason: str, detail: str, data: bytes) -> None:
        self._tell(reason, detail, data, None, whole=True)

    # -- to the modem

    def _hand_over(self, modem: ModemId, claim: str, frame: PushFrame | None = None) -> None:
        context, link = self._listener.context, self._link
        if link is None or self._attach is not None:
            return
        unknown = context.known_modem(modem) is None and not context.directory.knows(modem)
        if unknown and context.modem_count() >= UNKNOWN_MODEMS_MAX + len(context.directory):
            self.connection.close("too many unknown modems")
            return
        frames = [] if frame is None else [frame]
        self._attach = Attach(self.connection, link, claim, b"", frames, self._reader)
        self.connection.idle_s_max = self._listener.idle_s_max
        self._listener.callers.pop(self, None)
        self.connection.deliver(context.modem(modem), self._attach)

    def _tell(
        self, reason: str, detail: str, data: bytes, title: str | None, *, whole: bool
    ) -> None:
        """Note a stranger, with his message or his first bytes."""
        self._told = True
        self._listener.context.stranger(
            Stranger(
                listener=self._listener.name,
                peer=self.connection.peer,
                reason=reason,
                detail=detail,
                data=data,
                title=title,
                whole=whole,
            )
        )
