"""Brings the pages of SQLite's write-ahead log home, beside the commits instead of inside of them.

SQLite itself does it at the end of a commit, which then takes a hundred times as long: one of some
fifty does while a log grows, and all devices in it wait. Here a thread with a connection of its
own does it while commits go on. A log that is written without a pause would never be begun anew
that way, so the last few pages are done while the writer waits.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

CHECKPOINT_PAGES: Final = 5_000
"""20 MB of write-ahead log before it is begun anew. Four times as many gained nothing, and the disk
was busy with them for so long that commits beside it took up to three times as long."""
CHECKPOINT_PAGES_MAX: Final = 8 * CHECKPOINT_PAGES
"""Past it commits help: the disk, or somebody who reads for long, keeps the thread back."""
CHANGES: Final = CHECKPOINT_PAGES // 2
"""Changed rows before the thread looks for the first time: each makes a page or less."""
CHANGES_MAX: Final = 5 * CHANGES
"""Before it looks again, however few pages the last ones made."""
_CHECKPOINT: Final = "PRAGMA wal_checkpoint(PASSIVE)"


class Checkpoints:
    """See the module. Its thread begins with the first checkpoint."""

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], writer: AbstractContextManager[object]
    ) -> None:
        """Take what gives a connection to the file, and the lock around each of its commits."""
        self._connect = connect
        self._writer = writer
        self._wanted = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._changes = self._begin = 0
        """At the last look; when the log was begun."""
        self._every = CHANGES

    def committed(self, changes: int) -> None:
        """Say how many rows the writer has changed in all."""
        if 0 <= changes - self._changes < self._every:
            return
        if changes < self._changes:  # the writer has a new connection
            self._begin = 0
        self._changes = changes
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="hes-sqlite-checkpoints", daemon=True
            )
            self._thread.start()
        self._wanted.set()

    def close(self) -> None:
        """End the thread; call it without the lock of the writer."""
        self._closed = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        # What fails here fails in the commits too, which tell it.
        with contextlib.suppress(sqlite3.Error), contextlib.closing(self._connect()) as db:
            while self._wanted.wait() and not self._closed:
                self._wanted.clear()
                with contextlib.suppress(sqlite3.Error):
                    self._bring_home(db)

    def _bring_home(self, db: sqlite3.Connection) -> None:
        pages, changes = _pages(db), self._changes
        each = max(pages, 1) / max(changes - self._begin, 1)
        if pages >= CHECKPOINT_PAGES:
            _pages(db)  # those that came meanwhile
            with self._writer:
                _pages(db)
            self._begin, pages = changes, 0
        # A look writes the same pages once more: none before the log is long enough.
        wanted = int((CHECKPOINT_PAGES - pages) / each)
        self._every = min(max(wanted, CHANGES), CHANGES_MAX)


def _pages(db: sqlite3.Connection) -> int:
    """Bring home what can be; return how many pages the write-ahead log has."""
    _, pages, _ = db.execute(_CHECKPOINT).fetchone()
    return int(pages)
