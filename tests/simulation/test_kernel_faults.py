"""The kernel under fire: actors and the one writer are killed at random while messages flow.

Invariants, not scripts: nothing acknowledged is lost, every question has an outcome, bystanders
notice nothing, whoever crashes too often escalates, and the tree tells everybody's reason.
"""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import pytest
import trio
from trio.testing import MockClock

from actors.actor import Actor, BatchActor
from actors.errors import ActorCrashed, ActorStopped, AskTimeout
from actors.mailbox import Ref, State
from actors.supervisor import Backoff, ChildSpec, Restart, Strategy, Supervisor
from actors.tree import Node, open_node

pytestmark = pytest.mark.timeout(180)
MODEMS: Final = 20
MESSAGES: Final = 100
KILLS: Final = 150
QUICK: Final = Backoff(first_s=0.01, cap_s=0.1)
Name = tuple[int, int]


class Disk:
    """What survives everything."""

    def __init__(self) -> None:
        self.rows: list[Name] = []


class Writer(BatchActor):
    """Group commit: a kill may come before the rows are there, or after."""

    def __init__(self, disk: Disk, rng: random.Random) -> None:
        self._disk = disk
        self._rng = rng

    async def receive_batch(self, messages: Sequence[Name]) -> Sequence[int]:
        await trio.sleep(self._rng.uniform(0, 0.02))
        self._disk.rows.extend(messages)
        await trio.sleep(self._rng.uniform(0, 0.02))
        return [len(self._disk.rows)] * len(messages)


class Modem(Actor):
    """Answers when its message is on the disk, and not before."""

    def __init__(self, writer: Ref) -> None:
        self._writer = writer

    async def receive(self, message: Name) -> str:
        await self._writer.ask(message, 2.0)
        return "durable"


class Bystander(Actor):
    """Counts; a crash would start it at nought."""

    count = 0

    async def receive(self, _: Any) -> int:
        self.count += 1
        return self.count


class Poison(Actor):
    """Dies young."""

    async def run(self) -> None:
        await trio.sleep(0.5)
        raise OSError("poisoned")


class Outcome(NamedTuple):
    """What a run must be judged by."""

    acknowledged: set[Name]
    failed: Counter[str]
    rows: list[Name]
    faults: Counter[str]
    kills: Counter[str]
    reasons: dict[str, str | None]
    restarts: dict[str, int]
    counted: int
    totals: list[tuple[dict[str, int], dict[str, int]]]


class World:
    """The tree, its customers and its enemy."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.disk = Disk()
        self.acknowledged: set[Name] = set()
        self.failed: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.counted = 0
        self.node: Node
        self._busy = MODEMS

    def root(self) -> Supervisor:
        writer = ChildSpec(name="writer", start=lambda: Writer(self.disk, self.rng), mailbox=64)
        return Supervisor(
            writer,
            ChildSpec(name="modems", start=self.modems),
            ChildSpec(name="bystander", start=Bystander),
            ChildSpec(name="poison", start=self.poison, restart=Restart.TEMPORARY),
            backoff=QUICK,
            intensity=10**6,
        )

    def modems(self) -> Supervisor:
        writer = self.ref("writer")
        specs = [
            ChildSpec(name=f"m{number}", start=lambda: Modem(writer)) for number in range(MODEMS)
        ]
        return Supervisor(*specs, backoff=QUICK, per_child=True, parks=True, intensity=10**6)

    def poison(self) -> Supervisor:
        specs = [ChildSpec(name="a", start=Poison), ChildSpec(name="b", start=Bystander)]
        return Supervisor(
            *specs, backoff=QUICK, strategy=Strategy.ONE_FOR_ALL, intensity=3, period_s=60.0
        )

    def ref(self, path: str) -> Ref:
        ref = self.node.find(path)
        assert ref is not None
        return ref

    def on_fault(self, kind: str, ref: Ref) -> None:
        self.faults[f"{kind} {ref.path}"] += 1

    async def customer(self, number: int) -> None:
        modem = self.ref(f"modems/m{number}")
        for message in range(MESSAGES):
            try:
                await modem.ask((number, message), 5.0)
            except (ActorCrashed, AskTimeout, ActorStopped) as failure:
                self.failed[type(failure).__name__] += 1
            else:
                self.acknowledged.add((number, message))
            await trio.sleep(self.rng.uniform(0, 0.05))
        self._busy -= 1

    async def visitor(self) -> None:
        while self._busy:
            self.counted = await self.ref("bystander").ask("x", 1.0)
            await trio.sleep(0.1)

    async def enemy(self) -> None:
        for kill in range(KILLS):
            await trio.sleep(self.rng.uniform(0, 0.04))
            name = "writer" if kill % 5 == 0 else f"modems/m{self.rng.randrange(MODEMS)}"
            if self.ref(name).state is State.RUNNING:
                self.ref(name).kill("by the enemy")
                self.kills[f"/n/{name}"] += 1

    async def run(self) -> Outcome:
        def opened(node: Node) -> None:
            self.node = node

        async with open_node(
            "n", self.root, rng=self.rng, on_fault=self.on_fault, on_tree=opened
        ) as node:
            async with trio.open_nursery() as nursery:
                for number in range(MODEMS):
                    nursery.start_soon(self.customer, number)
                nursery.start_soon(self.visitor)
                nursery.start_soon(self.enemy)
            await trio.sleep(10)
            refs = list(node.walk())
            return Outcome(
                self.acknowledged,
                self.failed,
                self.disk.rows,
                self.faults,
                self.kills,
                {ref.path: ref.crash for ref in refs},
                {ref.path: ref.restarts for ref in refs},
                self.counted,
                [self.totals(ref.actor) for ref in refs if isinstance(ref.actor, Supervisor)],
            )

    @staticmethod
    def totals(supervisor: Supervisor) -> tuple[dict[str, int], dict[str, int]]:
        counted = Counter(str(ref.state) for ref in supervisor.children.values())
        return dict(supervisor.totals), dict(counted)


def run(monkeypatch: pytest.MonkeyPatch, seed: int) -> Outcome:
    # trio shuffles those who can run; as in its own tests, the seed decides that as well.
    monkeypatch.setattr(trio._core._run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)
    monkeypatch.setattr(trio._core._run, "_r", random.Random(seed))
    world = World(seed)
    return trio.run(world.run, clock=MockClock(autojump_threshold=0))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_nothing_acknowledged_is_lost_however_many_are_killed(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    seen = run(monkeypatch, seed)
    rows = set(seen.rows)
    assert seen.acknowledged <= rows
    assert len(rows) == len(seen.rows), "a message was written twice"
    assert len(seen.acknowledged) + seen.failed.total() == MODEMS * MESSAGES
    # What guards the test itself: the enemy was cruel, and yet most came through.
    assert seen.kills["/n/writer"] > 10
    assert seen.kills.total() > KILLS / 2
    assert len(seen.acknowledged) > MODEMS * MESSAGES / 2
    assert rows - seen.acknowledged, "no commit was cut between the disk and the answer"


@pytest.mark.parametrize("seed", [5, 6])
def test_everybody_else_is_untouched_and_every_crash_has_its_reason(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    seen = run(monkeypatch, seed)
    assert seen.restarts["/n"] == seen.restarts["/n/modems"] == seen.restarts["/n/bystander"] == 0
    assert seen.counted > 20
    assert all(totals == counted for totals, counted in seen.totals)
    for path, kills in seen.kills.items():
        assert seen.restarts[path] >= kills
        assert seen.reasons[path] is not None
    writer = seen.kills["/n/writer"]
    assert (seen.restarts["/n/writer"], seen.reasons["/n/writer"]) == (
        writer,
        "Killed: by the enemy",
    )
    reasons = {reason for path, reason in seen.reasons.items() if path.startswith("/n/modems/")}
    assert "Killed: by the enemy" in reasons
    assert any("ActorCrashed: /n/writer crashed: Killed" in str(reason) for reason in reasons)


def test_who_crashes_too_often_escalates(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = run(monkeypatch, 7)
    assert seen.faults["crash /n/poison/a"] == 4
    assert seen.faults["gave-up /n/poison/a"] == 1
    assert seen.faults["crash /n/poison"] == 1
    assert "/n/poison" not in seen.restarts  # temporary: its parent let it go
    assert seen.faults["crash /n/poison/b"] == 0


@pytest.mark.slow
def test_the_seed_decides_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, 8) == run(monkeypatch, 8)
    assert run(monkeypatch, 8) != run(monkeypatch, 9)
