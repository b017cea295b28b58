"""Freezes, and the logical devices behind an address: through a whole node in memory."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from actor_bench import START, Bench, device
from controlled_meter import WHO, WHY, controlled
from memory_wire import Call
from trio.testing import MockClock

from actors.meter_messages import Perform
from hes import control
from hes.commands import CommandFailed
from hes.devices import Device
from hes.events.command import CommandFinished, CommandRequested
from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_objects import DENIED
from hes.fleet.dlms_server import MeterIdentity
from hes.fleet.dlt645_meter import Dlt645Plan, SimulatedDlt645Meter
from protocols.dlms.object_list import CLASS_SAP


@asynccontextmanager
async def on_line(listed: Device, *meters: Any) -> AsyncIterator[Bench]:
    """Run a node with meters that answer on the line of a modem."""
    async with Bench([listed]).run() as bench:
        call = await bench.call_in()

        def heard(data: bytes, call: Call = call) -> None:
            for meter in meters:
                if answer := meter.receive(data):
                    call.say(answer)

        call.on_heard = heard
        yield bench
        assert bench.crashes() == {}


async def ask(bench: Bench, command: Any) -> Any:
    return await bench.meter().ask(Perform(command, 100.0), 101.0)


def dlt645(bench_now: Any, address: str, *, old: bool = False) -> SimulatedDlt645Meter:
    return SimulatedDlt645Meter(Dlt645Plan(serial=address, old=old), world=bench_now)


@pytest.mark.parametrize("everybody", [False, True])
async def test_a_meter_keeps_its_values_now(autojump_clock: MockClock, everybody: bool) -> None:
    listed = device(protocol="dlt645-2007", address="11")
    meters = [dlt645(lambda: START, name) for name in ("11", "12")]
    async with on_line(listed, *meters) as bench:
        answer = await ask(bench, control.Freeze(**WHY, everybody=everybody))
        assert (answer.heard, answer.frozen_at) == (True, START)
        assert [len(m.values.freezes) for m in meters] == [1, int(everybody)]
        (requested,) = bench.of_meter(CommandRequested)
        assert (requested.command, requested.actor, requested.reason) == (
            "freeze", "ann", "unpaid bill",
        )  # fmt: skip
        (finished,) = bench.of_meter(CommandFinished)
        assert finished.ok


async def test_a_pattern_is_told_and_nothing_is_read(autojump_clock: MockClock) -> None:
    listed = device(protocol="dlt645-2007", address="11")
    meter = dlt645(lambda: START + timedelta(days=1), "11")
    async with on_line(listed, meter) as bench:
        answer = await ask(bench, control.Freeze(**WHY, how="daily", hour=1))
        assert (answer.how, answer.heard, answer.frozen_at) == ("daily", True, None)
        assert meter.values.freezes == []
        assert '"how":"daily"' in bench.of_meter(CommandRequested)[0].argument


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        (device(protocol="dlt645-1997", address="11"), "1997"),
        (device(protocol="iec62056-21", address="11"), "only meters of DL/T 645-2007"),
    ],
)
async def test_others_are_told_in_a_sentence(
    autojump_clock: MockClock, listed: Device, why: str
) -> None:
    async with on_line(listed) as bench:
        with pytest.raises(CommandFailed, match=why):
            await ask(bench, control.Freeze(**WHY))


# -- logical devices


@pytest.mark.parametrize("secured", [False, True])
async def test_a_meter_tells_its_logical_devices(autojump_clock: MockClock, secured: bool) -> None:
    async with controlled(secured=secured) as c:
        answer = await c.ask(control.ReadLogicalDevices(**WHO))
        (only,) = answer.devices
        assert (only.sap, only.name) == (1, c.meter.objects.texts["0.0.42.0.0.255"].decode())
        requested, finished = c.last_command()
        assert (requested.command, finished.ok) == ("logical-devices", True)


class Logical:
    """One logical device of a concentrator, and how often it was asked."""

    def __init__(self, logical: int) -> None:
        self.inner = SimulatedDlmsMeter(
            MeterIdentity(serial="20001234", logical=logical), framing="hdlc", logical=logical,
            physical=17, world=lambda: START, rng=random.Random(1),
        )  # fmt: skip
        self.asked = 0

    def receive(self, data: bytes) -> bytes:
        answer = self.inner.receive(data)
        self.asked += bool(answer)
        return answer


async def test_a_logical_device_that_does_not_know_is_passed_over(
    autojump_clock: MockClock,
) -> None:
    """Its own one refuses; the management logical device of the same address tells."""
    listed = device(framing="hdlc", address="17", server_sap=3)
    management, own = Logical(1), Logical(3)
    read = own.inner.server._read

    def refusing(attribute: Any, selection: Any) -> Any:
        return DENIED if attribute.class_id == CLASS_SAP else read(attribute, selection)

    own.inner.server._read = refusing  # type: ignore[method-assign]
    async with on_line(listed, management, own) as bench:
        answer = await ask(bench, control.ReadLogicalDevices(**WHO))
        assert [one.sap for one in answer.devices] == [1]
        assert management.asked > 0


async def test_no_other_protocol_has_them(autojump_clock: MockClock) -> None:
    async with on_line(device(protocol="dlt645-2007", address="11")) as bench:
        with pytest.raises(CommandFailed, match="only DLMS meters"):
            await ask(bench, control.ReadLogicalDevices(**WHO))
