"""Databases for the suites of the adapters: a private PostgreSQL, and an Oracle or its double.

PostgreSQL: ``HES_TEST_POSTGRES_URL`` names a server where databases may be made; without it one is
started in a temporary folder, if its programs are installed. Oracle: ``HES_TEST_ORACLE_DSN`` names
a schema that may be emptied, as ``user/password@dsn``; without it ``HES_TEST_ORACLE_DOUBLE`` names
the folder of a double (``tns_double.py``), which wants Java, H2 and JPype1.

``tests/conftest.py`` has the fixtures for all tests.
"""

import contextlib
import fcntl
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

START_S: Final = 60.0
"""A Java machine on a machine that is shared."""
USER: Final = "postgres"
"""PostgreSQL refuses root: whoever is root lends it this user, or nobody."""
LAUNCH: Final = """
import sys, jpype
jpype.startJVM("-Xmx384m", "-XX:TieredStopAtLevel=1", classpath=[sys.argv.pop(1)])
sys.path.insert(0, sys.argv.pop(1))
import tns_double
tns_double.main()
"""
JARS: Final = (
    (Path("/usr/share/java"), "h2*.jar"),
    (Path("~/.m2/repository/com/h2database/h2"), "*/h2-*.jar"),
)
_numbers = itertools.count(1)


class DatabaseMissing(Exception):
    """The machine has none; the message says what would help."""


# -- PostgreSQL


class Postgres:
    """A server, and empty databases on it."""

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url
        """As a superuser, to the database ``postgres`` or any other."""
        self._made: list[str] = []

    def new_database(self) -> str:
        """Return the URL of an empty database of its own."""
        name = f"hes_test_{os.getpid()}_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        self._made.append(name)
        return self.url_of(name)

    def url_of(self, database: str) -> str:
        """Return the URL of a database of this server."""
        base, _, options = self.admin_url.partition("?")
        url = f"{base.rpartition('/')[0]}/{database}"
        return f"{url}?{options}" if options else url

    def drop_databases(self) -> None:
        """Remove what was made, whoever is still connected."""
        while self._made:
            self.execute(f"DROP DATABASE IF EXISTS {self._made.pop()} WITH (FORCE)")

    def execute(self, sql: str) -> None:
        """Carry out one statement as the superuser."""
        import psycopg

        with psycopg.connect(self.admin_url, autocommit=True, connect_timeout=10) as connection:
            connection.execute(sql.encode())


class PrivatePostgres(Postgres):
    """A server of our own, which may fail on order."""

    def __init__(self, programs: Path, folder: Path, *, durable: bool = False) -> None:
        self.port = free_port()
        super().__init__(f"postgresql://hes@127.0.0.1:{self.port}/postgres")
        self._command = [
            *_DIE_WITH_US, programs / "postgres", "-D", folder / "data", "-p", str(self.port),
            "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}",
            "-c", f"fsync={'on' if durable else 'off'}", "-c", "max_connections=50",
        ]  # fmt: skip
        self._folder = folder
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; return when it lets somebody in."""
        self._server = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._folder,
            **_as_user(),
        )  # fmt: skip
        _until_open(self.port, self._server)

    def stop(self, number: int = signal.SIGINT) -> None:
        """End it and its connections: SIGQUIT as after a crash (``pg_ctl stop -m immediate``)."""
        server, self._server = self._server, None
        if server is None:
            return
        server.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(10 if number == signal.SIGQUIT else 2)
        server.kill()
        server.wait()


@contextlib.contextmanager
def private_postgres(*, durable: bool = False) -> Iterator[PrivatePostgres]:
    """Give a running server in a temporary folder; ``durable``: it waits for its disk.

    Raises:
        DatabaseMissing: its programs are not installed.

    """
    programs = _postgres_programs()
    with tempfile.TemporaryDirectory(prefix="hes-postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        _lend(folder)
        _run([programs / "initdb", "-D", folder / "data", "-U", "hes", "-A", "trust", "-E", "UTF8",
              "--locale=C.UTF-8", "--no-sync"])  # fmt: skip
        server = PrivatePostgres(programs, folder, durable=durable)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """Give the server that the environment names, or a private one; see ``private_postgres``.

    Raises:
        DatabaseMissing: there is none, nor the programs for one.

    """
    url = os.environ.get("HES_TEST_POSTGRES_URL")
    if url:
        yield Postgres(url)
        return
    with private_postgres(durable=durable) as server:
        yield server


def _postgres_programs() -> Path:
    found = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = debian[-1] if debian else found
    if path is None:
        raise DatabaseMissing(
            "no PostgreSQL: set HES_TEST_POSTGRES_URL or install the package postgresql"
        )
    return Path(path).resolve().parent


_DIE_WITH_US: Final = ["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []
"""So that a suite that is killed leaves no server behind."""


def _as_user() -> dict[str, Any]:
    """Return who runs the server: somebody else when we are root."""
    if os.geteuid():
        return {}
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    name = USER if USER in known else "nobody"
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}


def _lend(folder: Path) -> None:
    who = _as_user()
    if who:
        shutil.chown(folder, who["user"], who["group"])


def _run(command: list[Any]) -> None:
    done = subprocess.run(command, capture_output=True, cwd="/", check=False, **_as_user())
    if done.returncode:
        raise DatabaseMissing(f"no PostgreSQL: initdb said {done.stderr.decode()[-300:]}")


# -- Oracle


class Oracle:
    """A schema that tests may empty, on a real server or on the double."""

    def __init__(self, user: str, password: str, dsn: str, control: int | None = None) -> None:
        self.user = user
        self.password = password
        self.dsn = dsn
        """As the driver takes it: ``host:port/service`` or a whole description."""
        self._control = control

    @property
    def is_double(self) -> bool:
        """Whether faults can be had; see ``tell``."""
        return self._control is not None

    def connect(self) -> Any:
        """Return a connection of the driver."""
        import oracledb

        return oracledb.connect(user=self.user, password=self.password, dsn=self.dsn)

    def drop_tables(self, names: Iterable[str], *, views: Iterable[str] = ()) -> None:
        """Remove tables and views; those that are not there too."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in (
                *(f"DROP VIEW {name}" for name in views),
                *(f"DROP TABLE {name}" for name in names),
            ):
                self._drop(cursor, statement)

    @staticmethod
    def _drop(cursor: Any, statement: str) -> None:
        import oracledb

        try:
            cursor.execute(statement)
        except oracledb.DatabaseError as problem:
            if problem.args[0].code not in {942, 4043}:
                raise

    def tell(self, **command: Any) -> dict[str, Any]:
        """Order a fault of the double: ``tell(cmd="refuse", ora=12514)``; return its answer."""
        assert self._control is not None, "a real Oracle takes no orders"
        with socket.create_connection(("127.0.0.1", self._control), timeout=5) as control:
            control.sendall(json.dumps(command).encode() + b"\n")
            answer: dict[str, Any] = json.loads(control.makefile().readline())
        assert answer["ok"], answer
        return answer


@contextlib.contextmanager
def running_oracle() -> Iterator[Oracle]:
    """Give the schema that the environment names, or that of a double of our own.

    Raises:
        DatabaseMissing: there is neither.

    """
    named = os.environ.get("HES_TEST_ORACLE_DSN")
    if named:
        who, _, dsn = named.rpartition("@") if "(" not in named else named.partition("@")
        user, _, password = who.partition("/")
        yield Oracle(user, password, dsn)
        return
    with running_double() as oracle:
        yield oracle


@contextlib.contextmanager
def running_double(name: str = "double") -> Iterator[Oracle]:
    """Give a double with an empty database, in a process of its own.

    Raises:
        DatabaseMissing: its folder is not named, or what it wants is missing.

    """
    folder = os.environ.get("HES_TEST_ORACLE_DOUBLE")
    if not folder:
        raise DatabaseMissing(
            "no Oracle: set HES_TEST_ORACLE_DSN, or HES_TEST_ORACLE_DOUBLE to the double's folder"
        )
    command = [
        *_DIE_WITH_US, sys.executable, "-c", LAUNCH, _h2_jar(), folder, "--name", name,
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            if not line:
                assert server.stderr is not None
                why = server.stderr.read().decode()[-300:]
                raise DatabaseMissing(f"no Oracle: its double does not start: {why}")
            told = json.loads(line)
            oracle = Oracle("hes", "pw", told["dsn"], told["control"])
            # In an empty database H2 says in other words that a table is missing.
            with oracle.connect() as connection, connection.cursor() as cursor:
                cursor.execute("CREATE TABLE never_empty (n NUMBER(1))")
            yield oracle
        finally:
            server.kill()


def _h2_jar() -> str:
    named = os.environ.get("HES_TEST_H2_JAR")
    found = [path for folder, name in JARS for path in sorted(folder.expanduser().glob(name))]
    if not named and not found:
        raise DatabaseMissing("no Oracle: its double wants H2; install the package libh2-java")
    return named or str(found[0])


# -- fixtures


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """The server of this run; its databases go at the end of each test."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(running_postgres())
        except DatabaseMissing as missing:
            pytest.skip(str(missing))
        yield server


@pytest.fixture
def postgres(postgres_server: Postgres) -> Iterator[Postgres]:
    """A server whose ``new_database`` gives an empty one."""
    yield postgres_server
    postgres_server.drop_databases()


@pytest.fixture(scope="session")
def oracle_server() -> Iterator[Oracle]:
    """The Oracle of this run. Whoever uses it drops their tables first."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(running_oracle())
        except DatabaseMissing as missing:
            pytest.skip(str(missing))
        if not server.is_double:
            stack.enter_context(_alone())
        yield server


@pytest.fixture
def oracle(oracle_server: Oracle) -> Iterator[Oracle]:
    """The Oracle of this run, without faults at the end of each test."""
    yield oracle_server
    if oracle_server.is_double:
        oracle_server.tell(cmd="accept")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one process of a parallel run at a time use the one real schema."""
    with (Path(tempfile.gettempdir()) / "hes-test-oracle.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _until_open(port: int, server: "subprocess.Popen[bytes]") -> None:
    """Wait until the server lets somebody in."""
    import psycopg

    deadline = time.monotonic() + START_S
    while True:
        if server.poll() is not None:
            raise DatabaseMissing("no PostgreSQL: it ended at its start")
        try:
            url = f"postgresql://hes@127.0.0.1:{port}/postgres"
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, f"PostgreSQL not up within {START_S} s"
            time.sleep(0.05)
        else:
            return
