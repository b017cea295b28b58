"""The hub, on real sockets: bytes in, bytes out, and every way in which a connection ends."""

import resource
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.actor import Actor
from actors.hub import OUT_SIZE_MAX, Connection, Hub, Listening, bind
from actors.mailbox import Ref, State
from actors.supervisor import Backoff, ChildSpec, Supervisor
from actors.tree import open_node
from protocols.errors import RemoteProtocolError

HOST = "127.0.0.1"
FAST = Backoff(first_s=0.001, jitter=0)


class Desk:
    """The receiver of all connections of a test: does what the bytes say."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.received_bytes = b""
        self.lost_reasons: list[str] = []
        self.take: Callable[[Connection, bytes], None] = lambda _connection, _data: None
        self.told: Callable[[str], None] = lambda _reason: None
        self._news = trio.Event()

    def accept(self, connection: Connection) -> None:
        connection.receiver = self
        self.connections.append(connection)
        self._ring()

    def received(self, connection: Connection, data: bytes) -> None:
        self.received_bytes += data
        self.take(connection, data)
        self._ring()

    def lost(self, _connection: Connection, reason: str) -> None:
        self.lost_reasons.append(reason)
        self.told(reason)
        self._ring()

    def _ring(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        with trio.fail_after(5):
            while not condition():
                await self._news.wait()


class Bench:
    """A hub in a node, and a desk."""

    def __init__(self, desk: Desk, listening: Listening, hub: Ref, root: Supervisor) -> None:
        self.desk = desk
        self.listening = listening
        self.ref = hub
        self.root = root
        self.dialled: list[trio.SocketStream] = []

    @property
    def hub(self) -> Hub:
        assert isinstance(self.ref.actor, Hub)
        return self.ref.actor

    async def dial(self) -> trio.SocketStream:
        before = len(self.desk.connections)
        stream = await trio.open_tcp_stream(HOST, self.listening.port)
        self.dialled.append(stream)
        await self.desk.until(lambda: len(self.desk.connections) > before)
        return stream


@asynccontextmanager
async def bench(
    accept: Callable[[Connection], None] | None = None, **of: Any
) -> AsyncIterator[Bench]:
    desk = Desk()
    listening = bind(HOST, 0, accept or desk.accept)
    spec = ChildSpec(name="hub", start=lambda: Hub([listening], **of))
    try:
        async with open_node("n", lambda: Supervisor(spec, backoff=FAST)) as node:
            hub = node.find("hub")
            assert hub is not None
            assert isinstance(node.root.actor, Supervisor)
            made = Bench(desk, listening, hub, node.root.actor)
            yield made
            for stream in made.dialled:
                stream.socket.close()
    finally:
        listening.socket.close()


def reset(stream: trio.SocketStream) -> None:
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()


async def test_bytes_come_in_and_answers_go_out() -> None:
    async with bench() as b:
        b.desk.take = lambda connection, data: connection.write(data.upper())
        streams = [await b.dial() for _ in range(5)]
        for number, stream in enumerate(streams):
            await stream.send_all(b"hello%d" % number)
        for number, stream in enumerate(streams):
            assert await stream.receive_some() == b"HELLO%d" % number
        first = b.desk.connections[0]
        assert (first.bytes_in, first.bytes_out) == (6, 6)
        assert first.peer.startswith("127.0.0.1:")
        assert b.hub.statistics().open == b.hub.statistics().accepted == 5
        assert b.hub.detail() == "5 connections, 5 accepted"


async def test_the_kernel_watches_for_peers_that_vanish() -> None:
    async with bench() as b:
        await b.dial()
        sock = b.desk.connections[0]._socket
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


async def test_a_peer_that_hangs_up_or_resets_is_told_with_its_reason_once() -> None:
    async with bench() as b:
        await (await b.dial()).aclose()
        await b.desk.until(lambda: len(b.desk.lost_reasons) == 1)
        reset(await b.dial())
        await b.desk.until(lambda: len(b.desk.lost_reasons) == 2)
        for connection in b.desk.connections:
            assert connection.closed
            assert connection.fd == -1
            connection.close("again")
            connection.write(b"into the void")
        assert b.desk.lost_reasons == [
            "the peer closed the connection",
            "the peer reset the connection",
        ]
        assert b.hub.statistics().open == 0


async def test_nonsense_ends_its_connection_and_no_other() -> None:
    async with bench() as b:

        def take(_: Connection, data: bytes) -> None:
            if data == b"nonsense":
                raise RemoteProtocolError("version", "wrapper version 0x6e6f, expected 0x0001")

        b.desk.take = take
        bad, good = await b.dial(), await b.dial()
        await bad.send_all(b"nonsense")
        assert await bad.receive_some() == b""
        assert b.desk.lost_reasons == ["wrapper version 0x6e6f, expected 0x0001"]
        await good.send_all(b"fine")
        await b.desk.until(lambda: b.desk.received_bytes.endswith(b"fine"))
        assert b.hub.statistics().faults == 0


async def test_a_fault_of_ours_ends_one_connection_and_is_shown() -> None:
    async with bench() as b:

        def take(_: Connection, data: bytes) -> None:
            raise ZeroDivisionError(data.decode())

        b.desk.take = take
        bad, _ = await b.dial(), await b.dial()
        await bad.send_all(b"oops")
        assert await bad.receive_some() == b""
        assert b.desk.lost_reasons == ["fault of the head-end: ZeroDivisionError: oops"]
        assert b.hub.statistics().faults == 1
        assert "last fault: ZeroDivisionError: oops" in b.hub.detail()
        assert b.hub.statistics().open == 1
        assert b.ref.restarts == 0


async def test_a_fault_while_accepting_ends_that_connection_only() -> None:
    desk = Desk()

    def accept(connection: Connection) -> None:
        if not desk.connections:
            desk.connections.append(connection)
            raise LookupError("no directory")
        desk.accept(connection)

    async with bench(accept) as b:
        async with await trio.open_tcp_stream(HOST, b.listening.port) as bad:
            assert await bad.receive_some() == b""
        async with await trio.open_tcp_stream(HOST, b.listening.port):
            await desk.until(lambda: len(desk.connections) == 2)
            assert b.ref.restarts == 0
            assert (b.hub.statistics().faults, b.hub.statistics().open) == (1, 1)


async def test_a_fault_while_told_of_the_end_hurts_nobody(autojump_clock: MockClock) -> None:
    async with bench() as b:
        await b.dial()
        await b.dial()

        def told(reason: str) -> None:
            raise LookupError(f"no modem is {reason}")

        b.desk.told = told
        for connection in b.desk.connections:
            connection.idle_s_max = 2.0
        await trio.sleep(10)
        assert b.desk.lost_reasons == ["silent for 2 s"] * 2
        assert (b.ref.restarts, b.hub.statistics().faults) == (0, 2)


async def test_the_silent_are_closed_at_their_own_limit(autojump_clock: MockClock) -> None:
    async with bench() as b:
        silent, _, talking = [await b.dial() for _ in range(3)]
        limits = (90.0, None, 90.0)
        for connection, limit_s in zip(b.desk.connections, limits, strict=True):
            connection.idle_s_max = limit_s
        start = trio.current_time()
        async with trio.open_nursery() as nursery:

            async def talk() -> None:
                for _ in range(10):
                    await talking.send_all(b"heartbeat")
                    await trio.sleep(60)

            nursery.start_soon(talk)
            assert await silent.receive_some() == b""
            assert 90 <= trio.current_time() - start <= 92
        assert [connection.closed for connection in b.desk.connections] == [True, False, False]
        assert b.desk.lost_reasons == ["silent for 90 s"]


class Slow(Actor):
    """Takes messages only when the gate is open."""

    def __init__(self, gate: trio.Event, seen: list[bytes]) -> None:
        self._gate = gate
        self._seen = seen

    async def receive(self, message: bytes) -> None:
        self._seen.append(message)
        await self._gate.wait()


def cut(ref: Ref) -> Callable[[Connection, bytes], None]:
    """Return a receiver of one-byte messages."""

    def take(connection: Connection, data: bytes) -> None:
        for byte in data:
            connection.deliver(ref, bytes([byte]))

    return take


async def slow(b: Bench, gate: trio.Event, seen: list[bytes], mailbox: int) -> Ref:
    spec = ChildSpec(name="slow", start=lambda: Slow(gate, seen), mailbox=mailbox, shutdown_s=0.1)
    return await b.root.start_child(spec)


async def test_a_full_mailbox_stops_the_reading_until_there_is_room() -> None:
    gate, seen = trio.Event(), list[bytes]()
    async with bench() as b:
        ref = await slow(b, gate, seen, mailbox=4)
        b.desk.take = cut(ref)
        async with await b.dial() as stream:
            await stream.send_all(b"0123456789")
            await b.desk.until(lambda: b.desk.received_bytes == b"0123456789")
            await stream.send_all(b"abc")
            await wait_all_tasks_blocked(0.02)
            assert b.desk.received_bytes == b"0123456789"  # "abc" stays with the kernel
            assert ref.waiting == 4
            gate.set()
            await b.desk.until(lambda: b.desk.received_bytes.endswith(b"abc"))
            await wait_all_tasks_blocked()
            assert b"".join(seen) == b"0123456789abc"


async def test_two_connections_of_one_busy_actor_are_both_read_again() -> None:
    gate, seen = trio.Event(), list[bytes]()
    async with bench() as b:
        ref = await slow(b, gate, seen, mailbox=1)
        b.desk.take = cut(ref)
        async with await b.dial() as one, await b.dial() as two:
            await one.send_all(b"abcd")
            await two.send_all(b"wxyz")
            await b.desk.until(lambda: len(b.desk.received_bytes) == 8)
            gate.set()
            await wait_all_tasks_blocked(0.02)
            assert sorted(seen) == [b"%c" % byte for byte in b"abcdwxyz"]
            assert b"".join(x for x in seen if x < b"e") == b"abcd"
            await one.send_all(b"e")
            await two.send_all(b"E")
            await b.desk.until(lambda: len(b.desk.received_bytes) == 10)


async def test_a_connection_ends_when_nobody_reads_its_actor_any_more() -> None:
    gate, seen = trio.Event(), list[bytes]()
    async with bench() as b:
        ref = await slow(b, gate, seen, mailbox=1)
        b.desk.take = cut(ref)
        async with await b.dial() as stream:
            await stream.send_all(b"abcdef")
            await b.desk.until(lambda: len(b.desk.received_bytes) == 6)
            await b.root.stop_child("slow")
            assert await stream.receive_some() == b""
            assert b.desk.lost_reasons == ["/n/slow has stopped"]
            assert ref.state is State.STOPPED


async def test_much_is_sent_to_a_peer_that_reads_slowly() -> None:
    async with bench() as b:
        stream = await b.dial()
        connection = b.desk.connections[0]
        connection._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        data = bytes(range(256)) * 200  # 51,200 bytes: less than the limit
        connection.write(data[:50_000])
        connection.write(data[50_000:])
        assert connection._out
        got = b""
        with trio.fail_after(5):
            while len(got) < len(data):
                got += await stream.receive_some(1000)
        assert got == data
        assert connection.bytes_out == len(data)
        await wait_all_tasks_blocked()
        assert not connection._events & 4  # no longer woken for what it may send


async def test_a_peer_that_does_not_read_is_closed_and_nothing_piles_up() -> None:
    async with bench() as b:
        await b.dial()
        connection = b.desk.connections[0]
        for _ in range(1000):
            connection.write(bytes(16_384))
            assert len(connection._out) <= OUT_SIZE_MAX
        assert connection.closed
        assert b.desk.lost_reasons == ["the peer does not read what is sent to it"]


async def test_the_hub_closes_all_when_it_stops_and_comes_back_after_a_crash() -> None:
    async with bench() as b:
        stream = await b.dial()
        b.ref.kill("by a test")
        assert await stream.receive_some() == b""
        assert b.desk.lost_reasons == ["the head-end is stopping"]
        await b.ref.until(State.RUNNING)
        last = await b.dial()
        await b.root.stop_child("hub")
        assert await last.receive_some() == b""
        assert b.desk.lost_reasons == ["the head-end is stopping"] * 2


async def test_logins_keep_to_their_budget(autojump_clock: MockClock) -> None:
    async with bench(logins_per_s=64.0) as b:
        dialled = [socket.create_connection((HOST, b.listening.port)) for _ in range(200)]
        start = trio.current_time()
        await b.desk.until(lambda: len(b.desk.connections) == 200)
        assert 2.5 <= trio.current_time() - start <= 4.5
        for each in dialled:
            each.close()


async def test_while_the_node_is_busy_new_connections_wait_and_others_are_served() -> None:
    busy: list[str] = []
    async with bench(is_busy=lambda: bool(busy)) as b:
        b.desk.take = lambda connection, data: connection.write(data)
        first = await b.dial()
        busy.append("many start")
        second = await trio.open_tcp_stream(HOST, b.listening.port)
        b.dialled.append(second)
        await second.send_all(b"waits")
        for n in range(20):  # the hub goes round meanwhile
            await first.send_all(b"%d" % n)
            assert await first.receive_some() == b"%d" % n
        assert b.hub.statistics().accepted == 1
        busy.clear()
        with trio.fail_after(5):
            assert await second.receive_some() == b"waits"


async def test_out_of_descriptors_is_survived() -> None:
    async with bench() as b:
        dialled = [socket.socket() for _ in range(12)]
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        top = max(each.fileno() for each in dialled)
        resource.setrlimit(resource.RLIMIT_NOFILE, (top + 4, hard))
        try:
            for each in dialled:
                each.connect((HOST, b.listening.port))
            with trio.fail_after(5):
                while not b.hub.statistics().refused:  # noqa: ASYNC110 -- the hub tells nobody
                    await trio.sleep(0.01)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await b.desk.until(lambda: len(b.desk.connections) == 12)
        assert b.ref.restarts == 0
        for each in dialled:
            each.close()


def test_a_port_that_is_taken_is_an_error() -> None:
    listening = bind(HOST, 0, lambda _: None)
    try:
        with pytest.raises(OSError, match="in use"):
            bind(HOST, listening.port, lambda _: None)
    finally:
        listening.socket.close()
