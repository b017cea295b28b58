"""Empty event logs on every database, for the contract suite."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from databases import Oracle, Postgres

from hes.store.open import open_log
from hes.store.port import EventLog
from hes.store.schema import ORACLE

ORACLE_TABLES: Final = tuple(
    re.findall(r"CREATE TABLE (\w+)", " ".join((*ORACLE.log, *ORACLE.aside)))
)
NEEDS: Final = {"sqlite": None, "postgresql": "postgres", "oracle": "oracle"}
"""Kind of database to the fixture that gives one."""
KINDS: Final = [
    pytest.param(kind, marks=[pytest.mark.databases] if fixture else [])
    for kind, fixture in NEEDS.items()
]


class Place(NamedTuple):
    """Where a log is; another process would open the same."""

    url: str
    password_file: str | None = None

    def open(self) -> EventLog:
        """Open it, as another process would."""
        return open_log(self.url, self.password_file)


def places(kind: str, request: Any) -> Callable[[], Place]:
    """Return what gives a new, empty place each time; skips where there is no such database."""
    needed = NEEDS[kind]
    folder: Path = request.getfixturevalue("tmp_path")
    server = request.getfixturevalue(needed) if needed else None
    numbers = iter(range(1_000_000))

    def new_place() -> Place:
        if isinstance(server, Postgres):
            return Place(server.new_database())
        if isinstance(server, Oracle):
            return oracle_place(server, folder)
        return Place(f"sqlite:///{folder}/events-{next(numbers)}.db")

    return new_place


def oracle_place(oracle: Oracle, folder: Path) -> Place:
    """Return the one schema there is, emptied."""
    oracle.drop_tables(ORACLE_TABLES)
    password_file = folder / "password"
    password_file.write_text(oracle.password + "\n")
    return Place(f"oracle://{oracle.user}@{oracle.dsn}", str(password_file))
