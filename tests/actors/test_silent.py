"""Modems that say nothing: known by their address, or by the meters that answer behind them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
import trio
from actor_bench import TEMPLATE, Bench, device, settled
from memory_wire import Call, CallStream
from trio.testing import MockClock

from actors.listener import SEARCHES_MAX, SILENT_S
from actors.meter_messages import Perform
from hes.app.links import listener_settings
from hes.commands import ReadRegisters
from hes.config import Config, ListenerConfig
from hes.config_values import Bind, Name
from hes.devices import Device
from hes.events.modem import ModemConnected, UnknownCaller
from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from hes.fleet.dlt645_meter import Dlt645Plan, SimulatedDlt645Meter
from hes.fleet.iec62056_21_meter import Iec62056Plan, SimulatedIec62056Meter
from hes.ids import MeterId, ModemId, node_stream
from protocols.links.base import LinkSettings

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENERGY = "1.0.1.8.0.255"
AUTO = LinkSettings(registration=TEMPLATE)
PEER = "10.9.8.7:1234"


def dlms(serial: str, physical: int | None = 17, **of: Any) -> SimulatedDlmsMeter:
    return SimulatedDlmsMeter(
        MeterIdentity(serial=serial, **of), framing="hdlc", logical=1, physical=physical,
        world=lambda: NOW, rng=Random(1),
    )  # fmt: skip


def iec(serial: str, address: str) -> SimulatedIec62056Meter:
    plan = Iec62056Plan(serial=serial, address=address, password="1")
    return SimulatedIec62056Meter(plan, world=lambda: NOW, drift_s=0.0)


def dlt645(serial: str, address: str, *, old: bool = False) -> SimulatedDlt645Meter:
    plan = Dlt645Plan(serial=serial, address=address, old=old, password="02123456")
    return SimulatedDlt645Meter(plan, world=lambda: NOW, drift_s=0.0)


class Pipe:
    """A modem that carries bytes and says none of its own."""

    def __init__(self, call: Call, meters: Sequence[Any]) -> None:
        self.call = call
        self.heard = b""
        self._stream = CallStream(call)
        self._meters = meters

    async def run(self) -> None:
        while data := await self._stream.receive_some():
            self.heard += data
            await trio.sleep(0.1)
            for meter in self._meters:
                answer = meter.receive(data)
                if answer and not self.call.closed:
                    await self._stream.send_all(answer)


@asynccontextmanager
async def silent(
    devices: Sequence[Device], *meters: Any, settings: LinkSettings = AUTO
) -> AsyncIterator[tuple[Bench, Pipe]]:
    bench = Bench(devices, settings=settings)
    bench.listener.probe = True
    async with bench.run(), trio.open_nursery() as nursery:
        pipe = Pipe(bench.dial(peer=PEER), meters)
        nursery.start_soon(pipe.run)
        yield bench, pipe
        nursery.cancel_scope.cancel()
    assert bench.crashes() == {}


async def found(bench: Bench, modem: str, claim: str) -> None:
    """Wait until the modem is connected by this claim, and read a meter through it."""
    with trio.fail_after(600):
        while not bench.of_modem(ModemConnected, modem):  # noqa: ASYNC110 -- the log tells nobody
            await trio.sleep(1)
    (connected,) = bench.of_modem(ModemConnected, modem)
    assert (connected.claim, connected.link, connected.peer) == (claim, "raw", PEER)


async def read(bench: Bench, meter: str) -> Any:
    command = ReadRegisters(meter=MeterId(meter), obis=(ENERGY,))
    answer = await bench.meter(meter).ask(Perform(command, 100.0), 101.0)
    return answer.reading.values[0]


ONE: dict[str, tuple[Device, Any]] = {
    "dlms": (device("12345678", "L1", address="17", framing="hdlc"),
             lambda: dlms("12345678")),
    "dlms-low": (device("12345679", "L1", address="17", framing="hdlc", auth="low", password="pw"),
                 lambda: dlms("12345679")),
    "iec": (device("m1", "L1", protocol="iec62056-21", address="4711"),
            lambda: iec("m1", "4711")),
    "2007": (device("m1", "L1", protocol="dlt645-2007", address="660000000001"),
             lambda: dlt645("m1", "660000000001")),
    "1997": (device("m1", "L1", protocol="dlt645-1997", address="660000000001"),
             lambda: dlt645("m1", "660000000001", old=True)),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE)
async def test_one_meter_is_found_by_its_address_and_read(
    autojump_clock: MockClock, name: str
) -> None:
    entry, make = ONE[name]
    async with silent([entry], make()) as (bench, pipe):
        await found(bench, "L1", "probe")
        assert pipe.heard
        assert b"pw" not in pipe.heard, "a password went to somebody unknown"
        if entry.auth == "none":
            assert await read(bench, entry.meter_id) is not None


async def test_several_meters_on_the_line_are_each_read(autojump_clock: MockClock) -> None:
    entries = [
        device("a", "L1", protocol="dlt645-2007", address="11"),
        device("b", "L1", protocol="dlt645-2007", address="12"),
        device("c", "L1", protocol="dlt645-2007", address="13"),
        device("x", "OTHER", protocol="dlt645-2007", address="99"),
    ]
    meters = [dlt645(name, address) for name, address in (("a", "11"), ("b", "12"), ("c", "13"))]
    async with silent(entries, *meters) as (bench, _pipe):
        await found(bench, "L1", "probe")
        assert [await read(bench, name) for name in "abc"] == [
            meter.values.energy(1, 0, NOW) for meter in meters
        ]


async def test_a_generous_registration_is_not_found_in_an_answer(
    autojump_clock: MockClock,
) -> None:
    settings = LinkSettings(registration=r"(?P<modem_id>\w+)")
    entry = device("m1", "L1", protocol="dlt645-2007", address="1")
    meter = SimulatedDlt645Meter(
        Dlt645Plan(serial="m1", address="1", wake_up=0), world=lambda: NOW, drift_s=0.0
    )
    async with silent([entry], meter, settings=settings) as (bench, _pipe):
        await found(bench, "L1", "probe")


async def test_a_meter_on_the_wrapper_is_known_by_its_name(autojump_clock: MockClock) -> None:
    entry = device("12345678", "L1", framing="wrapper")
    meter = SimulatedDlmsMeter(
        MeterIdentity(serial="12345678"), framing="wrapper", logical=1, physical=None,
        world=lambda: NOW, rng=Random(1),
    )  # fmt: skip
    async with silent([entry, device("87654321", "L2", framing="wrapper")], meter) as (bench, _):
        await found(bench, "L1", "probe")
        assert await read(bench, "12345678") is not None


async def test_a_port_for_silent_modems_alone_takes_no_link_for_one(
    autojump_clock: MockClock,
) -> None:
    bare = listener_settings(
        ListenerConfig(name=Name("p"), bind=Bind("127.0.0.1:0"), link="raw"), Config(),
        Bench().context,
    )  # fmt: skip
    assert bare.link == "auto"
    entry = device("m1", "L1", protocol="dlt645-2007", address="1")
    async with silent([entry], dlt645("m1", "1"), settings=bare) as (bench, _pipe):
        await found(bench, "L1", "probe")
        call = bench.dial(bytes.fromhex("7b0100163133343033313534333239") + bytes(6) + b"{")
        await trio.sleep(1)
        assert call.closed
        assert bench.of_modem(ModemConnected, "13403154329") == []


async def test_a_dead_meter_does_not_hide_the_line(autojump_clock: MockClock) -> None:
    entries = [
        device("dead", "L1", protocol="iec62056-21", address="1"),
        device("b", "L1", protocol="iec62056-21", address="2"),
    ]
    async with silent(entries, iec("b", "2")) as (bench, _pipe):
        await found(bench, "L1", "probe")


async def test_a_meter_without_a_modem_stands_for_its_own(autojump_clock: MockClock) -> None:
    entry = device("m1", "", protocol="dlt645-2007", address="77")
    async with silent([entry], dlt645("m1", "77")) as (bench, _pipe):
        await found(bench, "m1", "probe")
        assert await read(bench, "m1") is not None


async def test_a_silent_caller_is_known_by_where_it_calls_from(autojump_clock: MockClock) -> None:
    entry = device("m1", "10.9.8.7", protocol="dlt645-2007", address="77")
    async with silent([entry], dlt645("m1", "77")) as (bench, pipe):
        await trio.sleep(SILENT_S + 1)
        await found(bench, "10.9.8.7", "address")
        assert pipe.heard == b""
        assert await read(bench, "m1") is not None


async def test_dlms_meters_of_one_address_are_told_apart_by_their_names(
    autojump_clock: MockClock,
) -> None:
    entries = [
        device("11111111", "L1", address="17", framing="hdlc"),
        device("22222222", "L2", address="17", framing="hdlc"),
    ]
    async with silent(entries, dlms("22222222")) as (bench, _pipe):
        await found(bench, "L2", "probe")
        assert bench.of_modem(ModemConnected, "L1") == []


async def test_whom_nobody_answers_for_is_let_go_and_noted(autojump_clock: MockClock) -> None:
    entry = device("m1", "L1", protocol="dlt645-2007", address="1")
    async with silent([entry]) as (bench, pipe):
        await trio.sleep(200)
        assert pipe.call.closed
        callers = [
            e for e in bench.events(node_stream("strangers")) if isinstance(e, UnknownCaller)
        ]
        assert [c.reason for c in callers] == [
            "it said nothing, and no meter of the device list answered on it"
        ]


async def test_one_that_says_late_who_it_is_is_believed(autojump_clock: MockClock) -> None:
    entry = device("m1", "L1", protocol="dlt645-2007", address="1")
    async with silent([entry, device("m2", "M1")]) as (bench, pipe):
        await trio.sleep(SILENT_S + 5)
        assert pipe.heard
        pipe.call.say(b"MODEM:M1\r\n")
        await settled()
        await trio.sleep(1)
        (connected,) = bench.of_modem(ModemConnected, "M1")
        assert connected.claim == "registration"
        assert not pipe.call.closed


async def test_one_that_hangs_up_meanwhile_hurts_nobody(autojump_clock: MockClock) -> None:
    entry = device("m1", "L1", protocol="dlt645-2007", address="1")
    async with silent([entry]) as (bench, pipe):
        await trio.sleep(SILENT_S + 2)
        pipe.call.hang_up()
        await trio.sleep(10)
        assert bench.listener.callers == {}


async def test_no_connected_modem_is_looked_for_and_not_many_at_a_time(
    autojump_clock: MockClock,
) -> None:
    entry = device("m1", "L1", protocol="dlt645-2007", address="1")
    async with silent([entry]) as (bench, pipe):
        others = [bench.dial(peer=f"10.1.1.{n}:1") for n in range(20)]
        await trio.sleep(SILENT_S + 1)
        asked = [call for call in (pipe.call, *others) if call.heard]
        assert len(asked) <= SEARCHES_MAX
        await bench.call_in("L1")
        assert bench.context.known_modem(ModemId("L1")) is not None
        late = bench.dial(peer="10.1.2.1:1")
        await trio.sleep(300)
        assert late.heard == b""


async def test_nobody_is_asked_where_probing_is_off(autojump_clock: MockClock) -> None:
    entry = device("m1", "L1", protocol="dlt645-2007", address="1")
    bench = Bench([entry], settings=AUTO)
    async with bench.run():
        call = bench.dial()
        await trio.sleep(50)
        assert call.heard == b""
