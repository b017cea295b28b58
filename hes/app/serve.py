"""Runs one node until it is told to stop."""

import gc
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import structlog
import trio

from actors.context import Context
from actors.directory import Directory
from actors.hub import Listening, bind as bind_listener
from actors.journal_queue import JournalQueue
from actors.listener import Listener
from actors.mailbox import Ref
from actors.supervisor import ChildSpec
from actors.tree import Node as Tree, open_node
from hes.app.chronicle import Notes
from hes.app.errors import StartError
from hes.app.links import listener_settings
from hes.app.service import Service
from hes.app.stores import Stores, open_stores
from hes.app.system import SystemView
from hes.app.tree import FATAL, Plan
from hes.app.web_node import WebNode
from hes.clock import Clock, SystemClock
from hes.config import Config
from hes.device_registry import load_devices
from hes.events.commit import Commit
from hes.firmware_files import FirmwareFiles
from hes.meter_types import MeterTypesUnusable, read_types
from hes.modem_registry import load_modems
from hes.rules.collection import Wanted
from hes.store.errors import StoreError
from projections.errors import ReadModelError, ReadModelUnavailable
from projections.retention import Retention
from projections.runner import Runner
from protocols.meter_types.catalogue import MeterTypes
from web.auth import Tokens, load_tokens
from web.options import WebOptions
from web.server import WebServer, bind as bind_web
from web.static import Pages

LOGGER: Final = structlog.stdlib.get_logger("hes")
DRAIN_S: Final = 20.0
GC_THRESHOLDS: Final = (50_000, 50, 100)
"""Sessions are many and live long: the usual thresholds would walk them all the time."""


class Running:
    """Addresses of a node that is up, and its parts."""

    def __init__(self, tree: Tree, node: WebNode, web_url: str, ports: dict[str, int]) -> None:
        self.tree = tree
        self.node = node
        self.web_url = web_url
        self.ports = ports
        """Port of each listener, by its name."""


async def run_node(config: Config) -> None:
    """Run a node until SIGTERM or SIGINT; it drains first.

    Raises:
        StartError: it cannot start; the message says what to mend.

    """
    with end_signals() as signals:
        async with open_running(config, SystemClock()) as running:
            LOGGER.info("the node is up", dashboard=running.web_url, listeners=running.ports)
            await anext(signals)
            LOGGER.info("draining")


def end_signals() -> AbstractContextManager[AsyncIterator[int]]:
    """Return the signals that tell the process to end, from now on."""
    return trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT)


@asynccontextmanager
async def open_running(config: Config, clock: Clock) -> AsyncIterator[Running]:
    """Run a node while inside the block.

    Raises:
        StartError: it cannot start.

    """
    gc.set_threshold(*GC_THRESHOLDS)
    # Addresses first: a node that runs already is noticed before anything of it is touched.
    sockets = await _bind_web(config)
    listening: list[Listening] = []
    try:
        context = _context(config, clock)
        listeners = _bind_listeners(config, context, listening)
        with open_stores(config, clock) as stores:
            _fill(context, stores, config)
            parts = _Parts(config, context, stores, listeners, listening, sockets)
            async with parts.open() as running:
                yield running
    finally:
        for one in listening:
            one.socket.close()
        for socket in sockets:
            await trio.aclose_forcefully(socket)


# -- addresses


async def _bind_web(config: Config) -> list[trio.SocketListener]:
    try:
        return await bind_web(config.web.bind.host, config.web.bind.port)
    except OSError as problem:
        raise StartError(problem.strerror or str(problem)) from None


def _bind_listeners(config: Config, context: Context, listening: list[Listening]) -> list[Listener]:
    listeners = []
    for wanted in config.listener:
        settings = listener_settings(wanted, config, context)
        listener = Listener(str(wanted.name), settings, context)
        listener.idle_s_max = wanted.idle_s
        listener.probe = wanted.probe and wanted.link in {"auto", "raw"}
        address = wanted.bind
        try:
            listening.append(
                bind_listener(address.host, address.port, listener.accept, name=str(wanted.name))
            )
        except OSError as problem:
            raise StartError(
                f"listener {wanted.name} cannot listen on {address}: {problem.strerror};"
                " stop the program that does, or choose another address"
            ) from None
        listeners.append(listener)
    return listeners


# -- parts


def _context(config: Config, clock: Clock) -> Context:
    wanted = config.collection
    local = datetime.now(config.node.timezone)  # noqa: TID251 -- the zone's, now
    offset = (local.utcoffset() or timedelta()) - (local.dst() or timedelta())  # standard time
    return Context(
        clock=clock,
        rng=random.SystemRandom(),
        directory=Directory(),
        journal=JournalQueue(),
        limits=config.rules,
        utc_offset_min=int(offset.total_seconds()) // 60,
        node=str(config.node.name),
        collection=Wanted.of(wanted.registers, wanted.profiles, wanted.concurrency),
        meter_types=_meter_types(config.meter_types.folder),
    )


def _meter_types(folder: str | None) -> MeterTypes:
    try:
        return read_types(folder)
    except MeterTypesUnusable as problem:
        raise StartError(str(problem)) from None


def _fill(context: Context, stores: Stores, config: Config) -> None:
    context.firmware = FirmwareFiles(Path(config.firmware.folder))
    context.firmware_maker = bytes.fromhex(config.firmware.maker or "")
    context.log, context.codec = stores.log, stores.codec
    try:
        for device in load_devices(stores.log):
            context.directory.put(device)
            if context.type_of(device.meter_id) is None:
                why = "its type is not known, so it is not read"
                LOGGER.warning(why, meter=device.meter_id, meter_type=device.meter_type)
        for modem in load_modems(stores.log):
            context.modems.put(modem)
    except StoreError as problem:
        raise StartError(str(problem)) from None


class _Parts:
    """Everything between the stores and the sockets."""

    def __init__(
        self,
        config: Config,
        context: Context,
        stores: Stores,
        listeners: Sequence[Listener],
        listening: list[Listening],
        sockets: list[trio.SocketListener],
    ) -> None:
        self._config = config
        self._context = context
        self._listening = listening
        self._sockets = sockets
        self._notes = Notes(context.clock, self._chronicle)
        self._tree: Tree | None = None
        try:
            self._runner = Runner(
                stores.read_model_place, stores.log, stores.codec, zone=config.node.timezone
            )
        except ReadModelError as problem:
            raise StartError(str(problem)) from None
        if config.read_model.keep_days is not None:
            self._runner.retention = Retention(config.read_model.keep_days, context.clock.now)
        self._node = WebNode(context, stores, self._runner, config.meter_types.folder)
        self._node.view = SystemView(config, context, self._runner, listeners, listening)
        self._node.view.tree = lambda: self._tree
        tokens = _tokens(config)
        if tokens is not None:
            tokens.on_first_use = self._notes.came_in
        self._web = WebServer(self._node, _web_options(config), tokens, Pages())
        self._web.refusals.on_refused = self._notes.refused
        self._runner.on_commit = self._web.news.on_commit
        self._runner.is_pressed = lambda: context.journal.pressed
        self._plan = Plan(
            config=config,
            context=context,
            stores=stores,
            runner=self._runner,
            listeners=listeners,
            listening=listening,
            publish=self._publish,
            web=ChildSpec(name="web", start=self._web_actor),
            errands=self._node.errands,
        )
        if self._plan.sealing is not None:
            self._node.view.sealing = self._plan.sealing.facts

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Running]:
        """Run the tree while inside the block."""
        name = self._config.node.name
        url = _url(self._config, self._sockets)
        try:
            async with open_node(
                name,
                self._plan.root,
                drain_s=DRAIN_S,
                rng=random.SystemRandom(),
                on_fault=self._fault,
                on_tree=self._opened,
                fatal=FATAL,
            ) as tree:
                ports = {one.name: one.port for one in self._listening}
                yield Running(tree, self._node, url, ports)
        finally:
            self._runner.close()

    def _opened(self, tree: Tree) -> None:
        """Let everybody find the tree; its actors start after this."""
        self._tree = self._node.running = tree
        self._context.timers = tree.after
        self._plan.root_ref = tree.find_child

    def _publish(self, commit: Commit) -> None:
        if commit:
            self._runner.publish(commit)
            self._web.news.on_events(commit)

    def _fault(self, kind: str, ref: Ref) -> None:
        self._notes.fault(kind, ref)
        self._web.news.on_actor(ref.path)

    def _chronicle(self) -> Ref | None:
        return self._tree.find_child("chronicle") if self._tree is not None else None

    def _web_actor(self) -> Service:
        return Service(self._serve_web, lambda: f"{_url(self._config, self._sockets)}")

    async def _serve_web(self) -> None:
        """Serve; after a crash the sockets are bound anew, on the same port."""
        sockets = self._sockets
        if any(socket.socket.fileno() < 0 for socket in sockets):
            address = self._config.web.bind
            sockets = self._sockets = await bind_web(address.host, address.port)
        await self._web.serve(sockets)


def _web_options(config: Config) -> WebOptions:
    web = config.web
    public = urlsplit(web.public_url).hostname if web.public_url else None
    return WebOptions(
        host=web.bind.host,
        hosts=(public,) if public else (),
        command_s=config.collection.ask_timeout_s,
        unavailable=(ReadModelUnavailable,),
    )


def _tokens(config: Config) -> Tokens | None:
    file = config.web.token_file
    return None if file is None else load_tokens(Path(file))


def _url(config: Config, sockets: Sequence[trio.SocketListener]) -> str:
    port = sockets[0].socket.getsockname()[1] if sockets else config.web.bind.port
    base: str = config.web.bind.url
    return f"{base.rpartition(':')[0]}:{port}"
