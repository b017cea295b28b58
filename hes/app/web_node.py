"""The running node as the web sees it (``web.ports.Node``)."""

from collections.abc import Sequence
from datetime import datetime

import trio

from actors.context import Context
from actors.mailbox import State
from actors.modem import DevicesChanged
from actors.supervisor import Supervisor
from actors.tree import Node as Tree
from hes.app.commander import NodeCommander
from hes.app.stores import VERSION, Stores
from hes.clock import Clock
from hes.device_registry import ImportResult, changed_devices, registration, save_devices
from hes.devices import Device, parse_csv, write_csv
from hes.events.command import AlarmAcknowledged
from hes.ids import MeterId, ModemId, meter_stream, modem_stream, node_stream
from hes.tree import ActorStatus
from projections.queries import ReadModel
from projections.runner import ProjectionStatus, Rebuilt, Runner


class WebNode:
    """See ``web.ports.Node``."""

    def __init__(self, context: Context, stores: Stores, runner: Runner) -> None:
        self.version = VERSION
        self.started_at: datetime = context.now()
        self.clock: Clock = context.clock
        self.commander = NodeCommander(context)
        self.read_model: ReadModel = stores.read_model
        self.event_log = stores.log
        self.decoder = stores.codec
        self.running: Tree | None = None
        """The supervision tree, once it runs."""
        self._context = context
        self._stores = stores
        self._runner = runner
        self._importing = trio.Lock()

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
        devices = await trio.to_thread.run_sync(parse_csv, text)
        async with self._importing:
            directory = self._context.directory
            changed = changed_devices(directory.devices(), devices)
            if changed:
                await self._take(changed, actor)
        return ImportResult(len(changed), len(devices) - len(changed))

    async def _take(self, changed: Sequence[Device], actor: str) -> None:
        context = self._context
        facts = [registration(device, actor, context.clock) for device in changed]
        await context.journal.append_all(facts)
        await trio.to_thread.run_sync(save_devices, self._stores.log, changed)
        modems: dict[ModemId, None] = {}
        for device in changed:
            context.directory.put(device)
            modems[device.modem_id] = None
        for modem in modems:
            ref = context.known_modem(modem)
            if ref is not None:
                ref.tell_always(DevicesChanged())
        context.on_devices()

    def devices_csv(self) -> str:
        """See ``web.ports.Node.devices_csv``."""
        return write_csv(list(self._context.directory.devices()))

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

    async def rebuild(self, name: str, *, verify: bool) -> Rebuilt:
        """See ``web.ports.Node.rebuild``."""
        return await self._runner.rebuild(name, verify=verify)
