"""The actor of one modem: owns its connection and its serial line.

It sends messages of devices on to the actors of their meters, and lets transactions of the meters
onto the line, one at a time. It never reads values itself.
"""

from collections import deque
from datetime import datetime
from functools import partial
from typing import Final

import trio

from actors.actor import Actor
from actors.bus import Bus, Transaction
from actors.context import Context
from actors.errors import BusFull, ConnectionLost, JournalFailed, NoModem
from actors.hub import Connection
from actors.line import SerialLine
from actors.mailbox import Ref
from actors.meter_messages import Push
from actors.modem_desk import ModemDesk, is_native, release
from actors.modem_messages import (
    FIRST_BYTES_MAX,
    Attach,
    DevicesChanged,
    DialFailed,
    ModemMessage,
    Order,
    Paused,
    PortLost,
    PushArrived,
    Reconsider,
    Submit,
    Told,
    TurnedAway,
    Unreadable,
)
from actors.modem_view import view_of
from actors.notices import alarm_push, ending
from actors.port import Port
from actors.routing import ANSWER, Unroutable, route
from actors.states import ModemState, Signal, step
from actors.supervisor import ChildSpec, Restart
from actors.unasked import listen
from hes.commands import ModemView
from hes.events.base import DomainEvent
from hes.events.modem import (
    ModemConnected,
    ModemDisconnected,
    ModemQuarantined,
    ModemSuperseded,
    ModemTrusted,
)
from hes.ids import ModemId, modem_stream
from hes.rules.kept import kept_events
from hes.rules.repeats import digest_of, is_repeat, remember
from protocols.dlms.push_reader import PushFrame, PushReader
from protocols.errors import RemoteProtocolError
from protocols.links.alarm_push import alarm_bytes
from protocols.links.base import Notice
from protocols.links.notices import AlarmTold, ForeignFrame
from protocols.links.registry import KINDS

FLAPS_MAX: Final = 10
"""So often within an hour another connection takes the identity over: two modems share it."""
FLAP_PERIOD_S: Final = 3600.0
PROOFS: Final = frozenset({"hmac"})
"""Claims that are proofs: what only says a name never takes the place of a proven connection."""


class ModemActor(Actor):
    """See the module."""

    def __init__(self, modem: ModemId, context: Context) -> None:
        self._modem = modem
        self._context = context
        self._state = ModemState.OFFLINE
        self._reason = "never connected to this node"
        self._port: Port | None = None
        self._connected_at: datetime | None = None
        self._bus: Bus | None = None
        self._flaps: deque[float] | None = None
        self._pause_at = 0.0
        """When the next look at bytes that the link holds back is due."""
        self._digests = b""
        self._meter: Ref | None = None
        """The actor of the only meter, as of that version of the device list."""
        self._meters_as_of = -1
        self._proven = False
        """Whether the connection proved that it is this modem's."""
        self._desk: ModemDesk | None = None
        """For modems that tell more than a pipe does."""

    # -- for people

    def detail(self) -> str:
        """Return the connection state and why it is so."""
        return f"{self._state}: {self._reason}"

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self._port is not None

    @property
    def busy(self) -> bool:
        """Whether somebody waits for a meter behind it."""
        return self._state is ModemState.READING or bool(self._bus)

    def view(self) -> ModemView:
        """Return what operators see of this modem."""
        return view_of(
            self._modem, self._context, state=self._state, reason=self._reason, port=self._port,
            connected_at=self._connected_at, queue=len(self._bus) if self._bus else 0,
        )  # fmt: skip

    # -- messages

    async def receive(self, message: ModemMessage) -> None:
        """Handle one message."""
        match message:
            case PushArrived(port=port, frame=frame):
                await self._push(port, frame)
            case Attach():
                await self._attach(message)
            case PortLost(port=port, reason=reason):
                await self._lost(port, reason)
            case Submit(transaction=transaction):
                self._submit(transaction)
            case Unreadable(reason=reason, detail=detail, data=data):
                await self._keep(reason, detail, data)
            case DevicesChanged() | Reconsider():
                await self._reconsider()
            case Paused(port=port):
                self._paused(port)
            case Told(port=port, notice=notice):
                await self._notice(port, notice)
            case TurnedAway() | DialFailed() | Order():
                await self._about_modem(message)

    async def _about_modem(self, message: TurnedAway | DialFailed | Order) -> None:
        """Handle what concerns the modem itself, not its meters."""
        match message:
            case TurnedAway():
                await self._turn_away(message)
            case DialFailed(reason=reason):
                self._not_reached(reason)
            case Order():
                await self._own_desk().order(message, self.defer(), self._port)

    async def stopping(self) -> None:
        """Let the connection go: the next incarnation knows nothing of it."""
        if self._bus is not None:
            self._bus.fail_all(NoModem(f"modem {self._modem} is being restarted"))
        if self._port is not None:
            port, self._port = self._port, None
            port.connection.close("the modem's actor is being restarted")

    # -- connections

    async def _attach(self, message: Attach) -> None:
        context, now = self._context, self._context.now()
        connection = message.connection
        if self._is_proven() and message.claim not in PROOFS:
            why = "another connection has proved to be this modem; this one only says so"
            connection.close(why)
            await self._turn_away(TurnedAway(connection.peer, why, message.rest))
            return
        session = next(context.sessions)
        events: list[DomainEvent] = []
        if self._port is not None:
            events.append(self._supersede(self._port, session, connection, now))
        port = self._take_over(message, session)
        events.append(
            ModemConnected(
                received_at=now, session=session, peer=connection.peer, link=message.link.name,
                claim=message.claim,
            )
        )  # fmt: skip
        quarantine = self._distrust(now, connection, message.rest)
        await self._record([*events, *quarantine])
        for frame in message.frames:
            await self._push(port, frame)
        for notice in message.notices:
            await self._notice(port, notice)
        if message.lost_reason is not None:
            await self._lost(port, message.lost_reason)
        elif not quarantine:
            context.on_attached(self._modem)
            self._start_line()
        elif self._bus is not None:
            self._bus.fail_all(NoModem(f"modem {self._modem} is {self._state}: {self._reason}"))

    def _take_over(self, message: Attach, session: int) -> Port:
        """Become the receiver of the connection; nothing can come in between."""
        reader = message.reader or PushReader(self._take_frame, self._keep_frame)
        reader.rebind(self._take_frame, self._keep_frame)
        port = Port(session, message.connection, message.link, reader, self._port_lost, self._held)
        port.on_notice = self._told
        listen(port, self._modem, self._context, self._keep_frame)
        message.connection.receiver = port
        port.lost_reason = message.lost_reason
        self._port, self._proven = port, message.claim in PROOFS
        self._connected_at = self._context.now()
        self._state = step(self._state, Signal.ATTACHED)
        self._reason = f"connected from {message.connection.peer}"
        try:
            port.feed(message.rest)
        except RemoteProtocolError as problem:
            message.connection.close(str(problem))
        self._pause_at = 0.0  # a look that is due already is at the connection before
        self._held(port)
        return port

    def _held(self, port: Port) -> None:
        """Look again in a moment whether the rest of a text came, in the hub's task or ours."""
        now = trio.current_time()
        if now >= self._pause_at:
            patience_s = KINDS[port.link.name].patience_s
            self._pause_at = now + patience_s
            self._context.timers(patience_s, self.ref, Paused(port))

    def _paused(self, port: Port) -> None:
        if port is not self._port:
            return
        if trio.current_time() - port.connection.last_heard < KINDS[port.link.name].patience_s:
            self._held(port)
            return
        try:
            port.pause()
        except RemoteProtocolError as problem:
            port.connection.close(str(problem))

    def _supersede(
        self, old: Port, session: int, connection: Connection, now: datetime
    ) -> DomainEvent:
        """Close the older connection: the newest one of an identity wins."""
        self._port = None
        superseded = f"superseded by {connection.peer}"
        old.connection.close(superseded)
        if self._desk is not None:
            self._desk.lost(superseded)
        if self._flaps is None:
            self._flaps = deque()
        self._flaps.append(trio.current_time())
        return ModemSuperseded(
            received_at=now, old_session=old.session, new_session=session,
            old_peer=old.connection.peer, new_peer=connection.peer,
        )  # fmt: skip

    def _distrust(self, now: datetime, connection: Connection, first: bytes) -> list[DomainEvent]:
        """Return the quarantine, when this modem is not to be trusted with meters."""
        reason = self._doubt()
        if self._is_flapping():
            self._context.timers(FLAP_PERIOD_S, self.ref, Reconsider())
        if not reason:
            return []
        self._state = step(self._state, Signal.DISTRUSTED)
        self._reason = reason
        return [
            ModemQuarantined(
                received_at=now, peer=connection.peer, reason=reason,
                first_bytes=first[:FIRST_BYTES_MAX],
            )
        ]  # fmt: skip

    def _doubt(self) -> str:
        """Return why this connection is not to be trusted with meters; nothing: it is."""
        entry = self._context.modems.entry(self._modem)
        if entry is None and not self._context.directory.knows(self._modem):
            return "not in the device list"
        if entry is not None and entry.secret and not self._proven:
            return "it has a secret, and did not prove that it knows it"
        if self._is_flapping():
            return f"its identity changed hands more than {FLAPS_MAX} times within an hour"
        return ""

    def _is_proven(self) -> bool:
        """Whether a living connection has proved that it is this modem's."""
        return self._proven and self._port is not None and self._port.lost_reason is None

    async def _turn_away(self, message: TurnedAway) -> None:
        """Note a caller that is not this modem, or cannot show it; who is connected stays."""
        if self._port is None:
            self._reason = f"a caller was turned away: {message.reason}"
        await self._record([
            ModemQuarantined(
                received_at=self._context.now(), peer=message.peer, reason=message.reason,
                first_bytes=message.first[:FIRST_BYTES_MAX],
            )
        ])  # fmt: skip

    def _is_flapping(self) -> bool:
        flaps = self._flaps
        while flaps and trio.current_time() - flaps[0] >= FLAP_PERIOD_S:
            flaps.popleft()
        return flaps is not None and len(flaps) > FLAPS_MAX

    async def _reconsider(self) -> None:
        """Let a modem out of quarantine when there is no more reason for it."""
        listen(self._port, self._modem, self._context, self._keep_frame)
        if self._state is ModemState.QUARANTINED and not self._doubt():
            self._state = step(self._state, Signal.ATTACHED)
            self._reason = "its meters are in the device list, its identity is quiet"
            now = self._context.now()
            await self._record([ModemTrusted(received_at=now, reason=self._reason)])
            self._context.on_attached(self._modem)
            self._start_line()

    def _port_lost(self, port: Port, reason: str) -> None:
        """Take note, in the hub's task."""
        self.ref.tell_always(PortLost(port, reason))

    async def _lost(self, port: Port, reason: str) -> None:
        if port is self._port:
            self._port = None
            silent = reason.startswith("silent")
            self._state = step(self._state, Signal.TIMED_OUT if silent else Signal.LOST)
            self._reason = reason
            if self._bus is not None:
                self._bus.fail_all(ConnectionLost(reason))
            if self._desk is not None:
                self._desk.lost(reason)
        self._context.on_detached(self._modem)
        connection = port.connection
        await self._record([
            ModemDisconnected(
                received_at=self._context.now(), session=port.session, reason=reason,
                lasted_s=round(trio.current_time() - connection.opened_at, 3),
                bytes_in=connection.bytes_in, bytes_out=connection.bytes_out,
            )
        ])  # fmt: skip

    # -- messages of devices

    def _take_frame(self, frame: PushFrame) -> None:
        """Take a push, in the hub's task.

        One that looks like those before it, of the only meter there is, needs nobody's judgement
        about whose it is: it goes to the meter's actor at once.
        """
        port, context = self._port, self._context
        if port is None:
            return
        meter = self._meter
        if self._meters_as_of != context.directory.version or meter is None or meter.closing:
            meter = self._only_meter()
        shaped = None if meter is None else context.shapes.read(frame.apdu)
        if meter is None or shaped is None:
            port.connection.deliver(self.ref, PushArrived(port, frame))
            return
        push = Push(
            plain=shaped, counter=None, digest=digest_of(frame.apdu), apdu=frame.apdu,
            received_at=context.now(), port=port, reply=frame.reply,
        )  # fmt: skip
        port.connection.deliver(meter, push)

    def _only_meter(self) -> Ref | None:
        """Return the actor of the meter behind this modem; None when there is not just one."""
        directory = self._context.directory
        self._meters_as_of = directory.version
        meter = directory.only_one_behind(self._modem)
        self._meter = None if meter is None else self._context.meter(meter)
        return self._meter

    def _keep_frame(self, reason: str, detail: str, data: bytes) -> None:
        """Take what is no whole push, in the hub's task."""
        port = self._port
        if port is not None:
            port.connection.deliver(self.ref, Unreadable(reason, detail, data))

    async def _push(self, port: Port, frame: PushFrame) -> None:
        directory = self._context.directory
        try:
            routed = route(directory, self._modem, frame)
        except Unroutable as problem:
            if problem.reason == ANSWER:
                return
            await self._keep(problem.reason, str(problem), frame.apdu, title=problem.title)
            return
        first, *others = routed.meters
        push = Push(
            plain=routed.plain, counter=routed.counter, digest=digest_of(frame.apdu),
            apdu=frame.apdu, received_at=self._context.now(), port=port, reply=frame.reply,
            others=[device.meter_id for device in others],
        )  # fmt: skip
        await self._context.meter(first.meter_id).send(push)

    async def _keep(
        self, reason: str, detail: str, data: bytes, *, title: str | None = None
    ) -> None:
        """Keep a message raw in this modem's own stream, once."""
        digest = digest_of(data)
        if is_repeat(self._digests, digest):
            return
        now = self._context.now()
        if await self._record(kept_events(reason, detail, data, now, digest=digest, title=title)):
            self._digests = remember(self._digests, digest)

    # -- beside the pipe

    def _told(self, port: Port, notice: Notice) -> None:
        """Take a notice, in the hub's task; the replies that come with it are written first."""
        port.connection.deliver(self.ref, Told(port, notice))

    async def _notice(self, port: Port, notice: Notice) -> None:
        reason = ending(notice)
        if reason is not None:
            port.connection.close(reason)
        elif is_native(port):
            await self._own_desk().take(port, notice)
        elif isinstance(notice, AlarmTold):
            await self._alarm(port, notice)
        elif isinstance(notice, ForeignFrame):
            detail = f"a frame of {notice.protocol} that nobody here reads"
            await self._keep("foreign-frame", detail, notice.data)

    def _own_desk(self) -> ModemDesk:
        if self._desk is None:
            self._desk = ModemDesk(self._modem, self._context)
        return self._desk

    async def _alarm(self, port: Port, alarm: AlarmTold) -> None:
        """Give an alarm to the meter that it is about, or keep it."""
        device = self._context.directory.named(alarm.source)
        push = alarm_push(alarm, port, self._context.now())
        if device is None:
            detail = f"no meter in the device list sent this; it calls itself {alarm.source}"
            await self._keep("unknown-meter", detail, alarm_bytes(alarm))
        elif push is None:
            detail = f"an alarm of {alarm.source} of which nothing certain is known: {alarm.code}"
            await self._keep("alarm", detail, alarm_bytes(alarm))
        else:
            await self._context.meter(device.meter_id).send(push)

    # -- the serial line

    def _submit(self, transaction: Transaction) -> None:
        why = self._no_way()
        if why:
            transaction.settle(None, NoModem(f"modem {self._modem} {why}"))
        else:
            if self._bus is None:
                self._bus = Bus()
            if not self._bus.put(transaction, trio.current_time()):
                transaction.settle(None, BusFull(f"too much waits for modem {self._modem}"))
            self._start_line()

    def _no_way(self) -> str:
        """Return why there is no way to the meters; nothing: there is, or is being made."""
        port = self._port
        if port is None and self._context.dial(self._modem):
            return ""
        if port is None or self._state is ModemState.QUARANTINED:
            return f"is {self._state}: {self._reason}"
        return "" if port.link.pipe else "only pushes: there is no way to its meters"

    def _not_reached(self, reason: str) -> None:
        """Take note that the modem was called and did not answer."""
        if self._port is None:
            self._reason = reason
            if self._bus is not None:
                self._bus.fail_all(NoModem(f"modem {self._modem}: {reason}"))

    def _start_line(self) -> None:
        port, bus = self._port, self._bus
        if port is None or not bus:
            return
        self._context.start_line(
            ChildSpec(
                name=f"{self._modem}#{port.session}",
                start=lambda: SerialLine(port, bus, on_state=partial(self._line_state, port)),
                restart=Restart.TRANSIENT,
            )
        )

    def _line_state(self, port: Port, transaction: Transaction | None) -> None:
        if port is not self._port:
            return  # the line of an older connection, which is coming to its end
        if transaction is not None and self._state is ModemState.READY:
            self._state = step(self._state, Signal.ASKED)
            self._reason = transaction.label
        elif transaction is None and self._state is ModemState.READING:
            self._state = step(self._state, Signal.ANSWERED)
            self._reason = "the line is idle"
        if transaction is None and not self._bus:
            release(port)

    # -- the log

    async def _record(self, events: list[DomainEvent]) -> bool:
        """Store events; tell whether they are."""
        try:
            await self._context.journal.append(modem_stream(self._modem), events)
        except JournalFailed:
            # The connection goes on; that it began is told by everything that comes over it.
            self._reason += " (not in the log: the store failed)"
            return False
        return True
