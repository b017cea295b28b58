"""Takes device lists and modem lists into a running node: one at a time, all of it or nothing.

Facts first, whole entries with secrets then, and last what the actors look into. What has begun
goes on when the store is away, and when who asked has left.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import trio

from actors.context import Context
from actors.directory import modem_of
from actors.modem_messages import DevicesChanged
from actors.patience import Patience
from hes.app.errands import Errands
from hes.app.storing import store
from hes.commands import DoneLater, StoreAway
from hes.device_registry import ImportResult, changed_devices, registration, save_devices
from hes.devices import Device, DeviceListError, RowError, parse_csv
from hes.events.base import DomainEvent
from hes.ids import ModemId
from hes.meter_types import MeterTypesUnusable, read_types
from hes.modem_registry import changed_modems, modem_registration, save_modems
from hes.modems import Modem, parse_modems
from hes.store.errors import StoreUnavailable
from hes.store.port import EventLog

RETRY_S: Final = 1.0
LOOK_S: Final = 0.2
"""Between two looks whether the import before has ended, or waits for the store."""
KEPT_PER_S: Final = 2000
"""Entries, in one transaction, by the slowest of the stores."""
WHAT: Final = "the import"


class Asker(NamedTuple):
    """Who wants something, and why."""

    actor: str
    reason: str = ""


class Register(Protocol):
    """A list that a node knows."""

    async def read(self, text: str) -> Sequence[Any]:
        """Return the entries of a CSV; raise ``DeviceListError`` for wrong cells."""
        ...

    def changed(self, wanted: Sequence[Any]) -> list[Any]:
        """Return those that are new or different."""
        ...

    def fact(self, entry: Any, asker: Asker) -> tuple[str, list[DomainEvent]]:
        """Return the stream and the event that tell of an entry, without its secrets."""
        ...

    def save(self, log: EventLog, entries: Sequence[Any]) -> None:
        """Keep whole entries, all or none."""
        ...

    def put(self, entries: Sequence[Any]) -> None:
        """Let the actors know of them."""
        ...


class DeviceRegister:
    """The device list."""

    def __init__(self, context: Context, types_folder: str | None) -> None:
        self._context = context
        self._types_folder = types_folder

    async def read(self, text: str) -> Sequence[Device]:
        """See ``Register``: meter types that are new or changed count at once."""
        try:
            types = await trio.to_thread.run_sync(read_types, self._types_folder)
        except MeterTypesUnusable as problem:
            raise DeviceListError([RowError(1, "meter_type", str(problem))]) from None
        if list(types) != list(self._context.meter_types):
            self._context.take_meter_types(types)
        known = self._context.meter_types.protocols
        return await trio.to_thread.run_sync(parse_csv, text, known)

    def changed(self, wanted: Sequence[Device]) -> list[Device]:
        """See ``Register``."""
        return changed_devices(self._context.directory.devices(), wanted)

    def fact(self, entry: Device, asker: Asker) -> tuple[str, list[DomainEvent]]:
        """See ``Register``."""
        return registration(entry, asker.actor, self._context.clock, asker.reason)

    def save(self, log: EventLog, entries: Sequence[Device]) -> None:
        """See ``Register``."""
        save_devices(log, entries)

    def put(self, entries: Sequence[Device]) -> None:
        """See ``Register``."""
        modems: dict[ModemId, None] = {}
        for device in entries:
            self._context.directory.put(device)
            modems[modem_of(device)] = None
        for modem in modems:
            _tell(self._context, modem)
        self._context.on_devices()


class ModemRegister:
    """The modem list."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def read(self, text: str) -> Sequence[Modem]:
        """See ``Register``."""
        return await trio.to_thread.run_sync(parse_modems, text)

    def changed(self, wanted: Sequence[Modem]) -> list[Modem]:
        """See ``Register``."""
        return changed_modems(self._context.modems.modems(), wanted)

    def fact(self, entry: Modem, asker: Asker) -> tuple[str, list[DomainEvent]]:
        """See ``Register``."""
        return modem_registration(entry, asker.actor, self._context.clock, asker.reason)

    def save(self, log: EventLog, entries: Sequence[Modem]) -> None:
        """See ``Register``."""
        save_modems(log, entries)

    def put(self, entries: Sequence[Modem]) -> None:
        """See ``Register``."""
        for modem in entries:
            self._context.modems.put(modem)
            _tell(self._context, modem.modem_id)
        self._context.on_modems(tuple(modem.modem_id for modem in entries))


class Imports:
    """Takes lists, one at a time."""

    def __init__(self, context: Context, log: EventLog, errands: Errands) -> None:
        self._context = context
        self._log = log
        self._errands = errands
        self._one = trio.Lock()
        self._is_stuck = False
        """Whether the one under way goes on without who asked for it, when the store is back."""

    async def take(self, register: Register, text: str, asker: Asker) -> ImportResult:
        """Take a list; all of it is durable and in use when this returns.

        Raises:
            DeviceListError: some cells are wrong.
            StoreAway: nothing of it was taken.
            DoneLater: it is taken when the store is back.
            StoreError: the store needs a person.

        """
        patience = Patience()
        errand = self._errands.start(lambda: self._take(register, text, asker, patience), WHAT)
        try:
            return await errand.within(patience)
        except DoneLater:
            self._is_stuck = not errand.ended
            raise

    async def _take(
        self, register: Register, text: str, asker: Asker, patience: Patience
    ) -> ImportResult:
        patience.world()
        wanted = await register.read(text)
        await self._turn()
        try:
            changed = register.changed(wanted)
            if changed:
                facts = [register.fact(entry, asker) for entry in changed]
                await store(self._context.journal, facts, patience)
                # That may have taken long, and keys may have been changed meanwhile.
                entries = register.changed(wanted)
                await self._save(register, entries, patience)
                register.put(entries)
        finally:
            self._is_stuck = False
            self._one.release()
        return ImportResult(len(changed), len(wanted) - len(changed))

    async def _turn(self) -> None:
        """Wait until the imports before have ended.

        Raises:
            StoreAway: one of them waits for the store.

        """
        while not self._is_stuck:
            with trio.move_on_after(LOOK_S):
                await self._one.acquire()
                return
        raise StoreAway(WHAT)

    async def _save(self, register: Register, entries: Sequence[Any], patience: Patience) -> None:
        """Keep whole entries, however often the store is away meanwhile."""
        patience.store(len(entries) / KEPT_PER_S)
        while True:
            try:
                return await trio.to_thread.run_sync(register.save, self._log, entries)
            except StoreUnavailable:
                await trio.sleep(RETRY_S)


def _tell(context: Context, modem: ModemId) -> None:
    ref = context.known_modem(modem)
    if ref is not None:
        ref.tell_always(DevicesChanged())
