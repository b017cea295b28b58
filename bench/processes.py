"""Servers and loads as processes of their own, and what the kernel says of them."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

CHILD_TIMEOUT_S: Final = 120
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
SETTLE_S: Final = 0.2
QUIET_S: Final = 0.3
QUIET_SHARE: Final = 0.1
"""Of a core, at most: then a server has nothing left to do."""


class Turn(NamedTuple):
    """What one server did under load."""

    frames_per_s: float
    cpu_us: float
    """Of the server, for each frame."""


class Subject:
    """A server and its load. Both are stopped but for their turns, so that turns may alternate.

    The server prints its port, and perhaps its size in KB before it knew of any session. The load
    prints a line when it is connected. For each line that it gets it prints one when the measured
    time begins, one at its end with how many frames were answered in how many seconds, and one
    when nothing is under way any more.
    """

    def __init__(
        self,
        server: Sequence[str],
        load: Sequence[str],
        connections: int,
        *,
        settle_s: float = SETTLE_S,
    ) -> None:
        self._children: list[subprocess.Popen[str]] = []
        try:
            self._server = self._start(server)
            port, *base = line_of(self._server).split()
            time.sleep(settle_s)
            before_kb = float(base[0]) if base else resident_kb(self._server.pid)
            self._load = self._start((*load, port))
            line_of(self._load)
            time.sleep(settle_s)
            self.session_kb = (resident_kb(self._server.pid) - before_kb) / connections
        except BaseException:
            self.end()
            raise
        self._signal(signal.SIGSTOP)

    def _start(self, arguments: Sequence[str]) -> subprocess.Popen[str]:
        child = start(*arguments)
        self._children.append(child)
        return child

    def turn(self) -> Turn:
        """Let the load run for its time; afterwards the server may do what it has put off."""
        self._signal(signal.SIGCONT)
        try:
            assert self._load.stdin is not None
            self._load.stdin.write("go\n")
            self._load.stdin.flush()
            line_of(self._load)
            cpu_s = cpu_of(self._server.pid)
            count, elapsed_s = map(float, line_of(self._load).split())
            cpu_s = cpu_of(self._server.pid) - cpu_s
            line_of(self._load)
            wait_quiet(self._server.pid)
        finally:
            self._signal(signal.SIGSTOP)
        return Turn(count / elapsed_s, cpu_s / count * 1e6)

    def _signal(self, number: signal.Signals) -> None:
        for child in self._children:
            child.send_signal(number)

    def end(self) -> None:
        """End both."""
        for child in self._children:
            end(child)


@contextlib.contextmanager
def running(subject: Subject) -> Iterator[Subject]:
    """End a subject with the block."""
    try:
        yield subject
    finally:
        subject.end()


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


def wait_quiet(pid: int) -> None:
    """Wait until a process does next to nothing."""
    until = time.perf_counter() + CHILD_TIMEOUT_S
    while time.perf_counter() < until:
        before_s = cpu_of(pid)
        time.sleep(QUIET_S)
        if cpu_of(pid) - before_s < QUIET_SHARE * QUIET_S:
            return
    raise SystemExit(f"process {pid} did not come to rest for {CHILD_TIMEOUT_S} s")


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
