"""The whole path beside bare echoes, in one run: from the socket to a durable, acknowledged event.

A real node takes confirmed DLMS pushes over the wrapper: cuts, decodes and judges them, stores a
Reading on disk, keeps the read models up to date, and only then confirms. Each session is a modem
of its own with a meter behind it. The anchors (``bench/hub.py``) only answer frames of the same
size. A head-end waits for nothing without a deadline: ``the same, deadlines`` is what a task for
each connection would cost it, the one without is less than that. Server and load have a core each.
Trust the ratios.

    python -m bench.path [--sessions 10000] [--seconds 2] [--rounds 5]
"""

import argparse
import contextlib
import gc
import os
import select
import socket
import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import trio

from bench.echo_servers import FRAME, HOST, SERVERS, pin
from bench.hub import AT_ONCE, subject_of
from bench.processes import CHILD_TIMEOUT_S, Subject, Turn, resident_kb, running
from hes.app.serve import open_running
from hes.clock import SystemClock
from hes.config import (
    CollectionConfig,
    Config,
    ListenerConfig,
    ReadModelConfig,
    StoreConfig,
    WebConfig,
)
from hes.config_values import Bind, DatabaseUrl, Expression, Name
from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu_push import CONFIRMED, encode_data_notification
from protocols.dlms.cosem import obis_bytes
from protocols.dlms.wrapper import encode_wpdu

MODULE: Final = "bench.path"
PATH: Final = "the whole path"
ANCHORS: Final = ("hub-actors", "hub", "trio", "trio-deadline", "erlang")
WARM_S: Final = 1.0
LOGINS_PER_S: Final = 1500
"""Below what the node lets in; beyond it the kernel's queue would overflow."""
SETTLE_S: Final = 3.0
TIME: Final = bytes.fromhex("07EA0B1C060C0000FF800000")
REGISTERS: Final = 10
"""With scaler and unit each, so many make a frame of about the anchors' 300 bytes."""
INVOKE_AT: Final = 8 + 1
"""Where the invoke id stands in a frame: behind the wrapper's header and the tag."""


def push_frame() -> bytearray:
    """Return a confirmed push: serial number, clock, and registers with scaler and unit."""
    registers = [
        ax.structure(
            ax.octets(obis_bytes(f"1.0.{n + 1}.8.0.255")),
            ax.u32(1_000_000 + n),
            ax.structure(ax.i8(0), ax.enum(30)),
        )
        for n in range(REGISTERS)
    ]
    serial = ax.structure(ax.octets(obis_bytes("0.0.96.1.0.255")), ax.octets(b"18097634"))
    clock = ax.structure(ax.octets(obis_bytes("0.0.1.0.0.255")), ax.octets(TIME))
    apdu = encode_data_notification(CONFIRMED | 1, TIME, ax.array(serial, clock, *registers))
    return bytearray(encode_wpdu(1, 103, apdu))


# -- the node


def serve_node(sessions: int) -> None:
    """Run a node with a device for each session until killed."""
    pin(0)
    trio.run(_serve_node, sessions)


async def _serve_node(sessions: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-path-"))
    config = Config(
        store=StoreConfig(url=DatabaseUrl(f"sqlite:///{folder}/events.db")),
        read_model=ReadModelConfig(url=DatabaseUrl(f"sqlite:///{folder}/read.db")),
        web=WebConfig(bind=Bind("127.0.0.1:0")),
        collection=CollectionConfig(enabled=False),
        listener=(
            ListenerConfig(
                name=Name("bench"),
                bind=Bind("127.0.0.1:0"),
                link="raw",
                registration=Expression(r"MODEM:(?P<modem_id>\w+)\r\n"),
            ),
        ),
    )
    async with open_running(config, SystemClock()) as running:
        gc.collect()
        base_kb = resident_kb(os.getpid())
        rows = "".join(f"{n},M{n},dlms,wrapper\n" for n in range(sessions))
        await running.node.import_devices("meter_id,modem_id,protocol,framing\n" + rows, "bench")
        print(running.ports["bench"], base_kb, flush=True)
        await trio.sleep_forever()


# -- the load


class Session:
    """A modem with a meter that pushes."""

    __slots__ = ("frame", "invoke", "sock")

    def __init__(self, number: int, port: int, frame: bytes) -> None:
        self.frame = bytearray(frame)
        self.invoke = 0
        self.sock = socket.create_connection((HOST, port), timeout=CHILD_TIMEOUT_S)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.send(f"MODEM:M{number}\r\n".encode())

    def push(self) -> None:
        """Send the next push."""
        self.invoke += 1
        struct.pack_into(">I", self.frame, INVOKE_AT, CONFIRMED | self.invoke)
        self.sock.send(self.frame)

    def confirmed(self) -> None:
        """Take the confirmation of the last push.

        Raises:
            SystemExit: something else came.

        """
        answer = self.sock.recv(4096)
        number = int.from_bytes(answer[9:13])
        if number & 0xFFFFFF != self.invoke or len(answer) > 64:
            raise SystemExit(f"push {self.invoke} was answered with {answer.hex()}")


def load(port: int, sessions: int, seconds: float) -> None:
    """Connect, push once each, then take a turn for each line; see ``bench.processes.Subject``."""
    pin(1)
    epoll = select.epoll()
    frame = bytes(push_frame())
    table: dict[int, Session] = {}
    for number in range(sessions):
        session = Session(number, port, frame)
        table[session.sock.fileno()] = session
        epoll.register(session.sock.fileno(), select.EPOLLIN)
        time.sleep(1 / LOGINS_PER_S)
        session.push()
        if len(table) % AT_ONCE == 0:
            exchange(epoll, table, CHILD_TIMEOUT_S, answers=AT_ONCE)
    exchange(epoll, table, CHILD_TIMEOUT_S, answers=sessions % AT_ONCE)
    print("connected", flush=True)
    for _ in sys.stdin:
        for session in table.values():
            session.push()
        exchange(epoll, table, WARM_S)
        print("warm", flush=True)
        started = time.perf_counter()
        count = exchange(epoll, table, seconds)
        print(count, time.perf_counter() - started, flush=True)
        exchange(epoll, table, CHILD_TIMEOUT_S, answers=sessions)
        print("done", flush=True)


def exchange(
    epoll: select.epoll, table: dict[int, Session], seconds: float, *, answers: int | None = None
) -> int:
    """Take confirmations; push anew after each, unless just ``answers`` are wanted."""
    count, until = 0, time.perf_counter() + seconds
    while count != answers and time.perf_counter() < until:
        for fd, _ in epoll.poll(0.1, 512):
            session = table[fd]
            session.confirmed()
            count += 1
            if answers is None:
                session.push()
    if answers is not None and count < answers:
        raise SystemExit(f"only {count} of {answers} pushes were confirmed")
    return count


# -- comparing


def compare(sessions: int, seconds: float, rounds: int) -> None:
    """Print the path and its anchors. All are up at once and take turns, but one at a time runs:
    the machine is not the same from one minute to the next."""
    size = len(push_frame())
    print(f"{sessions:,} sessions, {size}-byte pushes, anchors {len(FRAME)} bytes", end="")
    print(f", {rounds} turns of {seconds:g} s each, medians")
    print("                      frames/s  CPU us/frame  KB/session  the path is")
    with contextlib.ExitStack() as stack:
        subjects = subjects_of(sessions, seconds, stack)
        turns: dict[str, list[Turn]] = {title: [] for title in subjects}
        for _ in range(rounds):
            for title, subject in subjects.items():
                turns[title].append(subject.turn())
        for title, subject in subjects.items():
            row(title, turns[title], turns[PATH], subject.session_kb)


def subjects_of(sessions: int, seconds: float, stack: contextlib.ExitStack) -> dict[str, Subject]:
    """Start what is compared, by its title."""
    wanted = ("--sessions", str(sessions), "--seconds", str(seconds))
    path = Subject(
        [MODULE, *wanted, "--serve"], [MODULE, *wanted, "--load"], sessions, settle_s=SETTLE_S
    )
    found = {PATH: stack.enter_context(running(path))}
    for name in ANCHORS:
        title = SERVERS[name][0]
        anchor = subject_of(name, sessions, seconds)
        if anchor is None:
            print(f"{title:19} not installed")
        else:
            found[title] = stack.enter_context(running(anchor))
    return found


def row(title: str, turns: list[Turn], path: list[Turn], session_kb: float) -> None:
    """Print one line of the table."""
    rate, cpu_us = (statistics.median(values) for values in zip(*turns, strict=True))
    ratio = statistics.median(
        ours.frames_per_s / theirs.frames_per_s for ours, theirs in zip(path, turns, strict=True)
    )
    print(f"{title:19} {rate:10,.0f} {cpu_us:13.1f}", end="")
    print(f" {session_kb:11.1f} {ratio:10.2f} x", flush=True)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--load", type=int, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.serve:
        serve_node(wanted.sessions)
    elif wanted.load:
        load(wanted.load, wanted.sessions, wanted.seconds)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["TMPDIR"] = scratch  # of the servers, which are killed
            compare(wanted.sessions, wanted.seconds, wanted.rounds)


if __name__ == "__main__":
    main()
