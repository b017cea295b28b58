"""Connections of readers: lent, kept, closed; and the watch that cuts what takes too long."""

import socket
import threading

import pytest

from hes.store import pool as pools, watch as watches
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.pool import Pool
from hes.store.watch import Watch, cut_socket


class Connection:
    made: list["Connection"]

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Broken(Exception):
    """The connection is."""


@pytest.fixture
def made() -> list[Connection]:
    return []


@pytest.fixture
def pool(made: list[Connection]) -> Pool[Connection]:
    def connect() -> Connection:
        made.append(Connection())
        return made[-1]

    return Pool(connect, "the database", most=2)


def test_a_connection_is_used_again(pool: Pool[Connection], made: list[Connection]) -> None:
    with pool.lent() as (first, used):
        assert not used
    with pool.lent() as (second, used):
        assert used
    assert first is second
    assert len(made) == 1


def test_one_that_failed_is_closed_and_not_used_again(
    pool: Pool[Connection], made: list[Connection]
) -> None:
    with pytest.raises(Broken), pool.lent():
        raise Broken
    assert made[0].closed
    with pool.lent() as (other, used):
        assert not used
    assert other is made[1]


def test_a_failing_connect_costs_no_place() -> None:
    def refuse() -> Connection:
        raise Broken

    full = Pool(refuse, "the database", most=1)
    for _ in range(3):
        with pytest.raises(Broken), full.lent():
            pass


def test_who_waits_too_long_is_told(
    pool: Pool[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "WAIT_S", 0.01)
    with (
        pool.lent(),
        pool.lent(),
        pytest.raises(StoreUnavailable, match="is busy: 2 readers wait"),
        pool.lent(),
    ):
        pass
    with pool.lent():
        pass


def test_idle_ones_go_when_the_server_was_away(
    pool: Pool[Connection], made: list[Connection]
) -> None:
    with pool.lent(), pool.lent():
        pass
    pool.drop_idle()
    assert [one.closed for one in made] == [True, True]


def test_closing_waits_for_those_that_are_lent(
    pool: Pool[Connection], made: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection is never closed under a thread that is inside a call."""
    entered, leave = threading.Event(), threading.Event()

    def read() -> None:
        with pool.lent():
            entered.set()
            leave.wait(5)

    reader = threading.Thread(target=read)
    reader.start()
    entered.wait(5)
    monkeypatch.setattr(pools, "DRAIN_S", 0.01)
    pool.close()
    assert not made[0].closed
    leave.set()
    reader.join(5)
    assert made[0].closed
    with pytest.raises(StoreError, match="the database is closed"), pool.lent():
        pass


def test_a_call_that_takes_too_long_is_cut_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "TICK_S", 0.01)
    cuts: list[str] = []
    done = threading.Event()
    watch = Watch()

    def cut() -> None:
        cuts.append("cut")
        done.set()

    with watch.limit(60.0, lambda: cuts.append("never")), watch.limit(0.01, cut):
        assert done.wait(5)
    assert cuts == ["cut"]
    watch.close()


def test_both_ends_of_a_cut_socket_see_its_end() -> None:
    one, other = socket.socketpair()
    with one, other:
        cut_socket(one.fileno())
        assert one.recv(1) == other.recv(1) == b""
