"""Opens the log that an auditor means, to read it: beside a node that runs, or without any."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hes.cli.failures import USAGE, CommandError
from hes.cli.settings import config_of

if TYPE_CHECKING:
    from datetime import datetime

    from hes.config_values import DatabaseUrl
    from hes.store.codec import EventCodec
    from hes.store.port import EventLog

Store = Annotated[
    str | None,
    typer.Option("--store", help="URL of the event log, instead of the configured.", metavar="URL"),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help="With --store: its password.", metavar="FILE"),
]


@contextmanager
def opened(
    config_file: Path | None, store: str | None, password_file: Path | None
) -> Iterator[tuple["EventLog", "EventCodec"]]:
    """Give the log and its codec; nothing is written, and no node is disturbed.

    Raises:
        CommandError: there is no log where one was named.
        StoreError: it cannot be opened.

    """
    from hes.store.open import open_codec, open_log  # noqa: PLC0415 -- keeps `hes --help` quick

    url, password = located(config_file, store, password_file)
    require_log(url)
    with closing(open_log(url, password)) as log:
        yield log, open_codec(log)


def located(
    config_file: Path | None, store: str | None, password_file: Path | None
) -> tuple["DatabaseUrl", str | None]:
    """Return the URL of the log that was named, and the file with its password.

    Raises:
        CommandError: it is no URL.

    """
    from hes.config_values import DatabaseUrl  # noqa: PLC0415 -- keeps `hes --help` quick

    if store is None:
        wanted = config_of(config_file).store
        url, password = wanted.url, wanted.password_file
    else:
        try:
            url = DatabaseUrl.parse(store)
        except ValueError as problem:
            raise CommandError(f"--store: {problem}", USAGE) from None
        password = None if password_file is None else str(password_file)
    return url, password


def require_log(url: "DatabaseUrl") -> None:
    """Make sure that a log is there, before opening it makes one.

    Raises:
        CommandError: there is none.

    """
    if url == "sqlite://" or (url.file is not None and not url.file.is_file()):
        # To open it would make an empty one, in which all is well.
        raise CommandError(
            f"no event log at {url.shown}; name the node's file with --config or --store", USAGE
        )


def period(begin: str, end: str) -> tuple["datetime", "datetime"]:
    """Return the times of FROM and TO.

    Raises:
        CommandError: one is no time, or they are in the wrong order.

    """
    from hes.cli.times import parse_time  # noqa: PLC0415 -- keeps `hes --help` quick
    from hes.clock import SystemClock  # noqa: PLC0415 -- imports trio

    clock = SystemClock()
    since, until = parse_time(begin, "FROM", clock), parse_time(end, "TO", clock)
    if since >= until:
        raise CommandError(f"FROM {since.isoformat()} is not before TO {until.isoformat()}", USAGE)
    return since, until


def code_of(written: str) -> str:
    """Return an OBIS code in full form.

    Raises:
        CommandError: it is none.

    """
    from hes import obis  # noqa: PLC0415 -- keeps `hes --help` quick

    try:
        return obis.parse(written)
    except ValueError as problem:
        raise CommandError(str(problem), USAGE) from None
