"""What Oracle does to us, by a double, on order: nothing is lost, no wait is for ever."""

import contextlib
import gc
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import oracledb
import pytest
from databases import DatabaseMissing, Oracle, free_port, running_double
from relay import Relay
from stores import oracle_place

from hes.store import oracle, oracle_link, oracle_socket
from hes.store.chain import Verifier
from hes.store.errors import StoreDuplicate, StoreError, StoreUnavailable
from hes.store.open import open_log
from hes.store.oracle_errors import told
from hes.store.oracle_link import target_of
from hes.store.port import Append, Appended, EventLog

pytestmark = [
    pytest.mark.databases,
    # The driver leaves sockets to the garbage collector when a connect fails.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ROW = ("Reading/1", b"state")
COMMIT_CALL = 3
LOSING = frozenset({16000, 1089})
"""Codes after which a connection is of no use."""
COMMIT_CALLS = 6
"""Ways to the server that one append takes at most, once its stream is known."""


@pytest.fixture(scope="module")
def double() -> Iterator[Oracle]:
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(running_double("faults"))
        except DatabaseMissing as missing:
            pytest.skip(str(missing))
        yield server


@pytest.fixture
def log(double: Oracle, tmp_path: Path) -> Iterator[EventLog]:
    double.tell(cmd="accept")
    with closing(oracle_place(double, tmp_path).open()) as opened:
        opened.fence()
        append(opened, 0)
        yield opened
        double.tell(cmd="accept")


def append(log: EventLog, version: int) -> list[object]:
    return list(log.append([Append("meter:1", version, [ROW])]))


def until_stored(log: EventLog, version: int) -> list[object]:
    """Append as the journal does: again, until it is stored."""
    for _ in range(5):
        with contextlib.suppress(StoreUnavailable):
            return append(log, version)
    raise AssertionError("not stored after five tries")


def check(log: EventLog, events: int) -> None:
    verifier = Verifier()
    rows = log.read_chained(0, 100)
    assert list(verifier.take(rows)) == []
    assert verifier.end(log.head()) is None
    assert len(rows) == events


def test_a_commit_whose_answer_is_lost_is_stored_once(double: Oracle, log: EventLog) -> None:
    double.tell(cmd="kill_at_commit")
    assert append(log, 1) == [Appended(2, 2)]
    assert append(log, 2) == [Appended(3, 3)]
    check(log, 3)


@pytest.mark.parametrize("call", range(1, COMMIT_CALLS + 1))
def test_a_kill_at_any_way_to_the_server(double: Oracle, log: EventLog, call: int) -> None:
    double.tell(cmd="kill", call=call)
    assert until_stored(log, 1) == [Appended(2, 2)]
    assert until_stored(log, 2) == [Appended(3, 3)]
    check(log, 3)


@pytest.mark.parametrize("call", range(1, 4))
@pytest.mark.parametrize("code", [1653, 257, 60, 8177, 16000, 1089])
def test_an_error_in_the_middle_is_tried_again(
    double: Oracle, log: EventLog, call: int, code: int
) -> None:
    double.tell(cmd="fail", call=call, ora=code)
    # The third way to the server is the commit: where it may have been lost, its outcome is looked
    # up, and what is not there is stored, all in one append.
    if not (call == COMMIT_CALL and code in LOSING):
        with pytest.raises(StoreUnavailable):
            append(log, 1)
    assert append(log, 1) == [Appended(2, 2)]
    check(log, 2)


def test_a_full_tablespace_says_what_to_do(double: Oracle, log: EventLog) -> None:
    double.tell(cmd="fail", call=1, ora=1653)
    with pytest.raises(StoreUnavailable, match=r"is full; add a data file .*\(ORA-01653\)"):
        append(log, 1)
    double.tell(cmd="fail", call=1, ora=257)
    with pytest.raises(StoreUnavailable, match=r"make room where it archives; the node goes on"):
        append(log, 1)


@pytest.mark.parametrize("code", [942, 904, 28000, 1031])
def test_what_a_person_must_mend_is_no_passing_trouble(
    double: Oracle, log: EventLog, code: int
) -> None:
    double.tell(cmd="fail", call=1, ora=code)
    with pytest.raises(StoreError) as caught:
        append(log, 1)
    assert not isinstance(caught.value, StoreUnavailable)
    assert append(log, 1) == [Appended(2, 2)]


def test_reads_survive_a_restart_of_the_server(double: Oracle, log: EventLog) -> None:
    assert log.head() == 1
    double.tell(cmd="kill", call=1)
    assert log.head() == 1


def test_refused_logons_are_waited_for(double: Oracle, log: EventLog) -> None:
    double.tell(cmd="kill", call=1)
    with pytest.raises(StoreUnavailable):
        append(log, 1)
    double.tell(cmd="refuse", ora=12514)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="does not know the service"):
            append(log, 1)
    double.tell(cmd="accept")
    assert append(log, 1) == [Appended(2, 2)]
    check(log, 2)


def test_a_wrong_password_is_told(double: Oracle, log: EventLog) -> None:
    with pytest.raises(StoreError, match="the user or the password is wrong; mend"):
        open_log(f"oracle://hes:wrong@{double.dsn}")
    with pytest.raises(StoreError, match=r"name its file as store.password_file"):
        open_log(f"oracle://hes@{double.dsn}")


# -- Data Guard: one description of two sites, one of which has the role


def sites(*ports: int) -> str:
    addresses = "".join(f"(ADDRESS=(PROTOCOL=tcp)(HOST=127.0.0.1)(PORT={p}))" for p in ports)
    return (
        "(DESCRIPTION=(CONNECT_TIMEOUT=5)(RETRY_COUNT=1)(RETRY_DELAY=1)(TRANSPORT_CONNECT_TIMEOUT=1)"
        f"(ADDRESS_LIST={addresses})(CONNECT_DATA=(SERVICE_NAME=hes_rw)))"
    )


def port_of(oracle: Oracle) -> int:
    return int(oracle.dsn.partition(":")[2].partition("/")[0])


@pytest.mark.parametrize("unheard", [False, True])
def test_a_role_change_loses_nothing(double: Oracle, log: EventLog, unheard: bool) -> None:
    """The first site goes, be it within a commit; the other one has all that was committed."""
    first, second = Relay(port_of(double)), Relay(port_of(double))
    with closing(first), closing(second):
        dsn = sites(first.port, second.port)
        with closing(open_log(f"oracle://hes:pw@{dsn}")) as node:
            node.fence()
            assert append(node, 1) == [Appended(2, 2)]
            if unheard:
                double.tell(cmd="kill_at_commit")
            first.close()
            assert until_stored(node, 2) == [Appended(3, 3)]
            assert node.head() == 3
    check(log, 3)


def test_a_site_that_is_a_standby_is_no_writer(double: Oracle, log: EventLog) -> None:
    double.tell(cmd="fail", call=1, ora=16000)
    with pytest.raises(StoreUnavailable, match="it is a standby now; it is tried again"):
        append(log, 1)
    assert append(log, 1) == [Appended(2, 2)]


# -- listeners


@contextlib.contextmanager
def listener(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen and answer each caller; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = server.accept()
                    callers.append(caller)
                    answer(caller)

        callers: list[socket.socket] = []
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            for caller in callers:
                caller.close()


def accepting(version: int) -> Callable[[socket.socket], None]:
    """Return what answers as a server of an old version of the protocol."""

    def answer(caller: socket.socket) -> None:
        caller.recv(4096)
        body = struct.pack(">HH", version, 0) + bytes(20)
        caller.sendall(struct.pack(">HHBBH", len(body) + 8, 0, 2, 0, 0) + body)

    return answer


def test_a_server_of_11g_asks_for_thick_mode() -> None:
    with (
        listener(accepting(314)) as port,
        pytest.raises(StoreError, match=r"older than 12.1, .* Instant Client 19: .*\?thick="),
    ):
        open_log(f"oracle://hes:pw@127.0.0.1:{port}/old")


def until_none_hangs() -> None:
    """Wait until every try to connect has ended, also those that nobody waits for."""
    deadline = time.monotonic() + 10
    while any(thread.name == "hes-oracle-connect" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a connect hangs for ever"
        time.sleep(0.05)


def test_a_listener_that_never_answers_holds_nobody_up(
    double: Oracle, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle_link, "_hanging", threading.BoundedSemaphore(2))
    monkeypatch.setattr(oracle_link, "CONNECT_S", 0.5)
    with listener(lambda _caller: None) as port:
        started = time.monotonic()
        for _ in range(4):  # none of them uses up a place for ever
            with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.5 s"):
                open_log(f"oracle://hes:pw@127.0.0.1:{port}/hes_rw")
        assert time.monotonic() - started < 15
        # Another database is reached meanwhile: the driver's mode was chosen before.
        assert log.head() == 1
        until_none_hangs()


def test_no_more_than_a_few_wait_for_a_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle_link, "_hanging", threading.BoundedSemaphore(1))
    monkeypatch.setattr(oracle_link, "CONNECT_S", 0.5)
    with oracle_link._hanging, pytest.raises(StoreUnavailable, match="connections wait for it"):
        open_log(f"oracle://hes:pw@127.0.0.1:{free_port()}/hes_rw")


def test_a_site_that_takes_calls_and_says_nothing_is_passed_by(
    double: Oracle, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle_socket, "HANDSHAKE_S", 0.5)
    with listener(lambda _caller: None) as port:
        dsn = sites(port, port_of(double))
        with closing(open_log(f"oracle://hes:pw@{dsn}")) as node:
            assert node.head() == 1
    until_none_hangs()


@pytest.mark.parametrize("ask", ["read", "write"])
def test_a_call_that_the_network_swallows_ends(
    double: Oracle, log: EventLog, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    """Also where the driver asks the server to stop, and waits for an answer to that."""
    relay = Relay(port_of(double))
    with closing(relay), closing(open_log(f"oracle://hes:pw@127.0.0.1:{relay.port}/a")) as node:
        node.fence()
        assert append(node, 1) == [Appended(2, 2)]
        assert node.head() == 2
        monkeypatch.setattr(oracle, "ANSWER_S", 1.0)
        monkeypatch.setattr(oracle_link, "CONNECT_S", 1.0)
        relay.silent = True
        started = time.monotonic()
        with pytest.raises(StoreUnavailable):
            append(node, 2) if ask == "write" else node.head()
        assert time.monotonic() - started < 6
        relay.silent = False
        started = time.monotonic()
        assert until_stored(node, 2) == [Appended(3, 3)]
        assert node.head() == 3
        assert time.monotonic() - started < 6
        relay.silent = True  # nor does the end of the node wait for farewells
        monkeypatch.setattr(oracle_link, "CLOSE_S", 0.5)
        started = time.monotonic()
    assert time.monotonic() - started < 6


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_closed_connection_keeps_no_socket(double: Oracle, log: EventLog) -> None:
    with closing(open_log(f"oracle://hes:pw@{double.dsn}")) as node:
        node.head()
    before = descriptors()
    for _ in range(3):
        with closing(open_log(f"oracle://hes:pw@{double.dsn}")) as node:
            node.head()
        double.tell(cmd="kill", call=2)
        with (
            contextlib.suppress(StoreUnavailable),
            closing(open_log(f"oracle://hes:pw@{double.dsn}")) as node,
        ):
            node.head()
    gc.collect()
    assert descriptors() <= before


def test_a_socket_has_the_systems_own_limits_too(double: Oracle, log: EventLog) -> None:
    connection = oracle_link.connect(target_of(f"oracle://hes:pw@{double.dsn}"))
    with closing(connection):
        assert connection.wire is not None
        assert connection.wire._number is not None
        with socket.socket(fileno=os.dup(connection.wire._number)) as same:
            option = same.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert option == oracle_socket.SILENCE_MS
            assert same.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_sockets_of_others_are_left_alone(double: Oracle, log: EventLog) -> None:
    wire = oracle_socket.Wire()
    with wire.caught(), listener(lambda _caller: None) as port:
        done = threading.Event()

        def other() -> None:
            with socket.create_connection(("127.0.0.1", port)):
                done.set()

        threading.Thread(target=other, daemon=True).start()
        assert done.wait(5)
        assert wire._number is None


def test_nobody_listens() -> None:
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        open_log(f"oracle://hes:pw@127.0.0.1:{free_port()}/hes_rw")


def test_thick_mode_is_asked_for_behind_the_url(tmp_path: Path) -> None:
    target = target_of(f"oracle://hes:pw@db:1521/old?thick={tmp_path}")
    assert (target.dsn, target.thick) == ("db:1521/old", str(tmp_path))


def test_the_mode_cannot_change_within_a_process(double: Oracle, log: EventLog) -> None:
    with pytest.raises(StoreError, match="DPY-2019"):
        open_log(f"oracle://hes:pw@{double.dsn}?thick")


# -- errors that the double does not know


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ORA-00001: unique constraint (HES.EV_STREAM) violated", StoreDuplicate),
        ("ORA-03113: end-of-file on communication channel", StoreUnavailable),
        ("DPY-4011: the database or network closed the connection", StoreUnavailable),
        ("DPY-4024: call timeout of 20000 ms exceeded", StoreUnavailable),
        ("ORA-30006: resource busy; acquire with WAIT timeout expired", StoreUnavailable),
        ("ORA-25408: can not safely replay call", StoreUnavailable),
        ("ORA-03134: Connections to this server version are no longer supported.", StoreError),
        ("DPI-1072: the Oracle Client library version is unsupported", StoreError),
        ("ORA-01950: no privileges on tablespace 'USERS'", StoreError),
        ("ORA-12899: value too large for column", StoreError),
    ],
)
def test_errors_have_their_kinds(text: str, kind: type[StoreError]) -> None:
    assert type(told(oracledb.DatabaseError(text), "the database")) is kind


@pytest.mark.parametrize(
    ("url", "user", "password", "dsn", "shown"),
    [
        ("oracle://hes@db:1521/hes_rw", "hes", None, "db:1521/hes_rw", "db:1521/hes_rw"),
        ("oracle://hes:a%40b@db/x", "hes", "a@b", "db/x", "db/x"),
        (
            "oracle://hes@(DESCRIPTION=(ADDRESS=(HOST=a))(CONNECT_DATA=(SERVICE_NAME=hes_rw)))",
            "hes", None,
            "(DESCRIPTION=(ADDRESS=(HOST=a))(CONNECT_DATA=(SERVICE_NAME=hes_rw)))", "hes_rw",
        ),
    ],
)  # fmt: skip
def test_urls(url: str, user: str, password: str | None, dsn: str, shown: str) -> None:
    target = target_of(url)
    assert target[:3] == (user, password, dsn)
    assert target.shown == f"the Oracle database {shown}"
