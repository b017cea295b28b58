"""Modems of DDP that understand one layout of data and no other: the first read through them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
import trio
from actor_bench import Bench, device, settled
from memory_wire import Call, CallStream
from trio.testing import MockClock

from actors.meter_messages import Perform
from hes.commands import CommandFailed, ReadRegisters
from hes.devices import Device
from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from hes.fleet.dlt645_meter import Dlt645Plan, SimulatedDlt645Meter
from hes.fleet.iec62056_21_meter import Iec62056Plan, SimulatedIec62056Meter
from hes.ids import MeterId
from protocols.links.base import LinkSettings

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENERGY = "1.0.1.8.0.255"
NAME = "13600136001"
ID = NAME.encode()
LAYOUTS = ("inside", "header16", "closed")
FAILED = {
    ("hdlc", "closed"): 1,  # called four times, twice with each size of its address
    ("wrapper", "header16"): 1, ("wrapper", "closed"): 2,  # asked once in a read
}  # fmt: skip
"""How many reads fail before one succeeds: none, but of meters that are asked too seldom."""
READ_S = 100.0
REGISTER = b"\x7b\x01\x00\x16" + ID + bytes((10, 0, 0, 2, 0x13, 0x88)) + b"\x7b"


def dlms(framing: str) -> SimulatedDlmsMeter:
    return SimulatedDlmsMeter(
        MeterIdentity(serial="m1"), framing=framing, logical=1,
        physical=17 if framing == "hdlc" else None, world=lambda: NOW, rng=Random(1),
    )  # fmt: skip


def iec() -> SimulatedIec62056Meter:
    plan = Iec62056Plan(serial="m1", address="4711")
    return SimulatedIec62056Meter(plan, world=lambda: NOW, drift_s=0.0)


def dlt645(*, old: bool) -> SimulatedDlt645Meter:
    plan = Dlt645Plan(serial="m1", address="11", old=old)
    return SimulatedDlt645Meter(plan, world=lambda: NOW, drift_s=0.0)


METERS: dict[str, tuple[Device, Any]] = {
    "hdlc": (device("m1", NAME, framing="hdlc", address="17"), lambda: dlms("hdlc")),
    "wrapper": (device("m1", NAME, framing="wrapper"), lambda: dlms("wrapper")),
    "iec": (device("m1", NAME, protocol="iec62056-21", address="4711"), iec),
    "iec-alone": (device("m1", NAME, protocol="iec62056-21"), iec),
    "2007": (device("m1", NAME, protocol="dlt645-2007", address="11"), lambda: dlt645(old=False)),
    "1997": (device("m1", NAME, protocol="dlt645-1997", address="11"), lambda: dlt645(old=True)),
}


def split(layout: str, sent: bytes) -> Iterator[bytes]:
    """Yield the data in what the head-end sent, as a modem reads it that knows one layout."""
    while sent:
        head, rest = sent[:16], sent[16:]
        size = int.from_bytes(head[2:4])
        if head[1] != 0x89:
            sent = rest
            continue
        if layout == "header16" and size == 16 and head[15:] == b"\x7b":
            yield rest
        elif layout == "inside" and sent[size - 1 : size] == b"\x7b":
            yield sent[15 : size - 1]
        elif layout == "closed" and size > 16 and head[15:] == b"\x7b":
            yield sent[16:size]
        return


def uplink(layout: str, data: bytes) -> bytes:
    if layout == "header16":
        return b"\x7b\x09\x00\x10" + ID + b"\x7b" + data
    head = b"\x7b\x09" + (16 + len(data)).to_bytes(2) + ID
    return head + b"\x7b" + data if layout == "closed" else head + data + b"\x7b"


class Modem:
    """Speaks one layout, and confirms nothing."""

    def __init__(self, call: Call, layout: str, meter: Any) -> None:
        self.taken = 0
        self._stream = CallStream(call)
        self._layout, self._meter = layout, meter

    async def run(self) -> None:
        while sent := await self._stream.receive_some():
            for data in split(self._layout, sent):
                self.taken += 1
                await trio.sleep(0.1)
                if answer := self._meter.receive(data):
                    await self._stream.send_all(uplink(self._layout, answer))


@asynccontextmanager
async def modem(entry: Device, layout: str, meter: Any) -> AsyncIterator[tuple[Bench, Modem]]:
    bench = Bench([entry], settings=LinkSettings())
    async with bench.run(), trio.open_nursery() as nursery:
        call = bench.dial(REGISTER)
        made = Modem(call, layout, meter)
        nursery.start_soon(made.run)
        await settled()
        yield bench, made
        nursery.cancel_scope.cancel()
    assert bench.crashes() == {}


async def read(bench: Bench) -> Any:
    command = ReadRegisters(meter=MeterId("m1"), obis=(ENERGY,))
    answer = await bench.meter("m1").ask(Perform(command, READ_S), READ_S + 1)
    return answer.reading.values[0]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", METERS)
async def test_the_first_read_finds_the_layout(
    autojump_clock: MockClock, name: str, layout: str
) -> None:
    entry, make = METERS[name]
    async with modem(entry, layout, make()) as (bench, made):
        for _ in range(FAILED.get((name, layout), 0)):
            with pytest.raises(CommandFailed):
                await read(bench)
        assert await read(bench) is not None
        begin = trio.current_time()
        first = made.taken
        assert await read(bench) is not None
        assert made.taken > first
        assert trio.current_time() - begin < 5.0, "the layout is known now"
