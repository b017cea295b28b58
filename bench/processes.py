"""Servers and loads as processes of their own, and what the kernel says of them."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

CHILD_TIMEOUT_S: Final = 120
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
SETTLE_S: Final = 0.2


class Result(NamedTuple):
    """What one server did under load."""

    frames_per_s: float
    cpu_us: float
    """Of the server, for each frame."""
    session_kb: float


def measure(
    server: Sequence[str], load: Sequence[str], connections: int, *, settle_s: float = SETTLE_S
) -> Result:
    """Run a server and its load.

    The server prints its port, and perhaps its size in KB before it knew of any session. The load
    prints a line when it is connected, waits for one, prints a line when the measured time begins,
    and at its end how many frames were answered in how many seconds.
    """
    children: list[subprocess.Popen[str]] = []
    try:
        node = start(*server)
        children.append(node)
        port, *base = line_of(node).split()
        time.sleep(settle_s)
        before_kb = float(base[0]) if base else resident_kb(node.pid)
        client = start(*load, port)
        children.append(client)
        line_of(client)
        time.sleep(settle_s)
        session_kb = (resident_kb(node.pid) - before_kb) / connections
        assert client.stdin is not None
        client.stdin.write("go\n")
        client.stdin.flush()
        line_of(client)
        cpu_s = cpu_of(node.pid)
        count, elapsed_s = map(float, line_of(client).split())
        cpu_s = cpu_of(node.pid) - cpu_s
    finally:
        for child in children:
            end(child)
    return Result(count / elapsed_s, cpu_s / count * 1e6, session_kb)


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start a module of this package, or of another, in a process."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line_of(process: subprocess.Popen[str]) -> str:
    """Return what a child prints next."""
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], CHILD_TIMEOUT_S)[0]:
        raise SystemExit(f"nothing came from {process.args!r} for {CHILD_TIMEOUT_S} s")
    line = process.stdout.readline().strip()
    if not line:
        raise SystemExit(f"{process.args!r} ended early")
    return line


def end(process: subprocess.Popen[str]) -> None:
    """End a child without asking it."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


def resident_kb(pid: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


def cpu_of(pid: int) -> float:
    """Return the CPU time of a process, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S
