"""The event log by all of its doors, for the commands that look after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hes.cli.auditing import located, require_log
from hes.cli.failures import USAGE, CommandError
from hes.cli.settings import config_of

if TYPE_CHECKING:
    from hes.store.codec import EventCodec
    from hes.store.database import Database
    from hes.store.port import EventLog
    from hes.store.records import Records


class Doors(NamedTuple):
    """One open log."""

    database: "Database"
    log: "EventLog"
    records: "Records"
    codec: "EventCodec"


@contextmanager
def doors(
    config_file: Path | None, store: str | None, password_file: Path | None
) -> Iterator[Doors]:
    """Open the log that was named, beside a node that runs or without any.

    Raises:
        CommandError: there is no log where one was named.
        StoreError: it cannot be opened.

    """
    from hes.store.open import open_codec, open_database  # noqa: PLC0415 -- keeps --help quick
    from hes.store.sql_log import SqlEventLog  # noqa: PLC0415 -- as above
    from hes.store.sql_records import SqlRecords  # noqa: PLC0415 -- as above

    url, password = located(config_file, store, password_file)
    require_log(url)
    database, schema = open_database(url, password)
    log = SqlEventLog(database)
    try:
        yield Doors(database, log, SqlRecords(database, schema), open_codec(log))
    finally:
        log.close()


def log_file(config_file: Path | None, store: str | None) -> Path:
    """Return the file of a log in SQLite.

    Raises:
        CommandError: the log is in another database, which has tools of its own for this.

    """
    url, _ = located(config_file, store, None)
    if url.file is None:
        tool = "RMAN" if url.startswith("oracle") else "pg_dump"
        raise CommandError(
            f"{url.shown} is no file of SQLite; its own tools copy it ({tool})", USAGE
        )
    return url.file


def zone_of(config_file: Path | None, store: str | None) -> tzinfo:
    """Return the time zone whose days are meant: the node's; UTC for a log named by its URL."""
    return UTC if store is not None else config_of(config_file).node.timezone


def midnight(text: str | None, now: datetime, zone: tzinfo) -> datetime:
    """Return the begin of a day: of today, or of the date in ``text``.

    Raises:
        CommandError: it is no date, or it has not come yet.

    """
    today = now.astimezone(zone).date()
    try:
        day = today if text is None else datetime.fromisoformat(text).date()
    except ValueError:
        raise CommandError(f"--before: {text!r} is no date; write 2026-11-24", USAGE) from None
    if day > today:
        raise CommandError(f"--before {day}: only whole days can be sealed, up to {today}", USAGE)
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
