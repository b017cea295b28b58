"""The node: names, timers, the watchdog, and what people see of the tree."""

import random
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.actor import Actor
from actors.errors import ActorCrashed, ActorStopped, NameTaken
from actors.mailbox import Ref, State
from actors.supervisor import Backoff, ChildSpec, Strategy, Supervisor
from actors.tree import Node, open_node

EVEN = Backoff(first_s=1.0, jitter=0)


class Listener(Actor):
    """Keeps what it hears and when."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, float]] = []

    def detail(self) -> str:
        return f"heard {len(self.heard)}"

    async def receive(self, message: Any) -> Any:
        match message:
            case "boom":
                raise ValueError("boom")
            case "hang":
                await trio.sleep_forever()
            case float():
                await trio.sleep(message)
            case _:
                self.heard.append((message, trio.current_time()))


def spec(name: str, **options: Any) -> ChildSpec:
    return ChildSpec(name=name, start=Listener, **options)


def family() -> Supervisor:
    inner = [spec("a"), spec("b", handler_s_max=5.0)]
    return Supervisor(
        ChildSpec(name="s", start=lambda: Supervisor(*inner, backoff=EVEN)),
        spec("c"),
        strategy=Strategy.REST_FOR_ONE,
        backoff=EVEN,
    )


def found(node: Node, path: str) -> Ref:
    ref = node.find(path)
    assert ref is not None
    return ref


def heard(ref: Ref) -> list[tuple[Any, float]]:
    assert isinstance(ref.actor, Listener)
    return ref.actor.heard


# -- names


async def test_a_name_is_found_until_its_actor_stops(autojump_clock: MockClock) -> None:
    async with open_node("n", family) as node:
        a, c = found(node, "s/a"), found(node, "c")
        node.register("modem/1", a)
        node.register("modem/1", a)
        assert node.whereis("modem/1") is a
        with pytest.raises(NameTaken, match="'modem/1' is taken"):
            node.register("modem/1", c)
        a.kill()
        await a.until(State.BACKOFF)
        assert node.whereis("modem/1") is a
        supervisor = found(node, "s").actor
        assert isinstance(supervisor, Supervisor)
        await supervisor.stop_child("a")
        node.register("modem/1", c)
        assert node.whereis("modem/1") is c
        assert node.whereis("modem/2") is None


async def test_a_stopped_actor_is_not_found(autojump_clock: MockClock) -> None:
    async with open_node("n", family) as node:
        node.register("modem/1", found(node, "s/a"))
        supervisor = found(node, "s").actor
        assert isinstance(supervisor, Supervisor)
        await supervisor.stop_child("a")
        assert node.whereis("modem/1") is None


# -- timers


async def test_timers_come_at_their_time_in_whatever_order_they_were_set(
    autojump_clock: MockClock,
) -> None:
    async with open_node("n", family) as node:
        a, c = found(node, "s/a"), found(node, "c")
        due = [30.0, 1.0, 5000.0, 2.0, 2.0, 0.0]
        for number, seconds in enumerate(due):
            node.after(seconds, a, number)
        await trio.sleep(1.5)
        node.after(0.25, c, "sooner")  # sooner than what the timers' task waits for now
        await trio.sleep(6000)
        assert heard(a) == [(5, 0.0), (1, 1.0), (3, 2.0), (4, 2.0), (0, 30.0), (2, 5000.0)]
        assert heard(c) == [("sooner", 1.75)]


async def test_a_timer_for_one_that_cannot_take_it_is_dropped_and_others_come(
    autojump_clock: MockClock,
) -> None:
    async with open_node("n", lambda: Supervisor(spec("a", mailbox=1), spec("c"))) as node:
        a, c = found(node, "a"), found(node, "c")
        a.tell("hang")
        await wait_all_tasks_blocked()
        a.tell("full")
        node.after(1, a, "no room")
        node.after(1, c, "tick")
        await trio.sleep(2)
        assert a.dropped == 1
        assert heard(c) == [("tick", 1.0)]


# -- watchdog


async def test_the_watchdog_kills_one_that_is_busy_for_too_long(
    autojump_clock: MockClock,
) -> None:
    async with open_node("n", family) as node:
        b = found(node, "s/b")
        start = trio.current_time()
        with pytest.raises(ActorCrashed, match="busy with one message for more than 5 s"):
            await b.ask("hang", 1000)
        assert 5 <= trio.current_time() - start <= 7
        assert node.faults["crash"] == 1


async def test_the_watchdog_spares_the_idle_the_quick_and_those_without_a_limit(
    autojump_clock: MockClock,
) -> None:
    async with open_node("n", family) as node:
        a, b = found(node, "s/a"), found(node, "s/b")
        for _ in range(10):
            b.tell(4.0)
        await a.ask(100.0, 1000)
        assert node.faults["crash"] == 0
        assert b.handled == 10


# -- looking


async def test_paths_lead_to_actors_and_nowhere_else(autojump_clock: MockClock) -> None:
    async with open_node("n", family) as node:
        assert node.find("") is node.find("/n") is node.find("/") is node.root
        assert found(node, "/n/s/a") is found(node, "s/a")
        assert [ref.path for ref in node.walk()] == ["/n", "/n/s", "/n/s/a", "/n/s/b", "/n/c"]
        assert node.find("s/nobody") is None
        assert node.find("c/child-of-a-worker") is None
        assert node.find("s/a/b/c") is None
        assert node.status("nobody") is None
        assert node.find_child("c") is found(node, "c")


async def test_the_tree_tells_what_everybody_does(autojump_clock: MockClock) -> None:
    async with open_node("n", family) as node:
        a, c = found(node, "s/a"), found(node, "c")
        await a.ask("x", 1)
        a.tell("boom")
        await a.until(State.BACKOFF)
        await a.until(State.RUNNING)
        c.tell("hang")
        await wait_all_tasks_blocked()
        c.tell("waits")
        await trio.sleep(10)
        root = node.status()
        assert root is not None
        assert (root.path, root.kind, root.strategy) == ("/n", "Supervisor", "rest_for_one")
        assert (root.totals, root.children_total) == ({"running": 2}, 2)
        shown_s, shown_c = root.children
        shown_a = shown_s.children[0]
        assert (shown_a.restarts, shown_a.crash) == (1, "ValueError: boom")
        assert (shown_a.crash_ago_s, shown_a.uptime_s) == (11, 10)
        assert "raise ValueError" in str(shown_a.crash_trace)
        assert shown_a.detail == "heard 0"
        assert (shown_c.current, shown_c.current_for_s) == ("str", 10)
        assert (shown_c.mailbox, shown_c.crash_ago_s) == (1, None)


async def test_the_tree_can_be_looked_at_in_parts(autojump_clock: MockClock) -> None:
    names = [f"m{number}" for number in range(10)]
    async with open_node("n", lambda: Supervisor(*map(spec, names))) as node:
        part = node.status(offset=8, limit=5)
        assert part is not None
        assert [child.path for child in part.children] == ["/n/m8", "/n/m9"]
        assert part.children_total == 10
        top = node.status(depth=0)
        assert top is not None
        assert (top.children, top.totals) == ([], {"running": 10})


# -- the node's own life


async def test_what_fails_inside_the_block_comes_out_as_it_is(autojump_clock: MockClock) -> None:
    async def run() -> None:
        async with open_node("n", family, rng=random.Random(1)):
            raise LookupError("of the caller") from KeyError("its cause")

    with pytest.raises(LookupError, match="of the caller") as raised:
        await run()
    assert isinstance(raised.value.__cause__, KeyError)


async def test_nothing_runs_after_the_block(autojump_clock: MockClock) -> None:
    async with open_node("n", family) as node:
        refs = list(node.walk())
    assert {ref.state for ref in refs} == {State.STOPPED}
    with pytest.raises(ActorStopped):
        refs[-1].tell("x")


async def test_whoever_opens_a_node_knows_it_before_its_actors_start(
    autojump_clock: MockClock,
) -> None:
    opened: list[Node] = []
    met: list[Node] = []

    def start() -> Listener:
        met.extend(opened)
        return Listener()

    root = ChildSpec(name="a", start=start)
    async with open_node("n", lambda: Supervisor(root), on_tree=opened.append) as node:
        assert met == [node]
