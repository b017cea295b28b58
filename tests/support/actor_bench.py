"""The actors of a node with a log in memory: real supervisors, real journal queue, no thread.

A test dials in with ``bench.dial``, speaks as a device, and looks at what is in the log.
"""

import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from unittest import mock

import trio
from memory_wire import Call, MemoryHub
from trio.testing import wait_all_tasks_blocked

from actors import tree
from actors.actor import Actor
from actors.collector import CatchUp, Collector, DevicesAdded, Missed, Schedule
from actors.context import Context
from actors.directory import Directory
from actors.errors import JournalFailed
from actors.journal_queue import JournalQueue
from actors.listener import Listener
from actors.mailbox import Ref
from actors.meter import MeterActor
from actors.modem import ModemActor
from actors.strangers import Strangers
from actors.supervisor import ChildSpec, Supervisor
from actors.tree import Node, open_node
from hes.clock import TrioClock
from hes.devices import Device
from hes.events.base import DomainEvent
from hes.ids import MeterId, ModemId, meter_stream, modem_stream
from hes.rules.collection import Wanted
from hes.rules.limits import load_limits
from hes.store.codec import EventCodec
from hes.store.errors import StoreUnavailable
from hes.store.port import StoredRow
from protocols.links.base import LinkSettings

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TEMPLATE = r"MODEM:(?P<modem_id>\w+)\r\n"
RAW = LinkSettings(registration=TEMPLATE)
T = TypeVar("T")
E = TypeVar("E", bound=DomainEvent)


class MemoryLog:
    """The log: stored forms, so that what cannot be stored is noticed."""

    def __init__(self) -> None:
        self.codec = EventCodec()
        self.rows: list[StoredRow] = []
        self.snapshots: dict[str, tuple[int, bytes]] = {}
        self.pages_read = 0
        self.away = False
        """Whether reading fails."""
        self._streams: dict[str, list[StoredRow]] = {}

    def write(self, stream: str, events: Sequence[DomainEvent]) -> int:
        rows = self._streams.setdefault(stream, [])
        for event in events:
            topic, state = self.codec.encode(event)
            row = StoredRow(len(self.rows) + 1, stream, len(rows) + 1, topic, state)
            rows.append(row)
            self.rows.append(row)
        return len(rows)

    def events(self, stream: str) -> list[DomainEvent]:
        return [self.codec.decode(row.topic, row.state) for row in self._streams.get(stream, ())]

    def recorded(self) -> list[tuple[str, DomainEvent]]:
        return [(row.stream, self.codec.decode(row.topic, row.state)) for row in self.rows]

    # -- the part of hes.store.port.EventLog that actors use

    def read_stream(self, stream: str, after: int, limit: int) -> list[StoredRow]:
        if self.away:
            raise StoreUnavailable("the disk is away")
        self.pages_read += 1
        return self._streams.get(stream, [])[after : after + limit]

    def load_snapshot(self, stream: str) -> tuple[int, bytes] | None:
        if self.away:
            raise StoreUnavailable("the disk is away")
        return self.snapshots.get(stream)

    def save_snapshot(self, stream: str, version: int, state: bytes) -> None:
        if self.away:
            raise StoreUnavailable("the disk is away")
        self.snapshots[stream] = (version, state)


class MemoryJournal(Actor):
    """The journal, whose commits can be held up and can fail."""

    def __init__(self, queue: JournalQueue, log: MemoryLog, gate: "Gate") -> None:
        self._queue = queue
        self._log = log
        self._gate = gate

    async def run(self) -> None:
        self._queue.on_entry = self.ref.wake
        while True:
            while self._queue.empty:
                if self.ref.closing:
                    return
                await self.ref.wait_message()
            batch = self._queue.take_batch()
            try:
                await self._gate.passed()
                for entry in batch:
                    if self._gate.failures:
                        self._gate.failures -= 1
                        entry.fail(JournalFailed("the disk is full"))
                    else:
                        entry.version = self._log.write(entry.stream, entry.events)
            finally:
                for entry in batch:
                    entry.fail(JournalFailed("the journal stopped before its commit"))
                self._queue.settle(batch)


class Gate:
    """How the disk behaves."""

    def __init__(self) -> None:
        self.failures = 0
        """So many appends fail."""
        self.delay_s: Callable[[], float] = lambda: 0.0
        self._open = trio.Event()
        self._open.set()

    def shut(self) -> None:
        self._open = trio.Event()

    def open(self) -> None:
        self._open.set()

    async def passed(self) -> None:
        await self._open.wait()
        await trio.sleep(self.delay_s())


class MemoryContext(Context):
    """Reads the log in the same task: a thread would let the virtual clock run away."""

    async def in_reader(self, function: Callable[..., T], *args: Any) -> T:
        await trio.lowlevel.checkpoint()
        return function(*args)


class Bench:
    """A node without sockets and without a disk."""

    def __init__(
        self,
        devices: Iterable[Device] = (),
        *,
        settings: LinkSettings = RAW,
        schedule: Schedule | None = None,
        collection: Wanted | None = None,
        seed: int = 1,
        log: MemoryLog | None = None,
        start: datetime = START,
    ) -> None:
        self.hub = MemoryHub()
        self.log = log or MemoryLog()
        self.gate = Gate()
        self.directory = Directory(devices)
        self.context = MemoryContext(
            clock=TrioClock(start),
            rng=random.Random(seed),
            directory=self.directory,
            journal=JournalQueue(),
            limits=load_limits(),
            utc_offset_min=420,
            node="bench",
            collection=collection,
        )
        self.context.log = cast("Any", self.log)
        self.context.codec = self.log.codec
        self.context.make_modem = lambda modem: ModemActor(modem, self.context)
        self.context.make_meter = lambda meter: MeterActor(meter, self.context)
        self.context.on_attached = self._attached
        self.context.on_missed = lambda meter, why: self._tell_collector(Missed(meter, why))
        self.listener = Listener("bench", settings, self.context)
        self.attached: list[ModemId] = []
        self.node: Node
        self._schedule = schedule
        self._called = trio.Event()

    @asynccontextmanager
    async def run(self) -> AsyncIterator["Bench"]:
        """Run the node while inside the block; no fault of ours may happen meanwhile."""
        # Nothing here has a watchdog, whose ticks are most of a quiet day on a virtual clock.
        async with (
            _rare_watchdog(),
            open_node("n", self._root, rng=self.context.rng, on_tree=self._opened) as self.node,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(self.hub.sweep)
            nursery.start_soon(self._pauses)
            yield self
            nursery.cancel_scope.cancel()
        assert self.hub.faults == []

    def _opened(self, node: Node) -> None:
        self.node = node
        self.context.timers = node.after

    def _root(self) -> Supervisor:
        context = self.context
        specs = [
            ChildSpec(name="journal", start=self._journal),
            ChildSpec(name="strangers", start=self._strangers, mailbox=1000),
            *(ChildSpec(name=name, start=context.group(name)) for name in ("meters", "modems")),
            ChildSpec(name="lines", start=context.group("lines")),
        ]
        if (schedule := self._schedule) is not None:
            collector = ChildSpec(
                name="collector", start=lambda: Collector(schedule, context), mailbox=100_000
            )
            specs.append(collector)
        return Supervisor(*specs, intensity=10, period_s=60.0)

    def _journal(self) -> MemoryJournal:
        return MemoryJournal(self.context.journal, self.log, self.gate)

    def _strangers(self) -> Strangers:
        self.context.strangers = self.node.find_child("strangers")
        return Strangers(self.context)

    async def _pauses(self) -> None:
        while True:
            while self.listener.callers:
                await trio.sleep(0.25)
                self.listener.pauses()
            self._called = trio.Event()
            await self._called.wait()

    def _attached(self, modem: ModemId) -> None:
        self.attached.append(modem)
        self._tell_collector(CatchUp(modem))

    def _tell_collector(self, message: object) -> None:
        collector = self.node.find_child("collector")
        if collector is not None:
            collector.tell_always(message)

    # -- what tests do

    def add(self, *devices: Device) -> None:
        """Import devices."""
        for device in devices:
            self.directory.put(device)
        self._tell_collector(DevicesAdded())

    def dial(self, *first: bytes, peer: str = "10.0.0.1:1") -> Call:
        """Let a device call and say its first bytes."""
        call = self.hub.dial(self.listener.accept, peer)
        self._called.set()
        call.say(*first)
        return call

    async def call_in(self, modem: str = "M1", *, peer: str = "10.0.0.1:1") -> Call:
        """Let a raw modem call and say its name; return when it is taken in."""
        call = self.dial(f"MODEM:{modem}\r\n".encode(), peer=peer)
        await settled()
        return call

    def modem(self, name: str = "M1") -> ModemActor:
        ref = self.context.modem(ModemId(name))
        assert isinstance(ref.actor, ModemActor)
        return ref.actor

    def meter(self, name: str = "m1") -> Ref:
        return self.context.meter(MeterId(name))

    def events(self, stream: str) -> list[DomainEvent]:
        return self.log.events(stream)

    def of_meter(self, kind: type[E], name: str = "m1") -> list[E]:
        found = self.log.events(meter_stream(MeterId(name)))
        return [event for event in found if isinstance(event, kind)]

    def of_modem(self, kind: type[E], name: str = "M1") -> list[E]:
        found = self.log.events(modem_stream(ModemId(name)))
        return [event for event in found if isinstance(event, kind)]

    def crashes(self) -> dict[str, str]:
        """Every actor that ever crashed, with the reason."""
        return {ref.path: ref.crash for ref in self.node.walk() if ref.crash is not None}


@asynccontextmanager
async def _rare_watchdog() -> AsyncIterator[None]:
    with mock.patch.object(tree, "WATCHDOG_PERIOD_S", 3600.0):
        yield


async def settled() -> None:
    """Wait until nobody has anything to do at this moment."""
    await wait_all_tasks_blocked()


def device(meter: str = "m1", modem: str = "M1", **of: Any) -> Device:
    return Device(meter_id=MeterId(meter), modem_id=ModemId(modem), **of)
