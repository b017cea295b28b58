"""Backup and restore of a log in SQLite, both verified by the chains before they count.

A backup is one moment of the log, taken beside a node that writes: the source is read in one
transaction, so a busy node neither spoils the copy nor makes it begin anew. The other databases
have tools of their own for this.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from hes.store.chain import Fault, Verifier
from hes.store.errors import StoreError
from hes.store.port import EventLog
from hes.store.sql_log import SqlEventLog
from hes.store.sqlite_file import SqliteFile

PAGES: Final = 4096
"""Copied at once: 16 MB."""
VERIFIED: Final = 10_000
ASIDE: Final = (".old", "-wal", "-shm")

Progress = Callable[[int, int], None]
"""Told how much of how much is done: first the pages of the file, then events."""


def back_up(source: Path, target: Path, progress: Progress = lambda _done, _all: None) -> int:
    """Copy the log in ``source`` into the new file ``target``; return its last position.

    The copy holds the secrets of the log, and is readable for its owner only.

    Raises:
        StoreError: it cannot be copied, or the copy is not as it was written; there is no target.

    """
    if target.exists():
        raise StoreError(f"{target} is there already; name a new file")
    if not source.is_file():
        raise StoreError(f"there is no log at {source}")
    with _part_of(target) as part:
        with _told(source):
            _copy(source, part, progress)
        head = verified(part, progress)
        _make_durable(part)
        part.rename(target)
    _make_durable(target.parent)
    return head


def restore(source: Path, target: Path, progress: Progress = lambda _done, _all: None) -> int:
    """Put a copy of the backup ``source`` in the place of ``target``; return its last position.

    The log that was there is kept beside it, as ``target.old``.

    Raises:
        StoreError: the backup is not as it was written, or a program has the log open; nothing was
            changed.

    """
    if not source.is_file():
        raise StoreError(f"there is no backup at {source}")
    old = target.with_name(target.name + ASIDE[0])
    if target.exists() and old.exists():
        raise StoreError(f"{old} is there already, from a restore before: move it away first")
    with _part_of(target) as part:
        shutil.copyfile(source, part)
        head = verified(part, progress)
        _make_durable(part)
        if target.exists():
            _settle(target)
            target.rename(old)
        part.rename(target)
    _make_durable(target.parent)
    return head


def set_aside(path: Path) -> bool:
    """Rename a database file that nobody has open to ``path.old``; False when there is none.

    What was set aside before is replaced. Without what stands in its write-ahead log.
    """
    if not path.exists():
        return False
    for end in ASIDE[1:]:
        path.with_name(path.name + end).unlink(missing_ok=True)
    path.replace(path.with_name(path.name + ASIDE[0]))
    return True


def verified(path: Path, progress: Progress = lambda _done, _all: None) -> int:
    """Check the log in a file that nobody writes; return its last position.

    Raises:
        StoreError: it is not as it was written.

    """
    with closing(SqlEventLog(SqliteFile(str(path)))) as log:
        fault = first_fault(log, progress)
        if fault is not None:
            raise StoreError(f"{path.name.removesuffix('.part')} is not as it was written: {fault}")
        return log.head()


def first_fault(log: EventLog, progress: Progress = lambda _done, _all: None) -> Fault | None:
    """Return the first event that is not as it was written.

    Raises:
        StoreError: the log cannot be read.

    """
    verifier, head = Verifier(log.purged(), log.purged_end), log.head()
    at = 0
    while rows := log.read_chained(at, VERIFIED):
        fault = next(verifier.take(rows), None)
        if fault is not None:
            return fault
        at = rows[-1].position
        progress(at, head)
    return verifier.end(head)


def _copy(source: Path, part: Path, progress: Progress) -> None:
    with closing(sqlite3.connect(source, isolation_level=None)) as log:
        # From here on this connection sees one moment, whatever is written meanwhile.
        log.execute("BEGIN")
        log.execute("SELECT nid FROM head").fetchone()
        with closing(sqlite3.connect(part)) as copy:
            log.backup(
                copy, pages=PAGES,
                progress=lambda _status, left, pages: progress(pages - left, pages),
            )  # fmt: skip
            copy.execute("PRAGMA journal_mode = DELETE")


def _settle(target: Path) -> None:
    """Bring a log that nobody has open into one file.

    Raises:
        StoreError: somebody has.

    """
    with _told(target), closing(sqlite3.connect(target, timeout=0)) as log:
        try:
            # Refused while another connection is open.
            log.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise StoreError(
                f"{target} is open in another program; stop the node first"
            ) from problem


@contextlib.contextmanager
def _part_of(target: Path) -> Iterator[Path]:
    """Give an empty file beside ``target`` for its owner only; what is left of it goes."""
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        yield part
    finally:
        for end in ("", *ASIDE[1:]):
            part.with_name(part.name + end).unlink(missing_ok=True)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as problem:
        raise StoreError(f"{path} cannot be copied: {problem}") from problem


def _make_durable(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
