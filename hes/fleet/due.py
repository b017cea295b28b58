"""When a simulated modem does something by itself: times only, by trio's clock."""

import random
from typing import Final

from hes.fleet.faults import Faults
from hes.fleet.links.registry import SIDES
from hes.fleet.links.side import Greeting, ModemSide
from hes.fleet.options import FleetOptions
from hes.fleet.planned import ModemPlan
from hes.fleet.weather import NEVER

GLUE_S: Final = 2.0
"""A registration that waits for data to travel with does so for so long."""
WRONG_NAME_S: Final = 60.0
"""A modem that said a wrong name calls again after so long."""


class Timetable:
    """The next time of each thing; ``NEVER`` for what does not happen."""

    def __init__(
        self, plan: ModemPlan, options: FleetOptions, faults: Faults, rng: random.Random, now: float
    ) -> None:  # fmt: skip
        self._options = options
        self._faults = faults
        self._push_every_s = options.push_every_s / options.speed
        self._has_pushers = plan.pushes
        kind = SIDES[plan.kind]
        self._named = kind.named
        glued = kind.greeting is Greeting.GLUED
        first = now if glued else now + rng.uniform(0, self._push_every_s)
        self.push_at = first if plan.pushes else NEVER
        self.heartbeat_at = NEVER
        self.flush_at = NEVER
        """When a registration that waits for data goes alone."""
        self.hang_up_at = NEVER
        self.late_at = NEVER
        """When an answer that is held back goes."""
        self._late = b""
        self.back_s: float | None = None
        """The pause before the next call, where it is not the usual one."""
        self._outage_at = now + faults.next_outage_s() / options.speed
        self._jump_at = now + faults.next_clock_jump_s() / options.speed
        self._storm_at = now + faults.next_storm_s()

    # -- what the weather may call off

    @property
    def outage_at(self) -> float:
        """When the power fails."""
        return self._outage_at if self._faults.profile.outage_every_s else NEVER

    @property
    def jump_at(self) -> float:
        """When clocks jump."""
        return self._jump_at if self._faults.profile.clock_jump_every_s else NEVER

    @property
    def storm_at(self) -> float:
        """When all connections of the fleet end."""
        return self._storm_at if self._faults.profile.storm_every_s else NEVER

    def next_at(self, side: ModemSide) -> float:
        """Return when the first of all these is due."""
        return min(
            self.push_at, self.heartbeat_at, self.flush_at, self.hang_up_at, self.late_at,
            self.outage_at, self.jump_at, self.storm_at, side_at(side),
        )  # fmt: skip

    # -- what has happened

    def connected(self, now: float) -> None:
        """Take note of a new connection."""
        self.flush_at = self.hang_up_at = self.heartbeat_at = NEVER
        self.back_s = None
        if self._has_pushers and not self._named:
            self.push_at = min(self.push_at, now)  # it calls because it has something to say
        while self._storm_at <= now:
            self._storm_at += self._faults.next_storm_s()

    def power_is_back(self, now: float) -> None:
        """Plan the next failure; the first thing a meter does with its supply back is to push."""
        self._outage_at = now + self._faults.next_outage_s() / self._options.speed
        self._late, self.late_at = b"", NEVER
        if self._has_pushers:
            self.push_at = now

    def pushed(self, now: float) -> None:
        """Plan the next push: a fleet that was away for long makes one, not all that it missed."""
        missed = (now - self.push_at) // self._push_every_s
        self.push_at += (missed + 1) * self._push_every_s

    def jumped(self, now: float) -> None:
        """Plan the next jump of the clocks."""
        self._jump_at = now + self._faults.next_clock_jump_s() / self._options.speed

    def put_off_heartbeat(self, now: float, *, first: bool = False) -> None:
        """Take note that something was said; ``first``: nothing was, so soon is the time to."""
        every_s = self._options.heartbeat_s and (GLUE_S if first else self._options.heartbeat_s)
        self.heartbeat_at = now + every_s if every_s else NEVER

    def hold_back(self, answer: bytes, until: float) -> bool:
        """Keep an answer; False when there is one already."""
        if self._late:
            return False
        self._late, self.late_at = answer, until
        return True

    def take_late(self) -> bytes:
        """Return the answer that was held back."""
        late, self._late, self.late_at = self._late, b"", NEVER
        return late


def side_at(side: ModemSide) -> float:
    """Return when a side has something to do by itself beside its heartbeat."""
    at: float = getattr(side, "next_due_s", NEVER)
    return at
