"""One meter behind a modem, whose driver follows a script, and a person who asks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from actor_bench import Bench, device
from memory_wire import Call
from scripted_meter import ENERGY, ScriptedDriver

from actors.meter import MeterActor
from actors.meter_messages import Collect, Perform
from hes.commands import Command, CommandFailed, ReadRegisters
from hes.devices import Device
from hes.events.reading import FailureReason, ReadFailed, Source
from hes.ids import MeterId

M1 = MeterId("m1")
READ = ReadRegisters(meter=M1, obis=(ENERGY,), actor="ann")


class Reads:
    """A bench with one meter, whose driver follows a script."""

    def __init__(self, bench: Bench, driver: ScriptedDriver) -> None:
        self.bench = bench
        self.driver = driver
        self.call: Call
        self.delay_s = 0.0

    async def connect(self) -> None:
        self.call = await self.bench.call_in()
        self.call.connection.idle_s_max = None
        self.call.on_heard = self._heard

    def _heard(self, _data: bytes) -> None:
        if self.driver.answers:
            self.bench.node.after(self.delay_s, self.bench.meter(), _Say(self.call))

    async def ask(self, command: Command = READ, timeout_s: float = 60.0) -> Any:
        return await self.bench.meter().ask(Perform(command, timeout_s), timeout_s + 1)

    async def failure(self, command: Command = READ, timeout_s: float = 60.0) -> FailureReason:
        with pytest.raises(CommandFailed) as caught:
            await self.ask(command, timeout_s)
        return caught.value.reason

    async def collect(self, *answers: Any, **of: Any) -> None:
        self.driver.answers.extend(answers)
        self.bench.meter().tell(Collect(1800.0, **of))
        await trio.sleep(60)

    @property
    def meter(self) -> MeterActor:
        actor = self.bench.meter().actor
        assert isinstance(actor, MeterActor)
        return actor

    @property
    def failed(self) -> list[tuple[Source, FailureReason]]:
        return [(event.source, event.reason) for event in self.bench.of_meter(ReadFailed)]


class _Say:
    """Not a message of meters: the call answers when the timer rings."""

    def __init__(self, call: Call) -> None:
        self.call = call


def scripted_driver(monkeypatch: pytest.MonkeyPatch) -> ScriptedDriver:
    """Return the driver that every meter has from now on."""
    scripted = ScriptedDriver()
    monkeypatch.setattr("actors.meter.make_driver", scripted.make)
    receive = MeterActor.receive

    async def hearing(self: MeterActor, message: Any) -> None:
        if isinstance(message, _Say):
            message.call.say(b"!")
        else:
            await receive(self, message)

    monkeypatch.setattr(MeterActor, "receive", hearing)
    return scripted


@asynccontextmanager
async def reads(
    driver: ScriptedDriver, *, online: bool = True, of: Device | None = None, **more: Any
) -> AsyncIterator[Reads]:
    async with Bench([of or device()], **more).run() as bench:
        made = Reads(bench, driver)
        if online:
            await made.connect()
        yield made
