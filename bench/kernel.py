"""The actor kernel against bare trio tasks and memory channels, in one run.

Prints the memory of an idle actor, and how many a second are started, asked, and crash and start
again. Each number comes from a process of its own, so that none inherits another's memory.
Run: ``python -m bench.kernel``. Trust the ratios.
"""

import argparse
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import trio
import trio.testing

from actors.actor import Actor
from actors.mailbox import Ref, State
from actors.supervisor import Backoff, ChildSpec, Supervisor
from actors.tree import open_node

IDLE: Final = 10_000
ASKS: Final = 40_000
CRASHES: Final = 5_000
ASK_TIMEOUT_S: Final = 10.0
NO_PAUSE: Final = Backoff(first_s=0.0, cap_s=0.0)


class Echo(Actor):
    """Answers with what it is asked."""

    async def receive(self, message: Any) -> Any:
        return message


class Fragile(Actor):
    """Dies of every message."""

    async def receive(self, message: Any) -> Any:
        raise RuntimeError("on purpose")


def children(start: Callable[[], Actor], number: int) -> list[ChildSpec]:
    return [ChildSpec(name=str(n), start=start) for n in range(number)]


def resident_kb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


# -- our way


async def actors_started() -> tuple[float, float]:
    """Return actors a second and KB an actor."""
    async with open_node("bench", Supervisor) as node:
        supervisor = node.root.actor
        assert isinstance(supervisor, Supervisor)
        before_kb, began = resident_kb(), time.perf_counter()
        for spec in children(Echo, IDLE):
            supervisor.spawn_child(spec)
        await trio.testing.wait_all_tasks_blocked()
        elapsed_s = time.perf_counter() - began
        return IDLE / elapsed_s, (resident_kb() - before_kb) / IDLE


async def actors_asked() -> float:
    async with open_node("bench", lambda: Supervisor(*children(Echo, 1))) as node:
        ref = found(node.find("0"))
        began = time.perf_counter()
        for number in range(ASKS):
            await ref.ask(number, ASK_TIMEOUT_S)
        return ASKS / (time.perf_counter() - began)


async def actors_crashed() -> float:
    root = Supervisor(*children(Fragile, 1), backoff=NO_PAUSE, intensity=10**9, period_s=0.1)
    async with open_node("bench", lambda: root) as node:
        ref = found(node.find("0"))
        began = time.perf_counter()
        for number in range(CRASHES):
            ref.tell(number)
            while ref.restarts <= number or ref.state is not State.RUNNING:
                await trio.lowlevel.checkpoint()
        return CRASHES / (time.perf_counter() - began)


def found(ref: Ref | None) -> Ref:
    assert ref is not None
    return ref


# -- bare trio


async def tasks_started() -> tuple[float, float]:
    """A task that waits on a memory channel of its own."""

    async def idle(receive: trio.MemoryReceiveChannel[int]) -> None:
        async for _ in receive:
            pass

    async with trio.open_nursery() as nursery:
        before_kb, began = resident_kb(), time.perf_counter()
        ends = []
        for _ in range(IDLE):
            send, receive = trio.open_memory_channel[int](64)
            ends.append(send)
            nursery.start_soon(idle, receive)
        await trio.testing.wait_all_tasks_blocked()
        elapsed_s = time.perf_counter() - began
        seen = IDLE / elapsed_s, (resident_kb() - before_kb) / IDLE
        nursery.cancel_scope.cancel()
    return seen


async def tasks_asked() -> float:
    """A question and its answer over two channels, with a deadline as an ask has."""
    ask, asked = trio.open_memory_channel[int](64)
    answer, answered = trio.open_memory_channel[int](64)

    async def echo() -> None:
        async for message in asked:
            await answer.send(message)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo)
        began = time.perf_counter()
        for number in range(ASKS):
            with trio.fail_after(ASK_TIMEOUT_S):
                await ask.send(number)
                await answered.receive()
        elapsed_s = time.perf_counter() - began
        nursery.cancel_scope.cancel()
    return ASKS / elapsed_s


async def tasks_crashed() -> float:
    """A loop around a task: no count, no reason, no pause, nobody to give up."""
    send, receive = trio.open_memory_channel[int](64)
    crashes = 0

    async def fragile() -> None:
        await receive.receive()
        raise RuntimeError("on purpose")

    async def forever() -> None:
        nonlocal crashes
        while True:
            try:
                with trio.CancelScope():
                    await fragile()
            except RuntimeError:
                crashes += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(forever)
        began = time.perf_counter()
        for number in range(CRASHES):
            send.send_nowait(number)
            while crashes <= number:
                await trio.lowlevel.checkpoint()
        elapsed_s = time.perf_counter() - began
        nursery.cancel_scope.cancel()
    return CRASHES / elapsed_s


Measure = Callable[[], Awaitable[float | tuple[float, float]]]
MEASURES: Final[dict[str, tuple[Measure, Measure]]] = {
    "start": (actors_started, tasks_started),
    "ask": (actors_asked, tasks_asked),
    "crash": (actors_crashed, tasks_crashed),
}
SIDES: Final = 2


def measured(name: str, side: int, rounds: int) -> list[float]:
    """Return the medians of what a measure gives, each round in a new process."""
    rows = []
    for _ in range(rounds):
        command = [sys.executable, __file__, "--measure", name, "--side", str(side)]
        out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
        rows.append([float(number) for number in out.split()])
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def compare(rounds: int) -> None:
    print(f"{IDLE:,} idle, {ASKS:,} asks, {CRASHES:,} crashes, {rounds} rounds, medians")
    print("                         actors  bare trio   actors are")
    for name, title in (("start", "started/s"), ("ask", "asks/s"), ("crash", "crash, restart/s")):
        ours, bare = (measured(name, side, rounds) for side in range(SIDES))
        line(title, ours[0], bare[0], ",.0f", "as fast")
        if name == "start":
            line("KB each, idle", ours[1], bare[1], ",.2f", "as big")


def line(title: str, ours: float, bare: float, form: str, than: str) -> None:
    print(f"{title:20} {ours:>10{form}} {bare:>10{form}} {ours / bare:7.2f} x {than}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    parser.add_argument("--side", type=int, choices=range(SIDES), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if not wanted.measure:
        compare(wanted.rounds)
        return
    result = trio.run(MEASURES[wanted.measure][wanted.side])
    print(*result if isinstance(result, tuple) else (result,))


if __name__ == "__main__":
    main()
