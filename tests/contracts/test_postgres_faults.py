"""What PostgreSQL does to us: nothing is lost, no wait is for ever, and a person is told."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from databases import Postgres, free_port
from relay import Relay

from hes.store import pool
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.open import open_log
from hes.store.port import Append, Appended, EventLog
from hes.store.postgres_rows import FEW

pytestmark = pytest.mark.databases
ROW = ("Reading/1", b"state")
MANY = FEW + 1
"""Events of a batch that goes by COPY."""


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.new_database()


@pytest.fixture
def relay(url: str) -> Iterator[Relay]:
    port = urlsplit(url).port
    if port is None:
        pytest.skip("the server has no port to put a relay before")
    with closing(Relay(port)) as made:
        yield made


@pytest.fixture
def log(url: str, relay: Relay) -> Iterator[EventLog]:
    """A log behind the relay."""
    at = urlsplit(url)
    netloc = at.netloc.rpartition(":")[0] + f":{relay.port}"
    with closing(open_log(at._replace(netloc=netloc).geturl())) as opened:
        opened.fence()
        yield opened


def append(log: EventLog, version: int, events: int = 1) -> list[object]:
    return list(log.append([Append("meter:1", version, [ROW] * events)]))


def test_a_commit_whose_answer_is_lost_is_stored_once(log: EventLog, relay: Relay) -> None:
    relay.swallow_answer_to = b"COMMIT"
    assert append(log, 0) == [Appended(1, 1)]
    assert not relay.swallow_answer_to
    assert append(log, 1) == [Appended(2, 2)]
    assert log.head() == 2


def test_a_transaction_whose_rows_were_not_sent_is_not_in_doubt(
    log: EventLog, relay: Relay
) -> None:
    append(log, 0)
    relay.swallow_answer_to = b"UPDATE head"
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        append(log, 1, MANY)
    assert append(log, 1, MANY) == [Appended(2, 2)]
    assert log.head() == 1 + MANY


def test_a_few_rows_are_in_doubt_once_they_are_sent(log: EventLog, relay: Relay) -> None:
    """Head, rows and commit are one statement."""
    append(log, 0)
    relay.swallow_answer_to = b"UPDATE head"  # which the server is told before, once
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        append(log, 1)
    append(log, 1)
    append(log, 2)
    relay.swallow_answer_to = b"hes_store_few"
    assert append(log, 3) == [Appended(4, 4)]
    assert not relay.swallow_answer_to
    assert append(log, 4) == [Appended(5, 5)]
    assert [row.version for row in log.read(0, 9)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("last", [b"PGCOPY\n", b"c\x00\x00\x00\x04"], ids=["rows", "end of rows"])
def test_rows_whose_answer_is_lost_are_stored_once(
    log: EventLog, relay: Relay, last: bytes
) -> None:
    """The commit is asked for together with the rows, before they are sent."""
    append(log, 0)
    append(log, 1)
    relay.swallow_answer_to = last
    assert append(log, 2, MANY) == [Appended(3, 3)]
    assert not relay.swallow_answer_to
    assert append(log, 2 + MANY) == [Appended(3 + MANY, 3 + MANY)]
    assert log.head() == 3 + MANY
    assert [row.version for row in log.read(0, 99)] == list(range(1, 4 + MANY))


def test_a_network_that_breaks_is_tried_again(log: EventLog, relay: Relay) -> None:
    append(log, 0)
    assert log.head() == 1
    relay.cut()
    assert log.head() == 1  # the pool sees that its connection is dead, and takes a new one
    relay.cut()
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        append(log, 1)
    assert append(log, 1) == [Appended(2, 2)]


def test_a_server_that_stops_answering_is_hung_up_on(
    log: EventLog, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(log, 0)
    log.head()
    monkeypatch.setattr("hes.store.postgres.ANSWER_S", 1.0)
    relay.silent = True
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        append(log, 1)
    with pytest.raises(StoreUnavailable):
        log.head()
    assert time.monotonic() - started < 20
    relay.silent = False
    relay.cut()
    assert append(log, 1) == [Appended(2, 2)]


def test_a_listener_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hes.store.postgres.CONNECT_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"the PostgreSQL database hes on 127\.0\.0\.1"):
            open_log(f"postgresql://u@127.0.0.1:{listener.getsockname()[1]}/hes")
        assert time.monotonic() - started < 6


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(StoreUnavailable, match=r"cannot be reached .*; start it, or mend"):
        open_log(f"postgresql://u:secret@127.0.0.1:{free_port()}/hes")


def test_a_database_that_is_not_there(url: str) -> None:
    with pytest.raises(StoreError, match="never_made"):
        open_log(url.rpartition("/")[0] + "/never_made")


def test_a_standby_says_so(url: str, log: EventLog) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        name = urlsplit(url).path.strip("/")
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    with closing(open_log(url)) as standby, pytest.raises(StoreUnavailable, match="a standby now"):
        standby.fence()


def test_another_program_holds_the_head(
    url: str, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hes.store.postgres._LIMITS", "-c lock_timeout=200ms")
    with closing(open_log(url)) as own, psycopg.connect(url) as other:
        own.fence()
        other.execute("SELECT * FROM head FOR UPDATE")
        with pytest.raises(StoreUnavailable, match="held by another program that writes"):
            own.append([Append("meter:1", 0, [ROW])])
        other.rollback()
        assert own.append([Append("meter:1", 0, [ROW])]) == [Appended(1, 1)]


def test_a_user_without_rights_is_told_what_to_grant(url: str, postgres: Postgres) -> None:
    role = f"reader_{os.getpid()}"
    postgres.execute(f"CREATE ROLE {role} LOGIN")
    try:
        at = urlsplit(url)
        theirs = at._replace(netloc=f"{role}@{at.netloc.rpartition('@')[2]}").geturl()
        with pytest.raises(StoreError, match=r"grant it what `hes db ddl` lists"):
            open_log(theirs)
    finally:
        postgres.execute(f"DROP ROLE {role}")


def test_tables_of_another_version_are_left_alone(url: str) -> None:
    open_log(url).close()
    with psycopg.connect(url) as db:
        db.execute("UPDATE head SET ddl = 9")
    with pytest.raises(StoreError, match="has schema 9, this program reads 3"):
        open_log(url)


def test_readers_wait_for_a_connection_only_so_long(
    log: EventLog, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "WAIT_S", 0.2)
    monkeypatch.setattr("hes.store.postgres.ANSWER_S", 3.0)
    relay.silent = True

    def read() -> None:
        with contextlib.suppress(StoreUnavailable):
            log.head()

    threads = [threading.Thread(target=read) for _ in range(pool.CONNECTIONS_MAX)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    with pytest.raises(StoreUnavailable, match="is busy: 8 readers wait"):
        log.head()
    relay.silent = False
    relay.cut()
    for thread in threads:
        thread.join(20)
    assert log.head() == 0


def test_a_password_file(url: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\nnot this\n")
    open_log(url, str(file)).close()
    file.write_text("\n")
    with pytest.raises(StoreError, match="is empty; write the password into it"):
        open_log(url, str(file))
    with pytest.raises(StoreError, match="cannot be read: No such file"):
        open_log(url, str(tmp_path / "none"))


def test_two_nodes_that_start_at_once_make_one_schema(url: str) -> None:
    problems: list[StoreError] = []

    def start() -> None:
        try:
            open_log(url).close()
        except StoreError as problem:
            problems.append(problem)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with closing(open_log(url)) as log:
        assert log.head() == 0


def test_a_backend_that_is_killed_loses_nothing(url: str, log: EventLog) -> None:
    append(log, 0)
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(StoreUnavailable):
        append(log, 1)
    assert append(log, 1) == [Appended(2, 2)]
    assert log.head() == 2
