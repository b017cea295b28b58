"""Supervisors of groups: who goes with the one that crashed, and who waits for whom."""

import pytest
import trio
from supervised import EVEN, GROUPS, Broken, Log, Worker, child, crash, kids, until_up, workers
from trio.testing import MockClock

from actors.actor import Actor
from actors.mailbox import State
from actors.supervisor import ChildSpec, Restart, Strategy, Supervisor
from actors.tree import open_node


@pytest.mark.parametrize(
    ("strategy", "group"),
    [
        (Strategy.ONE_FOR_ONE, "b"),
        (Strategy.ONE_FOR_ALL, "abcd"),
        (Strategy.REST_FOR_ONE, "bcd"),
    ],
)
async def test_who_goes_with_the_one_that_crashed(
    autojump_clock: MockClock, strategy: Strategy, group: str
) -> None:
    log = Log()
    async with open_node("n", workers(log, "abcd", strategy=strategy)) as node:
        before = kids(node)
        log.clear()
        await crash(before["b"])
        await before["b"].until(State.RUNNING)
        await until_up(list(before.values()))
        assert log.names("up") == list(group)
        assert log.names("down") == ["b", *reversed(group.replace("b", ""))]
        assert [ref.restarts for ref in before.values()] == [0, 1, 0, 0]
        assert kids(node) == before  # the references outlive the incarnations


@pytest.mark.parametrize(
    ("strategy", "intensity"),
    # Seen from the last to the first, each crash of rest_for_one takes along one more: all count.
    [(Strategy.ONE_FOR_ALL, 1), (Strategy.REST_FOR_ONE, 6)],
)
async def test_simultaneous_crashes_are_one_group_restart(
    autojump_clock: MockClock, strategy: Strategy, intensity: int
) -> None:
    log = Log()
    root = workers(log, "abcdef", strategy=strategy, intensity=intensity)
    async with open_node("n", root) as node:
        refs = list(kids(node).values())
        log.clear()
        for ref in refs:
            ref.tell("boom")
        await refs[0].until(State.BACKOFF)
        await until_up(refs)
        await trio.sleep(100)
        assert log.names("up").count("a") <= 2
        assert log.names("up").count("f") <= 2
        assert node.root.restarts == 0
        assert [await ref.ask("x", 1) for ref in refs] == [1] * 6


@pytest.mark.parametrize("strategy", GROUPS)
async def test_a_crash_while_the_group_starts_starts_it_anew(
    autojump_clock: MockClock, strategy: Strategy
) -> None:
    log = Log()
    broken = iter([False, True, True])

    def start() -> Actor:
        return Broken(log) if next(broken, False) else Worker(log)

    specs = [
        ChildSpec(name="a", start=lambda: Worker(log)),
        ChildSpec(name="b", start=start),
        ChildSpec(name="c", start=lambda: Worker(log)),
    ]
    async with open_node(
        "n", lambda: Supervisor(*specs, strategy=strategy, backoff=EVEN, intensity=9)
    ) as node:
        refs = list(kids(node).values())
        log.clear()
        await crash(refs[0])
        await trio.sleep(30)
        assert [ref.state for ref in refs] == [State.RUNNING] * 3
        assert log.names("up")[-1] == "c"
        assert log.names("up").count("b") == 3
        assert log.names("up").count("a") == (3 if strategy is Strategy.ONE_FOR_ALL else 1)
        assert [await ref.ask("x", 1) for ref in refs] == [1, 1, 1]


async def test_a_group_waits_as_long_as_the_one_that_crashed_must(
    autojump_clock: MockClock,
) -> None:
    log = Log()
    root = workers(log, "ab", strategy=Strategy.ONE_FOR_ALL, intensity=9)
    async with open_node("n", root) as node:
        a, b = kids(node).values()
        for ref in (a, a, a, b):  # the second and third pause double; b's first does not
            await crash(ref)
            await ref.until(State.BACKOFF)
            await until_up([a, b])
    assert [at for what, name, at in log if (what, name) == ("up", "a")] == [0, 1, 3, 7, 8]


@pytest.mark.parametrize("strategy", GROUPS)
async def test_a_temporary_sibling_ends_with_the_group_and_stays_away(
    autojump_clock: MockClock, strategy: Strategy
) -> None:
    log = Log()
    specs = [
        ChildSpec(name="a", start=lambda: Worker(log)),
        ChildSpec(name="t", start=lambda: Worker(log), restart=Restart.TEMPORARY),
        ChildSpec(name="z", start=lambda: Worker(log), restart=Restart.TRANSIENT),
    ]
    async with open_node("n", lambda: Supervisor(*specs, strategy=strategy, backoff=EVEN)) as node:
        log.clear()
        await crash(child(node, "a"))
        await trio.sleep(5)
        assert sorted(kids(node)) == ["a", "z"]
        assert log.names("up") == ["a", "z"]


async def test_an_order_may_come_before_the_child_begins(autojump_clock: MockClock) -> None:
    """Else the group would wait for ever for one that never heard of it."""
    log = Log()
    async with open_node("n", workers(log, "a", strategy=Strategy.ONE_FOR_ALL)) as node:
        supervisor = node.root.actor
        assert isinstance(supervisor, Supervisor)
        late = supervisor.spawn_child(ChildSpec(name="late", start=lambda: Worker(log)))
        supervisor._regroup._order_restart(late)
        with trio.fail_after(10):
            await late.until(State.BACKOFF)
        assert log.names("up") == ["a"]
        await crash(child(node, "a"))
        await late.until(State.RUNNING)
        assert log.names("up") == ["a", "a", "late"]


async def test_a_newcomer_that_crashes_while_the_group_starts_leaves_nobody_behind(
    autojump_clock: MockClock,
) -> None:
    class Slow(Worker):
        async def started(self) -> None:
            await trio.sleep(5)

    log = Log()
    specs = [ChildSpec(name=name, start=lambda: Slow(log)) for name in "abc"]
    async with open_node(
        "n",
        lambda: Supervisor(*specs, strategy=Strategy.REST_FOR_ONE, backoff=EVEN, intensity=99),
    ) as node:
        supervisor = node.root.actor
        assert isinstance(supervisor, Supervisor)
        await crash(child(node, "a"))
        await trio.sleep(3)  # a starts again, b and c wait for their turn
        good = iter([False])

        def start() -> Actor:
            return Worker(log) if next(good, True) else Broken(log)

        await supervisor.start_child(ChildSpec(name="late", start=start))
        await trio.sleep(60)
        assert {ref.state for ref in kids(node).values()} == {State.RUNNING}
