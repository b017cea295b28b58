"""Calls to modems that listen: kept, made on demand, limited, and made again after a pause."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Any, cast

import pytest
import trio
from actor_bench import Bench, device, settled
from memory_wire import Call
from native_modem import NAME, SECRET
from trio.testing import MockClock

from actors.connector import GROUP, Calls, Switchboard
from actors.hub import Accept
from actors.listener import Listener
from actors.mailbox import Ref
from actors.meter_messages import Perform
from actors.supervisor import Backoff, ChildSpec, Supervisor
from hes.commands import CommandFailed, ReadRegisters
from hes.events.modem import ModemConnected, ModemDisconnected
from hes.events.reading import FailureReason
from hes.fleet.dlt645_meter import Dlt645Plan, SimulatedDlt645Meter
from hes.ids import MeterId, ModemId
from hes.modems import Modem
from protocols.hml1.modem import Flash, Hml1Modem, Send
from protocols.hml1.queue import RecordQueue
from protocols.hml1.settings import ModemSettings
from protocols.links.base import LinkSettings
from protocols.links.world import LinkWorld

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ENERGY = "1.0.1.8.0.255"
READ = ReadRegisters(meter=MeterId("m1"), obis=(ENERGY,))
METER = device("m1", "L1", protocol="dlt645-2007", address="1")


def meter() -> SimulatedDlt645Meter:
    plan = Dlt645Plan(serial="m1", address="1", password="02123456")
    return SimulatedDlt645Meter(plan, world=lambda: NOW, drift_s=0.0)


class Town:
    """Modems that listen, and the calls that reach them."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.away: set[str] = set()
        self.tries: list[tuple[float, str]] = []
        self.under_way = self.most = 0
        self.delay_s = 0.0
        self.think_s = 0.2
        """How long the meter takes to answer."""
        self.calls: list[Call] = []
        self.meter = meter()

    async def connect(self, host: str, port: int) -> socket.socket:
        self.tries.append((trio.current_time(), host))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await trio.sleep(self.delay_s)
        finally:
            self.under_way -= 1
        if host in self.away:
            raise ConnectionRefusedError(111, "Connection refused")
        return cast("Any", object())

    def adopt(self, _sock: socket.socket, peer: str, accept: Accept) -> None:
        call = self.bench.hub.dial(accept, peer)
        call.on_heard = lambda data: self._answer(call, data)
        self.calls.append(call)

    def _answer(self, call: Call, data: bytes) -> None:
        answer = self.meter.receive(data)
        if answer:
            self._later(call, answer)

    def _later(self, call: Call, answer: bytes) -> None:
        trio.lowlevel.spawn_system_task(self._say, call, answer)

    async def _say(self, call: Call, answer: bytes) -> None:
        await trio.sleep(self.think_s)
        call.say(answer)


@asynccontextmanager
async def town(*modems: Modem, devices: Any = (METER,), **of: Any) -> AsyncIterator[Town]:
    bench = Bench(devices)
    here = Town(bench)
    for modem in modems:
        bench.context.modems.put(modem)
    here.delay_s = of.pop("delay_s", 0.0)
    here.away = of.pop("away", set())
    context = bench.context
    world = LinkWorld(
        now=context.now, random_bytes=context.rng.randbytes, secret_of=context.modems.secret_of,
        stored_up_to=context.modems.stored_up_to,
    )  # fmt: skip
    listener = Listener("calls", LinkSettings(link="hml1", world=world), context)
    calls = Calls(
        adopt=here.adopt, accept=lambda _modem, connection: listener.accept(connection),
        limiter=trio.CapacityLimiter(of.pop("limit", 50)), connect=here.connect,
        backoff=Backoff(first_s=2.0, cap_s=16.0), **of,
    )  # fmt: skip
    async with bench.run():
        root = bench.node.root.actor
        assert isinstance(root, Supervisor)
        await _started(root.spawn_child(ChildSpec(name=GROUP, start=context.group(GROUP))))
        board = ChildSpec(name="board", start=lambda: Switchboard(context, calls))
        await _started(root.spawn_child(board))
        yield here
    assert bench.crashes() == {}


async def _started(_ref: Ref) -> None:
    await settled()


def entry(modem: str = "L1", host: str = "10.0.0.9", **of: Any) -> Modem:
    return Modem(modem_id=ModemId(modem), dial=f"{host}:4059", **of)


async def read(bench: Bench, timeout_s: float = 60.0) -> Any:
    return await bench.meter().ask(Perform(READ, timeout_s), timeout_s + 1)


async def test_a_modem_is_called_kept_and_read_through(autojump_clock: MockClock) -> None:
    async with town(entry()) as here:
        await trio.sleep(1)
        (connected,) = here.bench.of_modem(ModemConnected, "L1")
        assert (connected.peer, connected.claim, connected.link) == (
            "10.0.0.9:4059", "address", "raw",
        )  # fmt: skip
        assert (await read(here.bench)).reading.values
        await trio.sleep(7200)  # it says nothing by itself, and stays all the same
        assert not here.calls[0].closed
        assert len(here.tries) == 1


async def test_after_a_loss_it_is_called_again_with_growing_pauses(
    autojump_clock: MockClock,
) -> None:
    async with town(entry()) as here:
        await trio.sleep(100)
        here.away = {"10.0.0.9"}
        here.calls[0].hang_up()
        start = trio.current_time()
        await trio.sleep(60)
        since = [at - start for at, _ in here.tries[1:]]
        pauses = [b - a for a, b in pairwise(since)]
        assert since[0] < 1
        assert len(since) >= 4
        assert all(1 <= pause <= 24 for pause in pauses)
        assert pauses[2] > pauses[0]
        here.away = set()
        await trio.sleep(60)
        assert len(here.bench.of_modem(ModemConnected, "L1")) == 2


async def test_a_read_while_it_is_away_fails_with_the_reason(autojump_clock: MockClock) -> None:
    async with town(entry(), away={"10.0.0.9"}) as here:
        await trio.sleep(5)
        with pytest.raises(CommandFailed, match="Connection refused") as failed:
            await read(here.bench)
        assert failed.value.reason is FailureReason.NO_MODEM


async def test_on_demand_it_is_called_for_a_read_and_let_go_afterwards(
    autojump_clock: MockClock,
) -> None:
    async with town(entry(hold="demand"), idle_s=60.0) as here:
        await trio.sleep(600)
        assert here.tries == []
        assert (await read(here.bench)).reading.values
        assert (await read(here.bench)).reading.values
        assert len(here.tries) == 1
        await trio.sleep(120)
        assert here.calls[0].closed
        (ended,) = here.bench.of_modem(ModemDisconnected, "L1")
        assert ended.reason == "nobody needs it now; it is called when somebody does"
        assert here.bench.modem("L1").view().state == "OFFLINE"
        assert (await read(here.bench)).reading.values
        assert len(here.tries) == 2


async def test_on_demand_nobody_hangs_up_on_a_meter_that_thinks(
    autojump_clock: MockClock,
) -> None:
    async with town(entry(hold="demand"), idle_s=1.0) as here:
        here.think_s = 3.0
        assert (await read(here.bench)).reading.values
        assert len(here.tries) == 1


async def test_on_demand_a_modem_that_is_away_is_not_called_for_every_read(
    autojump_clock: MockClock,
) -> None:
    async with town(entry(hold="demand"), away={"10.0.0.9"}) as here:
        for _ in range(5):
            with pytest.raises(CommandFailed):
                await read(here.bench)
        assert len(here.tries) == 1
        await trio.sleep(10)
        with pytest.raises(CommandFailed):
            await read(here.bench)
        assert len(here.tries) == 2


async def test_no_more_than_so_many_calls_are_set_up_at_a_time(autojump_clock: MockClock) -> None:
    modems = [entry(f"L{n}", f"10.0.1.{n}") for n in range(20)]
    async with town(*modems, devices=(), delay_s=3.0, limit=4) as here:
        await trio.sleep(30)
        assert here.most == 4
        assert len(here.calls) == 20


async def test_a_call_that_nobody_takes_ends(autojump_clock: MockClock) -> None:
    async with town(entry(), delay_s=1000.0, timeout_s=20.0) as here:
        await trio.sleep(50)
        assert len(here.tries) >= 2
        with pytest.raises(CommandFailed, match="no answer within 20 s"):
            await read(here.bench, 100.0)


async def test_another_entry_is_acted_upon_at_once(autojump_clock: MockClock) -> None:
    async with town(entry()) as here:
        await trio.sleep(1)
        context = here.bench.context
        context.modems.put(entry(host="10.0.0.10"))
        context.modems.put(entry("L2", "10.0.0.11"))
        context.on_modems((ModemId("L1"), ModemId("L2")))
        await trio.sleep(1)
        assert here.calls[0].closed
        assert sorted(host for _, host in here.tries) == ["10.0.0.10", "10.0.0.11", "10.0.0.9"]
        context.modems.put(entry(host="10.0.0.10").__class__(modem_id=ModemId("L1")))
        context.on_modems((ModemId("L1"),))
        await trio.sleep(100)
        assert len(here.tries) == 3
        context.modems.put(entry())
        context.on_modems((ModemId("L1"),))
        await trio.sleep(1)
        assert len(here.tries) == 4


async def test_a_modem_that_proves_itself_may_be_called_too(autojump_clock: MockClock) -> None:
    native = entry(NAME, link="hml1", secret=SECRET)
    flash = Flash(RecordQueue(), ModemSettings({}))
    modem = Hml1Modem({1: NAME.encode()}, SECRET, flash, random_bytes=Random(3).randbytes)
    async with town(native, devices=[device("m1", NAME)]) as here:
        await settled()
        call = here.calls[0]
        heard: list[bytes] = []
        call.on_heard = heard.append
        orders: list[Any] = modem.connected()
        while orders:
            call.say(*(order.data for order in orders if isinstance(order, Send)))
            await settled()
            orders = [o for data in heard for o in modem.receive(data, 0.0)]
            heard.clear()
        (connected,) = here.bench.of_modem(ModemConnected, NAME)
        assert (connected.claim, connected.peer) == ("hmac", "10.0.0.9:4059")
