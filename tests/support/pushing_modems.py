"""Modems that push again and again until they are told that enough is enough; each push counts.

What was confirmed must be in the log, and nothing may be there twice, whatever happens to the node.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import trio
from node_process import NodeProcess

from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.plan import FleetOptions, ModemPlan, devices_csv, plan_fleet

RECONNECT_S = 0.2
CONFIRM_S = 5.0
PAUSE_S = 0.05
"""Some of the modems wait for an answer at any time, and the node and they share a machine."""


class PushingModem:
    """Pushes again and again; sends the same bytes until they are confirmed."""

    def __init__(self, plan: ModemPlan, port: int) -> None:
        meter = plan.meters[0]
        self.serial = meter.identity.serial
        self.sent = 0
        """Different pushes."""
        self.acknowledged = 0
        self._plan = plan
        self._port = port
        self._meter = SimulatedDlmsMeter(
            meter.identity,
            framing=plan.framing,
            logical=meter.logical,
            physical=meter.physical,
            world=lambda: datetime.now(UTC),
            rng=random.Random(self.serial),
        )
        self._waiting: bytes | None = None

    async def run(self, more: trio.Event) -> None:
        """Push until ``more`` is set and the last push is confirmed."""
        while not (more.is_set() and self._waiting is None):
            try:
                async with await trio.open_tcp_stream("127.0.0.1", self._port) as stream:
                    await stream.send_all(f"MODEM:{self._plan.modem_id}\r\n".encode())
                    await self._push(stream, more)
            except (OSError, trio.BrokenResourceError, trio.TooSlowError):
                await trio.sleep(RECONNECT_S)

    async def _push(self, stream: trio.SocketStream, more: trio.Event) -> None:
        self._meter.reset()
        while not (more.is_set() and self._waiting is None):
            if self._waiting is None:
                self._waiting = self._meter.push(confirmed=True)
                self.sent += 1
            await stream.send_all(self._waiting)
            with trio.fail_after(CONFIRM_S):
                while not self._meter.confirmed:
                    data = await stream.receive_some(4096)
                    if not data:
                        raise trio.BrokenResourceError
                    self._meter.receive(bytes(data))
            self._meter.confirmed.clear()
            self._waiting = None
            self.acknowledged += 1
            await trio.sleep(PAUSE_S)


@asynccontextmanager
async def pushing(node: NodeProcess, modems: int) -> AsyncIterator[list[PushingModem]]:
    """Tell a running node of modems and let them push during the block; then compare."""
    plans = plan_fleet(FleetOptions(meters=modems, multidrop_share=0.0, push_share=1.0, seed=11))
    await trio.to_thread.run_sync(node.import_csv, devices_csv(plans))
    fleet = [PushingModem(plan, node.modems) for plan in plans]
    enough = trio.Event()
    async with trio.open_nursery() as nursery:
        for modem in fleet:
            nursery.start_soon(modem.run, enough)
        yield fleet
        enough.set()
    await trio.to_thread.run_sync(compare, node, fleet)


def compare(node: NodeProcess, modems: list[PushingModem]) -> None:
    """By now every push is confirmed: each must be in the log, and none twice."""
    stored = Counter(event["stream"] for event in node.events("", "Reading"))
    assert {m.serial: stored[f"meter:{m.serial}"] for m in modems} == {
        m.serial: m.sent for m in modems
    }
    assert sum(m.acknowledged for m in modems) == stored.total() >= len(modems)
    node.settled()
    for row in node.get("/api/v1/projections")["projections"]:
        answer = node.post(f"/api/v1/projections/{row['name']}/rebuild", {"verify": True})
        assert answer.status_code == 200, answer.text
        assert answer.json()["differences"] == 0, row["name"]
