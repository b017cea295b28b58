"""The serial line: one transaction at a time, to its end or its deadline, whatever happens."""

from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import trio
from memory_wire import Call, MemoryHub
from trio.testing import MockClock

from actors.bus import Bus, Priority, Transaction
from actors.errors import ConnectionLost, TransactionDropped, TransactionExpired
from actors.line import TRANSACTION_S_MAX, SerialLine
from actors.port import PAUSE_S, Port
from actors.supervisor import ChildSpec, Restart, Supervisor
from actors.tree import Node, open_node
from protocols.dialogue import Exchange
from protocols.errors import MeterSilent, RemoteProtocolError
from protocols.links.base import Link, LinkSettings
from protocols.links.dlms_push import DlmsPushLink
from protocols.links.raw import RawLink

Talk = Generator[Exchange, bytes | None, Any]


class Sink:
    """Hears what comes from the serial line beside the dialogues."""

    def __init__(self) -> None:
        self.heard = b""
        self.breaks = False

    def feed(self, data: bytes) -> None:
        self.heard += data
        if self.breaks:
            raise RemoteProtocolError("version", "no wrapper")


class Line:
    """A line with its modem, and the order in which things happen."""

    def __init__(self, link: Link | None = None) -> None:
        self.hub = MemoryHub()
        self.call: Call = self.hub.dial(lambda _connection: None)
        self.sink = Sink()
        self.lost: list[str] = []
        self.held: list[Port] = []
        self.bus = Bus()
        self.port = Port(
            1,
            self.call.connection,
            link or DlmsPushLink(LinkSettings()),
            self.sink,
            lambda _port, reason: self.lost.append(reason),
            self.held.append,
        )
        self.call.connection.receiver = self.port
        self.log: list[str] = []
        self.results: dict[str, Any] = {}
        self.states: list[str | None] = []
        self.node: Node

    def ask(self, label: str, talk: Talk, *, within_s: float = 1000.0, **of: Any) -> None:
        def dialogue() -> Talk:
            self.log.append(f"{label} begins at {trio.current_time():g}")
            return talk

        def done(result: Any, failure: Exception | None) -> None:
            assert label not in self.results
            self.results[label] = failure or result
            self.log.append(f"{label} ends at {trio.current_time():g}")

        deadline = trio.current_time() + within_s
        asked = Transaction(label, Priority.DEMAND, dialogue, deadline=deadline, done=done, **of)
        self.bus.put(asked, trio.current_time())

    @asynccontextmanager
    async def run(self) -> AsyncIterator["Line"]:
        def on_state(transaction: Transaction | None) -> None:
            self.states.append(transaction.label if transaction else None)

        spec = ChildSpec(
            name="line",
            start=lambda: SerialLine(self.port, self.bus, on_state=on_state),
            restart=Restart.TRANSIENT,
        )
        async with open_node("n", lambda: Supervisor(spec)) as self.node:
            yield self


def question(send: bytes, *, answer_size: int = 2, wait_s: float = 5.0) -> Talk:
    got = b""
    while len(got) < answer_size:
        data = yield Exchange(send, wait_s)
        if data is None:
            raise MeterSilent("nothing came")
        got, send = got + data, b""
    return got


async def test_one_after_the_other_each_with_its_own_answer(autojump_clock: MockClock) -> None:
    line = Line()
    for name in ("a", "b", "c"):
        line.ask(name, question(name.encode()))
    async with line.run():
        for name in ("a", "b", "c"):
            await trio.sleep(1)
            assert line.call.take() == name.encode()
            line.call.say(name.encode(), name.upper().encode())
        await trio.sleep(1)
    assert line.results == {"a": b"aA", "b": b"bB", "c": b"cC"}
    assert line.states == ["a", None, "b", None, "c", None]
    assert line.log == [
        "a begins at 0", "a ends at 1", "b begins at 1", "b ends at 2", "c begins at 2",
        "c ends at 3",
    ]  # fmt: skip


async def test_a_late_answer_is_never_taken_for_the_next(autojump_clock: MockClock) -> None:
    line = Line()
    line.ask("slow", question(b"1", wait_s=1.0))
    async with line.run():
        await trio.sleep(2)  # given up, and the line is at rest
        line.call.say(b"11")
        await trio.sleep(1)
    assert isinstance(line.results["slow"], MeterSilent)
    line.ask("next", question(b"2", wait_s=3.0))
    async with line.run():
        await trio.sleep(1)
        line.call.say(b"22")
        await trio.sleep(1)
    assert line.results["next"] == b"22"
    assert line.sink.heard == b"1122"


async def test_a_dialogue_begins_with_an_empty_line(autojump_clock: MockClock) -> None:
    line = Line()
    port, call = line.port, line.call
    call.say(b"before anybody talks")
    port.begin()
    call.say(b"of the one before")
    port.begin()
    assert await port.wait_bytes(1) is None
    call.say(b"ours")
    port.end()
    port.begin()
    call.say(b"mine")
    assert await port.wait_bytes(1) == b"mine"


async def test_silence_is_told_to_the_dialogue_after_just_its_wait(
    autojump_clock: MockClock,
) -> None:
    line = Line()
    line.ask("dead", question(b"?", wait_s=7.0))
    async with line.run():
        await trio.sleep(100)
    assert isinstance(line.results["dead"], MeterSilent)
    assert line.log == ["dead begins at 0", "dead ends at 7"]


def for_ever() -> Talk:
    while True:
        yield Exchange(b".", 1.0)


async def test_a_dead_meter_cannot_eat_the_bus(autojump_clock: MockClock) -> None:
    line = Line()
    line.ask("endless", for_ever(), within_s=10_000)
    line.ask("next", question(b"2"), within_s=10_000)
    async with line.run():
        await trio.sleep(TRANSACTION_S_MAX + 1)
        line.call.say(b"22")
        await trio.sleep(1)
    assert isinstance(line.results["endless"], TransactionExpired)
    assert line.log[1] == f"endless ends at {TRANSACTION_S_MAX:g}"
    assert line.results["next"] == b"22"


async def test_a_deadline_ends_a_transaction_in_its_middle(autojump_clock: MockClock) -> None:
    line = Line()
    closed: list[bool] = []

    def watched() -> Talk:
        try:
            yield from for_ever()
        finally:
            closed.append(True)

    line.ask("late", watched(), within_s=3.5)
    async with line.run():
        await trio.sleep(10)
    assert isinstance(line.results["late"], TransactionExpired)
    assert line.log == ["late begins at 0", "late ends at 3.5"]
    assert closed == [True]


async def test_who_waited_too_long_is_never_started(autojump_clock: MockClock) -> None:
    line = Line()
    line.ask("long", question(b"1", wait_s=50.0))
    line.ask("hurried", question(b"2"), within_s=20)
    async with line.run():
        await trio.sleep(60)
    assert isinstance(line.results["hurried"], TransactionExpired)
    assert line.log == ["long begins at 0", "long ends at 50", "hurried ends at 50"]
    assert b"2" not in line.call.heard


async def test_what_nobody_waits_for_is_never_started(autojump_clock: MockClock) -> None:
    line = Line()
    line.ask("left", question(b"1"), wanted=lambda: False)
    async with line.run():
        await trio.sleep(1)
    assert isinstance(line.results["left"], TransactionDropped)
    assert line.log == ["left ends at 0"]
    assert line.call.heard == b""


async def test_a_lost_connection_ends_the_one_under_way_at_once(autojump_clock: MockClock) -> None:
    line = Line()
    line.ask("cut", question(b"1", wait_s=30.0))
    line.ask("waits", question(b"2"))
    async with line.run():
        await trio.sleep(4)
        line.call.hang_up()
        await trio.sleep(100)
    failure = line.results.pop("cut")
    assert isinstance(failure, ConnectionLost)
    assert str(failure) == line.lost[0] == "the peer closed the connection"
    assert line.log == ["cut begins at 0", "cut ends at 4"]
    # The other is still in the queue: its modem says what becomes of it.
    assert (line.results, len(line.bus)) == ({}, 1)


async def test_bytes_that_came_before_the_end_still_count(autojump_clock: MockClock) -> None:
    line = Line()
    line.ask("just in time", question(b"1"))
    async with line.run():
        await trio.sleep(1)
        line.call.say(b"11", b"")
        await trio.sleep(1)
    assert line.results == {"just in time": b"11"}


async def test_a_fault_of_ours_is_told_to_who_asked_and_the_line_goes_on(
    autojump_clock: MockClock,
) -> None:
    line = Line()

    def faulty() -> Talk:
        yield Exchange(b"1", 1.0)
        raise ZeroDivisionError("oops")

    line.ask("faulty", faulty())
    line.ask("next", question(b"2"))
    async with line.run():
        await trio.sleep(1.5)
        line.call.say(b"22")
        await trio.sleep(5)
        line.call.say(b"22")
        await trio.sleep(5)
    assert isinstance(line.results["faulty"], TransactionDropped)
    assert line.results["next"] == b"22"


async def test_broken_wrapper_frames_do_not_hurt_a_dialogue_but_end_a_quiet_connection(
    autojump_clock: MockClock,
) -> None:
    line = Line()
    line.sink.breaks = True
    line.ask("talks", question(b"1"))
    async with line.run():
        await trio.sleep(1)
        line.call.say(b"11")
        await trio.sleep(1)
        assert line.results == {"talks": b"11"}
        assert not line.call.closed
        line.call.say(b"noise")
        assert line.lost == ["no wrapper"]


def raw_link() -> RawLink:
    link = RawLink(LinkSettings(registration="ID", heartbeat="HB"))
    link.receive(b"ID")
    return link


async def test_an_answer_that_begins_like_a_heartbeat_is_let_go_by_a_pause(
    autojump_clock: MockClock,
) -> None:
    line = Line(raw_link())
    line.ask("short", question(b"?", answer_size=1, wait_s=20.0))
    async with line.run():
        await trio.sleep(1)
        line.call.say(b"H")
        assert line.held == [line.port]
        await trio.sleep(PAUSE_S)
        line.port.pause()  # as the actor of the modem does
        await trio.sleep(1)
    assert line.results == {"short": b"H"}


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_noise_without_an_end_does_not_fill_the_memory(size: int) -> None:
    line = Line()
    line.port.begin()
    for _ in range(200_000 // size // 10):
        line.call.say(b"x" * size)
    line.port._inbox = b""
    for _ in range(100):
        line.call.say(b"y" * 1000)
    assert len(line.port._inbox) <= 64 * 1024
    assert cast("bytes", await line.port.wait_bytes(1)).endswith(b"y")


async def test_a_slow_modem_is_waited_for_longer_once_it_is_known(
    autojump_clock: MockClock,
) -> None:
    line = Line()
    line.ask("slow", question(b"a"))
    async with line.run():
        await trio.sleep(4.5)
        line.call.say(b"AA")
        await trio.sleep(0.1)
    assert line.results["slow"] == b"AA"
    line.ask("slower", question(b"b"))
    async with line.run():
        await trio.sleep(8)  # more than the dialogue's own 5 s
        line.call.say(b"BB")
        await trio.sleep(0.1)
    assert line.results["slower"] == b"BB"


async def test_a_quick_modem_is_given_up_in_the_time_of_the_dialogue(
    autojump_clock: MockClock,
) -> None:
    line = Line()
    line.ask("quick", question(b"a"))
    line.ask("silent", question(b"b"))
    async with line.run():
        await trio.sleep(0.5)
        line.call.say(b"AA")
        await trio.sleep(6)
    assert line.log[-1] == "silent ends at 5.5"
    assert isinstance(line.results["silent"], MeterSilent)
