"""One simulated modem: a pipe between its TCP connection and the meters on its serial line.

It is one task which waits for bytes or for the next thing that is due, whichever comes first. It
never gives up: whatever ends its connection, it calls again after a pause that grows.
"""

import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import msgspec
import trio
from trio.abc import Stream

from hes.fleet.faults import FaultProfile, Faults
from hes.fleet.kinds import KINDS, SimulatedMeter, Surroundings
from hes.fleet.options import FleetOptions, spelled
from hes.fleet.outbox import Outbox, Push
from hes.fleet.planned import ModemPlan
from hes.fleet.statistics import FleetStatistics
from protocols.errors import ProtocolError

RECEIVE_SIZE: Final = 4096
SEND_S_MAX: Final = 60.0
"""A head-end that takes no bytes for so long is as good as gone."""
BACK_OFF_S: Final = 1.0
BACK_OFF_S_MAX: Final = 60.0
CALM_S: Final = 30.0
"""A connection that held so long was a good one: the pauses begin anew."""
NEVER: Final = float("inf")


class FleetWorld(msgspec.Struct, frozen=True, kw_only=True):
    """What all modems of a fleet share."""

    options: FleetOptions
    profile: FaultProfile
    statistics: FleetStatistics
    connect: Callable[[], Awaitable[Stream]]
    """Open a connection; raises OSError or ``trio.TooSlowError`` when there is none."""
    now: Callable[[], datetime]
    """The time of day, as meters without drift have it."""


class LinkLost(Exception):
    """The connection is over; the text says why."""


class Vanished(LinkLost):
    """The connection is over, but the head-end is not told."""


class SimulatedModem:
    """See the module."""

    def __init__(self, plan: ModemPlan, world: FleetWorld) -> None:
        options = world.options
        self.plan = plan
        self._world = world
        self._statistics = world.statistics
        self._rng = random.Random(f"{options.seed} {plan.modem_id}")  # noqa: S311 -- a simulation
        self._faults = Faults(world.profile, self._rng)
        around = Surroundings(world.now, self._rng)
        make = KINDS[plan.protocol].make
        self._line = [make(plan, meter, around) for meter in plan.meters]
        self._outbox = Outbox(options.resend_s, world.statistics)
        self._registration = spelled(options.registration, modem_id=plan.modem_id)
        heartbeat = spelled(options.heartbeat, modem_id=plan.modem_id)
        self._heartbeat = heartbeat or self._registration
        self._mute_until = 0.0
        self._ghost: Stream | None = None
        """The connection that was left open without a word; one at most."""
        self._push_every_s = options.push_every_s / options.speed
        now = trio.current_time()
        self._push_at = now + self._rng.uniform(0, self._push_every_s) if plan.pushes else NEVER
        self._heartbeat_at = NEVER
        self._outage_at = now + self._faults.next_outage_s() / options.speed

    # -- the life of a modem

    async def run(self) -> None:
        """Call, serve, and call again; ends by cancellation only."""
        try:
            await self._call_for_ever()
        finally:
            if self._ghost is not None:
                await trio.aclose_forcefully(self._ghost)

    async def _call_for_ever(self) -> None:
        pause_s = BACK_OFF_S
        connections = 0
        while True:
            began = trio.current_time()
            try:
                stream = await self._world.connect()
            except (OSError, trio.TooSlowError):
                self._statistics.refused += 1
            else:
                self._statistics.reconnects += connections > 0
                connections += 1
                await self._connection(stream)
            calm = trio.current_time() - began >= CALM_S
            pause_s = BACK_OFF_S if calm else min(2 * pause_s, BACK_OFF_S_MAX)
            # Without jitter a fleet that lost its head-end comes back all at once.
            await trio.sleep(pause_s * self._rng.uniform(0.5, 1.5))

    async def _connection(self, stream: Stream) -> None:
        """Serve one connection until it ends, and stay dark for a while if the power failed."""
        self._statistics.connected += 1
        self._statistics.connections += 1
        keep = False
        try:
            await self._serve(stream)
        except Vanished:
            keep = True
        except (LinkLost, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self._statistics.connected -= 1
            left, self._ghost = (self._ghost, stream) if keep else (stream, self._ghost)
            if left is not None:
                await trio.aclose_forcefully(left)
        if self._outage_at <= trio.current_time():
            await self._stay_dark()

    async def _stay_dark(self) -> None:
        speed = self._world.options.speed
        await trio.sleep(self._faults.outage_s() / speed)
        self._outage_at = trio.current_time() + self._faults.next_outage_s() / speed
        if self.plan.pushes:
            self._push_at = trio.current_time()  # the first thing a meter does with its supply back

    async def _serve(self, stream: Stream) -> None:
        """Serve a connection; returns only by raising ``LinkLost`` or trio's errors."""
        for meter, _ in self._line:
            meter.reset()
        if self._world.options.registration_mode != "data" and self._registration:
            await self._send_raw(stream, self._registration)
        self._put_off_heartbeat()
        self._outbox.connected(trio.current_time())
        while True:
            due = min(self._push_at, self._outbox.due, self._heartbeat_at, self._outage_at)
            data: bytes | bytearray | None = None
            with trio.move_on_at(due):
                data = await stream.receive_some(RECEIVE_SIZE)
            if data is None:
                await self._do_what_is_due(stream)
            elif not data:
                self._statistics.hang_ups += 1
                raise LinkLost("the head-end hung up")
            else:
                await self._take(stream, bytes(data))

    # -- requests

    async def _take(self, stream: Stream, data: bytes) -> None:
        """Give bytes to the serial line and send what comes back."""
        self._statistics.bytes_in += len(data)
        now = trio.current_time()
        if self._faults.vanishes():
            self._statistics.fault("half_open")
            raise Vanished("the network forgot us")
        mute_s = self._faults.goes_mute_s()
        if mute_s:
            self._statistics.fault("mute")
            self._mute_until = now + mute_s
        if now < self._mute_until:
            return
        answer = data if self._faults.echoes else b""
        for number, (meter, _) in enumerate(self._line):
            answer += self._ask(number, meter, data)
        if answer:
            await self._send(stream, answer)

    def _ask(self, number: int, meter: SimulatedMeter, data: bytes) -> bytes:
        before = meter.requests
        try:
            answer = meter.receive(data)
        except ProtocolError:
            self._statistics.unreadable += 1
            answer = b""
        self._statistics.requests += meter.requests - before
        for invoke_id in meter.confirmed:
            self._outbox.confirm(number, invoke_id, trio.current_time())
        meter.confirmed.clear()
        return answer

    # -- what happens by itself

    async def _do_what_is_due(self, stream: Stream) -> None:
        now = trio.current_time()
        if self._outage_at <= now:
            await self._lose_power(stream)
        if self._push_at <= now:
            await self._push(stream)
        if (push := self._outbox.take(now)) is not None:
            self._statistics.pushes_sent += 1
            await self._send(stream, push.frame)
        if self._heartbeat_at <= now:
            self._statistics.heartbeats += 1
            await self._send_raw(stream, self._heartbeat)
            self._put_off_heartbeat()

    async def _push(self, stream: Stream) -> None:
        """Let every meter push: into the outbox, or at once when nobody is to confirm."""
        now = trio.current_time()
        # A fleet that was away for long makes one push, not all that it missed.
        missed = (now - self._push_at) // self._push_every_s
        self._push_at += (missed + 1) * self._push_every_s
        confirm = self._world.options.confirm
        for number, (_, pusher) in enumerate(self._line):
            if pusher is None:
                continue
            frame = pusher.push(confirmed=confirm)
            self._statistics.pushes += 1
            if confirm:
                self._outbox.put(Push(number, pusher.invoke_id, frame), now)
            else:
                self._statistics.pushes_sent += 1
                await self._send(stream, frame)

    async def _lose_power(self, stream: Stream) -> None:
        self._statistics.outages += 1
        for _, pusher in self._line:
            if pusher is not None:
                await self._send(stream, pusher.last_gasp())
        raise LinkLost("the power failed")

    # -- sending

    def _put_off_heartbeat(self) -> None:
        every_s = self._world.options.heartbeat_s
        self._heartbeat_at = trio.current_time() + every_s if every_s and self._heartbeat else NEVER

    async def _send(self, stream: Stream, message: bytes) -> None:
        """Send a message from the serial line, with whatever the network does to it."""
        if self._world.options.registration_mode != "link":
            message = self._registration + message
        delivery = self._faults.deliver(message, self._heartbeat)
        if delivery.fault is not None:
            self._statistics.fault(delivery.fault)
        for pause_s, piece in delivery.pieces:
            if pause_s:
                await trio.sleep(pause_s)
            await self._send_raw(stream, piece)
        if delivery.cut:
            raise LinkLost("the network cut the connection")
        self._put_off_heartbeat()

    async def _send_raw(self, stream: Stream, data: bytes) -> None:
        with trio.move_on_after(SEND_S_MAX) as deadline:
            await stream.send_all(data)
        if deadline.cancelled_caught:
            raise LinkLost(f"the head-end took nothing for {SEND_S_MAX:g} s")
        self._statistics.bytes_out += len(data)
