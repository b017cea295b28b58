"""The journal: the one writer of the event log. Whoever appends waits until the events are durable.

Group commit: while one batch is on its way to the disk, the next gathers. Nothing is answered
before its commit returned, so a device is never told that its data is safe when it is not.
The work itself is done in a thread (``actors.committer``).
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import outcome
import trio
from trio.lowlevel import (
    Abort,
    Task,
    checkpoint_if_cancelled,
    current_task,
    current_trio_token,
    reschedule,
    start_thread_soon,
    wait_task_rescheduled,
)

from actors.actor import Actor
from actors.committer import Committed, Committer
from actors.errors import JournalFailed
from actors.journal_queue import JournalQueue
from hes.events.commit import Commit, Part
from hes.store.codec import EventCodec
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.port import Conflict, EventLog

RETRY_S: Final = (0.1, 0.5, 2.0, 5.0, 15.0)
"""Pauses while the store is away; the last one repeats."""

Publish = Callable[[Commit], None]


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
        self._task: Task | None = None
        """Waits for news of the thread."""

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
        wake = partial(current_trio_token().run_sync_soon, self._woken, idempotent=True)
        committer = Committer(queue, self._log, self._codec, wake)
        why: Exception = JournalFailed("the journal stopped before its commit")
        try:
            while True:
                while queue.empty:
                    if ref.closing:
                        return
                    await ref.wait_message()
                await self._commit(committer)
        except StoreError as problem:
            why = problem
            raise
        finally:
            committer.give_up(why)

    async def _commit(self, committer: Committer) -> None:
        """Commit all that waits, however often the store is away meanwhile.

        Raises:
            StoreError: waiting does not help.

        """
        tries = 0
        while True:
            try:
                await self._work(committer)
            except StoreUnavailable as problem:
                self._trouble = str(problem)
                await trio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
                tries += 1
            else:
                return

    async def _work(self, committer: Committer) -> None:
        """Let the committer work in a thread, and tell meanwhile what it did; wait for its end."""
        await checkpoint_if_cancelled()
        token, ends = current_trio_token(), list[outcome.Outcome[None]]()

        def ended(how: outcome.Outcome[None]) -> None:
            ends.append(how)
            token.run_sync_soon(self._woken)

        committer.stopping = False
        start_thread_soon(committer.work, ended, "hes-journal")
        try:
            while not ends:
                await self._news(committer)
                self._tell(committer)
        finally:
            # It must not go on behind the back of whoever comes next.
            committer.stopping = True
            while not ends:
                await self._news(committer)
            self._tell(committer)
        ends[0].unwrap()

    async def _news(self, committer: Committer) -> None:
        """Wait until more is committed, or the thread ended; a cancelled journal makes it end."""

        def stop(_: object) -> Abort:
            committer.stopping = True
            return Abort.FAILED

        self._task = current_task()
        await wait_task_rescheduled(stop)

    def _woken(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            reschedule(task)

    def _tell(self, committer: Committer) -> None:
        """Tell everyone what was committed: the node first, then who waits."""
        while committer.committed:
            self._trouble = ""
            done = committer.committed.popleft()
            try:
                self._publish(_placed(done))
            finally:
                self._queue.settle(done.batch.entries)


def _placed(done: Committed) -> Commit:
    """Write down where the events of each entry stand now, or why they are not stored."""
    new = tuple.__new__
    parts: list[Part] = []
    entries, _, _, refused = done.batch
    if refused:
        for entry, problem in refused.items():
            entry.failure = problem
        entries = [entry for entry in entries if entry not in refused]
    for entry, result in zip(entries, done.results, strict=True):
        if isinstance(result, Conflict):
            entry.failure = JournalFailed(str(result))
            continue
        position, version = result
        events = entry.events
        entry.version = version + len(events) - 1
        parts.append(new(Part, (position, entry.stream, version, events)))
    return Commit(parts)
