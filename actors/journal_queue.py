"""Where events wait for the journal, and who is told when they are durable."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from trio.lowlevel import Abort, ParkingLot, Task, current_task, reschedule, wait_task_rescheduled

from actors.errors import JournalFailed
from actors.mailbox import Ref
from hes.events.base import DomainEvent

BATCH_EVENTS_MAX: Final = 512
"""Half of a thousand devices that push without a pause: one half is told and sends again while the
other is on its way to the disk. Larger ones gain little on a fast disk (``actors.committer``)."""
WAITING_EVENTS_MAX: Final = 20_000
"""Some seconds of work; beyond it the callers wait, and the modems with them."""
PRESSED: Final = 64
"""Devices that wait at once in a storm; in quiet times there are a handful."""


class Entry(msgspec.Struct, eq=False):
    """Events of one stream on their way to the disk, and who is told when they are there.

    The garbage collector must see it: a failure knows, by its traceback, the batch that it ended.
    """

    stream: str
    events: Sequence[DomainEvent]
    then: "Callable[[Entry], None] | None" = None
    owner: Ref | None = None
    """Whose ``then`` it is."""
    note: Any = None
    """What ``then`` has to know."""
    task: Task | None = None
    version: int | None = None
    """Of the last event in its stream; None while not durable."""
    failure: Exception | None = None

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
            await wait_task_rescheduled(self.abort)
        return self.result()

    def result(self) -> int:
        """Return the version of the last event, once it is known how it ended; see ``wait``."""
        if self.version is None:
            raise JournalFailed(str(self.failure)) from self.failure
        return self.version

    def abort(self, _: object) -> Abort:
        """Trio's abort function of the wait: the events are stored all the same."""
        self.task = None
        return Abort.SUCCEEDED


class JournalQueue:
    """Where events wait for the journal. It outlives the journal's crashes."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        # Two numbers for each count: one thread alone changes each of them.
        self._events_put = self._events_taken = 0
        self._entries_taken = self._entries_settled = 0
        self._taking = threading.Lock()
        self._room = ParkingLot()
        self.full = False
        """Whether whoever brings more has to wait."""
        self.on_entry: Callable[[], None] = lambda: None
        """Called for an entry that has no other before it: wakes the journal."""

    @property
    def waiting(self) -> int:
        """Events that are not taken up yet."""
        return self._events_put - self._events_taken

    @property
    def committing(self) -> int:
        """Entries that are taken up, and not told yet how it ended."""
        return self._entries_taken - self._entries_settled

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._entries

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
        if self.full:
            await self.wait_room()
        entry = self.put(stream, events)
        entry.task = current_task()  # as in ``wait``, with a frame less to go through
        await wait_task_rescheduled(entry.abort)
        return entry.result()

    async def wait_room(self) -> None:
        """Wait until not too many events wait."""
        while self.full:
            await self._room.park()

    def append_soon(
        self,
        stream: str,
        events: Sequence[DomainEvent],
        then: Callable[[Entry], None],
        owner: Ref,
        note: Any = None,
    ) -> Entry:
        """Store ``events`` as ``append`` does, without waiting; call ``wait_room`` before.

        ``then`` is called from the journal's task, once, when it is known how it ended: a task less
        to wake for every message of a device. If it raises, its ``owner`` dies of it. ``note``
        stands in the entry that it gets.
        """
        return self._put(Entry(stream, events, then, owner, note))

    async def append_all(self, items: Sequence[tuple[str, Sequence[DomainEvent]]]) -> None:
        """Store events of many streams; all of them are durable when this returns.

        Raises:
            JournalFailed: some of them are not stored; those before them are.

        """
        for start in range(0, len(items), BATCH_EVENTS_MAX):
            await self.wait_room()
            some = items[start : start + BATCH_EVENTS_MAX]
            for entry in [self.put(stream, events) for stream, events in some]:
                await entry.wait()

    def withdraw(self, entries: Sequence[Entry]) -> bool:
        """Take entries back; False, and none is, when the journal has taken up one of them."""
        gone = set(entries)
        with self._taking:
            waiting = list(self._entries)
            if not gone.issubset(waiting):
                return False
            self._entries.clear()
            self._entries.extend(entry for entry in waiting if entry not in gone)
        self._events_put -= sum(len(entry.events) for entry in entries)
        self._make_room()
        return True

    def put(self, stream: str, events: Sequence[DomainEvent]) -> Entry:
        """Put events into the queue, without waiting for room or for the disk."""
        return self._put(Entry(stream, events))

    def _put(self, entry: Entry) -> Entry:
        entries = self._entries
        # Behind others it need not be told of: while they are there, the journal does not sleep.
        is_first = not entries
        entries.append(entry)
        self._events_put += len(entry.events)
        if self._events_put - self._events_taken >= WAITING_EVENTS_MAX:
            self.full = True
        if is_first:
            self.on_entry()
        return entry

    def take_batch(self, most: int = BATCH_EVENTS_MAX) -> list[Entry]:
        """Return what waits, at most about ``most`` events. Any one thread may call."""
        entries = self._entries
        batch: list[Entry] = []
        events = 0
        with self._taking:
            while entries and events < most:
                entry = entries.popleft()
                events += len(entry.events)
                batch.append(entry)
        self._events_taken += events
        self._entries_taken += len(batch)
        return batch

    def settle(self, batch: Sequence[Entry]) -> None:
        """Tell everyone in a batch that was taken; of each it is known how it ended."""
        self._entries_settled += len(batch)
        self._make_room()
        for entry in batch:
            entry.settle()

    def _make_room(self) -> None:
        self.full = self.waiting >= WAITING_EVENTS_MAX
        if not self.full:
            self._room.unpark_all()
