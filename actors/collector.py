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
from actors.asking import is_asked, sends_now
from actors.context import Context
from actors.errors import ActorError
from actors.meter_jobs import BackfillJob, CollectJob
from actors.meter_messages import Collect, FillGap
from actors.read_slots import OVERTIME_S
from hes.devices import Device
from hes.events.reading import FailureReason
from hes.ids import MeterId, ModemId
from hes.rules.collection import retry_s

WAIT_S_MAX: Final = 3600.0
READ_S_MIN: Final = 60.0
"""So long has every read, even one that begins just before the next is due."""
RETRY_SPREAD: Final = 0.2
"""Part of a pause by which it is longer for some: they must not all come back at once."""
Due = tuple[float, MeterId, bool]
"""When by trio's time, who, and whether it is an extra read, to catch up or to try again."""


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


class Missed(msgspec.Struct, frozen=True):
    """A scheduled read has failed."""

    meter: MeterId
    reason: FailureReason


class DevicesAdded(msgspec.Struct, frozen=True):
    """The device list has grown or changed."""


def slot_s(meter: MeterId, jitter_s: float) -> float:
    """Return a meter's own moment within the jitter, always the same."""
    digest = hashlib.blake2b(meter.encode(), digest_size=4).digest()
    return jitter_s * int.from_bytes(digest) / 2**32


class Collector(Actor):
    """Sends ``Collect`` to the actors of meters when it is their turn."""

    def __init__(self, schedule: Schedule, context: Context) -> None:
        self._schedule = schedule
        self._context = context
        self._due: list[Due] = []
        self._planned: dict[MeterId, float] = {}
        """When the next regular read is due."""
        self._tries: dict[MeterId, int] = {}
        """How often a read was tried again in this period, for those whose read failed."""
        self._extra: set[MeterId] = set()
        """Those with an extra read ahead."""
        self._caught_up: dict[ModemId, float] = {}
        """When a modem's connection last made us ask for what is missing."""
        self._sent = 0

    def detail(self) -> str:
        """Return what is planned, for the tree."""
        every_min = self._schedule.every_s / 60
        slots = self._context.slots
        return (
            f"{len(self._planned)} meters every {every_min:g} min, {self._sent} reads asked for, "
            f"{len(slots)} of at most {slots.most} under way"
        )

    async def run(self) -> None:
        """Keep the schedule until told to stop."""
        self._context.slots.on_free = self.ref.wake
        self._plan(self._context.directory.devices())
        while not self.ref.closing:
            await self._wait()
            self._take_messages()
            await self._ask_who_is_due()

    async def _ask_who_is_due(self) -> None:
        """Ask those whose time has come, the longest due first, while there are slots for them."""
        slots, now = self._context.slots, trio.current_time()
        slots.sought = False
        while self._due and self._due[0][0] <= now:
            due, meter, extra = self._due[0]
            device = self._context.device(meter)
            known = is_asked(device, self._context.type_of(meter))
            wanted = known and device is not None and not sends_now(device, self._context)
            until = now + self._schedule.every_s + OVERTIME_S
            if wanted and not slots.take((meter, CollectJob.name), now, until):
                slots.sought = True
                return
            heapq.heappop(self._due)
            if wanted:
                await self._ask(meter, extra=extra)
            if extra:
                self._extra.discard(meter)
            else:
                self._next_time(due, meter, now, wanted=known)
        self._let_gaps_be_filled(now)

    def _let_gaps_be_filled(self, now: float) -> None:
        """Give the slots that are left to those who stand in line for one."""
        slots, every_s = self._context.slots, self._schedule.every_s
        while slots.in_line:
            meter = next(iter(slots.in_line))
            slot = (meter, BackfillJob.name)
            if not slots.take(slot, now, now + every_s + OVERTIME_S):
                return
            del slots.in_line[meter]
            try:
                self._context.meter(meter).tell(FillGap(every_s))
            except ActorError:
                slots.free(slot)

    def _next_time(self, due: float, meter: MeterId, now: float, *, wanted: bool) -> None:
        """Plan a meter's next read; those that were missed meanwhile are not made up for."""
        self._tries.pop(meter, None)
        if wanted:
            every_s = self._schedule.every_s
            self._plan_regular(meter, due + every_s * ((now - due) // every_s + 1))
        else:
            self._planned.pop(meter, None)

    def _plan_regular(self, meter: MeterId, due: float) -> None:
        self._planned[meter] = due
        heapq.heappush(self._due, (due, meter, False))

    async def _wait(self) -> None:
        wait_s = WAIT_S_MAX
        slots, now = self._context.slots, trio.current_time()
        if self._due and not slots.sought:
            wait_s = max(0.0, self._due[0][0] - now)
        if slots.sought or slots.in_line:
            wait_s = min(wait_s, max(0.0, slots.expires_at - now))
        if not self.ref.waiting and not self.ref.closing:
            with trio.move_on_after(wait_s):
                await self.ref.wait_message()

    def _take_messages(self) -> None:
        while (message := self.ref.take()) is not None:
            match message:
                case CatchUp(modem=modem):
                    self._catch_up(modem)
                case Missed(meter=meter, reason=reason):
                    self._try_again(meter, reason)
                case _:
                    self._plan(self._context.directory.devices())

    def _plan(self, devices: Iterable[Device]) -> None:
        """Put meters that are new into the schedule, on the grid of the wall clock."""
        if not self._schedule.enabled:
            return
        every_s = self._schedule.every_s
        into_s = self._context.now().timestamp() % every_s
        start = trio.current_time() - into_s
        for device in devices:
            of = self._context.type_of(device.meter_id)
            if device.meter_id in self._planned or not is_asked(device, of):
                continue
            due = start + slot_s(device.meter_id, min(self._schedule.jitter_s, every_s))
            if due < trio.current_time():
                due += every_s
            self._plan_regular(device.meter_id, due)

    def _catch_up(self, modem: ModemId) -> None:
        """Plan an extra read for meters of a modem that were not read within the period.

        Having been asked is not enough: the modem may have been away. A modem that comes and goes
        is not asked each time.
        """
        if not self._schedule.enabled:
            return
        now = trio.current_time()
        before = self._caught_up.get(modem)
        if before is not None and now - before < self._schedule.catch_up_s:
            return
        self._caught_up[modem] = now
        for device in self._context.directory.behind(modem):
            self._plan_extra(device.meter_id, slot_s(device.meter_id, self._schedule.catch_up_s))

    def _plan_extra(self, meter: MeterId, pause_s: float) -> bool:
        """Plan an extra read; False when there is one ahead, or the meter is not read at all."""
        if meter not in self._planned or meter in self._extra:
            return False
        self._extra.add(meter)
        heapq.heappush(self._due, (trio.current_time() + pause_s, meter, True))
        return True

    def _try_again(self, meter: MeterId, reason: FailureReason) -> None:
        """Plan another try within the period of a read that failed."""
        tries = self._tries.get(meter, 0)
        left_s = self._planned.get(meter, 0.0) - trio.current_time()
        pause_s = retry_s(tries, reason, left_s / (1 + RETRY_SPREAD))
        if pause_s is not None:
            pause_s += slot_s(meter, RETRY_SPREAD * pause_s)
            self._tries[meter] = tries + self._plan_extra(meter, pause_s)

    def _collect(self, meter: MeterId, *, extra: bool) -> Collect:
        """Return the question; an extra one is for who was not read since its period began."""
        every_s = self._schedule.every_s
        if not extra:
            return Collect(every_s)
        left_s = self._planned.get(meter, 0.0) - trio.current_time()
        return Collect(max(READ_S_MIN, left_s), max(0.0, every_s - left_s))

    async def _ask(self, meter: MeterId, *, extra: bool) -> None:
        self._sent += 1
        try:
            self._context.meter(meter).tell(self._collect(meter, extra=extra))
        except ActorError:  # it has too much to do already, or is being stopped
            self._context.slots.free((meter, CollectJob.name))
            return
        await trio.lowlevel.checkpoint()
