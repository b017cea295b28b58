"""Brings older logs up: those of schema version 1 lack hash chains, those of 2 sealed blocks."""

import sqlite3
from typing import Final

import structlog

from hes.store.chain import link, origin
from hes.store.errors import StoreError
from hes.store.schema import SCHEMA_VERSION, SQLITE_SEALED

LOGGER: Final = structlog.stdlib.get_logger("hes")
PAGE: Final = 20_000
"""Events of one transaction: a kill in between costs no more than these."""
TOLD_EVERY: Final = 500_000
_PAGE: Final = (
    "SELECT ev.nid, ev.oid, ev.ver, topic.name, ev.state, ev.chain FROM ev CROSS JOIN topic"
    " ON topic.id = ev.topic WHERE ev.nid > ? ORDER BY ev.nid LIMIT ?"
)
_SET: Final = "UPDATE ev SET chain = ? WHERE nid = ?"
End = tuple[int, bytes]
"""Version and value of the chain at a stream's last event."""


def lacks_chains(db: sqlite3.Connection, version: int) -> bool:
    """Return whether events have no chain: the file is of version 1, or its writer was."""
    if version == 1:
        return True
    last = db.execute("SELECT chain FROM ev ORDER BY nid DESC LIMIT 1").fetchone()
    return last is not None and last[0] is None


def add_sealed(db: sqlite3.Connection, version: int) -> None:
    """Make the tables of sealed blocks, which files of versions 1 and 2 lack.

    Raises:
        sqlite3.Error: the database failed.

    """
    db.execute("BEGIN IMMEDIATE")
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'sealed'").fetchone():
        for statement in SQLITE_SEALED:
            db.execute(statement)
    if version > 1:  # else the chains come next, which are the longer work
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    db.execute("COMMIT")


def add_chains(db: sqlite3.Connection, path: str) -> None:
    """Compute all chains that are missing. Killed in the middle, the next opening goes on.

    Raises:
        StoreError: a stream's versions are not in the order of its positions.
        sqlite3.Error: the database failed.

    """
    columns = [row[1] for row in db.execute("PRAGMA table_info(ev)")]
    if "chain" not in columns:
        db.execute("ALTER TABLE ev ADD COLUMN chain BLOB")
    (total,) = db.execute("SELECT nid FROM head").fetchone()
    LOGGER.info("adding hash chains to an older event log, once", database=path, events=total)
    names: dict[int, str] = dict(db.execute("SELECT oid, name FROM stream"))
    ends: dict[int, End] = {}
    at, told = 0, 0
    while rows := db.execute(_PAGE, (at, PAGE)).fetchall():
        db.execute("BEGIN IMMEDIATE")
        db.executemany(_SET, _chained(rows, names, ends))
        db.execute("COMMIT")
        at = rows[-1][0]
        if at - told >= TOLD_EVERY:
            told = at
            LOGGER.info("adding hash chains", database=path, done=at, events=total)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    LOGGER.info("the event log has hash chains now", database=path, events=at)


def _chained(
    rows: list[tuple[int, int, int, str, bytes, bytes | None]],
    names: dict[int, str],
    ends: dict[int, End],
) -> list[tuple[bytes, int]]:
    """Return chain and position of the rows that have none yet."""
    missing = []
    for nid, oid, ver, topic, state, known in rows:
        last, before = ends.get(oid) or (None, origin(names[oid]))
        if last is not None and ver <= last:
            raise StoreError(
                f"{names[oid]} has version {ver} behind version {last}, at position {nid}:"
                " no hash chain can be made; keep the version of the program that wrote it"
            )
        value = known or link(before, nid, ver, topic.encode(), state)
        ends[oid] = ver, value
        if known is None:
            missing.append((value, nid))
    return missing
