"""Who is calling? Takes new connections until they have said it, then hands them to their modem.

The first bytes decide which link it is; a link that carries no name of its own (DLMS push) is named
by the first message that belongs to a meter.
"""

import contextlib
import itertools
from typing import Final

import trio

from actors.context import Context
from actors.directory import modem_of
from actors.drivers.sending import MODE_D
from actors.errors import ActorError
from actors.handover import hand_over
from actors.hub import Connection
from actors.modem_messages import FIRST_BYTES_MAX, Attach, TurnedAway
from actors.nameless import Nameless
from actors.notices import NOTICES_MAX, ending
from actors.port import PAUSE_S
from actors.routing import Unroutable, route
from actors.silent import Search
from actors.strangers import Stranger
from actors.supervisor import ChildSpec, Restart
from hes.ids import ModemId
from protocols.dlms.push_reader import PushFrame, PushReader
from protocols.errors import RemoteProtocolError
from protocols.links.base import (
    Heartbeat,
    Held,
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
from protocols.links.notices import Refused
from protocols.links.registry import detect

IDENTIFY_S_MAX: Final = 60.0
"""A caller that has not said who it is by then is let go, and noted with its first bytes."""
DOUBT_S: Final = 3.0
"""A caller whose first bytes are of no link by then is noted; it may still say more."""
IDLE_S_MAX: Final = 3600.0
"""Without a heartbeat in the settings: twice the half hour between collections."""
DEVICE_ID: Final = "device-id"
REST_SIZE_MAX: Final = 64 * 1024
SILENT_S: Final = 3.0
"""A caller that has not said a word by then is looked for."""
SEARCH_S_MAX: Final = 600.0
SEARCHES_MAX: Final = 8
"""At a time: each reads the device list, and anybody can call and say nothing."""
METERS_LINKS: Final = frozenset({"dlms-push", MODE_D})
"""What the first bytes are when a meter speaks, and no modem."""
METERS_STARTS: Final = frozenset({b"\x68", b"\xfe", b"\x7e", b"/", b"\xaf", b"\x02"})
UNKNOWN_MODEMS_MAX: Final = 1000
"""Modems outside the device list that get an actor; more are noted and let go."""


class Listener:
    """The callers of one configured port that have not said who they are."""

    def __init__(self, name: str, settings: LinkSettings, context: Context) -> None:
        self.name = name
        self.settings = settings
        self.context = context
        self.idle_s_max = IDLE_S_MAX
        self.probe = False
        """Whether callers that say nothing are looked for."""
        self.callers: dict[Caller, None] = {}
        self._searches = itertools.count(1)

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
            caller.pause(now - caller.connection.last_heard)
            caller.doubt(now)
            if self.probe and caller.is_silent(now):
                self._look_for(caller)
            if now - caller.connection.opened_at > IDENTIFY_S_MAX:
                caller.give_up()

    def _look_for(self, caller: "Caller") -> None:
        """Find out whose a silent connection is: by its address, else by asking on it."""
        connection, context = caller.connection, self.context
        for name in (connection.peer, connection.peer.rpartition(":")[0]):
            if context.directory.knows(ModemId(name)):
                caller.known_as(ModemId(name), "address")
                return
        under_way = sum(1 for one in self.callers if one.searched and not one.connection.closed)
        if under_way >= SEARCHES_MAX or not len(context.directory):
            return
        caller.searched = True
        connection.idle_s_max = SEARCH_S_MAX
        search = Search(connection, context, speaks=caller.speaks, done=caller.search_ended)
        spec = ChildSpec(
            name=f"search-{self.name}-{next(self._searches)}",
            start=lambda: search,
            restart=Restart.TEMPORARY,
        )
        context.start_in("lines", spec)


class Caller:
    """The receiver of a connection until its modem's actor has taken it over."""

    __slots__ = ("_attach", "_doubted", "_ending", "_first", "_first_at", "_kind", "_link",
                 "_listener", "_nameless", "_notices", "_reader", "_told", "connection",
                 "searched")  # fmt: skip

    def __init__(self, listener: Listener, connection: Connection) -> None:
        self._listener = listener
        self._first = b""
        self._first_at = 0.0
        """When the first bytes came."""
        self._kind: LinkKind | None = None
        self._link: Link | None = None
        self._reader: PushReader | None = None
        self._nameless: Nameless | None = None
        """Of one that sends telegrams of mode D."""
        self._attach: Attach | None = None
        """On its way to the modem; what comes meanwhile is added to it."""
        self._notices: list[Notice] = []
        """What it told beside its pipe; those of the attach, once there is one."""
        self._ending: str | None = None
        """Why the connection is to be closed when all that came is dealt with."""
        self._doubted = False
        """Whether it was noted as one whose link nobody knows."""
        self._told = False
        """Whether a message that is nobody's was noted."""
        self.connection = connection
        self.searched = False
        """Whether it is, or was, looked for."""

    # -- one that says nothing

    def is_silent(self, now: float) -> bool:
        """Whether it has not said a word for so long that it will not."""
        silent = not self._first and self._link is None and not self.searched
        return silent and now - self.connection.opened_at >= SILENT_S

    def speaks(self, data: bytes) -> bool:
        """Whether bytes are the words of a modem, by their check or by its registration."""
        kind = detect(data, self._listener.settings)
        if not isinstance(kind, LinkKind) or kind.name in METERS_LINKS:
            return False
        # A generous expression takes the beginning of a meter's answer for a text.
        return kind.name != "raw" or data[:1] not in METERS_STARTS

    def known_as(self, modem: ModemId, claim: str) -> None:
        """Give the connection to the modem whose it is known to be."""
        self._listener.callers.pop(self, None)
        self.connection.idle_s_max = self._listener.idle_s_max
        hand_over(self._listener.context, self.connection, modem, claim)

    def search_ended(self, modem: ModemId | None, said: bytes) -> None:
        """Take note of whose it is, or listen again: it said something, or nobody answered."""
        if self.connection.closed:
            self.lost(self.connection, "it went away while it was looked for")
            return
        if modem is not None:
            self.known_as(modem, "probe")
            return
        self.connection.receiver = self
        self.connection.idle_s_max = IDENTIFY_S_MAX
        if not said:
            self.connection.close("it said nothing, and no meter of the device list answered on it")
            return
        try:
            self.received(self.connection, said)
        except RemoteProtocolError as problem:
            self.connection.close(str(problem))

    # -- from the hub

    def received(self, _connection: Connection, data: bytes) -> None:
        """See ``actors.hub.Receiver``."""
        if self._link is not None:
            self._first = (self._first + data)[:FIRST_BYTES_MAX]
            self._events(self._link.receive(data))
            return
        if not self._first:
            self._first_at = trio.current_time()
        self._first += data
        if self._detect(ended=False) is Verdict.NO:
            raise RemoteProtocolError("link", "the first bytes are of no link that is known")

    def lost(self, connection: Connection, reason: str) -> None:
        """See ``actors.hub.Receiver``."""
        with contextlib.suppress(RemoteProtocolError):
            self._end_text()  # what only the end of the connection ends
        self._listener.callers.pop(self, None)
        if self._attach is None and not self._told and not self._doubted:
            self._note(reason)
        elif self._attach is not None:
            self._attach.lost_reason = reason

    def pause(self, silence_s: float) -> None:
        """Let a text without an end mark end here, if nothing came for long enough."""
        if silence_s < (PAUSE_S if self._kind is None else self._kind.patience_s):
            return
        try:
            self._end_text()
        except RemoteProtocolError as problem:
            self.connection.close(str(problem))

    def doubt(self, now: float) -> None:
        """Note a caller whose link is still not known; it is listened to all the same."""
        if self._link is not None or not self._first or self._doubted:
            return
        if now - self._first_at >= DOUBT_S:
            self._doubted = True
            reason = f"after {DOUBT_S:g} s the first bytes are still of no link that is known"
            self._note(reason)

    def give_up(self) -> None:
        """Let a caller go that talks and talks, but never says who it is.

        One whose messages were noted may stay as long as it has more to say.
        """
        if not self._told and not (self.searched and not self._first):
            self.connection.close(f"it did not say within {IDENTIFY_S_MAX:g} s who it is")

    # -- which link

    def _detect(self, *, ended: bool) -> LinkKind | Verdict:
        """Look which link the first bytes are of, and let it have them."""
        kind = detect(self._first, self._listener.settings, ended=ended)
        if isinstance(kind, LinkKind):
            self._kind = kind
            self._link = kind.make(self._listener.settings)
            self._events(self._link.receive(self._first))
        return kind

    def _end_text(self) -> None:
        """Say that nothing more comes for now.

        Raises:
            RemoteProtocolError: what came is not the link's protocol.

        """
        if self._link is None and self._first:
            self._detect(ended=True)
        if self._link is not None:
            self._events(self._link.idle())

    # -- what the link says

    def _events(self, events: list[LinkEvent]) -> None:
        for event in events:
            match event:
                case Identified(modem_id=modem_id, claim=claim):
                    self._hand_over(self._modem_of(modem_id, claim), claim)
                case MeterBytes(data=data):
                    self._meter_bytes(data)
                case Reply(data=data):
                    self.connection.write(data)
                case Heartbeat() | Held():
                    pass
                case Notice():
                    self._notice(event)
        if self._ending is not None and self._attach is None:
            self.connection.close(self._ending)

    def _turned_away(self, refused: Refused) -> None:
        """Let the modem that it says it is know; one that nobody knows is a stranger, too."""
        context, modem = self._listener.context, ModemId(refused.modem_id)
        known = context.modems.entry(modem) is not None or context.directory.knows(modem)
        unknown_max = UNKNOWN_MODEMS_MAX + len(context.directory)
        if known or context.known_modem(modem) or context.modem_count() < unknown_max:
            first = self._first[:FIRST_BYTES_MAX]
            with contextlib.suppress(ActorError):
                context.modem(modem).tell(TurnedAway(self.connection.peer, refused.reason, first))
                self._told = self._told or known

    def _notice(self, notice: Notice) -> None:
        if isinstance(notice, Refused) and self._attach is None:
            self._turned_away(notice)
        self._ending = ending(notice) or self._ending
        if len(self._notices) < NOTICES_MAX or ending(notice) is not None:
            self._notices.append(notice)

    def _meter_bytes(self, data: bytes) -> None:
        """Keep bytes for the modem; on a link that names nobody, look for the name in them."""
        if self._attach is not None and self._reader is None:
            self._attach.rest += data
            if len(self._attach.rest) > REST_SIZE_MAX:
                self.connection.close("more came than its modem's actor could take")
            return
        if self._kind is not None and self._kind.name == MODE_D:
            self._telegrams(data)
            return
        if self._reader is None:
            self._reader = PushReader(self._message, self._unreadable)
            self._reader.answer = self._write
        self._reader.feed(data)

    def _write(self, data: bytes) -> None:
        """Send bytes to the serial line."""
        if self._link is not None:
            self.connection.write(self._link.wrap(data))

    def _telegrams(self, data: bytes) -> None:
        """Look whose telegrams these are; what is of nobody is kept."""
        if self._nameless is None:
            self._nameless = Nameless(self._listener.context)
        known, nobodys = self._nameless.feed(data)
        for one in nobodys:
            self._tell(one.reason, one.detail, one.raw, None, whole=True)
        if known is not None:
            self._hand_over(known.modem, DEVICE_ID, rest=known.rest)

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
        claim = "system-title" if routed.title is not None else DEVICE_ID
        self._hand_over(modem_of(device), claim, frame)

    def _unreadable(self, reason: str, detail: str, data: bytes) -> None:
        self._tell(reason, detail, data, None, whole=True)

    # -- to the modem

    def _modem_of(self, name: str, claim: str) -> ModemId:
        """Return the modem that calls itself ``name``; a meter's name stands for its modem's."""
        meter = self._listener.context.directory.named(name) if claim == DEVICE_ID else None
        return ModemId(name) if meter is None else modem_of(meter)

    def _hand_over(
        self, modem: ModemId, claim: str, frame: PushFrame | None = None, rest: bytes = b""
    ) -> None:
        context, link = self._listener.context, self._link
        if link is None or self._attach is not None:
            return
        unknown = context.known_modem(modem) is None and not context.directory.knows(modem)
        if unknown and context.modem_count() >= UNKNOWN_MODEMS_MAX + len(context.directory):
            self.connection.close("too many unknown modems")
            return
        frames = [] if frame is None else [frame]
        self._attach = Attach(
            self.connection, link, claim, rest, frames, self._reader, self._notices
        )
        self.connection.idle_s_max = self._listener.idle_s_max
        self._listener.callers.pop(self, None)
        self.connection.deliver(context.modem(modem), self._attach)

    def _note(self, reason: str) -> None:
        """Note a stranger with his first bytes."""
        first = self._first[:FIRST_BYTES_MAX]
        self._tell(reason, "", first, None, whole=False)

    def _tell(
        self, reason: str, detail: str, data: bytes, title: str | None, *, whole: bool
    ) -> None:
        """Note a stranger, with his message or his first bytes."""
        self._told = self._told or whole
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
