"""Gathers what a node says of itself (``hes.system``). Called in the trio thread: nothing waits."""

import resource
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from actors.context import Context
from actors.hub import Hub, Listening
from actors.journal import Journal
from actors.journal_queue import WAITING_EVENTS_MAX
from actors.listener import Listener
from actors.tree import Node as Tree
from hes.app.stores import VERSION
from hes.config import Config
from hes.system import (
    ConnectionFacts,
    ListenerFacts,
    ProcessFacts,
    QueueFacts,
    SealingFacts,
    StoreFacts,
    SystemFacts,
)
from projections.runner import Runner

STATM: Final = Path("/proc/self/statm")
FILES: Final = Path("/proc/self/fd")


class SystemView:
    """Looks at the parts of a node."""

    def __init__(
        self,
        config: Config,
        context: Context,
        runner: Runner,
        listeners: Sequence[Listener],
        listening: Sequence[Listening],
    ) -> None:
        self._config = config
        self._context = context
        self._runner = runner
        self._listeners = listeners
        self._listening = listening
        self._started_at = context.now()
        self.tree: Callable[[], Tree | None] = lambda: None
        """Finds the supervision tree, once it runs."""
        self.sealing: Callable[[], SealingFacts] | None = None

    def facts(self) -> SystemFacts:
        """Return everything as it is now."""
        config = self._config
        reports = config.read_model.report_url
        return SystemFacts(
            node=str(config.node.name),
            version=VERSION,
            started_at=self._started_at,
            store=StoreFacts(kind=_kind(config.store.url), problem=self._journal_trouble()),
            read_model=StoreFacts(
                kind=_kind(config.read_model.url), problem=self._runner.trouble or None
            ),
            reports=None if reports is None else _kind(reports),
            queue=self._queue(),
            listeners=tuple(map(self._listener, self._listeners, self._listening)),
            connections=self._connections(),
            process=process_facts(),
            meter_types=len(self._context.meter_types),
            sealing=None if self.sealing is None else self.sealing(),
        )

    def _child(self, name: str) -> object:
        tree = self.tree()
        ref = None if tree is None else tree.find_child(name)
        return None if ref is None else ref.actor

    def _journal_trouble(self) -> str | None:
        journal = self._child("journal")
        return (journal.trouble or None) if isinstance(journal, Journal) else None

    def _queue(self) -> QueueFacts:
        journal = self._context.journal
        return QueueFacts(
            waiting=journal.waiting, waiting_max=WAITING_EVENTS_MAX, committing=journal.committing
        )

    def _listener(self, listener: Listener, listening: Listening) -> ListenerFacts:
        wanted = {str(one.name): one for one in self._config.listener}[listener.name]
        host = wanted.bind.host
        shown = f"[{host}]" if ":" in host else host
        port = listening.port if listening.socket.fileno() >= 0 else wanted.bind.port
        return ListenerFacts(
            name=listener.name, link=str(wanted.link), bind=f"{shown}:{port}",
            unnamed=len(listener.callers),
        )  # fmt: skip

    def _connections(self) -> ConnectionFacts | None:
        hub = self._child("hub")
        if not isinstance(hub, Hub):
            return None
        told = hub.statistics()
        return ConnectionFacts(
            open=told.open, accepted=told.accepted, refused=told.refused, faults=told.faults
        )


def process_facts() -> ProcessFacts:
    """Return what the system tells of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resident = files = None
    with suppress(OSError, ValueError, IndexError):
        resident = int(STATM.read_text().split()[1]) * resource.getpagesize()
    with suppress(OSError):
        files = sum(1 for _ in FILES.iterdir())
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return ProcessFacts(
        resident_bytes=resident, files_open=files,
        files_max=None if most == resource.RLIM_INFINITY else most,
        cpu_s=round(used.ru_utime + used.ru_stime, 2),
    )  # fmt: skip


def _kind(url: str) -> str:
    return str(url).partition("://")[0]
