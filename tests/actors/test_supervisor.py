"""Supervisors: who is started again, when, with whom, and when they give up. As OTP has it."""

import random

import pytest
import trio
from supervised import (
    EVEN,
    Broken,
    Log,
    Once,
    Worker,
    child,
    crash,
    kids,
    workers,
)
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.actor import Actor
from actors.errors import ActorStopped, GaveUp, NameTaken
from actors.mailbox import State
from actors.supervisor import Backoff, ChildSpec, Restart, Strategy, Supervisor
from actors.tree import open_node

# -- one child


async def test_a_crash_throws_the_state_away_and_leaves_siblings_alone(
    autojump_clock: MockClock,
) -> None:
    async with open_node("n", workers(Log(), "ab")) as node:
        a, b = kids(node).values()
        assert [await a.ask("x", 1), await a.ask("x", 1), await b.ask("x", 1)] == [1, 2, 1]
        await crash(a)
        assert await a.ask("x", 10) == 1
        assert await b.ask("x", 1) == 2
        assert (a.restarts, b.restarts) == (1, 0)
        assert a.crash == "ValueError: boom"
        assert "receive" in str(a.crash_trace)


async def test_the_reason_is_taken_out_of_the_group_of_a_nursery(
    autojump_clock: MockClock,
) -> None:
    async with open_node("n", workers(Log(), "a")) as node:
        await crash(child(node, "a"), "nursery")
        assert child(node, "a").crash == "KeyError: 'in a nursery'"


async def test_pauses_double_up_to_the_cap(autojump_clock: MockClock) -> None:
    log = Log()
    spec = ChildSpec(name="a", start=lambda: Broken(log))
    async with open_node("n", lambda: Supervisor(spec, backoff=EVEN, intensity=100)):
        await trio.sleep(24)
    assert log.times("up") == [0, 1, 3, 7, 15, 23]


async def test_the_pause_goes_on_doubling_for_one_that_no_longer_starts(
    autojump_clock: MockClock,
) -> None:
    """Also long after it last ran: else it would be started every second for ever."""
    log = Log()
    good = iter([True])

    def start() -> Actor:
        return Worker(log) if next(good, False) else Broken(log)

    spec = ChildSpec(name="a", start=start)
    async with open_node("n", lambda: Supervisor(spec, backoff=EVEN, intensity=10**6)) as node:
        await trio.sleep(0.5)
        await crash(child(node, "a"))
        await trio.sleep(200)
    assert len(log.names("up")) < 35  # some 200 s / 8 s


async def test_one_that_lived_long_starts_with_the_first_pause_again(
    autojump_clock: MockClock,
) -> None:
    log = Log()
    async with open_node("n", workers(log, "a")) as node:
        a = child(node, "a")
        await crash(a)
        await a.until(State.RUNNING)  # at 1
        await crash(a)
        await a.until(State.RUNNING)  # at 3
        await trio.sleep(61)
        await crash(a)
        await a.until(State.RUNNING)  # at 65
    assert log.times("up") == [0, 1, 3, 65]


def test_the_pause_is_finite_after_any_number_of_crashes() -> None:
    backoff = Backoff(jitter=0.2)
    delays = [backoff.delay_s(streak, random.Random(1)) for streak in (0, 1, 10, 5000)]
    assert all(0 < delay <= 36 for delay in delays)


@pytest.mark.parametrize(
    ("restart", "kind", "lives"),
    [
        (Restart.PERMANENT, Once, True),
        (Restart.PERMANENT, Broken, True),
        (Restart.TRANSIENT, Once, False),
        (Restart.TRANSIENT, Broken, True),
        (Restart.TEMPORARY, Once, False),
        (Restart.TEMPORARY, Broken, False),
    ],
)
async def test_who_is_started_again(
    autojump_clock: MockClock, restart: Restart, kind: type[Worker], lives: bool
) -> None:
    log = Log()
    async with open_node("n", lambda: Supervisor(backoff=EVEN, intensity=100)) as node:
        assert isinstance(node.root.actor, Supervisor)
        spec = ChildSpec(name="a", start=lambda: kind(log), restart=restart)
        ref = await node.root.actor.start_child(spec)
        await trio.sleep(10)
        assert (len(log.names("up")) > 1) is lives
        assert ("a" in kids(node)) is lives
        assert (ref.state is State.STOPPED) is not lives


async def test_cancellation_is_no_crash(autojump_clock: MockClock) -> None:
    faults: list[str] = []
    log = Log()
    with trio.move_on_after(5) as scope:
        async with open_node(
            "n", workers(log, "ab"), on_fault=lambda kind, _: faults.append(kind)
        ) as node:
            refs = list(kids(node).values())
            refs[0].tell("hang")
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert faults == []
    assert [ref.crash for ref in refs] == [None, None]
    assert sorted(log.names("down")) == ["a", "b"]
    assert trio.current_time() == 5


async def test_a_supervisor_that_is_cancelled_has_not_crashed(autojump_clock: MockClock) -> None:
    """Its nursery raises a group of nothing but Cancelled."""
    log = Log()

    def root() -> Supervisor:
        inner = ChildSpec(name="s", start=workers(log, "a"))
        other = ChildSpec(name="b", start=lambda: Worker(log))
        return Supervisor(inner, other, strategy=Strategy.ONE_FOR_ALL, backoff=EVEN)

    async with open_node("n", root) as node:
        await crash(child(node, "b"))
        await child(node, "s").until(State.BACKOFF)
        await child(node, "s").until(State.RUNNING)
        assert child(node, "s").restarts == 0
        assert child(node, "s").crash is None
        assert child(node, "b").restarts == 1


async def test_a_kill_is_a_crash_with_the_reason_of_who_ordered_it(
    autojump_clock: MockClock,
) -> None:
    async with open_node("n", workers(Log(), "a")) as node:
        a = child(node, "a")
        a.kill("by an operator")
        a.kill("too late")
        await a.until(State.BACKOFF)
        assert a.crash == "Killed: by an operator"
        a.kill("while it is dead")
        await a.until(State.RUNNING)
        assert trio.current_time() == 1
        await trio.sleep(10)
        assert a.restarts == 1


async def test_a_clean_up_that_fails_with_a_nursery_is_a_crash_of_that_child_only(
    autojump_clock: MockClock,
) -> None:
    class Messy(Worker):
        async def stopping(self) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                try:
                    await trio.sleep_forever()
                finally:
                    raise RuntimeError("clean-up failed")

    log = Log()
    specs = [
        ChildSpec(name="a", start=lambda: Messy(log), shutdown_s=1.0),
        ChildSpec(name="b", start=lambda: Worker(log)),
    ]
    async with open_node("n", lambda: Supervisor(*specs, backoff=EVEN)) as node:
        b = child(node, "b")
        child(node, "a").kill()
        await child(node, "a").until(State.BACKOFF)
        await child(node, "a").until(State.RUNNING)
        assert (await b.ask("x", 1), node.root.restarts) == (1, 0)


async def test_a_clean_up_that_hangs_ends_with_the_time_to_shut_down(
    autojump_clock: MockClock,
) -> None:
    class Slow(Worker):
        async def stopping(self) -> None:
            await trio.sleep_forever()

    spec = ChildSpec(name="a", start=lambda: Slow(Log()), shutdown_s=3.0)
    async with open_node("n", lambda: Supervisor(spec, backoff=EVEN)) as node:
        child(node, "a").kill()
        await child(node, "a").until(State.BACKOFF)
        assert trio.current_time() == 3


# -- giving up


async def test_more_crashes_than_it_bears_and_its_parent_decides(
    autojump_clock: MockClock,
) -> None:
    faults: list[tuple[str, str]] = []

    def root() -> Supervisor:
        return Supervisor(
            ChildSpec(name="s1", start=workers(Log(), "ab", intensity=2)),
            ChildSpec(name="s2", start=workers(Log(), "c")),
            backoff=EVEN,
        )

    async with open_node(
        "n", root, on_fault=lambda kind, ref: faults.append((kind, ref.path))
    ) as node:
        s1, s2, c = child(node, "s1"), child(node, "s2"), child(node, "s2/c")
        assert await c.ask("x", 1) == 1
        for _ in range(3):
            await crash(child(node, "s1/a"))
        await s1.until(State.BACKOFF)
        await s1.until(State.RUNNING)
        assert s1.crash == "GaveUp: /n/s1: 3 crashes within 10 s, the last: ValueError: boom"
        assert await child(node, "s1/a").ask("x", 1) == 1
        assert (await c.ask("x", 1), s2.restarts) == (2, 0)
        assert faults == [("crash", "/n/s1/a")] * 3 + [("gave-up", "/n/s1/a"), ("crash", "/n/s1")]
        assert node.faults == {"crash": 4, "parked": 0, "gave-up": 1}


async def test_crashes_far_apart_are_borne_for_ever(autojump_clock: MockClock) -> None:
    async with open_node("n", workers(Log(), "a", intensity=1, period_s=10.0)) as node:
        for _ in range(20):
            await crash(child(node, "a"))
            await trio.sleep(70)
        assert child(node, "a").restarts == 20


async def test_when_the_root_gives_up_the_node_ends_with_the_reason(
    autojump_clock: MockClock,
) -> None:
    async def run() -> None:
        async with open_node("n", workers(Log(), "a", intensity=0)) as node:
            child(node, "a").tell("boom")
            await trio.sleep_forever()

    with pytest.raises(GaveUp, match="1 crashes within 10 s, the last: GaveUp: /n: 1 crashes"):
        await run()


async def test_a_poison_child_is_parked_alone(autojump_clock: MockClock) -> None:
    faults: list[str] = []
    root = workers(Log(), "ab", intensity=2, per_child=True, parks=True, park_s=900.0)
    async with open_node("n", root, on_fault=lambda kind, _: faults.append(kind)) as node:
        a, b = kids(node).values()
        for _ in range(3):
            await crash(a)
            await crash(b) if not b.restarts else None
        await a.until(State.PARKED)
        assert faults.count("parked") == 1
        parked_at = trio.current_time()
        assert await b.ask("x", 10) == 1
        await a.until(State.RUNNING)
        assert 900 <= trio.current_time() - parked_at < 902
        assert await a.ask("x", 1) == 1


async def test_a_parked_child_is_resumed_by_hand(autojump_clock: MockClock) -> None:
    root = workers(Log(), "a", intensity=1, per_child=True, parks=True)
    async with open_node("n", root) as node:
        supervisor, a = node.root.actor, child(node, "a")
        assert isinstance(supervisor, Supervisor)
        assert not supervisor.resume_child("a")
        await crash(a)
        await crash(a)
        await a.until(State.PARKED)
        assert supervisor.resume_child("a")
        await a.until(State.RUNNING)
        assert trio.current_time() < 3
        await crash(a)  # it has all its chances again
        await a.until(State.BACKOFF, State.PARKED)
        assert a.state is State.BACKOFF
        assert not supervisor.resume_child("nobody")


async def test_parking_tells_those_who_wait_that_nobody_reads(autojump_clock: MockClock) -> None:
    root = workers(Log(), "a", intensity=0, per_child=True, parks=True)
    async with open_node("n", root) as node:
        a = child(node, "a")
        a.tell("boom")
        with pytest.raises(ActorStopped):
            await a.ask("queued behind", 100)
        assert a.state is State.PARKED


# -- starting and stopping


async def test_a_name_is_taken_while_its_child_lives(autojump_clock: MockClock) -> None:
    async with open_node("n", workers(Log(), "a")) as node:
        supervisor = node.root.actor
        assert isinstance(supervisor, Supervisor)
        with pytest.raises(NameTaken, match="'/n/a' is taken"):
            await supervisor.start_child(ChildSpec(name="a", start=lambda: Worker(Log())))
        await supervisor.stop_child("a")
        await supervisor.stop_child("a")
        again = await supervisor.start_child(ChildSpec(name="a", start=lambda: Worker(Log())))
        assert again.state is State.RUNNING


async def test_children_stop_in_reverse_after_what_waits_is_handled(
    autojump_clock: MockClock,
) -> None:
    log = Log()
    async with open_node("n", workers(log, "abc")) as node:
        refs = list(kids(node).values())
        for ref in refs:
            for _ in range(40):
                ref.tell("x")
    assert log.names("down") == ["c", "b", "a"]
    assert [ref.handled for ref in refs] == [40] * 3
    assert [ref.state for ref in refs] == [State.STOPPED] * 3


async def test_one_that_does_not_drain_is_shown_as_stopping_then_cancelled(
    autojump_clock: MockClock,
) -> None:
    log = Log()
    async with open_node("n", workers(log, "a")) as node:
        supervisor, a = node.root.actor, child(node, "a")
        assert isinstance(supervisor, Supervisor)
        a.tell("hang")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.stop_child, "a")
            await wait_all_tasks_blocked()
            assert a.state is State.STOPPING
            assert supervisor.totals == {"stopping": 1}
        assert trio.current_time() == 5
        assert (a.restarts, log.names("down")) == (0, ["a"])


@pytest.mark.parametrize("shutdown_s", [0.0, 1.0])
async def test_one_that_is_stopped_before_it_began_never_begins(
    autojump_clock: MockClock, shutdown_s: float
) -> None:
    class Deaf(Worker):
        async def run(self) -> None:
            await trio.sleep_forever()

    async with open_node("n", workers(Log(), "")) as node:
        supervisor = node.root.actor
        assert isinstance(supervisor, Supervisor)
        spec = ChildSpec(name="a", start=lambda: Deaf(Log()), shutdown_s=shutdown_s)
        ref = supervisor.spawn_child(spec)
        with trio.fail_after(10):
            await supervisor.stop_child("a")
        assert ref.state is State.STOPPED


async def test_a_supervisor_may_be_stopped_while_it_starts(autojump_clock: MockClock) -> None:
    class Slow(Worker):
        async def started(self) -> None:
            await trio.sleep(2)

    log = Log()
    specs = [ChildSpec(name=name, start=lambda: Slow(log)) for name in "abc"]
    async with open_node("n", lambda: Supervisor(backoff=EVEN)) as node:
        root = node.root.actor
        assert isinstance(root, Supervisor)
        inner = root.spawn_child(ChildSpec(name="s", start=lambda: Supervisor(*specs)))
        await trio.sleep(3)
        await root.stop_child("s")
        assert inner.restarts == 0
        assert trio.current_time() == 4
        assert log.names("down") == ["b", "a"]


async def test_the_children_of_a_dead_supervisor_cannot_be_joined(
    autojump_clock: MockClock,
) -> None:
    def root() -> Supervisor:
        return Supervisor(ChildSpec(name="s", start=workers(Log(), "a")), backoff=EVEN)

    async with open_node("n", root) as node:
        dead = child(node, "s").actor
        assert isinstance(dead, Supervisor)
        child(node, "s").kill()
        await child(node, "s").until(State.BACKOFF)
        with pytest.raises(ActorStopped):
            dead.spawn_child(ChildSpec(name="b", start=lambda: Worker(Log())))
        assert dead.children == {}


async def test_totals_stay_right_whatever_happens(autojump_clock: MockClock) -> None:
    root = workers(Log(), "abcdef", intensity=1, per_child=True, parks=True)

    async with open_node("n", root) as node:
        supervisor = node.root.actor
        assert isinstance(supervisor, Supervisor)

        def counted() -> dict[str, int]:
            states = [str(ref.state) for ref in supervisor.children.values()]
            return {state: states.count(state) for state in set(states)}

        assert supervisor.totals == {"running": 6}
        for ref in list(kids(node).values())[:3]:
            ref.tell("boom")
        await wait_all_tasks_blocked()
        assert supervisor.totals == counted() == {"running": 3, "backoff": 3}
        await crash(child(node, "a"))
        await child(node, "a").until(State.PARKED)
        await supervisor.stop_child("f")
        await supervisor.stop_child("a")
        await trio.sleep(5)
        assert supervisor.totals == counted() == {"running": 4}
        supervisor.spawn_child(ChildSpec(name="late", start=lambda: Worker(Log())))
        assert supervisor.totals == counted()
