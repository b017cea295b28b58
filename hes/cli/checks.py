"""What ``hes check`` looks at: a sentence for each thing that may keep a node from running."""

import errno
import importlib.metadata
import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from hes.cli.failures import USAGE, CommandError
from hes.clock import Clock
from hes.config import Config, ListenerConfig, ReadModelConfig, StoreConfig
from hes.config_values import Bind
from hes.meter_types import MeterTypesUnusable, read_types
from hes.store.errors import StoreError
from hes.store.open import open_log
from projections.errors import ReadModelError
from projections.sql.places import Place, open_place
from protocols.links.registry import KINDS
from web.auth import TokenFileError, load_tokens

OK: Final = "ok"
WARNING: Final = "warning"
ERROR: Final = "error"
PACKAGES: Final = ("hes", "actors", "protocols", "projections", "web")
DISTRIBUTION: Final = "hes"
OURS: Final = re.compile(rf'^"?({"|".join(PACKAGES)})(?:/[^,\n]*)?\.py"?,', re.MULTILINE)
"""The package of a module in a list of files."""
SQLITE_MAGIC: Final = b"SQLite format 3\x00"
OTHERS_MAY: Final = stat.S_IRWXO


class Finding(NamedTuple):
    """One thing that was looked at."""

    subject: str
    level: str
    text: str


def findings(config: Config, clock: Clock) -> Iterator[Finding]:
    """Yield everything worth saying about starting a node with ``config`` on this machine."""
    yield from package_findings()
    yield from link_findings(config)
    yield _meter_types(config.meter_types.folder)
    yield from _store("store", config.store)
    yield from _read_model("read_model", config.read_model)
    yield _bind("web", config.web.bind)
    for listener in config.listener:
        yield _bind(f"listener {listener.name}", listener.bind)
    local = clock.now().astimezone(config.node.timezone)
    yield Finding("timezone", OK, f"{config.node.timezone}: it is {local:%Y-%m-%d %H:%M %z} there")
    if config.web.token_file is not None:
        yield _token_file(Path(config.web.token_file))
    for section, file in (
        ("store", config.store.password_file),
        ("read_model", config.read_model.password_file),
    ):
        if file is not None:
            yield _secret_file(f"{section}.password_file", Path(file))


def refuse_to_start(config: Config) -> None:
    """Check what would fail later, and obscurely.

    Raises:
        CommandError: a node cannot run so.

    """
    found = (*package_findings(), *link_findings(config))
    wrong = [f"{finding.subject}: {finding.text}" for finding in found if finding.level == ERROR]
    if wrong:
        raise CommandError(wrong[0], USAGE, details=wrong[1:])


def package_findings() -> Iterator[Finding]:
    """Yield a finding for each of our packages that another distribution owns too."""
    foreign = {name: owners - {DISTRIBUTION} for name, owners in _owners().items()}
    for name, others in foreign.items():
        if others:
            yield Finding(
                "packages",
                ERROR,
                f"{', '.join(sorted(others))} is installed here and owns the package {name!r}"
                " too; install HES into an environment of its own",
            )
    if not any(foreign.values()):
        yield Finding("packages", OK, f"{', '.join(PACKAGES)} are ours alone")


def _owners() -> dict[str, set[str]]:
    """Return who owns each of our packages.

    ``packages_distributions()`` tells it too; it takes all lists of files apart, ten times as long.
    """
    owners: dict[str, set[str]] = {name: set() for name in PACKAGES}
    for found in importlib.metadata.distributions():
        declared = found.read_text("top_level.txt")
        listed = declared.split() if declared else OURS.findall(found.read_text("RECORD") or "")
        for name in owners.keys() & set(listed):
            owners[name].add(found.metadata["Name"])
    return owners


def link_findings(config: Config) -> Iterator[Finding]:
    """Yield what is wrong with the kinds of links of the listeners."""
    if not config.listener:
        yield Finding("listener", WARNING, "there is no [[listener]], so no modem can call")
    for listener in config.listener:
        if listener.link not in {"auto", *KINDS}:
            known = ", ".join(KINDS)
            text = f"links {listener.link!r} are not spoken by this version, only {known}"
            yield Finding(f"listener {listener.name}", ERROR, text)
        elif _knows_no_raw(listener):
            text = "without a registration text, raw modems cannot say who they are"
            yield Finding(f"listener {listener.name}", WARNING, text)


def _knows_no_raw(listener: ListenerConfig) -> bool:
    return listener.link == "auto" and listener.registration is None


def _meter_types(folder: str | None) -> Finding:
    try:
        types = read_types(folder)
    except MeterTypesUnusable as problem:
        return Finding("meter_types", ERROR, str(problem))
    place = "" if folder is None else f", those in {folder} among them"
    return Finding("meter_types", OK, f"{len(types)} meter types are known{place}")


# -- databases


def _store(subject: str, wanted: StoreConfig) -> Iterator[Finding]:
    url = wanted.url
    file = url.file
    if file is not None and not file.exists():
        yield _new_file(subject, file)
        return
    if url == "sqlite://":
        yield Finding(subject, WARNING, "is in memory: everything is forgotten at the end")
        return
    try:
        with closing(open_log(url, wanted.password_file)) as log:
            yield Finding(subject, OK, f"{url.shown} opens and holds {log.head()} events")
    except StoreError as problem:
        yield Finding(subject, ERROR, str(problem))


def _read_model(subject: str, wanted: ReadModelConfig) -> Iterator[Finding]:
    for name, url in ((subject, wanted.url), (f"{subject}.report_url", wanted.report_url)):
        if url is None:
            continue
        try:
            place = open_place(url, wanted.password_file)
            if url.file is None:
                yield _server(name, place)
                continue
        except ReadModelError as problem:
            yield Finding(name, ERROR, str(problem))
            continue
        yield from _read_model_file(name, url.file)


def _server(subject: str, place: Place) -> Finding:
    """Log in, as the node will."""
    with closing(place.connect(read_only=True)):
        return Finding(subject, OK, f"{place.shown} lets us in")


def _read_model_file(subject: str, file: Path) -> Iterator[Finding]:
    if not file.exists():
        yield _new_file(subject, file)
    else:
        yield _database_file(subject, file)


def _new_file(subject: str, file: Path) -> Finding:
    folder = file.parent
    if not folder.is_dir():
        return Finding(subject, ERROR, f"the folder {folder} does not exist; make it")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(subject, ERROR, f"this user may not write into {folder}")
    return Finding(subject, OK, f"{file} is not there yet and will be made")


def _database_file(subject: str, file: Path) -> Finding:
    try:
        with file.open("rb") as opened:
            head = opened.read(len(SQLITE_MAGIC))
    except OSError as problem:
        return Finding(subject, ERROR, f"{file} cannot be read: {problem.strerror}")
    if head and head != SQLITE_MAGIC:
        return Finding(subject, ERROR, f"{file} is no SQLite database; name another file")
    if not os.access(file, os.W_OK):
        return Finding(subject, ERROR, f"this user may not write {file}")
    return Finding(subject, OK, f"{file} is there")


# -- addresses


def _bind(subject: str, bind: Bind) -> Finding:
    """Try to listen on an address, as the node will."""
    try:
        found = socket.getaddrinfo(bind.host, bind.port, type=socket.SOCK_STREAM)
    except OSError as problem:
        return Finding(subject, ERROR, f"{bind}: the host is not known: {problem.strerror}")
    family, kind, protocol, _, address = found[0]
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as problem:
        return _held(subject, bind, problem)
    return Finding(subject, OK, f"{bind} is free")


def _held(subject: str, bind: Bind, problem: OSError) -> Finding:
    match problem.errno:
        case errno.EADDRINUSE:
            text = f"{bind} is held, by a running node or by another program; stop that one first"
        case errno.EADDRNOTAVAIL:
            text = f"{bind} is no address of this machine; 0.0.0.0 means all of them"
        case errno.EACCES:
            text = f"this user may not listen on {bind}; take a port above 1023"
        case _:
            text = f"{bind} cannot be listened on: {problem.strerror}"
    return Finding(subject, ERROR, text)


# -- files with secrets


def _token_file(file: Path) -> Finding:
    try:
        load_tokens(file)
    except TokenFileError as problem:
        return Finding("web.token_file", ERROR, str(problem))
    return _secret_file("web.token_file", file)


def _secret_file(subject: str, file: Path) -> Finding:
    try:
        with file.open("rb") as opened:
            empty = not opened.read(1)
            mode = os.fstat(opened.fileno()).st_mode
    except OSError as problem:
        return Finding(subject, ERROR, f"{file} cannot be read: {problem.strerror}")
    if empty:
        return Finding(subject, ERROR, f"{file} is empty")
    if mode & OTHERS_MAY:
        return Finding(subject, WARNING, f"any user of this machine may open {file}; chmod 600 it")
    return Finding(subject, OK, f"{file} can be read")
