"""Read models in SQLite.

They can be made again from the log at any time, so a commit need not reach the disk at once: after
a power cut the last ones are simply folded again, position and rows alike.
"""

import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import quote

from projections.errors import ReadModelError, ReadModelUnavailable

BUSY_S: Final = 10.0
CACHE_KIB: Final = 4_096
APPLICATION_ID: Final = 0x48455332
"""``HES2`` in the header of the file."""
BASE: Final = (
    "CREATE TABLE projection (name TEXT PRIMARY KEY, version INTEGER NOT NULL,"
    " position INTEGER NOT NULL)",
    "CREATE TABLE poison (projection TEXT NOT NULL, position INTEGER NOT NULL, topic TEXT NOT NULL,"
    " reason TEXT NOT NULL, PRIMARY KEY (projection, position))",
)


def path_of(url: str) -> str:
    """Return the file of a ``sqlite:///file`` URL.

    Raises:
        ReadModelError: the URL is of another kind.

    """
    scheme = url.partition(":")[0]
    if scheme != "sqlite":
        raise ReadModelError(
            f"read models in {scheme}:// are not supported; write sqlite:///file.db"
        )
    path = url.removeprefix("sqlite://").removeprefix("/")
    if not path:
        raise ReadModelError("read models need a file; write sqlite:///file.db")
    return path


def connect(path: str, *, read_only: bool = False) -> sqlite3.Connection:
    """Return a connection; threads may hand it on, but not share it.

    Raises:
        ReadModelError: the file cannot be opened, or is not ours.

    """
    try:
        mode = "ro" if read_only else "rwc"
        connection = sqlite3.connect(
            f"file:{quote(path)}?mode={mode}",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        if not read_only:
            _prepare(connection, path)
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except sqlite3.Error as problem:
        raise ReadModelError(sentence(path, problem)) from None
    return connection


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    (found,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and found != APPLICATION_ID:
        connection.close()
        raise ReadModelError(f"{path} is a database of another program; name another file")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    if not tables:
        connection.execute("BEGIN IMMEDIATE")
        for statement in BASE:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")


def unavailable(path: str, problem: sqlite3.Error) -> ReadModelUnavailable:
    """Return the error for a database that fails while in use."""
    return ReadModelUnavailable(sentence(path, problem))


def sentence(path: str, problem: sqlite3.Error) -> str:
    """Return what a person should read for an error of SQLite."""
    text = str(problem)
    if "unable to open" in text:
        if not Path(path).parent.is_dir():
            return f"the read models {path} cannot be opened: their folder does not exist"
        return f"the read models {path} cannot be opened; may this user read and write there?"
    if "not a database" in text or "malformed" in text:
        return f"{path} is no SQLite database, or it is damaged; remove it, it is made anew"
    if "locked" in text:
        return f"the read models {path} are held by another program; stop that one first"
    if "readonly" in text or "read-only" in text:
        return f"the read models {path} may not be written by this user"
    return f"the read models {path} failed: {text}"
