"""The running node as the web sees it (``web.ports.Node``)."""

from collections.abc import Sequence
from datetime import datetime

import trio

from actors.context import Context
from actors.directory import modem_of
from actors.mailbox import State
from actors.modem_messages import DevicesChanged
from actors.supervisor import Supervisor
from actors.tree import Node as Tree
from hes.app.commander import NodeCommander
from hes.app.stores import VERSION, Stores
from hes.app.system import SystemView
from hes.clock import Clock
from hes.device_registry import ImportResult, changed_devices, registration, save_devices
from hes.devices import Device, DeviceListError, RowError, parse_csv, write_csv
from hes.events.command import AlarmAcknowledged
from hes.events.node import ReadModelRebuilt
from hes.ids import MeterId, ModemId, meter_stream, modem_stream, node_stream
from hes.meter_types import MeterTypesUnusable, read_types
from hes.modem_registry import changed_modems, modem_registration, save_modems
from hes.modems import Modem, parse_modems
from hes.system import SystemFacts
from hes.tree import ActorStatus
from projections.queries import ReadModel
from projections.runner import ProjectionStatus, Rebuilt, Runner


class WebNode:
    """See ``web.ports.Node``."""

    def __init__(
        self, context: Context, stores: Stores, runner: Runner, types_folder: str | None = None
    ) -> None:
        self.version = VERSION
        self.started_at: datetime = context.now()
        self.clock: Clock = context.clock
        self.commander = NodeCommander(context)
        self.read_model: ReadModel = stores.read_model
        self.event_log = stores.log
        self.decoder = stores.codec
        self.view: SystemView | None = None
        """What the node says of itself, once its parts are there."""
        self.running: Tree | None = None
        """The supervision tree, once it runs."""
        self._context = context
        self._stores = stores
        self._runner = runner
        self._importing = trio.Lock()
        self._types_folder = types_folder

    # -- the supervision tree

    def tree(self, path: str, depth: int, offset: int, limit: int) -> ActorStatus:
        """See ``web.ports.Node.tree``."""
        status = None
        if self.running is not None:
            status = self.running.status(path, depth=depth, offset=offset, limit=limit)
        if status is None:
            raise LookupError(path)
        return status

    def restart(self, path: str, actor: str) -> ActorStatus:
        """See ``web.ports.Node.restart``."""
        ref = None if self.running is None or not path.strip("/") else self.running.find(path)
        if ref is None or self.running is None or ref is self.running.root:
            raise LookupError(path)
        parent = self.running.find(path.rstrip("/").rpartition("/")[0])
        if ref.state is State.PARKED and parent and isinstance(parent.actor, Supervisor):
            parent.actor.resume_child(ref.spec.name)
        else:
            ref.kill(f"restarted by {actor}")
        return self.tree(path, 0, 0, 1)

    # -- the device list

    async def import_devices(self, text: str, actor: str) -> ImportResult:
        """See ``web.ports.Node.import_devices``."""
        async with self._importing:
            await self._reread_types()
            types = self._context.meter_types.protocols
            devices = await trio.to_thread.run_sync(parse_csv, text, types)
            directory = self._context.directory
            changed = changed_devices(directory.devices(), devices)
            if changed:
                await self._take(changed, actor)
        return ImportResult(len(changed), len(devices) - len(changed))

    async def _reread_types(self) -> None:
        """Take what has changed in the folder of meter types: a new file needs no restart.

        Raises:
            DeviceListError: a file is wrong now; all stays as it was.

        """
        try:
            types = await trio.to_thread.run_sync(read_types, self._types_folder)
        except MeterTypesUnusable as problem:
            raise DeviceListError([RowError(1, "meter_type", str(problem))]) from None
        if list(types) != list(self._context.meter_types):
            self._context.take_meter_types(types)

    async def _take(self, changed: Sequence[Device], actor: str) -> None:
        context = self._context
        facts = [registration(device, actor, context.clock) for device in changed]
        await context.journal.append_all(facts)
        await trio.to_thread.run_sync(save_devices, self._stores.log, changed)
        modems: dict[ModemId, None] = {}
        for device in changed:
            context.directory.put(device)
            modems[modem_of(device)] = None
        for modem in modems:
            ref = context.known_modem(modem)
            if ref is not None:
                ref.tell_always(DevicesChanged())
        context.on_devices()

    def devices_csv(self) -> str:
        """See ``web.ports.Node.devices_csv``."""
        return write_csv(list(self._context.directory.devices()))

    # -- the modem list

    async def import_modems(self, text: str, actor: str) -> ImportResult:
        """See ``web.ports.Node.import_modems``."""
        modems = await trio.to_thread.run_sync(parse_modems, text)
        async with self._importing:
            changed = changed_modems(self._context.modems.modems(), modems)
            if changed:
                await self._take_modems(changed, actor)
        return ImportResult(len(changed), len(modems) - len(changed))

    async def _take_modems(self, changed: Sequence[Modem], actor: str) -> None:
        context = self._context
        facts = [modem_registration(modem, actor, context.clock) for modem in changed]
        await context.journal.append_all(facts)
        await trio.to_thread.run_sync(save_modems, self._stores.log, changed)
        for modem in changed:
            context.modems.put(modem)
            ref = context.known_modem(modem.modem_id)
            if ref is not None:
                ref.tell_always(DevicesChanged())
        context.on_modems(tuple(modem.modem_id for modem in changed))

    # -- the rest

    async def acknowledge(self, alarm_id: int, *, actor: str, note: str) -> datetime:
        """See ``web.ports.Node.acknowledge``; the fact goes to the stream of the alarm."""
        row = await trio.to_thread.run_sync(self.read_model.alarm, alarm_id)
        stream = node_stream(self._context.node)
        if row is not None and row.meter_id is not None:
            stream = meter_stream(MeterId(row.meter_id))
        elif row is not None and row.modem_id is not None:
            stream = modem_stream(ModemId(row.modem_id))
        now = self._context.now()
        seen = AlarmAcknowledged(received_at=now, alarm=str(alarm_id), actor=actor, note=note)
        await self._context.journal.append(stream, [seen])
        return now

    def projection_status(self) -> list[ProjectionStatus]:
        """See ``web.ports.Node.projection_status``."""
        return self._runner.status()

    def system(self) -> SystemFacts:
        """See ``web.ports.Node.system``."""
        if self.view is None:
            raise LookupError("the node is not put together yet")
        return self.view.facts()

    async def rebuild(self, name: str, *, verify: bool, actor: str) -> Rebuilt:
        """See ``web.ports.Node.rebuild``."""
        done = await self._runner.rebuild(name, verify=verify)
        fact = ReadModelRebuilt(
            received_at=self._context.now(), what=name, status=done.action,
            position=done.position, differences=done.differences, actor=actor,
        )  # fmt: skip
        await self._context.journal.append(node_stream(self._context.node), [fact])
        return done
