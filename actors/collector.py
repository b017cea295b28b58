"""The schedule: tells each meter when its read is due, spread over the period.

One heap for all meters. A meter's place within the period comes from a hash of its name, so that a
fleet's reads are spread alike every time, and a restart changes nothing.
"""

import hashlib
import heapq
from collections.abc import Iterable
from typing import Final

import msgspec
import trio

from actors.actor import Actor
from actors.context import Context
from actors.drivers.registry import KINDS
from actors.errors import ActorError
from actors.meter_messages import Collect
from hes.devices import Device
from hes.ids import MeterId, ModemId

WAIT_S_MAX: Final = 3600.0


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When to read."""

    every_s: float = 1800.0
    jitter_s: float = 600.0
    """Reads are spread over so long a part of each period."""
    catch_up_s: float = 30.0
    """A modem that connects is read within so long, when its meters were not read lately."""
    enabled: bool = True


class CatchUp(msgspec.Struct, frozen=True):
    """A modem has connected."""

    modem: ModemId


class DevicesAdded(msgspec.Struct, frozen=True):
    """The device list has grown or changed."""


def slot_s(meter: MeterId, jitter_s: float) -> float:
    """Return a meter's own moment within the jitter, always the same."""
    digest = hashlib.blake2b(meter.encode(), digest_size=4).digest()
    return jitter_s * int.from_bytes(digest) / 2**32


def is_read(device: Device | None) -> bool:
    """Whether the schedule reads this meter.

    Not one that sends by itself over a link through which nothing can be asked.
    """
    return device is not None and device.protocol in KINDS and device.link != "dlms-push"


class Collector(Actor):
    """Sends ``Collect`` to the actors of meters when it is their turn."""

    def __init__(self, schedule: Schedule, context: Context) -> None:
        self._schedule = schedule
        self._context = context
        self._due: list[tuple[float, MeterId]] = []
        self._planned: set[MeterId] = set()
        self._caught_up: dict[ModemId, float] = {}
        """When a modem's connection last made us ask for what is missing."""
        self._sent = 0

    def detail(self) -> str:
        """Return what is planned, for the tree."""
        every_min = self._schedule.every_s / 60
        return f"{len(self._planned)} meters every {every_min:g} min, {self._sent} reads asked for"

    async def run(self) -> None:
        """Keep the schedule until told to stop."""
        self._plan(self._context.directory.devices())
        while not self.ref.closing:
            await self._wait()
            self._take_messages()
            now = trio.current_time()
            while self._due and self._due[0][0] <= now:
                due, meter = heapq.heappop(self._due)
                if is_read(self._context.device(meter)):
                    await self._ask(meter)
                    heapq.heappush(self._due, (due + self._schedule.every_s, meter))
                else:
                    self._planned.discard(meter)

    async def _wait(self) -> None:
        wait_s = WAIT_S_MAX
        if self._due:
            wait_s = max(0.0, self._due[0][0] - trio.current_time())
        if not self.ref.waiting and not self.ref.closing:
            with trio.move_on_after(wait_s):
                await self.ref.wait_message()

    def _take_messages(self) -> None:
        while (message := self.ref.take()) is not None:
            if isinstance(message, CatchUp):
                self._catch_up(message.modem)
            else:
                self._plan(self._context.directory.devices())

    def _plan(self, devices: Iterable[Device]) -> None:
        """Put meters that are new into the schedule, on the grid of the wall clock."""
        if not self._schedule.enabled:
            return
        every_s = self._schedule.every_s
        into_s = self._context.now().timestamp() % every_s
        start = trio.current_time() - into_s
        for device in devices:
            if device.meter_id in self._planned or not is_read(device):
                continue
            self._planned.add(device.meter_id)
            due = start + slot_s(device.meter_id, min(self._schedule.jitter_s, every_s))
            if due < trio.current_time():
                due += every_s
            heapq.heappush(self._due, (due, device.meter_id))

    def _catch_up(self, modem: ModemId) -> None:
        """Plan an extra read for meters of a modem that were not read within the period.

        Having been asked is not enough: the modem may have been away. A modem that comes and goes
        is not asked each time.
        """
        if not self._schedule.enabled:
            return
        now, every_s = trio.current_time(), self._schedule.every_s
        before = self._caught_up.get(modem)
        if before is not None and now - before < self._schedule.catch_up_s:
            return
        self._caught_up[modem] = now
        for device in self._context.directory.behind(modem):
            if device.meter_id in self._planned:
                delay_s = slot_s(device.meter_id, self._schedule.catch_up_s)
                self._context.after(delay_s, device.meter_id, Collect(every_s, every_s))

    async def _ask(self, meter: MeterId) -> None:
        self._sent += 1
        try:
            self._context.meter(meter).tell(Collect(self._schedule.every_s))
        except ActorError:
            return  # it has too much to do already, or is being stopped
        await trio.lowlevel.checkpoint()
