"""Servers that answer 300-byte frames with 20 bytes, in several ways; see ``bench/hub.py``."""

import asyncio
import gc
import os
import struct
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

import trio

from actors.actor import Actor
from actors.hub import Connection, Hub, bind
from actors.mailbox import Ref
from actors.supervisor import ChildSpec, Supervisor
from actors.tree import open_node

HOST: Final = "127.0.0.1"
HEADER: Final = struct.Struct(">H")
FRAME: Final = HEADER.pack(298) + bytes(298)
ANSWER: Final = HEADER.pack(18) + bytes(18)


class Frames:
    """Cuts a stream into frames; the same for every server in Python."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        data = self._rest + data if self._rest else data
        frames, at = [], 0
        while len(data) - at >= 2:
            end = at + 2 + HEADER.unpack_from(data, at)[0]
            if end > len(data):
                break
            frames.append(data[at + 2 : end])
            at = end
        self._rest = data[at:]
        return frames


# -- servers


class EchoActor(Actor):
    """Owns a connection and answers each frame."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def receive(self, _message: bytes) -> None:
        self._connection.write(ANSWER)


class Told:
    """Hands the frames of a connection to its actor."""

    __slots__ = ("_frames", "_ref")

    def __init__(self, ref: Ref) -> None:
        self._ref = ref
        self._frames = Frames()

    def received(self, connection: Connection, data: bytes) -> None:
        for frame in self._frames.feed(data):
            connection.deliver(self._ref, frame)

    def lost(self, _connection: Connection, _reason: str) -> None:
        self._ref.close()


class Direct:
    """Answers in the hub's own task: what the hub costs without actors."""

    __slots__ = ("_frames",)

    def __init__(self) -> None:
        self._frames = Frames()

    def received(self, connection: Connection, data: bytes) -> None:
        for _ in self._frames.feed(data):
            connection.write(ANSWER)

    def lost(self, _connection: Connection, _reason: str) -> None:
        pass


async def serve_hub(*, actors: bool) -> None:
    sessions = Supervisor()

    def accept(connection: Connection) -> None:
        if not actors:
            connection.receiver = Direct()
            return
        spec = ChildSpec(name=str(connection.fd), start=lambda: EchoActor(connection))
        connection.receiver = Told(sessions.spawn_child(spec))

    listening = bind(HOST, 0, accept)
    specs = [
        ChildSpec(name="sessions", start=lambda: sessions),
        ChildSpec(name="hub", start=lambda: Hub([listening], logins_per_s=100_000)),
    ]
    async with open_node("bench", lambda: Supervisor(*specs)):
        tell_port(listening.port)
        await trio.sleep_forever()


async def serve_trio(*, deadline: bool) -> None:
    """A task for each connection, as everybody writes it; with a deadline as the hub keeps one."""

    async def handle(stream: trio.SocketStream) -> None:
        frames = Frames()
        while data := await stream.receive_some(16_384):
            for _ in frames.feed(data):
                await stream.send_all(ANSWER)

    async def handle_in_time(stream: trio.SocketStream) -> None:
        frames = Frames()
        while True:
            with trio.move_on_after(150) as scope:
                data = await stream.receive_some(16_384)
            if scope.cancelled_caught or not data:
                return
            for _ in frames.feed(data):
                await stream.send_all(ANSWER)

    listeners = await trio.open_tcp_listeners(0, host=HOST, backlog=4096)
    tell_port(listeners[0].socket.getsockname()[1])
    await trio.serve_listeners(handle_in_time if deadline else handle, listeners)


async def serve_asyncio() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = Frames()
        while data := await reader.read(16_384):
            for _ in frames.feed(data):
                writer.write(ANSWER)
                await writer.drain()

    server = await asyncio.start_server(handle, HOST, 0, backlog=4096)
    tell_port(server.sockets[0].getsockname()[1])
    await server.serve_forever()


ERLANG: Final = """
-module(echo).
-behaviour(gen_server).
-export([main/0, init/1, handle_info/2, handle_call/3, handle_cast/2]).

main() ->
    {ok, Listen} = gen_tcp:listen(0, [binary, {packet, 2}, {active, false}, {nodelay, true},
                                      {ip, {127,0,0,1}}, {backlog, 4096}]),
    {ok, Port} = inet:port(Listen),
    io:format("~b~n", [Port]),
    accept(Listen).

accept(Listen) ->
    {ok, Socket} = gen_tcp:accept(Listen),
    {ok, Session} = gen_server:start(?MODULE, Socket, []),
    ok = gen_tcp:controlling_process(Socket, Session),
    Session ! begin_reading,
    accept(Listen).

init(Socket) -> {ok, Socket}.

handle_info({tcp, Socket, _Frame}, Socket) ->
    ok = gen_tcp:send(Socket, <<0:144>>),
    ok = inet:setopts(Socket, [{active, once}]),
    {noreply, Socket};
handle_info(begin_reading, Socket) ->
    ok = inet:setopts(Socket, [{active, once}]),
    {noreply, Socket};
handle_info(_, Socket) -> {stop, normal, Socket}.

handle_call(_, _, Socket) -> {reply, ok, Socket}.
handle_cast(_, Socket) -> {noreply, Socket}.
"""


def exec_erlang() -> NoReturn:
    """Become an Erlang node with one scheduler: one core, as the others have."""
    folder = tempfile.mkdtemp(prefix="bench-erlang-")
    Path(folder, "echo.erl").write_text(ERLANG)
    subprocess.run(["erlc", "echo.erl"], cwd=folder, check=True)
    os.chdir(folder)
    options = ["+S", "1:1", "+SDcpu", "1:1", "+Q", "65536", "+sbwt", "none"]
    os.execvp("erl", ["erl", *options, "-noinput", "-s", "echo", "main"])


def tell_port(port: int) -> None:
    print(port, flush=True)


SERVERS: Final[dict[str, tuple[str, Callable[[], object]]]] = {
    "hub-actors": ("hub + actor", lambda: trio.run(lambda: serve_hub(actors=True))),
    "hub": ("hub only", lambda: trio.run(lambda: serve_hub(actors=False))),
    "trio": ("trio, a task each", lambda: trio.run(lambda: serve_trio(deadline=False))),
    "trio-deadline": ("the same, deadlines", lambda: trio.run(lambda: serve_trio(deadline=True))),
    "asyncio": ("asyncio streams", lambda: asyncio.run(serve_asyncio())),
    "erlang": ("Erlang gen_server", exec_erlang),
}
"""Title and what runs it. Ours first: the others are compared to it."""


def serve(name: str) -> None:
    pin(0)
    gc.set_threshold(50_000, 50, 100)
    SERVERS[name][1]()


def pin(core: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})
