"""The journal: the one writer of the event log. Whoever appends waits until the events are durable.

Group commit: while one batch is on its way to the disk, the next gathers. Nothing is answered
before its commit returned, so a device is never told that its data is safe when it is not.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import trio
from trio.lowlevel import Abort, ParkingLot, Task, current_task, reschedule, wait_task_rescheduled

from actors.actor import Actor
from actors.errors import JournalFailed
from actors.mailbox import Ref
from hes.events.base import DomainEvent
from hes.events.commit import Commit, Part
from hes.events.layout import Layout
from hes.store.codec import EventCodec
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.port import Append, Appended, Conflict, EventLog

BATCH_EVENTS_MAX: Final = 1000
"""Larger batches gain little and make everyone in them wait."""
WAITING_EVENTS_MAX: Final = 20_000
"""Some seconds of work; beyond it the callers wait, and the modems with them."""
PRESSED: Final = 64
"""Devices that wait at once in a storm; in quiet times there are a handful."""
RETRY_S: Final = (0.1, 0.5, 2.0, 5.0, 15.0)
"""Pauses while the store is away; the last one repeats."""

Publish = Callable[[Commit], None]


class Entry:
    """Events of one stream on their way to the disk, and who is told when they are there."""

    __slots__ = ("events", "failure", "owner", "stream", "task", "then", "version")

    def __init__(self, stream: str, events: Sequence[DomainEvent]) -> None:
        self.stream = stream
        self.events = events
        self.task: Task | None = None
        self.then: Callable[[Entry], None] | None = None
        self.owner: Ref | None = None
        """Whose ``then`` it is."""
        self.version: int | None = None
        """Of the last event in its stream; None while not durable."""
        self.failure: Exception | None = None

    @property
    def done(self) -> bool:
        """Whether it is known how it ended."""
        return self.version is not None or self.failure is not None

    def fail(self, problem: Exception) -> None:
        """Say why the events are not stored, unless they are, or that is known."""
        if not self.done:
            self.failure = problem

    def settle(self) -> None:
        """Tell who wants to know, and let the task go on."""
        then, task = self.then, self.task
        self.then = self.task = None
        if then is not None:
            try:
                then(self)
            except Exception as problem:  # noqa: BLE001 -- a fault of one actor, not of the batch
                self._blame(problem)
        if task is not None:
            reschedule(task)

    def _blame(self, problem: Exception) -> None:
        if self.owner is not None:
            self.owner.kill(f"{type(problem).__name__} after its events were stored: {problem}")

    async def wait(self) -> int:
        """Wait until it is known how it ended; return the version of the last event.

        Raises:
            JournalFailed: the events are not stored, or nobody knows.

        """
        if not self.done:
            self.task = current_task()
            await wait_task_rescheduled(self._abort)
        if self.version is None:
            raise JournalFailed(str(self.failure)) from self.failure
        return self.version

    def _abort(self, _: object) -> Abort:
        """Trio's abort function of the wait: the events are stored all the same."""
        self.task = None
        return Abort.SUCCEEDED


class JournalQueue:
    """Where events wait for the journal. It outlives the journal's crashes."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._waiting = 0
        self._room = ParkingLot()
        self.committing = 0
        """Streams in the batch that is on its way to the disk."""
        self.on_entry: Callable[[], None] = lambda: None
        """Called for each entry: wakes the journal."""

    @property
    def waiting(self) -> int:
        """Events that are not taken up yet."""
        return self._waiting

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._entries

    @property
    def full(self) -> bool:
        """Whether whoever brings more has to wait."""
        return self._waiting >= WAITING_EVENTS_MAX

    @property
    def pressed(self) -> bool:
        """Whether so many devices wait for their confirmations that others should give way."""
        return len(self._entries) + self.committing >= PRESSED

    async def append(self, stream: str, events: Sequence[DomainEvent]) -> int:
        """Store ``events`` at the end of ``stream``; return the version of the last, once durable.

        A cancelled caller does not know whether they are stored.

        Raises:
            JournalFailed: they are not stored, or nobody knows; reload before going on.

        """
        await self.wait_room()
        return await self._put(stream, events).wait()

    async def wait_room(self) -> None:
        """Wait until not too many events wait."""
        while self.full:
            await self._room.park()

    def append_soon(
        self, stream: str, events: Sequence[DomainEvent], then: Callable[[Entry], None], owner: Ref
    ) -> Entry:
        """Store ``events`` as ``append`` does, without waiting; call ``wait_room`` before.

        ``then`` is called from the journal's task, once, when it is known how it ended: a task less
        to wake for every message of a device. If it raises, its ``owner`` dies of it.
        """
        entry = self._put(stream, events)
        entry.then, entry.owner = then, owner
        return entry

    async def append_all(self, items: Sequence[tuple[str, Sequence[DomainEvent]]]) -> None:
        """Store events of many streams; all of them are durable when this returns.

        Raises:
            JournalFailed: some of them are not stored; those before them are.

        """
        for start in range(0, len(items), BATCH_EVENTS_MAX):
            await self.wait_room()
            some = items[start : start + BATCH_EVENTS_MAX]
            for entry in [self._put(stream, events) for stream, events in some]:
                await entry.wait()

    def _put(self, stream: str, events: Sequence[DomainEvent]) -> Entry:
        entry = Entry(stream, events)
        self._entries.append(entry)
        self._waiting += len(events)
        self.on_entry()
        return entry

    def take_batch(self) -> list[Entry]:
        """Return what waits, at most about ``BATCH_EVENTS_MAX`` events."""
        batch: list[Entry] = []
        events = 0
        while self._entries and events < BATCH_EVENTS_MAX:
            entry = self._entries.popleft()
            events += len(entry.events)
            batch.append(entry)
        self._waiting -= events
        self._room.unpark_all()
        return batch


class Journal(Actor):
    """Takes batches from the queue, commits them in a worker thread, tells who waits."""

    def __init__(
        self, queue: JournalQueue, log: EventLog, codec: EventCodec, publish: Publish
    ) -> None:
        self._queue = queue
        self._log = log
        self._codec = codec
        self._publish = publish
        self._trouble = ""
        self._thread = trio.CapacityLimiter(1)

    def detail(self) -> str:
        """Return what stands in the way, for the tree."""
        return self._trouble or f"{self._queue.waiting} events waiting"

    @property
    def trouble(self) -> str:
        """Why nothing can be stored now, in a sentence; empty: it can."""
        return self._trouble

    async def run(self) -> None:
        """Commit batches until told to stop and nothing waits.

        Raises:
            StoreFenced: another node writes this log now; this one must stop.
            StoreError: a person must mend the store.

        """
        queue, ref = self._queue, self.ref
        queue.on_entry = ref.wake
        while True:
            while queue.empty:
                if ref.closing:
                    return
                await ref.wait_message()
            await self._settle(queue.take_batch())

    async def _settle(self, batch: list[Entry]) -> None:
        """Commit a batch and tell everyone in it how it ended, whatever happens."""
        self._queue.committing = len(batch)
        try:
            await self._commit(batch)
        except StoreError as problem:
            for entry in batch:
                entry.fail(problem)
            raise
        finally:
            self._queue.committing = 0
            for entry in batch:
                if entry.version is None and entry.failure is None:
                    entry.failure = JournalFailed("the journal stopped before its commit")
                entry.settle()

    async def _commit(self, batch: list[Entry]) -> None:
        appends = self._appends(batch)
        batch = [entry for entry in batch if entry.failure is None]
        if not batch:
            return
        layouts = self._codec.layouts.take_unsaved()
        results = await self._durably(appends, layouts)
        self._publish(_placed(batch, results))

    async def _durably(
        self, appends: Sequence[Append], layouts: Sequence[Layout]
    ) -> list[Appended | Conflict]:
        """Commit, however often the store is away meanwhile.

        Raises:
            StoreError: waiting does not help.

        """
        tries = 0
        stored = False
        try:
            while True:
                try:
                    results = await trio.to_thread.run_sync(
                        self._log.append, appends, layouts, limiter=self._thread
                    )
                except StoreUnavailable as problem:
                    self._trouble = str(problem)
                    await trio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
                    tries += 1
                else:
                    self._trouble = ""
                    stored = True
                    return results
        finally:
            if not stored:
                self._codec.layouts.put_back(layouts)

    def _appends(self, batch: Sequence[Entry]) -> list[Append]:
        """Return the stored forms; who sent an event that has none is told."""
        encode = self._codec.encode
        new = tuple.__new__  # the named tuple's own constructor takes longer than the rest
        appends: list[Append] = []
        for entry in batch:
            try:
                rows = [encode(event) for event in entry.events]
            except StoreError as problem:
                entry.failure = problem
            else:
                appends.append(new(Append, (entry.stream, None, rows)))
        return appends


def _placed(batch: Sequence[Entry], results: Sequence[Appended | Conflict]) -> Commit:
    """Write down where the events of each entry stand now, or why they are not stored."""
    new = tuple.__new__
    parts: list[Part] = []
    for entry, result in zip(batch, results, strict=True):
        if isinstance(result, Conflict):
            entry.failure = JournalFailed(str(result))
            continue
        position, version = result
        entry.version = version + len(entry.events) - 1
        parts.append(new(Part, (position, entry.stream, version, entry.events)))
    return Commit(parts)
