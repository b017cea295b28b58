"""The journal's worker: takes what waits, encodes it and makes it durable, batch after batch.

It runs in a thread. While much waits it goes on to the next batch at once, and trio's thread tells
those of the last one meanwhile: the disk works while the actors do.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from actors.journal_queue import BATCH_EVENTS_MAX, Entry, JournalQueue
from hes.events.layout import Layout
from hes.store.codec import EventCodec
from hes.store.errors import StoreError
from hes.store.port import Append, Appended, Conflict, EventLog

GO_ON_EVENTS: Final = 256
"""Half a batch. Smaller ones cost more for each event than the thread that has to be woken."""
SLOW_DISK_S: Final = 0.01
"""To wait so long for a commit is more than it takes to tell and hear a thousand devices: then it
is better to wait once for all of them than to do two things at a time."""
SLOW_EVENTS_MAX: Final = 2 * BATCH_EVENTS_MAX
"""Of a batch while the disk is slow."""


def waited_s() -> float:
    """Return how long this thread has done nothing, since some moment: two calls tell the time."""
    return time.perf_counter() - time.thread_time()


class Batch(NamedTuple):
    """Entries on their way to the disk."""

    entries: Sequence[Entry]
    appends: Sequence[Append]
    """Of each entry but those that are refused."""
    layouts: Sequence[Layout]
    refused: dict[Entry, StoreError]
    """Who sent an event that has no stored form."""


class Committed(NamedTuple):
    """A batch whose end is known."""

    batch: Batch
    results: Sequence[Appended | Conflict]
    """One for each append."""


class Committer:
    """See the module. ``work`` runs in one thread at a time; the rest belongs to trio's thread."""

    def __init__(
        self,
        queue: JournalQueue,
        log: EventLog,
        codec: EventCodec,
        wake: Callable[[], None],
        waited: Callable[[], float] = waited_s,
    ) -> None:
        """Take ``wake``, which any thread may call: it says that more is ``committed``."""
        self._queue = queue
        self._log = log
        self._codec = codec
        self._wake = wake
        self._waited = waited
        self._wait_s = 0.0
        """For the disk, in a commit; the last ones count most."""
        self.committed: deque[Committed] = deque()
        """What nobody was told of yet."""
        self.pending: Batch | None = None
        """What is not stored, or not known to be."""
        self.stopping = False
        """Set it, and ``work`` ends with the batch in hand."""

    def work(self) -> None:
        """Commit a batch, and go on while so much waits that it is worth a commit of its own.

        Little is left: those of the last batch first get a chance to bring more.

        Raises:
            StoreUnavailable: ``pending`` is not stored; call it again after a while.
            StoreError: a person must mend the store, or another node writes it now.

        """
        while not self.stopping:
            batch = self.pending
            if batch is None:
                most = SLOW_EVENTS_MAX if self._wait_s > SLOW_DISK_S else BATCH_EVENTS_MAX
                batch = self.pending = self._encoded(self._queue.take_batch(most))
            before = self._waited()
            results = self._log.append(batch.appends, batch.layouts) if batch.appends else ()
            self._wait_s += (self._waited() - before - self._wait_s) / 4
            self.pending = None
            self.committed.append(Committed(batch, results))
            if self._queue.waiting < GO_ON_EVENTS:
                return
            self._wake()

    def give_up(self, problem: Exception) -> None:
        """Let those of ``pending`` know that their events are not stored."""
        batch, self.pending = self.pending, None
        if batch is not None:
            self._codec.layouts.put_back(batch.layouts)
            for entry in batch.entries:
                entry.fail(batch.refused.get(entry, problem))
            self._queue.settle(batch.entries)

    def _encoded(self, entries: Sequence[Entry]) -> Batch:
        """Return the stored forms, and whose event has none.

        Made here, one behind the other: where an event arrives it costs twice as much.
        """
        refused: dict[Entry, StoreError] = {}
        appends: list[Append] = []
        encode = self._codec.encode
        new = tuple.__new__  # the named tuple's own constructor takes longer than the rest
        for entry in entries:
            try:
                rows = list(map(encode, entry.events))
            except StoreError as problem:
                refused[entry] = problem
            else:
                appends.append(new(Append, (entry.stream, None, rows)))
        return Batch(entries, appends, self._codec.layouts.take_unsaved(), refused)
