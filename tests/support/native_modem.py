"""Modems of HML/1 that call a bench: the protocol's own modem as a task, with a meter."""

import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import trio
from actor_bench import TEMPLATE, Bench, MemoryLog, device, settled
from memory_wire import Call, CallStream

from hes.devices import Device
from hes.fleet.kinds import SimulatedMeter
from hes.ids import ModemId
from hes.modems import Modem
from protocols.hml1.kinds import Setting, Tag
from protocols.hml1.messages import Record
from protocols.hml1.modem import Flash, HangUp, Hml1Modem, Order, Send, ToSerial
from protocols.hml1.queue import RecordQueue
from protocols.hml1.settings import ModemSettings
from protocols.links.base import LinkSettings
from protocols.links.world import LinkWorld

NAME = "862000000000042"
SECRET = bytes(range(32))
ENTRY = Modem(modem_id=ModemId(NAME), secret=SECRET)
METER = device("m1", NAME, protocol="dlt645-2007", address="1")
CALL_AGAIN_S = 1.0


def flash(**queue: int) -> Flash:
    settings = ModemSettings({Setting.SERVER: b"old:7010", Setting.COLLECT_S: b"\0\0\x07\x08"})
    return Flash(RecordQueue(**queue), settings)


def record(data: bytes, meter: str = "m1", *, protocol: int = 3, **of: Any) -> Record:
    known: dict[str, Any] = {
        "number": 0, "utc_s": 1_772_366_400, "clock_quality": 1, "label": b"00010000",
    }  # fmt: skip
    return Record(meter=meter, protocol=protocol, data=data, **(known | of))


class NativeModem:
    """One modem; what it keeps over a power failure is ``flash``."""

    def __init__(
        self,
        bench: Bench,
        *,
        secret: bytes = SECRET,
        kept: Flash | None = None,
        meter: SimulatedMeter | None = None,
        maker: bytes = b"",
        name: str = NAME,
        firmware: str = "1.0",
    ) -> None:
        self.bench = bench
        self.flash = kept or flash()
        self.meter = meter
        self.orders: list[Order] = []
        """What it was to do, beside sending."""
        self.calls: list[Call] = []
        self.deaf_s = 0.0
        identity = {Tag.ID: name.encode(), Tag.MODEL: b"TEST", Tag.FIRMWARE: firmware.encode()}
        self.modem = Hml1Modem(
            {int(tag): value for tag, value in identity.items()},
            secret, self.flash, random_bytes=bench.context.rng.randbytes, maker=maker,
        )  # fmt: skip

    @property
    def hung_up(self) -> list[str]:
        return [order.reason for order in self.orders if isinstance(order, HangUp)]

    @property
    def freed(self) -> int:
        """The last record that it was told to be durable."""
        return self.flash.queue.freed

    async def live(self) -> None:
        """Call, serve, and call again, for ever."""
        while True:
            call = self.bench.dial()
            self.calls.append(call)
            with contextlib.suppress(trio.BrokenResourceError):
                await self._serve(CallStream(call))
            self.modem.lost()
            call.hang_up()
            await trio.sleep(CALL_AGAIN_S)

    async def _serve(self, stream: CallStream) -> None:
        self.modem.lost()
        self.stream = stream
        await self._do(self.modem.connected())
        while True:
            data = b""
            with trio.move_on_at(self.modem.next_due_s):
                data = await stream.receive_some()
                if not data:
                    return
            now = trio.current_time()
            orders = self.modem.receive(data, now) if data else self.modem.due(now)
            if await self._do(orders):
                return

    async def _do(self, orders: list[Order]) -> bool:
        """Carry out orders; tell whether to hang up."""
        for order in orders:
            if isinstance(order, Send):
                await self.stream.send_all(order.data)
            elif isinstance(order, ToSerial) and self.meter is not None:
                answer = self.meter.receive(order.data)
                await self._do(self.modem.from_serial(order.channel, answer) if answer else [])
            else:
                self.orders.append(order)
        return any(isinstance(order, HangUp) for order in orders)

    async def store(self, *records: Record) -> None:
        """Store records, and send them if there is a session."""
        for one in records:
            await self._do(self.modem.store(one, trio.current_time()))


def native_bench(
    devices: Iterable[Device] = (METER,),
    modems: Iterable[Modem] = (ENTRY,),
    log: MemoryLog | None = None,
    seed: int = 1,
) -> Bench:
    """Return a bench that knows secrets."""
    bench = Bench(devices, log=log, seed=seed)
    context = bench.context
    for modem in modems:
        context.modems.put(modem)
    bench.listener.settings = LinkSettings(
        registration=TEMPLATE,
        world=LinkWorld(
            now=context.now,
            random_bytes=context.rng.randbytes,
            secret_of=context.modems.secret_of,
            stored_up_to=context.modems.stored_up_to,
        ),
    )
    return bench


@asynccontextmanager
async def living(*modems: NativeModem) -> AsyncIterator[None]:
    """Let modems live while inside the block."""
    async with trio.open_nursery() as nursery:
        for modem in modems:
            nursery.start_soon(modem.live)
        await settled()
        yield
        nursery.cancel_scope.cancel()
