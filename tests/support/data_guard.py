"""Two sites of an Oracle database and the networks before them, for drills of a role change."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from databases import _DIE_WITH_US, DatabaseMissing, Oracle, _h2_jar
from relay import Relay

PROGRAM = Path(__file__).parent / "oracle_sites.py"


class Site:
    """One of the two servers, behind a network of its own."""

    def __init__(self, port: int, control: int) -> None:
        self.relay = Relay(port)
        self.oracle = Oracle("hes", "pw", f"127.0.0.1:{port}/hes_rw", control)
        self.tell = self.oracle.tell

    def statements(self) -> list[str]:
        """Return what it was asked since the last time."""
        return list(self.tell(cmd="statements")["statements"])

    def sessions(self) -> int:
        """Return how many sessions it has."""
        return int(self.tell(cmd="sessions")["sessions"])


class DataGuard:
    """The first site is the primary at first."""

    def __init__(self, first: Site, second: Site) -> None:
        self.first = first
        self.second = second
        second.tell(cmd="role", standby=True)

    def url(self, service: str = "hes_rw") -> str:
        """Return the URL of a service, wherever it is."""
        return f"oracle://hes:pw@{self.dsn(service)}"

    def dsn(self, service: str) -> str:
        """Return ONE description of both sites: a list of them would exhaust the first one's."""
        addresses = "".join(
            f"(ADDRESS=(PROTOCOL=tcp)(HOST=127.0.0.1)(PORT={site.relay.port}))"
            for site in (self.first, self.second)
        )
        return (
            "(DESCRIPTION=(CONNECT_TIMEOUT=5)(RETRY_COUNT=1)(RETRY_DELAY=1)"
            f"(TRANSPORT_CONNECT_TIMEOUT=1)(ADDRESS_LIST={addresses})"
            f"(CONNECT_DATA=(SERVICE_NAME={service})))"
        )

    def switch_over(self) -> None:
        """Change the roles; sessions of the old primary live on as readers."""
        self.first, self.second = self.second, self.first
        self.second.tell(cmd="role", standby=True)
        self.first.tell(cmd="role", standby=False)


@contextlib.contextmanager
def data_guard() -> Iterator[DataGuard]:
    """Give two sites with an empty database.

    Raises:
        DatabaseMissing: the double's folder is not named, or what it wants is missing.

    """
    folder = os.environ.get("HES_TEST_ORACLE_DOUBLE")
    if not folder:
        raise DatabaseMissing("no Oracle double: set HES_TEST_ORACLE_DOUBLE to its folder")
    command = [*_DIE_WITH_US, sys.executable, PROGRAM, _h2_jar(), folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        try:
            assert program.stdout is not None
            line = program.stdout.readline()
            if not line:
                raise DatabaseMissing("no Oracle: its double does not start")
            guard = DataGuard(*(Site(**told) for told in json.loads(line)))
            # In an empty database H2 says in other words that a table is missing.
            with guard.first.oracle.connect() as connection, connection.cursor() as cursor:
                cursor.execute("CREATE TABLE never_empty (n NUMBER(1))")
            yield guard
            for site in (guard.first, guard.second):
                site.relay.close()
        finally:
            program.kill()
