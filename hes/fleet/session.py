"""One connection of one simulated modem, between its link and its serial line.

It waits for bytes or for the next thing that is due, whichever comes first, until something ends
it; then it says what. It never connects.
"""

import random
from typing import Final, NamedTuple, NoReturn, cast

import trio
from trio.abc import Stream

from hes.fleet.due import GLUE_S, Timetable, side_at
from hes.fleet.faults import Faults
from hes.fleet.line import Line
from hes.fleet.links.side import BusySide, Greeting, Incoming, ModemSide, SideKind, StoringSide
from hes.fleet.options import FleetOptions
from hes.fleet.outbox import Outbox
from hes.fleet.statistics import FleetStatistics
from hes.fleet.weather import NEVER
from protocols.errors import RemoteProtocolError

RECEIVE_SIZE: Final = 4096
SEND_S_MAX: Final = 60.0
"""A head-end that takes no bytes for so long is as good as gone."""
NOTICED_S: Final = 60.0
"""So long after the network has forgotten it a modem knows, if it says nothing meanwhile."""
SPLIT_PAUSE_S: Final = 0.2


class LinkLost(Exception):
    """The connection is over; the text says why."""


class Vanished(LinkLost):
    """The connection is over, but the head-end is not told."""

    def __init__(self, why: str, rest: bytes = b"") -> None:
        super().__init__(why)
        self.rest = rest
        """What the modem still says on it when it has called anew, which it does at once then."""


class Parts(NamedTuple):
    """What one modem is made of, whatever connection it has."""

    options: FleetOptions
    statistics: FleetStatistics
    rng: random.Random
    faults: Faults
    outbox: Outbox
    line: Line
    due: Timetable
    kind: SideKind


class Session:
    """See the module."""

    def __init__(self, stream: Stream, side: ModemSide, parts: Parts) -> None:
        self._stream = stream
        self._side = side
        self._parts = parts
        self._faults = parts.faults
        self._line = parts.line
        self._due = parts.due
        self._statistics = parts.statistics
        self._unsaid = b""
        """What is sent in front of the next bytes, in one packet with them."""
        self._said_at = trio.current_time()
        self._forgotten = False
        """Whether the network has forgotten the connection while nobody spoke."""

    @property
    def _storing(self) -> StoringSide:
        return cast("StoringSide", self._side)

    async def greet(self) -> None:
        """Say what the modem says first."""
        now, greeting = trio.current_time(), self._parts.kind.greeting
        text = self._side.connected(now)
        self._due.put_off_heartbeat(now, first=not text)
        if greeting is Greeting.GLUED:
            self._unsaid = text
            self._due.flush_at = now + GLUE_S
        elif greeting is Greeting.SPLIT and len(text) > 1:
            at = self._parts.rng.randrange(1, len(text))
            await self._send_raw(text[:at])
            await trio.sleep(SPLIT_PAUSE_S * self._parts.rng.random())
            await self._send_raw(text[at:])
        else:
            await self._send_raw(text)

    async def run(self) -> NoReturn:
        """Serve the connection; returns only by raising.

        Raises:
            LinkLost: it is over.
            trio.BrokenResourceError: the network ended it.

        """
        outbox = self._parts.outbox
        outbox.connected(trio.current_time())
        while True:
            data: bytes | bytearray | None = None
            with trio.move_on_at(min(self._due.next_at(self._side), outbox.due)):
                data = await self._stream.receive_some(RECEIVE_SIZE)
            if data is None:
                await self._do_what_is_due()
            elif not data:
                self._statistics.hang_ups += 1
                raise LinkLost("the head-end hung up")
            else:
                await self._take(bytes(data))

    # -- requests

    async def _take(self, data: bytes) -> None:
        """Take bytes from the head-end, and do what they ask."""
        self._statistics.bytes_in += len(data)
        now = trio.current_time()
        idle_s = self._faults.profile.nat_idle_s
        if idle_s and now - self._said_at > idle_s and not self._forgotten:
            self._statistics.fault("nat_idle")
            self._forgotten = True
            self._due.hang_up_at = now + NOTICED_S
        if self._forgotten:
            return  # it never arrived
        try:
            incoming = self._side.receive(data, now)
        except RemoteProtocolError as problem:
            raise LinkLost(str(problem)) from None
        await self._obey(incoming)

    async def _obey(self, incoming: Incoming) -> None:
        await self._send_raw(incoming.reply)
        if incoming.to_line:
            await self._ask(incoming.to_line)
        if incoming.hang_up:
            raise LinkLost(incoming.hang_up)

    async def _ask(self, request: bytes) -> None:
        """Give bytes to the serial line and send what comes back."""
        now, faults = trio.current_time(), self._faults
        if faults.vanishes():
            self._statistics.fault("half_open")
            raise Vanished("the network forgot us")
        mute_s = faults.goes_mute_s()
        if mute_s:
            self._statistics.fault("mute")
            self._line.deaf_until = now + mute_s
        answer = self._line.ask(request, now, echo=faults.echoes)
        if not answer:
            return
        if faults.rebinds() and (rest := self._side.wrap(answer)):
            self._statistics.fault("rebind")
            raise Vanished("the network moved us", rest)
        late_s = faults.late_s()
        if late_s and self._due.hold_back(answer, now + late_s):
            self._statistics.fault("late")
            return
        await self._send(answer)

    # -- what happens by itself

    async def _do_what_is_due(self) -> None:
        due, now = self._due, trio.current_time()
        if due.outage_at <= now:
            await self._lose_power()
        if due.storm_at <= now:
            self._statistics.fault("storm")
            due.back_s = self._faults.back_in_s()
            raise LinkLost("a storm took all connections away")
        if due.hang_up_at <= now:
            raise LinkLost("its time was up")
        if due.jump_at <= now:
            self._statistics.fault("clock_jump")
            self._line.jump(self._faults)
            due.jumped(now)
        await self._say_what_is_due(now)

    async def _say_what_is_due(self, now: float) -> None:
        due = self._due
        if due.push_at <= now:
            due.pushed(now)
            await self._push_all(now)
        if (push := self._parts.outbox.take(now)) is not None:
            await self._push(push.frame)
        if due.late_at <= now:
            await self._send(due.take_late())
        if side_at(self._side) <= now:
            await self._obey(cast("BusySide", self._side).due(now))
        if due.flush_at <= now:
            due.flush_at = NEVER
            await self._send_raw(b"")
        if due.heartbeat_at <= now:
            await self._beat(now)

    async def _beat(self, now: float) -> None:
        heartbeat = self._side.heartbeat(now)
        self._statistics.heartbeats += bool(heartbeat)
        await self._send_raw(heartbeat)
        self._due.put_off_heartbeat(trio.current_time())

    async def _push_all(self, now: float) -> None:
        """Let all meters speak: to the head-end, or into the modem's store."""
        if self._parts.kind.stores:
            for record in self._line.records():
                self._statistics.pushes_sent += 1
                await self._deliver(self._storing.store(record, now))
            return
        for frame in self._line.pushes(now, confirm=self._parts.options.confirm):
            await self._push(frame)

    async def _push(self, frame: bytes) -> None:
        self._statistics.pushes_sent += 1
        await self._send(frame)

    async def _lose_power(self) -> None:
        self._statistics.outages += 1
        if self._parts.kind.stores:
            for alarm in self._line.alarms():
                await self._deliver(self._storing.alarm(alarm, trio.current_time()))
        else:
            for frame in self._line.last_gasps():
                await self._send(frame)
        raise LinkLost("the power failed")

    # -- sending

    async def _send(self, message: bytes) -> None:
        """Send a message from the serial line, with whatever happens to it on its way."""
        said = self._faults.on_line(message, checked=self._line.guarded)
        packet = self._side.wrap(said.before)
        if said.after:
            packet += self._side.heartbeat(trio.current_time()) + self._side.wrap(said.after)
        if said.fault is not None:
            self._statistics.fault(said.fault)
        await self._deliver(packet)

    async def _deliver(self, packet: bytes) -> None:
        """Send a packet over the network; an empty one is none: the link had no use for it now."""
        if not packet:
            return
        delivery = self._faults.deliver(packet, checked=self._line.checked)
        if delivery.fault is not None:
            self._statistics.fault(delivery.fault)
        for pause_s, piece in delivery.pieces:
            if pause_s:
                await trio.sleep(pause_s)
            await self._send_raw(piece)
        if delivery.cut:
            raise LinkLost("the network cut the connection")
        self._due.put_off_heartbeat(trio.current_time())

    async def _send_raw(self, data: bytes) -> None:
        data, self._unsaid = self._unsaid + data, b""
        if not data:
            return
        if self._forgotten:
            raise Vanished("the network had forgotten us")
        self._said_at = trio.current_time()
        with trio.move_on_after(SEND_S_MAX) as deadline:
            await self._stream.send_all(data)
        if deadline.cancelled_caught:
            raise LinkLost(f"the head-end took nothing for {SEND_S_MAX:g} s")
        self._statistics.bytes_out += len(data)
