"""Brings a device list to a node that runs, or into the store of one that does not."""

import getpass
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from hes.cli.failures import USAGE, CommandError, NodeAway
from hes.cli.node_client import node_at
from hes.cli.options import DEFAULT_URL
from hes.cli.settings import config_of
from hes.clock import SystemClock
from hes.config import DEFAULT_FILE, Config
from hes.devices import DeviceListError, parse_csv
from hes.store.open import open_log
from hes.store.port import EventLog

FILE_SIZE_MAX: Final = 32 * 1024 * 1024
"""As much as a node takes in one request: some 150,000 meters."""
IMPORT_S: Final = 600.0
ACTOR: Final = "cli"


class Taken(Protocol):
    """What an import did."""

    @property
    def imported(self) -> int:
        """Entries that are new or changed."""
        ...

    @property
    def unchanged(self) -> int:
        """Entries that were known with the same words."""
        ...


class Asker(NamedTuple):
    """Who imports, and why."""

    actor: str
    reason: str


class Imported(NamedTuple):
    """What an import did, and where."""

    imported: int
    unchanged: int
    target: str


def read_list(file: Path, parse: Callable[[str], object] = parse_csv) -> str:
    """Return the CSV in ``file``, once every cell is right of which it needs no node to tell.

    Raises:
        CommandError: it cannot be read, or has errors; each is told by row and column.

    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(FILE_SIZE_MAX + 1)
    except OSError as problem:
        raise CommandError(f"{file} cannot be read: {problem.strerror}", USAGE) from None
    if len(raw) > FILE_SIZE_MAX:
        raise CommandError(f"{file} is larger than {FILE_SIZE_MAX} bytes; split it", USAGE)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise CommandError(
            f"{file} is no UTF-8 at byte {problem.start}; save it as CSV UTF-8", USAGE
        ) from None
    try:
        parse(text)
    except DeviceListError as problem:
        raise CommandError(
            f"{file} has errors; nothing was imported",
            USAGE,
            details=list(map(str, problem.errors)),
        ) from None
    return text


def bring(
    text: str,
    *,
    url: str | None,
    config_file: Path | None,
    path: str = "/api/v1/devices",
    reason: str = "",
    into: Callable[[EventLog, str, Asker, Config], Taken] | None = None,
) -> Imported:
    """Give a list to the node that is meant, or to its store while it does not run.

    ``path``: where a node takes it; ``into``: what brings it into a store. Without, a device list.
    ``reason``: why, for the record.

    Raises:
        NodeAway: no node answers, and no configuration says where the store is.
        CommandError: the node refused it.
        StoreError: the store cannot be written.

    """
    meant = config_file is not None or (url is None and DEFAULT_FILE.exists())
    config = config_of(config_file) if meant else None
    for address in _addresses(url, config):
        try:
            return _to_node(text, address, path, reason)
        except NodeAway:
            if config is None:
                raise
    return _to_store(text, config or config_of(None), into or _devices, reason)


def _addresses(url: str | None, config: Config | None) -> list[str]:
    """Return where the node may be, the likeliest first."""
    named = [] if url is None else [url]
    configured = [] if config is None else [config.web.bind.url]
    return list(dict.fromkeys(named + configured)) or [DEFAULT_URL]


def _to_node(text: str, url: str, path: str, reason: str) -> Imported:
    with node_at(url, timeout_s=IMPORT_S) as node:
        answer: dict[str, Any] = node.post_csv(path, text, {"reason": reason or None})
    return Imported(answer["imported"], answer["unchanged"], f"the node at {url}")


def _to_store(
    text: str, config: Config, into: Callable[[EventLog, str, Asker, Config], Taken], reason: str
) -> Imported:
    url = config.store.url
    if url == "sqlite://":
        raise CommandError("no node answers, and a store in memory cannot be filled", USAGE)
    with closing(open_log(url, config.store.password_file)) as log:
        done = into(log, text, Asker(f"{ACTOR}:{_user()}", reason), config)
    return Imported(done.imported, done.unchanged, f"the store {url.shown}, as no node answers")


def _devices(log: EventLog, text: str, asker: Asker, config: Config) -> Taken:
    from hes.device_registry import import_devices  # noqa: PLC0415 -- as above
    from hes.meter_types import read_types  # noqa: PLC0415 -- only without a node

    types = read_types(config.meter_types.folder).protocols
    return import_devices(log, parse_csv(text, types), asker.actor, SystemClock(), asker.reason)


def modems_into(log: EventLog, text: str, asker: Asker, _config: Config) -> Taken:
    """Bring a modem list into the store of a node that does not run."""
    from hes.modem_registry import import_modems  # noqa: PLC0415 -- only without a node
    from hes.modems import parse_modems  # noqa: PLC0415 -- only without a node

    return import_modems(log, parse_modems(text), asker.actor, SystemClock(), asker.reason)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
