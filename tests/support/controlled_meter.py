"""A simulated DLMS meter behind a modem of a node in memory, and a person who wants something."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
import trio
from actor_bench import Bench, device, settled
from memory_wire import Call

from actors.meter_messages import Perform
from hes.commands import CommandFailed
from hes.events.command import CommandFinished, CommandRequested
from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from hes.ids import MeterId
from protocols.dlms.acse import Mechanism
from protocols.dlms.security import Keys

WHO: dict[str, Any] = {"meter": MeterId("m1"), "actor": "ann"}
WHY = WHO | {"reason": "unpaid bill"}
KEYS = Keys(bytes(range(16)), bytes(range(16, 32)))
TITLE = b"SIM\x00\x00\x00\x12\x34"


class Controlled:
    """The node, the meter, and the line between them, which a test may cut."""

    def __init__(self, bench: Bench, *, secured: bool, drift_s: float = 0.0) -> None:
        self.bench = bench
        identity = MeterIdentity(
            serial="20001234", auth=Mechanism.GMAC if secured else Mechanism.NONE,
            title=TITLE if secured else b"", keys=KEYS if secured else None,
        )  # fmt: skip
        self.meter = SimulatedDlmsMeter(
            identity, framing="wrapper", logical=1, physical=None, world=bench.context.now,
            rng=random.Random(3), drift_s=drift_s,
        )  # fmt: skip
        self.call: Call
        self.asked = 0
        """Requests that came to the meter."""
        self.cut_at: int | None = None
        """The connection ends at this one, before its answer."""

    async def connect(self) -> None:
        """Let the modem call."""
        self.meter.reset()
        self.call = await self.bench.call_in()
        self.call.connection.idle_s_max = None
        self.call.on_heard = self._heard

    def _heard(self, data: bytes) -> None:
        self.asked += 1
        answer = self.meter.receive(data)
        if self.asked == self.cut_at:
            self.call.hang_up()
        elif answer:
            self.call.say(answer)

    async def ask(self, command: Any, timeout_s: float = 100.0) -> Any:
        return await self.bench.meter().ask(Perform(command, timeout_s), timeout_s + 1)

    async def refused(self, command: Any) -> str:
        with pytest.raises(CommandFailed) as caught:
            await self.ask(command)
        return str(caught.value)

    def last_command(self) -> tuple[CommandRequested, CommandFinished]:
        requested = self.bench.of_meter(CommandRequested)[-1]
        return requested, self.bench.of_meter(CommandFinished)[-1]


@asynccontextmanager
async def controlled(
    *, secured: bool = False, start: datetime | None = None, drift_s: float = 0.0
) -> AsyncIterator[Controlled]:
    """Run a node with a meter that is connected."""
    keys: dict[str, Any] = {"auth": "none"}
    if secured:
        keys = {
            "auth": "gmac", "encryption_key": KEYS.encryption,
            "authentication_key": KEYS.authentication, "system_title": TITLE,
        }  # fmt: skip
    listed = device(framing="wrapper", server_sap=1, client_sap=1, **keys)
    more: dict[str, Any] = {} if start is None else {"start": start}
    async with Bench([listed], **more).run() as bench:
        made = Controlled(bench, secured=secured, drift_s=drift_s)
        await made.connect()
        yield made
        await settled()
        assert bench.crashes() == {}


async def until(condition: Any, within_s: float = 3600.0) -> None:
    """Let time pass until ``condition`` holds."""
    with trio.fail_after(within_s):
        while not condition():  # noqa: ASYNC110 -- on a virtual clock
            await trio.sleep(1.0)
