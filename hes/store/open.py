"""Opens the event log that a URL names."""

from typing import Final

from hes.store.codec import EventCodec, LayoutBook
from hes.store.errors import StoreError
from hes.store.port import EventLog
from hes.store.sqlite import SqliteEventLog
from hes.store.sqlite_file import MEMORY, SqliteFile

SUPPORTED: Final = "sqlite:///file.db, or sqlite:////folder/file.db from the root"


def open_log(url: str) -> EventLog:
    """Return the event log at ``url``, made if it is not there yet.

    Raises:
        StoreError: it cannot be opened; the message says why and what to do.

    """
    return SqliteEventLog(SqliteFile(path_of(url)))


def open_codec(log: EventLog) -> EventCodec:
    """Return a codec that finds the channel layouts of ``log``."""
    return EventCodec(LayoutBook(fetch=log.layout))


def path_of(url: str) -> str:
    """Return the file of a ``sqlite:///file`` URL; ``MEMORY`` for ``sqlite://``.

    Raises:
        StoreError: it is no such URL.

    """
    scheme, colon, rest = url.partition("://")
    if not colon:
        raise StoreError(f"the store {url!r} is no URL; write {SUPPORTED}")
    if scheme != "sqlite":
        # Not the whole URL: it may hold a password.
        raise StoreError(f"the store {scheme}:// is not supported; write {SUPPORTED}")
    if not rest:
        return MEMORY
    path = rest.removeprefix("/")
    if path == rest or not path:
        raise StoreError(f"the store {url!r} names no file; write {SUPPORTED}")
    return path
