import signal
import subprocess
import sys
from typing import Any

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from hes.clock import TrioClock
from hes.fleet.options import FleetOptions
from hes.fleet.outbox import WAITING_MAX
from hes.fleet.run import faster, run_fleet
from hes.fleet.statistics import FleetStatistics


def ignore(_: FleetStatistics) -> None:
    pass


async def test_it_stops_after_the_seconds(head_end: Any, autojump_clock: MockClock) -> None:
    reports: list[int] = []
    told = await run_fleet(
        FleetOptions(meters=30, seconds=120.5, push_every_s=30, gmac_share=0),
        report=lambda statistics: reports.append(statistics.connected),
        clock=TrioClock(head_end.start),
        dial=head_end.dial,
    )
    assert trio.current_time() == 120.5
    assert len(reports) == 120
    assert reports[-1] == told.modems == len(head_end.sessions)
    assert (told.meters, told.connected) == (30, 0)
    assert told.pushes == told.pushes_sent > 20


async def test_modems_connect_at_the_rate(head_end: Any, autojump_clock: MockClock) -> None:
    options = FleetOptions(
        meters=10, multidrop_share=0, seconds=60, connect_rate_per_s=2, heartbeat_s=0
    )
    await run_fleet(options, report=ignore, clock=TrioClock(head_end.start), dial=head_end.dial)
    assert head_end.attempts == [n / 2 for n in range(10)]


async def test_an_hour_on_a_cruel_network(head_end: Any, autojump_clock: MockClock) -> None:
    options = FleetOptions(meters=12, seconds=3600, faults="cruel", gmac_share=0)
    told = await run_fleet(
        options, report=ignore, clock=TrioClock(head_end.start), dial=head_end.dial
    )
    assert told.connected == 0
    left = told.pushes - told.pushes_confirmed - told.pushes_given_up
    assert 0 <= left <= WAITING_MAX * told.modems
    assert told.pushes_confirmed > 0.7 * told.pushes
    assert told.pushes_confirmed <= sum(len(session.pushes) for session in head_end.sessions)
    wanted = {"loss", "cut", "garbage", "duplicate", "heartbeat_inside", "mute", "half_open"}
    wanted |= {"bad_check", "late", "rebind", "wrong_id"}
    assert set(told.faults) >= wanted, "the network was not cruel enough to test anything"
    assert min(told.outages, told.reconnects, told.pushes_resent) > 0


def test_the_seed_decides_what_a_modem_sends(lonely_hour: Any) -> None:
    assert lonely_hour(7) == lonely_hour(7)
    assert lonely_hour(7) != lonely_hour(8)


FLEET = """
import trio
from hes.fleet.options import FleetOptions
from hes.fleet.run import run_fleet

async def dial():
    print("calling", flush=True)
    await trio.sleep_forever()

trio.run(lambda: run_fleet(FleetOptions(meters=5), dial=dial))
"""


def test_sigterm_ends_the_program() -> None:
    """In a process of its own: a SIGTERM that nobody catches would end the tests, too."""
    with subprocess.Popen(
        [sys.executable, "-c", FLEET], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == "calling\n"
            program.send_signal(signal.SIGTERM)
            _, told = program.communicate(timeout=30)
        finally:
            program.kill()
    assert program.returncode == 0
    assert " modems made " in told


async def test_signals_that_somebody_else_listens_to_are_left_to_them(head_end: Any) -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: run_fleet(FleetOptions(meters=5), dial=head_end.dial))
            await wait_all_tasks_blocked()
            signal.raise_signal(signal.SIGTERM)
            assert await anext(aiter(signals)) == signal.SIGTERM
            nursery.cancel_scope.cancel()


async def test_nobody_listening_is_no_failure(unused_tcp_port: int) -> None:
    options = FleetOptions(port=unused_tcp_port, meters=3, seconds=0.2)
    told = await run_fleet(options, report=ignore)
    assert told.refused == told.modems
    assert told.connections == 0


async def test_a_faster_clock_runs_ahead(head_end: Any, autojump_clock: MockClock) -> None:
    now = faster(TrioClock(head_end.start), 60)
    await trio.sleep(10)
    assert (now() - head_end.start).total_seconds() == 600
