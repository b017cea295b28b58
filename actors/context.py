"""What the actors of a node share: the world, the log, the directory, and each other."""

import contextlib
import itertools
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import trio

from actors.directory import Directory
from actors.errors import ActorStopped, MailboxFull
from actors.journal_queue import JournalQueue
from actors.mailbox import Ref
from actors.modem_book import ModemBook
from actors.read_slots import ReadSlots
from actors.supervisor import Backoff, ChildSpec, Supervisor
from hes.clock import Clock
from hes.devices import Device
from hes.events.reading import FailureReason
from hes.firmware_files import FirmwareFiles
from hes.ids import MeterId, ModemId
from hes.key_change import KeysOutcome
from hes.rules.collection import Wanted
from hes.rules.limits import Limits
from hes.store.codec import EventCodec
from hes.store.port import EventLog
from protocols.dlms.push_shape import PushShapes
from protocols.meter_types.catalogue import MeterTypes
from protocols.meter_types.meter_type import MeterType
from protocols.meter_types.shipped import shipped_types

if TYPE_CHECKING:
    from actors.actor import Actor
    from actors.strangers import Stranger

T = TypeVar("T")

MODEM_BACKOFF = Backoff(first_s=0.1, cap_s=60.0)
READERS = 4
"""Threads that load the memory of meters side by side."""
STARTING_MAX = 64
"""Actors that wait for their memory, each with a message in hand, before others are let in."""


class Start(msgspec.Struct, frozen=True):
    """Makes an actor anew at each start; a function of its own takes six times the memory."""

    make: Callable[[Any], "Actor"]
    name: Any

    def __call__(self) -> "Actor":
        """Return the next incarnation."""
        return self.make(self.name)


class Context:
    """One for the node; passed to every actor."""

    def __init__(  # noqa: PLR0913, PLR0915 -- the world has so many parts
        self,
        *,
        clock: Clock,
        rng: random.Random,
        directory: Directory,
        journal: JournalQueue,
        limits: Limits,
        utc_offset_min: int,
        node: str,
        collection: Wanted | None = None,
        meter_types: MeterTypes | None = None,
    ) -> None:
        self.clock = clock
        self.now = clock.now
        """Tells our time, UTC."""
        self.rng = rng
        self.directory = directory
        self.log: EventLog
        self.codec: EventCodec
        self.journal = journal
        self.limits = limits
        self.utc_offset_min = utc_offset_min
        self.node = node
        self.collection = collection or Wanted()
        """What the schedule reads of every meter."""
        self.meter_types = meter_types or shipped_types()
        """What a meter may be, by the names of the device list."""
        self.slots = ReadSlots(self.collection.concurrency)
        """Bounds the scheduled reads that are under way."""
        self.sessions = itertools.count(1)
        self.readers = trio.CapacityLimiter(READERS)
        self.shapes = PushShapes()
        """How the pushes of this node's meters are laid out."""
        self.timers: Callable[[float, Ref, object], None]
        """The node's ``after``."""
        self.make_modem: Callable[[ModemId], Actor]
        self.make_meter: Callable[[MeterId], Actor]
        self._groups: dict[str, Supervisor] = {}
        self.strangers: Ref | None = None
        """Who notes callers that nobody knows."""
        self.modems = ModemBook()
        """The modem list: secrets, and modems that we call."""
        self.firmware = FirmwareFiles(None)
        self.firmware_maker = b""
        """Public key of those whose firmware is offered; empty: only the modems look."""
        self.dial: Callable[[ModemId], bool] = lambda _modem: False
        """Call a modem that listens, for who waits for it; False: nobody calls this one."""
        self.on_modems: Callable[[tuple[ModemId, ...]], None] = lambda _modems: None
        """Told when entries of the modem list have changed."""
        self.on_detached: Callable[[ModemId], None] = lambda _modem: None
        """Told when a connection of a modem has ended."""
        self.on_attached: Callable[[ModemId], None] = lambda _modem: None
        """Told when a modem has connected: the collector catches up."""
        self.on_missed: Callable[[MeterId, FailureReason], None] = lambda _meter, _reason: None
        """Told when a scheduled read has failed: the collector tries again."""
        self.keys_told: Callable[[MeterId, KeysOutcome], None] = lambda _meter, _outcome: None
        """Told what shows of the new keys of a meter."""
        self.on_devices: Callable[[], None] = lambda: None
        """Told when the device list has changed."""

    def take_meter_types(self, types: MeterTypes) -> None:
        """Let meters be what ``types`` says from now on."""
        self.meter_types = types
        self.directory.version += 1  # what was derived from the old ones is out of date

    def type_of(self, meter: MeterId) -> MeterType | None:
        """Return the type of a meter; None: it is not in the list, or its type is not known."""
        device = self.directory.meter(meter)
        if device is None:
            return None
        return self.meter_types.of(device.meter_type, device.protocol)

    # -- the supervisors that modems, meters and lines live under

    def group(self, name: str) -> Callable[[], Supervisor]:
        """Return what starts the supervisor of a kind; a fresh one takes the old one's place."""

        def start() -> Supervisor:
            supervisor = Supervisor(
                backoff=MODEM_BACKOFF, per_child=True, parks=True, intensity=5, period_s=60.0
            )
            self._groups[name] = supervisor
            return supervisor

        return start

    def _child(self, group: str, name: str, start: Callable[[], "Actor"], mailbox: int) -> Ref:
        supervisor = self._groups.get(group)
        if supervisor is None:
            raise ActorStopped(group)
        ref = supervisor.children.get(name)
        return ref or supervisor.spawn_child(ChildSpec(name=name, start=start, mailbox=mailbox))

    def modem(self, modem: ModemId) -> Ref:
        """Return the actor of a modem, started when it is not there yet."""
        return self._child("modems", modem, Start(self.make_modem, modem), 256)

    def meter(self, meter: MeterId) -> Ref:
        """Return the actor of a meter, started when it is not there yet."""
        group = self._groups.get("meters")
        ref = None if group is None else group.children.get(meter)
        return ref or self._child("meters", meter, Start(self.make_meter, meter), 256)

    def known_modem(self, modem: ModemId) -> Ref | None:
        """Return the actor of a modem, if it was ever started."""
        supervisor = self._groups.get("modems")
        return None if supervisor is None else supervisor.children.get(modem)

    def modem_count(self) -> int:
        """Return how many modems have an actor."""
        supervisor = self._groups.get("modems")
        return 0 if supervisor is None else len(supervisor.children)

    def running_modems(self) -> list[ModemId]:
        """Return the modems that have an actor."""
        supervisor = self._groups.get("modems")
        return [] if supervisor is None else [ModemId(name) for name in supervisor.children]

    def child_of(self, group: str, name: str) -> Ref | None:
        """Return an actor of a group, if it is there."""
        supervisor = self._groups.get(group)
        return None if supervisor is None else supervisor.children.get(name)

    def start_in(self, group: str, spec: ChildSpec) -> Ref:
        """Start an actor in a group."""
        return self._groups[group].spawn_child(spec)

    def start_line(self, spec: ChildSpec) -> Ref | None:
        """Start the actor of a serial line; None when it runs already."""
        supervisor = self._groups["lines"]
        return None if spec.name in supervisor.children else supervisor.spawn_child(spec)

    def is_starting_many(self) -> bool:
        """Whether so many actors wait for their memory that no more modems should be let in."""
        return self.readers.statistics().tasks_waiting >= STARTING_MAX

    async def in_reader(self, function: Callable[..., T], *args: Any) -> T:
        """Call what reads the log, in a thread: no more of them at once than the log bears."""
        return await trio.to_thread.run_sync(function, *args, limiter=self.readers)

    def after(self, seconds: float, meter: MeterId, message: object) -> None:
        """Tell a meter's actor something later."""
        self.timers(seconds, self.meter(meter), message)

    def stranger(self, stranger: "Stranger") -> None:
        """Note a caller that nobody knows; when too many call at once, some are not noted."""
        if self.strangers is not None:
            with contextlib.suppress(MailboxFull, ActorStopped):
                self.strangers.tell(stranger)

    def device(self, meter: MeterId) -> Device | None:
        """Return the device list's entry of a meter."""
        return self.directory.meter(meter)
