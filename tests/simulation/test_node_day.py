"""A node and twenty modems for some virtual hours, over a network that cuts, delays and garbles.

Invariants, not scripts: no reading twice and none invented, every read ends in an answer or in a
reason, every interval once, the tree counts right, and at the end a quiet modem can be read. The
seed is the bug report: it decides the fleet, the network, the disk, and trio's scheduler too.
"""

import itertools
import random
from collections import Counter, defaultdict
from datetime import datetime
from typing import Any, Final, NamedTuple

import pytest
import trio
from actor_bench import START, TEMPLATE, Bench
from memory_wire import CallStream
from trio.testing import MockClock

from actors import meter_jobs as jobs
from actors.collector import Schedule
from actors.errors import ActorError
from actors.mailbox import Ref
from actors.meter import MeterActor
from actors.meter_messages import Perform
from actors.supervisor import Supervisor
from hes.clock import TrioClock
from hes.commands import CommandFailed, ReadRegisters, RegisterAnswer
from hes.devices import parse_csv
from hes.events.base import DomainEvent
from hes.events.modem import ModemConnected, ModemDisconnected, ModemSuperseded
from hes.events.power import PowerFailure, PowerRestored
from hes.events.reading import FailureReason, LoadProfileRead, ReadFailed, Reading, Source
from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.model import Consumption
from hes.fleet.modem import FleetWorld, SimulatedModem
from hes.fleet.options import FleetOptions
from hes.fleet.plan import devices_csv, plan_fleet
from hes.fleet.statistics import FleetStatistics
from hes.fleet.weather import Weather, profile_of
from hes.ids import MeterId, ModemId, meter_of
from hes.rules.collection import Wanted
from protocols.links.base import LinkSettings

pytestmark = pytest.mark.timeout(180)
MODEMS: Final = 20
HOURS: Final = 3
HEARTBEAT_S: Final = 300.0
ENERGY: Final = "1.0.1.8.0.255"
SETTINGS: Final = LinkSettings(registration=TEMPLATE)
Instant = tuple[str, datetime]
"""A meter, and a time by its clock."""


class Outcome(NamedTuple):
    """What a run must be judged by."""

    log: list[tuple[str, DomainEvent]]
    pushed: dict[Instant, int]
    """The energy in every push that a meter made."""
    asked: Counter[str]
    """Scheduled reads that were started, by meter."""
    under_way: Counter[str]
    """Those that were not at their end when the run was."""
    disk_failures: int
    fleet: FleetStatistics
    totals: list[tuple[dict[str, int], dict[str, int]]]
    crashes: dict[str, str]
    kills: int
    quiet: RegisterAnswer | None


REGISTERS: Final = (
    *(f"1.0.{c}.8.0.255" for c in (1, 2, 3, 4)),
    *(f"1.0.{c}.7.0.255" for c in (1, 31, 32, 51, 52, 71, 72, 13, 14)),
)
"""What is asked for, whatever the usual set is: the longer a read, the more often it is cut."""


class World:
    """The node, its fleet, and its enemies."""

    def __init__(self, seed: int, hours: float, faults: str) -> None:
        self.rng = random.Random(seed)
        self.seconds = hours * 3600
        self.options = FleetOptions(
            meters=80, seed=seed, faults=faults, push_every_s=600.0, push_share=0.7,
            heartbeat_s=HEARTBEAT_S, outage_every_s=2 * 3600.0, multidrop_share=0.3,
            meters_per_modem=3,
        )  # fmt: skip
        self.plans = plan_fleet(self.options)[:MODEMS]
        self.bench = Bench(
            parse_csv(devices_csv(self.plans)), settings=SETTINGS, schedule=Schedule(), seed=seed,
            collection=Wanted(registers=REGISTERS),
        )  # fmt: skip
        self.bench.listener.idle_s_max = 2.5 * HEARTBEAT_S
        self.bench.gate.delay_s = lambda: self.rng.expovariate(20)
        self.statistics = FleetStatistics()
        self.pushed: dict[Instant, int] = {}
        self.asked: Counter[str] = Counter()
        self.kills = self.disk_failures = 0
        self._callers = itertools.count(1)

    async def dial(self) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return CallStream(self.bench.dial(peer=f"10.0.0.1:{next(self._callers)}"))

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Note what meters push and what they are asked, beside the node."""
        push, start = SimulatedDlmsMeter.push, MeterActor._start

        def noting_push(meter: SimulatedDlmsMeter, *, confirmed: bool) -> bytes:
            now = meter.clock.now()
            at = now.replace(microsecond=now.microsecond // 10_000 * 10_000)
            self.pushed[meter.identity.serial, at] = meter.objects.consumption.energy_wh(now)
            return push(meter, confirmed=confirmed)

        async def noting_start(actor: MeterActor, job: jobs.Job, *, counter: int = 0) -> None:
            self.asked[actor._meter] += isinstance(job, jobs.CollectJob) and not counter
            await start(actor, job, counter=counter)

        monkeypatch.setattr(SimulatedDlmsMeter, "push", noting_push)
        monkeypatch.setattr(MeterActor, "_start", noting_start)

    # -- enemies

    async def killer(self) -> None:
        """Let actors die now and then; the one that holds a promise as well as any other."""
        while True:
            await trio.sleep(self.rng.expovariate(1 / 600))
            group = self.bench.node.find(self.rng.choice(["meters", "modems"]))
            assert group is not None
            assert isinstance(group.actor, Supervisor)
            children = list(group.actor.children.values())
            if children:
                self.rng.choice(children).kill("by the enemy")
                self.kills += 1

    async def disk(self) -> None:
        """Let commits fail now and then, as often whatever else happens meanwhile."""
        rng = random.Random(f"disk {self.options.seed}")
        while True:
            await trio.sleep(rng.expovariate(1 / 450))
            self.bench.gate.failures += 1
            self.disk_failures += 1

    # -- the run

    async def run(self) -> Outcome:
        world = FleetWorld(
            options=self.options,
            weather=Weather(profile_of(self.options), self.options.seed),
            statistics=self.statistics,
            connect=self.dial,
            now=TrioClock(START).now,
        )
        async with self.bench.run(), trio.open_nursery() as nursery:
            for plan in self.plans:
                nursery.start_soon(SimulatedModem(plan, world).run)
            with trio.move_on_after(self.seconds):
                async with trio.open_nursery() as enemies:
                    enemies.start_soon(self.killer)
                    enemies.start_soon(self.disk)
            self.bench.gate.failures = 0
            await trio.sleep(120)  # everything killed is up again
            quiet = await self.read_a_quiet_one()
            outcome = self.judged(quiet)
            nursery.cancel_scope.cancel()
        return outcome

    async def read_a_quiet_one(self) -> RegisterAnswer | None:
        """Read a meter that never says anything by itself; the network may need some tries."""
        plan = next(plan for plan in self.plans if not plan.pushes)
        meter = MeterId(plan.meters[0].identity.serial)
        command = ReadRegisters(meter=meter, obis=(ENERGY,))
        for _ in range(20):
            try:
                answer = await self.bench.context.meter(meter).ask(Perform(command, 120.0), 121.0)
            except (CommandFailed, ActorError):
                await trio.sleep(60)
            else:
                assert isinstance(answer, RegisterAnswer)
                return answer
        return None

    def judged(self, quiet: RegisterAnswer | None) -> Outcome:
        refs = list(self.bench.node.walk())
        return Outcome(
            self.bench.log.recorded(),
            self.pushed,
            self.asked,
            Counter(str(meter) for meter in self._under_way(refs)),
            self.disk_failures,
            self.statistics,
            [_totals(ref.actor) for ref in refs if isinstance(ref.actor, Supervisor)],
            self.bench.crashes(),
            self.kills,
            quiet,
        )

    @staticmethod
    def _under_way(refs: list[Ref]) -> list[MeterId]:
        actors = [ref.actor for ref in refs if isinstance(ref.actor, MeterActor)]
        return [actor._meter for actor in actors if jobs.CollectJob in actor._under_way]


def _totals(supervisor: Supervisor) -> tuple[dict[str, int], dict[str, int]]:
    counted = Counter(str(ref.state) for ref in supervisor.children.values())
    return {k: n for k, n in supervisor.totals.items() if n}, dict(counted)


def run(
    monkeypatch: pytest.MonkeyPatch, seed: int, hours: float = HOURS, faults: str = "gprs"
) -> Outcome:
    # trio shuffles those who can run; as in its own tests, the seed decides that as well.
    monkeypatch.setattr(trio._core._run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)
    monkeypatch.setattr(trio._core._run, "_r", random.Random(seed))
    world = World(seed, hours, faults)
    with monkeypatch.context() as patches:
        world.watch(patches)
        return trio.run(world.run, clock=MockClock(autojump_threshold=0))


def of_meters(log: list[tuple[str, DomainEvent]], kind: type[Any]) -> list[tuple[str, Any]]:
    return [
        (meter, event)
        for stream, event in log
        if isinstance(event, kind) and (meter := meter_of(stream)) is not None
    ]


# -- invariants


def no_reading_twice_and_none_invented(seen: Outcome) -> None:
    told: Counter[Instant] = Counter()
    for meter, reading in of_meters(seen.log, Reading):
        if reading.source is not Source.PUSH:
            continue
        codes = [channel.obis for channel in reading.layout.channels]
        told[meter, reading.device_time] += 1
        truth = seen.pushed[meter, reading.device_time]
        assert reading.values[codes.index(ENERGY)] == truth
    assert set(told.values()) == {1}
    assert seen.fleet.pushes_confirmed <= len(told), "a push was confirmed that is not stored"


def every_read_ends_in_an_answer_or_a_reason(seen: Outcome) -> None:
    ends: Counter[str] = Counter()
    for meter, reading in of_meters(seen.log, Reading):
        ends[meter] += reading.source is Source.SCHEDULED
    for meter, failed in of_meters(seen.log, ReadFailed):
        # A part that is missing comes with the reading of the others; who is left alone for a
        # round was not asked.
        alone = failed.reason is not FailureReason.PARTIAL and "not asked" not in failed.detail
        ends[meter] += failed.source is Source.SCHEDULED and alone
    open_ends = {m: seen.asked[m] - ends[m] - seen.under_way[m] for m in seen.asked}
    assert min(open_ends.values()) >= 0
    # Who cannot write cannot tell either; and a crash may come between the asking and the line.
    assert sum(open_ends.values()) <= seen.disk_failures + seen.kills


def every_interval_is_true_and_comes_once(seen: Outcome) -> None:
    ends: defaultdict[str, list[datetime]] = defaultdict(list)
    for meter, block in of_meters(seen.log, LoadProfileRead):
        truth = Consumption.of(meter)
        column = [channel.obis for channel in block.layout.channels].index(ENERGY)
        for row in block.rows:
            assert row.values[column] == truth.energy_wh(row.ends_at)
            ends[meter].append(row.ends_at)
    assert ends
    for times in ends.values():
        assert len(set(times)) == len(times)


def sessions_begin_and_end_once(seen: Outcome) -> None:
    begun: list[int] = []
    ended: list[int] = []
    for _, event in seen.log:
        if isinstance(event, ModemConnected):
            begun.append(event.session)
        elif isinstance(event, ModemDisconnected):
            ended.append(event.session)
    assert len(set(begun)) == len(begun)
    assert len(set(ended)) == len(ended)
    assert len(set(ended) - set(begun)) <= seen.disk_failures + seen.kills
    assert len(set(begun) - set(ended)) <= MODEMS + seen.disk_failures + seen.kills


def outages_alternate(seen: Outcome) -> None:
    dark: set[str] = set()
    for meter, event in of_meters(seen.log, PowerFailure | PowerRestored):
        if isinstance(event, PowerFailure):
            assert meter not in dark
            dark.add(meter)
        else:
            assert meter in dark
            dark.remove(meter)


def the_node_is_sound(seen: Outcome) -> None:
    assert all(totals == counted for totals, counted in seen.totals)
    assert set(seen.crashes.values()) <= {"Killed: by the enemy"}


@pytest.mark.parametrize(
    ("seed", "faults", "hours"),
    [
        (1, "gprs", 1.2),
        pytest.param(1, "gprs", HOURS, marks=pytest.mark.slow),
        pytest.param(2, "cruel", HOURS, marks=pytest.mark.slow),
    ],
)
def test_some_hours_of_a_node(
    monkeypatch: pytest.MonkeyPatch, seed: int, faults: str, hours: float
) -> None:
    seen = run(monkeypatch, seed, hours, faults)
    no_reading_twice_and_none_invented(seen)
    every_read_ends_in_an_answer_or_a_reason(seen)
    every_interval_is_true_and_comes_once(seen)
    sessions_begin_and_end_once(seen)
    outages_alternate(seen)
    the_node_is_sound(seen)
    assert seen.quiet is not None, "a quiet modem could not be read"
    (energy,) = seen.quiet.reading.values
    assert isinstance(energy, int)
    was_the_network_cruel_enough(seen, hours)


def was_the_network_cruel_enough(seen: Outcome, hours: float) -> None:
    """Guard the test itself: without trouble it proves nothing."""
    failures = Counter(event.reason for _, event in of_meters(seen.log, ReadFailed))
    assert failures, "the network was not cruel enough to test anything"
    assert len(failures) > 1
    assert seen.fleet.pushes_resent, "no push came twice"
    assert seen.fleet.reconnects > MODEMS
    assert any(isinstance(event, ModemSuperseded) for _, event in seen.log)
    assert any(isinstance(event, PowerFailure) for _, event in seen.log)
    assert seen.kills > 5
    assert seen.disk_failures > 5
    # And yet most of it came through.
    assert sum(seen.asked.values()) > 2 * hours * MODEMS * 0.8
    told = [r for _, r in of_meters(seen.log, Reading) if r.source is Source.SCHEDULED]
    assert len(told) > sum(seen.asked.values()) / 10


@pytest.mark.slow
def test_the_seed_decides_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    first, again, other = (run(monkeypatch, seed, hours=0.7, faults="cruel") for seed in (7, 7, 8))
    assert first.log == again.log
    assert first.fleet == again.fleet
    assert first.log != other.log


def test_modems_of_the_fleet_are_those_of_the_list() -> None:
    world = World(1, 1, "none")
    assert len(world.plans) == MODEMS
    assert {ModemId(plan.modem_id) for plan in world.plans} == set(world.bench.directory.modems())
    assert any(not plan.pushes for plan in world.plans)
    assert any(len(plan.meters) > 1 for plan in world.plans)
