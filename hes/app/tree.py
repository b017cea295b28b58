"""The supervision tree of a node, in the order of start; it stops in reverse.

So the web goes first and the journal last: whatever an actor has to say while it drains is stored.
"""

from collections.abc import Callable, Sequence
from typing import Final

import trio

from actors.collector import CatchUp, Collector, DevicesAdded, Missed, Schedule
from actors.context import Context
from actors.hub import Hub, Listening
from actors.journal import Journal, Publish
from actors.listener import Listener
from actors.mailbox import Ref
from actors.meter import MeterActor
from actors.modem import ModemActor
from actors.strangers import Strangers
from actors.supervisor import ChildSpec, Supervisor
from hes.app.anchoring import Anchoring
from hes.app.calling import Outgoing
from hes.app.chronicle import Chronicle
from hes.app.errands import Errands
from hes.app.huge_pages import HugePages
from hes.app.sealing_job import SealingJob, sealer_of
from hes.app.service import Service
from hes.app.stores import Stores
from hes.config import Config
from hes.events.reading import FailureReason
from hes.ids import MeterId, ModemId
from hes.store.errors import StoreFenced
from projections.runner import Runner

PAUSES_EVERY_S: Final = 0.25
STRANGERS_MAX: Final = 1000
FATAL: Final = (StoreFenced,)
"""Ends the node: another one writes the log, and no restart changes that."""
SHUTDOWN_S: Final = 5.0


class Plan:
    """What a node's tree is made of, and how its parts find each other."""

    def __init__(  # noqa: PLR0913 -- everything meets here
        self,
        *,
        config: Config,
        context: Context,
        stores: Stores,
        runner: Runner,
        listeners: Sequence[Listener],
        listening: list[Listening],
        publish: Publish,
        web: ChildSpec,
        errands: Errands,
    ) -> None:
        self._config = config
        self._context = context
        self._stores = stores
        self._runner = runner
        self._listeners = listeners
        self._listening = listening
        self._publish = publish
        self._web = web
        self._errands = errands
        self.sealing = self._sealing()
        self._outgoing = Outgoing(config, context, lambda: self.root_ref("hub"))
        self.root_ref: Callable[[str], Ref | None] = lambda _name: None
        """Finds a child of the root by its name."""
        context.make_modem = lambda modem: ModemActor(modem, context)
        context.make_meter = lambda meter: MeterActor(meter, context)
        context.on_attached = self._attached
        context.on_missed = self._missed
        context.on_devices = self._devices

    def root(self) -> Supervisor:
        """Return the root; a crash of one part leaves the others alone."""
        return Supervisor(*self._specs(), intensity=10, period_s=60.0)

    def _specs(self) -> list[ChildSpec]:
        context, runner, errands = self._context, self._runner, self._errands
        return [
            ChildSpec(name="journal", start=self._journal, shutdown_s=15.0, fatal=FATAL),
            ChildSpec(name="chronicle", start=lambda: Chronicle(context.node, context.journal)),
            ChildSpec(name="errands", start=lambda: Service(errands.run, errands.detail)),
            ChildSpec(name="projections", start=lambda: Service(runner.run, self._lag)),
            ChildSpec(name="strangers", start=self._strangers, mailbox=STRANGERS_MAX),
            ChildSpec(name="meters", start=context.group("meters"), shutdown_s=SHUTDOWN_S),
            ChildSpec(name="modems", start=context.group("modems"), shutdown_s=SHUTDOWN_S),
            ChildSpec(name="lines", start=context.group("lines"), shutdown_s=1.0),
            ChildSpec(name="collector", start=self._collector, mailbox=100_000),
            ChildSpec(name="hub", start=self._hub),
            *self._outgoing.specs(),
            ChildSpec(name="pauses", start=lambda: Service(self._pauses, self._callers)),
            ChildSpec(name="memory", start=_memory),
            ChildSpec(name="anchors", start=self._anchors),
            *self._sealing_specs(),
            self._web,
        ]

    def _hub(self) -> Hub:
        return Hub(self._listening, is_busy=self._context.is_starting_many)

    def _journal(self) -> Journal:
        stores = self._stores
        return Journal(self._context.journal, stores.log, stores.codec, self._publish)

    def _strangers(self) -> Strangers:
        self._context.strangers = self.root_ref("strangers")
        return Strangers(self._context)

    def _collector(self) -> Collector:
        wanted = self._config.collection
        schedule = Schedule(
            every_s=wanted.every_s, jitter_s=wanted.jitter_s, enabled=wanted.enabled
        )
        return Collector(schedule, self._context)

    def _anchors(self) -> Service:
        context, stores = self._context, self._stores
        anchoring = Anchoring(
            stores.log, stores.codec, context.journal, clock=context.clock,
            zone=self._config.node.timezone, rng=context.rng,
        )  # fmt: skip
        return Service(anchoring.run, anchoring.detail)

    def _sealing(self) -> SealingJob | None:
        config, context = self._config, self._context
        if not config.store.seal:
            return None
        return SealingJob(
            sealer_of(self._stores, config), clock=context.clock, zone=config.node.timezone,
            days=config.store.seal_after_days, is_pressed=lambda: context.journal.pressed,
        )  # fmt: skip

    def _sealing_specs(self) -> list[ChildSpec]:
        job = self.sealing
        if job is None:
            return []
        return [ChildSpec(name="sealing", start=lambda: Service(job.run, job.detail))]

    # -- who tells whom

    def _attached(self, modem: ModemId) -> None:
        self._tell_collector(CatchUp(modem))

    def _missed(self, meter: MeterId, reason: FailureReason) -> None:
        self._tell_collector(Missed(meter, reason))

    def _devices(self) -> None:
        self._tell_collector(DevicesAdded())

    def _tell_collector(self, message: object) -> None:
        collector = self.root_ref("collector")
        if collector is not None:
            collector.tell_always(message)

    async def _pauses(self) -> None:
        """Let listeners know of pauses, which end registrations without an end mark."""
        while True:
            await trio.sleep(PAUSES_EVERY_S)
            for listener in self._listeners:
                listener.pauses()
            self._outgoing.pauses()

    # -- for people

    def _lag(self) -> str:
        lag = max((status.lag for status in self._runner.status()), default=0)
        return self._runner.trouble or f"{lag} events behind the log"

    def _callers(self) -> str:
        return f"{sum(len(listener.callers) for listener in self._listeners)} unnamed callers"


def _memory() -> Service:
    pages = HugePages()
    return Service(pages.run, pages.detail)
