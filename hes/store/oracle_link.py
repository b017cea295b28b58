"""Connecting to Oracle: the mode of the driver, and an end when a listener never answers."""

import contextlib
import queue
import re
import threading
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import oracledb

from hes.store.errors import StoreError, StoreUnavailable
from hes.store.oracle_errors import told
from hes.store.oracle_socket import Wire, limited

CONNECT_S: Final = 20.0
"""For all addresses together."""
HANGING_MAX: Final = 8
"""Tries to connect that nobody waits for any more, and which the driver has not ended yet."""
CLOSE_S: Final = 2.0
"""For a farewell to a server that may be gone."""
FORM: Final = "oracle://user@host:1521/service, or oracle://user@(DESCRIPTION=...)"
_THICK: Final = re.compile(r"\?thick(?:=(?P<folder>[^?]*))?$")
_SERVICE: Final = re.compile(r"SERVICE_NAME\s*=\s*([\w.$#-]+)", re.IGNORECASE)
_hanging: Final = threading.BoundedSemaphore(HANGING_MAX)


class Connection(oracledb.Connection):
    """A connection that can be cut by another thread, while this one waits for the server."""

    wire: Wire | None = None
    """Its socket; None in thick mode, where Oracle's own client has it."""

    def cut(self) -> None:
        """Let whoever waits for the server see its end."""
        if self.wire is not None:
            self.wire.cut()

    def close(self) -> None:
        """Close it, without waiting long for a server that is gone."""
        try:
            with limited(CLOSE_S, self.cut):
                super().close()
        finally:
            if self.wire is not None:
                self.wire.release()


class Target(NamedTuple):
    """What a URL of Oracle says."""

    user: str
    password: str | None
    dsn: str
    thick: str | None
    """Folder of Instant Client for thick mode, empty for where the system finds it; None: thin."""

    @property
    def shown(self) -> str:
        """What it is called in a sentence."""
        service = _SERVICE.search(self.dsn)
        return f"the Oracle database {service[1] if service else self.dsn}"


def target_of(url: str) -> Target:
    """Return what a URL says.

    Raises:
        StoreError: it names no user or no database.

    """
    rest = url.removeprefix("oracle://")
    thick = _THICK.search(rest)
    if thick is not None:
        rest = rest[: thick.start()]
    who, at, dsn = rest.partition("@")
    user, colon, password = who.partition(":")
    if not (at and user and dsn):
        raise StoreError(f"the URL of Oracle names no user or no database; write {FORM}")
    folder = None if thick is None else thick["folder"] or ""
    return Target(unquote(user), unquote(password) if colon else None, dsn, folder)


def choose_mode(target: Target) -> None:
    """Load the driver's mode, for the whole process.

    Raises:
        StoreError: Instant Client is missing, or the other mode is in use already.

    """
    try:
        if target.thick is None:
            # Before the first connect: one that hangs would block all others in the process.
            oracledb.enable_thin_mode()  # type: ignore[no-untyped-call]
        elif oracledb.is_thin_mode() or target.thick:
            oracledb.init_oracle_client(lib_dir=target.thick or None)
    except oracledb.Error as problem:
        raise told(problem, target.shown) from problem


def connect(target: Target) -> Connection:
    """Return a connection. What the driver does not end in time is cut.

    Raises:
        StoreUnavailable: nobody answered in time.
        oracledb.Error: refused.

    """
    if not _hanging.acquire(timeout=CONNECT_S):
        raise StoreUnavailable(
            f"{target.shown} does not answer: {HANGING_MAX} connections wait for it already;"
            " look at its listener"
        )
    answer: queue.SimpleQueue[Connection | Exception] = queue.SimpleQueue()
    gone, wire = threading.Event(), Wire()
    threading.Thread(
        target=_connect, args=(target, answer, gone, wire), name="hes-oracle-connect", daemon=True
    ).start()
    try:
        found = answer.get(timeout=CONNECT_S)
    except queue.Empty:
        gone.set()
        wire.give_up()
        raise StoreUnavailable(
            f"{target.shown} did not answer within {CONNECT_S:g} s; look at its listener"
        ) from None
    if isinstance(found, Exception):
        raise found
    return found


def _connect(
    target: Target, answer: "queue.SimpleQueue[Any]", gone: threading.Event, wire: Wire
) -> None:
    try:
        with wire.caught():
            connection = oracledb.connect(
                user=target.user, password=target.password, dsn=target.dsn,
                tcp_connect_timeout=10.0, conn_class=Connection,
            )  # fmt: skip
    except oracledb.Error as problem:
        answer.put(problem)
        return
    except OSError as problem:  # a host without an address comes as it is
        answer.put(StoreUnavailable(f"{target.shown} cannot be found ({problem.strerror})"))
        return
    finally:
        _hanging.release()
    if isinstance(connection, Connection) and target.thick is None:
        connection.wire = wire
    if gone.is_set():
        with contextlib.suppress(oracledb.Error):
            connection.close()
    else:
        answer.put(connection)
