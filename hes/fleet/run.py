"""Runs a simulated fleet: all of its modems in this process, one task each."""

import math
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Final, Self

import trio
from trio.abc import Stream

from hes.clock import Clock, SystemClock
from hes.fleet.clone import run_clone
from hes.fleet.links.registry import SIDES
from hes.fleet.modem import FleetWorld, SimulatedModem
from hes.fleet.options import FleetOptions
from hes.fleet.plan import ModemPlan, plan_fleet
from hes.fleet.statistics import FleetStatistics
from hes.fleet.weather import CALM, Weather, profile_of

CONNECT_S_MAX: Final = 30.0
REPORT_EVERY_S: Final = 1.0

Report = Callable[[FleetStatistics], None]
Dial = Callable[[], Awaitable[Stream]]


async def run_fleet(
    options: FleetOptions,
    plan: Iterable[ModemPlan] | None = None,
    report: Report | None = None,
    *,
    clock: Clock | None = None,
    dial: Dial | None = None,
) -> FleetStatistics:
    """Run the fleet for ``options.seconds``, or until it is cancelled; return what it did.

    With ``report`` it is a part of another program: the statistics go there once a second. Without,
    progress goes to standard error, and SIGINT and SIGTERM end it when nobody else listens to them.

    Raises:
        FleetError: there are no such links or faults.

    """
    modems = list(plan_fleet(options) if plan is None else plan)
    statistics = FleetStatistics(
        modems=len(modems), meters=sum(len(modem.meters) for modem in modems)
    )
    world = FleetWorld(
        options=options,
        weather=Weather(profile_of(options), options.seed),
        statistics=statistics,
        connect=Gate(dial or tcp_dial(options), options.connect_rate_per_s).connect,
        now=faster(clock or SystemClock(), options.speed),
    )
    if report is not None:
        await _run(world, modems, report)
        return statistics
    with _Progress() as progress:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_stop_on_signal, nursery.cancel_scope)
            await _run(world, modems, progress.show)
            nursery.cancel_scope.cancel()
    sys.stderr.write(f"{statistics.summary()}\n")
    return statistics


async def _run(world: FleetWorld, modems: Iterable[ModemPlan], report: Report) -> None:
    with trio.move_on_after(world.options.seconds or math.inf):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_report, world.statistics, report)
            nursery.start_soon(_calm, world)
            for plan in modems:
                start_modem(nursery, plan, world)
                await trio.lowlevel.checkpoint()  # 10,000 of them take seconds to make


def start_modem(nursery: trio.Nursery, plan: ModemPlan, world: FleetWorld) -> SimulatedModem:
    """Let a modem call, and whoever else uses its name."""
    modem = SimulatedModem(plan, world)
    nursery.start_soon(modem.run, name=plan.modem_id)
    if (
        world.weather.profile.clone and SIDES[plan.kind].named
    ):  # the weather gets better, never worse
        nursery.start_soon(run_clone, plan, modem, world)
    return modem


async def _calm(world: FleetWorld) -> None:
    """Let the weather be good from some time on."""
    if world.options.calm_after_s is not None:
        await trio.sleep(world.options.calm_after_s)
        world.weather.profile = CALM


async def _report(statistics: FleetStatistics, report: Report) -> None:
    while True:
        await trio.sleep(REPORT_EVERY_S)
        report(statistics)


async def _stop_on_signal(scope: trio.CancelScope) -> None:
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return  # the program around us does
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()


class Gate:
    """Lets modems connect one after the other, at most so many in a second."""

    def __init__(self, dial: Dial, rate_per_s: float) -> None:
        self._dial = dial
        self._every_s = 1 / rate_per_s
        self._free_at = 0.0

    async def connect(self) -> Stream:
        """Wait for a turn and connect.

        Raises:
            OSError: nobody listens there.
            trio.TooSlowError: nobody answered in time.

        """
        turn = max(trio.current_time(), self._free_at)
        self._free_at = turn + self._every_s
        await trio.sleep_until(turn)
        with trio.fail_after(CONNECT_S_MAX):
            return await self._dial()


def tcp_dial(options: FleetOptions) -> Dial:
    """Return what opens a TCP connection to the head-end."""

    async def dial() -> Stream:
        return await trio.open_tcp_stream(options.host, options.port)

    return dial


def faster(clock: Clock, speed: float) -> Callable[[], datetime]:
    """Return the time of day by a clock that runs ``speed`` times as fast from now on."""
    if speed == 1:
        return clock.now
    start = clock.now()
    return lambda: start + (clock.now() - start) * speed


class _Progress:
    """One line on standard error that is written over again, when a person looks at it."""

    def __enter__(self) -> Self:
        self._seen = sys.stderr.isatty()
        return self

    def show(self, statistics: FleetStatistics) -> None:
        """Write the line."""
        if self._seen:
            sys.stderr.write(f"\r\x1b[2K{statistics.line()}")
            sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        if self._seen:
            sys.stderr.write("\r\x1b[2K")
