"""One simulated modem: it calls, serves its connection, and calls again.

It never gives up: whatever ends its connection, it calls again after a pause that grows.
"""

import contextlib
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import msgspec
import trio
from msgspec.structs import replace
from trio.abc import Stream

from hes.fleet.due import WRONG_NAME_S, Timetable
from hes.fleet.faults import Faults
from hes.fleet.kinds import Surroundings
from hes.fleet.line import Line
from hes.fleet.links.registry import SIDES
from hes.fleet.links.side import ModemSide, SideWorld
from hes.fleet.options import FleetOptions
from hes.fleet.outbox import Outbox
from hes.fleet.planned import ModemPlan
from hes.fleet.session import SEND_S_MAX, LinkLost, Parts, Session, Vanished
from hes.fleet.statistics import FleetStatistics
from hes.fleet.weather import Weather

BACK_OFF_S: Final = 1.0
BACK_OFF_S_MAX: Final = 60.0
CALM_S: Final = 30.0
"""A connection that held so long was a good one: the pauses begin anew."""


class FleetWorld(msgspec.Struct, frozen=True, kw_only=True):
    """What all modems of a fleet share."""

    options: FleetOptions
    weather: Weather
    statistics: FleetStatistics
    connect: Callable[[], Awaitable[Stream]]
    """Open a connection; raises OSError or ``trio.TooSlowError`` when there is none."""
    now: Callable[[], datetime]
    """The time of day, as meters without drift have it."""


class SimulatedModem:
    """See the module."""

    def __init__(self, plan: ModemPlan, world: FleetWorld, *, luck: str = "") -> None:
        options = world.options
        seed = f"{options.seed} {plan.modem_id}{luck}"
        self.plan = plan
        self._world = world
        self._statistics = world.statistics
        self._rng = rng = random.Random(seed)  # noqa: S311 -- a simulation
        self.faults = faults = Faults(world.weather, rng)
        outbox = Outbox(options.resend_s, world.statistics)
        self._line = Line(plan, Surroundings(world.now, rng), outbox, world.statistics)
        self._kind = kind = SIDES[plan.kind]
        self._side_world = SideWorld(options, world.now, rng)
        self._side = kind.make(plan, self._side_world)
        self._due = due = Timetable(plan, options, faults, rng, trio.current_time())
        self._parts = Parts(options, world.statistics, rng, faults, outbox, self._line, due, kind)
        self._ghost: Stream | None = None
        """The connection that was left open without a word; one at most."""
        self._rest = b""
        """What is still to be said on it."""

    async def run(self) -> None:
        """Call, serve, and call again; ends by cancellation only."""
        try:
            await self._call_for_ever()
        finally:
            await self._leave(self._ghost)

    async def _call_for_ever(self) -> None:
        pause_s = BACK_OFF_S
        connections = 0
        while True:
            began = trio.current_time()
            try:
                stream = await self._world.connect()
            except (OSError, trio.TooSlowError):
                self._statistics.refused += 1
            else:
                self._statistics.reconnects += connections > 0
                connections += 1
                await self.serve(stream)
            calm = trio.current_time() - began >= CALM_S
            pause_s = BACK_OFF_S if calm else min(2 * pause_s, BACK_OFF_S_MAX)
            await self._pause(pause_s)

    async def _pause(self, pause_s: float) -> None:
        back_s, self._due.back_s = self._due.back_s, None
        if self._rest:
            return  # it did not notice that its connection is over
        # Without jitter a fleet that lost its head-end comes back all at once.
        jitter_s = pause_s * self._rng.uniform(0.5, 1.5)
        await trio.sleep(jitter_s if back_s is None else back_s)

    async def serve(self, stream: Stream, for_s: float | None = None) -> None:
        """Serve one connection until it ends, and stay dark for a while if the power failed."""
        self._statistics.connected += 1
        self._statistics.connections += 1
        keep = False
        try:
            await self._serve(stream, for_s)
        except Vanished as vanished:
            keep, self._rest = True, vanished.rest
        except (LinkLost, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self._statistics.connected -= 1
            left, self._ghost = (self._ghost, stream) if keep else (stream, self._ghost)
            await self._leave(left)
        if self._due.outage_at <= trio.current_time():
            await self._stay_dark()

    async def _serve(self, stream: Stream, for_s: float | None) -> None:
        now = trio.current_time()
        self._line.reset()
        self._due.connected(now)
        if for_s is not None:
            self._due.hang_up_at = now + for_s
        session = Session(stream, self._named(now), self._parts)
        await session.greet()
        await self._say_the_rest()
        await session.run()

    def _named(self, now: float) -> ModemSide:
        """Return the modem's side of the link; now and then one that says a wrong name."""
        if not self._kind.named or not self.faults.lies():
            return self._side
        self._statistics.fault("wrong_id")
        self._due.hang_up_at = now + WRONG_NAME_S
        name = self.plan.modem_id
        wrong = ("9" if name[0] == "0" else "0") + name[1:]
        return self._kind.make(replace(self.plan, modem_id=wrong), self._side_world)

    async def _say_the_rest(self) -> None:
        """Say what is left on the old connection, now that there is a new one, and close it."""
        ghost, rest = self._ghost, self._rest
        if ghost is None or not rest:
            return
        self._ghost, self._rest = None, b""
        with (
            contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError),
            trio.move_on_after(SEND_S_MAX),
        ):
            await ghost.send_all(rest)
        await self._leave(ghost)

    async def _stay_dark(self) -> None:
        await trio.sleep(self.faults.outage_s() / self._world.options.speed)
        self._due.power_is_back(trio.current_time())

    @staticmethod
    async def _leave(stream: Stream | None) -> None:
        if stream is not None:
            await trio.aclose_forcefully(stream)
