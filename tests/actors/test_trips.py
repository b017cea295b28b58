"""Patience with slow networks: measured, bounded, and none where the network is quick."""

import socket
from typing import Any, cast

from actors.hub import Connection
from actors.trips import EXTRA_S_MAX, KEPT, NORMAL_S, Trips

HUB = cast("Any", None)


def trips(*taken_s: float) -> Trips:
    found = Trips()
    for taken in taken_s:
        found.note(taken)
    return found


def test_what_is_usual_needs_no_more_time() -> None:
    assert Trips().extra_s == 0
    assert trips(0.2, NORMAL_S, 0.9).extra_s == 0


def test_slow_answers_and_a_slow_network_are_waited_for() -> None:
    assert trips(0.2, 4.5, 0.3).extra_s == 4.5 - NORMAL_S
    slow = trips(0.2)
    slow.note_kernel(3.0)
    assert slow.extra_s == 3.0 - NORMAL_S
    assert trips(1000.0).extra_s == EXTRA_S_MAX


def test_one_of_many_that_is_late_is_no_rule_and_old_ones_are_forgotten() -> None:
    assert trips(*[0.3] * (KEPT - 1), 9.0).extra_s == 0
    assert trips(*[0.3] * (KEPT - 2), 5.0, 9.0).extra_s == 5.0 - NORMAL_S
    assert trips(9.0, 9.0, *[0.3] * KEPT).extra_s == 0


def test_the_kernel_knows_the_round_trip_of_tcp_only() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        dialled = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        with dialled, accepted:
            dialled.sendall(b"x")
            assert accepted.recv(1) == b"x"
            assert 0 < Connection(HUB, dialled, "p", 0.0).round_trip_s() < NORMAL_S
    one, other = socket.socketpair()
    with one, other:
        assert Connection(HUB, one, "p", 0.0).round_trip_s() == 0
