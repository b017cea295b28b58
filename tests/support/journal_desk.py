"""A journal in a node of its own, before a log that fails as it is told."""

import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from actors.errors import JournalFailed
from actors.journal import Journal
from actors.journal_queue import JournalQueue
from actors.mailbox import Ref
from actors.supervisor import Backoff, ChildSpec, Supervisor
from actors.tree import open_node
from hes.events.base import DomainEvent, Recorded
from hes.events.layout import Channel, Layout
from hes.events.reading import Reading, Source
from hes.store.codec import EventCodec
from hes.store.port import Append, Appended, Conflict

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
FAST = Backoff(first_s=0.001, jitter=0)


def layout(number: int) -> Layout:
    return Layout((Channel(f"1.0.{number}.7.0.255", 0, 27),))


def reading(value: int, of: int = 1) -> Reading:
    return Reading(received_at=NOW, source=Source.PUSH, layout=layout(of), values=(value,))


class FakeLog:
    """A log in memory that fails as it is told: each append takes the next of ``failures``."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.batches: list[list[Append]] = []
        self.layouts: list[Sequence[Layout]] = []
        self.gate: threading.Event | None = None
        self.entered = threading.Event()
        """Set when a batch has come as far as the gate."""
        self.conflicts: set[str] = set()
        self.stored = 0
        self._reached = [threading.Event() for _ in range(10)]

    def reached(self, number: int) -> threading.Event:
        """Return what is set when so many batches have come, the last one maybe not stored."""
        return self._reached[number]

    def append(
        self, batch: Sequence[Append], layouts: Sequence[Layout] = ()
    ) -> list[Appended | Conflict]:
        self.entered.set()
        self._reached[min(len(self.batches) + 1, 9)].set()
        if self.gate is not None:
            assert self.gate.wait(5)
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append(list(batch))
        self.layouts.append(layouts)
        results: list[Appended | Conflict] = []
        for stream, _, rows in batch:
            if stream in self.conflicts:
                results.append(Conflict(stream, 1, 2))
                continue
            results.append(Appended(self.stored + 1, self.stored + 1))
            self.stored += len(rows)
        return results


class Desk:
    """A journal in a node, and what it published."""

    def __init__(self, log: Any, codec: EventCodec | None = None) -> None:
        self.queue = JournalQueue()
        self.codec = EventCodec() if codec is None else codec
        self.published: list[Recorded] = []
        self.publish: Callable[[Sequence[Recorded]], None] = self.published.extend
        self.ref: Ref
        self._log = log

    def start(self) -> Journal:
        return Journal(self.queue, self._log, self.codec, self._publish)

    def _publish(self, events: Sequence[Recorded]) -> None:
        self.publish(events)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Desk"]:
        spec = ChildSpec(name="journal", start=self.start, shutdown_s=5.0)
        root = Supervisor(spec, backoff=FAST, intensity=1000)
        async with open_node("n", lambda: root) as node:
            ref = node.find("journal")
            assert ref is not None
            self.ref = ref
            yield self

    async def collect(self, stream: str, events: Sequence[DomainEvent], out: list[Any]) -> None:
        try:
            out.append(await self.queue.append(stream, events))
        except JournalFailed as failure:
            out.append(str(failure))
