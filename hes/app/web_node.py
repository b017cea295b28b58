"""The running node as the web sees it (``web.ports.Node``)."""

from contextlib import suppress
from datetime import datetime
from typing import Final

import trio

from actors.context import Context
from actors.mailbox import State
from actors.patience import Patience
from actors.supervisor import Supervisor
from actors.tree import Node as Tree
from hes.app.commander import NodeCommander
from hes.app.errands import Errand, Errands
from hes.app.imports import Asker, DeviceRegister, Imports, ModemRegister
from hes.app.key_changes import KeyChanges
from hes.app.stores import VERSION, Stores
from hes.app.storing import store
from hes.app.system import SystemView
from hes.clock import Clock
from hes.commands import STORE_S, StoreAway
from hes.device_registry import ImportResult
from hes.devices import write_csv
from hes.events.command import AlarmAcknowledged
from hes.events.node import ReadModelRebuilt
from hes.ids import MeterId, ModemId, meter_stream, modem_stream, node_stream
from hes.store.errors import StoreUnavailable
from hes.system import SystemFacts
from hes.tree import ActorStatus
from projections.errors import ReadModelUnavailable
from projections.queries import ReadModel
from projections.runner import ProjectionStatus, Rebuilt, Runner

THREADS: Final = 4
"""For short questions to the stores; while a store hangs, those who ask are not more than these."""
LOOK_S: Final = 1.0
"""Between two looks whether the stores answer, while something long is under way."""


class WebNode:
    """See ``web.ports.Node``."""

    def __init__(
        self, context: Context, stores: Stores, runner: Runner, types_folder: str | None = None
    ) -> None:
        self.version = VERSION
        self.started_at: datetime = context.now()
        self.clock: Clock = context.clock
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
        self._threads = trio.CapacityLimiter(THREADS)
        self.errands = Errands()
        """Runs what people ask of the node itself."""
        self.commander = NodeCommander(context, KeyChanges(context, stores.log, self.errands))
        self._imports = Imports(context, stores.log, self.errands)
        self._devices = DeviceRegister(context, types_folder)
        self._modems = ModemRegister(context)

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

    # -- the lists

    async def import_devices(self, text: str, actor: str, reason: str = "") -> ImportResult:
        """See ``web.ports.Node.import_devices``."""
        return await self._imports.take(self._devices, text, Asker(actor, reason))

    async def import_modems(self, text: str, actor: str, reason: str = "") -> ImportResult:
        """See ``web.ports.Node.import_modems``."""
        return await self._imports.take(self._modems, text, Asker(actor, reason))

    def devices_csv(self) -> str:
        """See ``web.ports.Node.devices_csv``."""
        return write_csv(list(self._context.directory.devices()))

    # -- the rest

    async def acknowledge(self, alarm_id: int, *, actor: str, note: str) -> datetime:
        """See ``web.ports.Node.acknowledge``; the fact goes to the stream of the alarm."""
        patience = Patience()
        return await patience.wait(
            lambda: self._acknowledge(alarm_id, actor, note, patience), "the acknowledgement"
        )

    async def _acknowledge(
        self, alarm_id: int, actor: str, note: str, patience: Patience
    ) -> datetime:
        row = await trio.to_thread.run_sync(
            self.read_model.alarm, alarm_id, abandon_on_cancel=True, limiter=self._threads
        )
        stream = node_stream(self._context.node)
        if row is not None and row.meter_id is not None:
            stream = meter_stream(MeterId(row.meter_id))
        elif row is not None and row.modem_id is not None:
            stream = modem_stream(ModemId(row.modem_id))
        now = self._context.now()
        seen = AlarmAcknowledged(received_at=now, alarm=str(alarm_id), actor=actor, note=note)
        await store(self._context.journal, [(stream, [seen])], patience)
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
        what = f"the rebuild of {name}"
        errand = self.errands.start(lambda: self._runner.rebuild(name, verify=verify), what)
        await self._while_stores_answer(errand)
        done = await errand.wait()
        fact = ReadModelRebuilt(
            received_at=self._context.now(), what=name, status=done.action,
            position=done.position, differences=done.differences, actor=actor,
        )  # fmt: skip
        noted, patience = [(node_stream(self._context.node), [fact])], Patience()
        await patience.wait(
            lambda: store(self._context.journal, noted, patience), f"the note of {what}"
        )
        return done

    async def _while_stores_answer(self, errand: Errand[Rebuilt]) -> None:
        """Wait for the end of what may take long; end it when a store is away meanwhile.

        Raises:
            StoreAway: one of them did not answer.

        """
        while not errand.ended:
            if not await self._stores_answer():
                errand.scope.cancel()
                raise StoreAway(errand.what)
            with trio.move_on_after(LOOK_S):
                await errand.until_ended()

    async def _stores_answer(self) -> bool:
        with trio.move_on_after(STORE_S), suppress(StoreUnavailable, ReadModelUnavailable):
            await trio.to_thread.run_sync(self._ask_stores, abandon_on_cancel=True,
                                          limiter=self._threads)  # fmt: skip
            return True
        return False

    def _ask_stores(self) -> None:
        self.event_log.head()
        self.read_model.alarm(0)
