"""The hub against other ways to serve many connections, in one run: frames a second, CPU, memory.

Each server answers a frame of 300 bytes with one of 20. It has a process and a core of its own; so
has the load, which uses plain epoll sockets and keeps one frame of each connection under way.
Run: ``python -m bench.hub [--connections 10000]``. Trust the ratios and the CPU time per frame.
"""

import argparse
import os
import select
import shutil
import socket
import struct
import sys
import tempfile
import time
from typing import Final

from bench.echo_servers import ANSWER, FRAME, HOST, SERVERS, pin, serve
from bench.processes import CHILD_TIMEOUT_S, Subject, running

WARM_S: Final = 0.5
AT_ONCE: Final = 2000
"""So many connect, and wait until all are served: the kernel's queue would overflow otherwise."""
MODULE: Final = "bench.hub"


# -- load


def load(port: int, connections: int, seconds: float) -> None:
    """Connect, and take a turn for each line of input; see ``bench.processes.Subject``."""
    pin(1)
    epoll = select.epoll()
    table: dict[int, socket.socket] = {}
    for number in range(1, connections + 1):
        sock = socket.create_connection((HOST, port), timeout=CHILD_TIMEOUT_S)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Closed with a reset: else 10,000 ports a run would wait in TIME_WAIT.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        table[sock.fileno()] = sock
        epoll.register(sock.fileno(), select.EPOLLIN)
        sock.send(FRAME)
        if number % AT_ONCE == 0:
            exchange(epoll, table, answers=AT_ONCE, again=False)
    exchange(epoll, table, answers=connections % AT_ONCE, again=False)
    print("connected", flush=True)
    for _ in sys.stdin:
        for sock in table.values():
            sock.send(FRAME)
        exchange(epoll, table, seconds=WARM_S)
        print("warm", flush=True)
        started = time.perf_counter()
        count = exchange(epoll, table, seconds=seconds)
        print(count, time.perf_counter() - started, flush=True)
        exchange(epoll, table, answers=connections, again=False)
        print("done", flush=True)


def exchange(
    epoll: select.epoll,
    table: dict[int, socket.socket],
    *,
    seconds: float = CHILD_TIMEOUT_S,
    answers: int = sys.maxsize,
    again: bool = True,
) -> int:
    """Take answers until the time is over or so many have come; return how many.

    ``again``: send another frame after each.
    """
    count, end = 0, time.perf_counter() + seconds
    while count < answers and time.perf_counter() < end:
        for fd, _ in epoll.poll(0.1, 512):
            sock = table[fd]
            if len(sock.recv(4096)) != len(ANSWER):
                raise SystemExit("the server answered something else than one answer")
            count += 1
            if again:
                sock.send(FRAME)
    if answers < sys.maxsize and count < answers:
        raise SystemExit(f"only {count} of {answers} connections were answered")
    return count


def subject_of(name: str, connections: int, seconds: float) -> Subject | None:
    """Start one of the servers, with its load; None when it is not installed."""
    if name == "erlang" and shutil.which("erlc") is None:
        return None
    wanted = ("--connections", str(connections), "--seconds", str(seconds), "--load")
    return Subject([MODULE, "--serve", name], [MODULE, *wanted], connections)


def compare(connections: int, seconds: float) -> None:
    print(f"{connections:,} connections, {len(FRAME)}-byte frames, {seconds:g} s each")
    print("                      frames/s  CPU us/frame  KB/session  hub + actor is")
    ours = 0.0
    for name, (title, _) in SERVERS.items():
        subject = subject_of(name, connections, seconds)
        if subject is None:
            print(f"{title:19} not installed")
            continue
        with running(subject):
            turn = subject.turn()
        ours = ours or turn.frames_per_s
        print(f"{title:19} {turn.frames_per_s:10,.0f} {turn.cpu_us:13.1f}", end="")
        print(f" {subject.session_kb:11.1f} {ours / turn.frames_per_s:10.2f} x", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    parser.add_argument("--load", type=int, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.serve:
        serve(wanted.serve)
    elif wanted.load:
        load(wanted.load, wanted.connections, wanted.seconds)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["TMPDIR"] = scratch  # of the servers, which are killed
            compare(wanted.connections, wanted.seconds)


if __name__ == "__main__":
    main()
