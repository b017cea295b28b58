"""Opens the event log that a URL names."""

from typing import Final

from hes.store.codec import EventCodec, LayoutBook
from hes.store.database import Database
from hes.store.errors import StoreError
from hes.store.port import EventLog
from hes.store.schema import SCHEMAS, Schema
from hes.store.sql_log import SqlEventLog

SUPPORTED: Final = (
    "sqlite:///file.db, or sqlite:////folder/file.db from the root,"
    " or postgresql://user@host/database, or oracle://user@host:1521/service"
)
MEMORY: Final = ":memory:"


def open_log(url: str, password_file: str | None = None) -> EventLog:
    """Return the event log at ``url``, made if it is not there yet.

    Raises:
        StoreError: it cannot be opened; the message says why and what to do.

    """
    return SqlEventLog(open_database(url, password_file)[0])


def open_codec(log: EventLog) -> EventCodec:
    """Return a codec that finds the channel layouts of ``log``."""
    return EventCodec(LayoutBook(fetch=log.layout))


def open_database(url: str, password_file: str | None = None) -> tuple[Database, Schema]:
    """Return the database at ``url`` with the tables of a log, and what they are made of.

    Raises:
        StoreError: it cannot be opened; the message says why and what to do.

    """
    scheme, colon, _ = url.partition("://")
    if not colon:
        raise StoreError(f"the store {url!r} is no URL; write {SUPPORTED}")
    if scheme not in SCHEMAS:
        # Not the whole URL: it may hold a password.
        raise StoreError(f"the store {scheme}:// is not supported; write {SUPPORTED}")
    # A driver is loaded only where its database is used.
    match scheme:
        case "postgresql":
            from hes.store.postgres import open_postgres  # noqa: PLC0415

            return open_postgres(url, password_file), SCHEMAS[scheme]
        case "oracle":
            from hes.store.oracle import open_oracle  # noqa: PLC0415

            return open_oracle(url, password_file), SCHEMAS[scheme]
        case _:
            from hes.store.sqlite_file import SqliteFile  # noqa: PLC0415

            return SqliteFile(path_of(url)), SCHEMAS[scheme]


def path_of(url: str) -> str:
    """Return the file of a ``sqlite:///file`` URL; ``MEMORY`` for ``sqlite://``.

    Raises:
        StoreError: it names no file.

    """
    rest = url.removeprefix("sqlite://")
    if not rest:
        return MEMORY
    path = rest.removeprefix("/")
    if path == rest or not path:
        raise StoreError(f"the store {url!r} names no file; write {SUPPORTED}")
    return path
