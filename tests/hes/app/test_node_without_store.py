"""What people ask of the node itself while a store is away: imports, acknowledgements, rebuilds."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from actor_bench import Bench, MemoryLog, settled
from trio.testing import MockClock

from hes.app.errands import LAST_S
from hes.app.web_node import WebNode
from hes.commands import STORE_S, DoneLater, StoreAway
from hes.devices import DeviceListError
from hes.events.command import AlarmAcknowledged
from hes.events.device import DeviceRegistered
from hes.events.modem_setting import ModemRegistered
from hes.events.node import ReadModelRebuilt
from hes.ids import MeterId, ModemId, node_stream
from hes.store.errors import StoreError, StoreUnavailable
from projections.errors import ReadModelUnavailable
from projections.runner import Rebuilt

METERS = "meter_id,modem_id\nm7,M7\n"
OTHERS = "meter_id,modem_id\nm8,M8\n"
MODEMS = "modem_id,secret\nM7," + "00" * 32 + "\n"
ALARM = SimpleNamespace(meter_id="m1", modem_id=None)
REBUILT = Rebuilt(name="latest", position=9, action="replaced", differences=None, ok=True)


class Log(MemoryLog):
    """Keeps whole entries too; a test may have it fail."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, bytes] = {}
        self.refusals = 0
        """So many times it keeps nothing."""
        self.problem: Exception = StoreUnavailable("the disk is away")

    def save_secrets(self, entries: dict[str, bytes]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise self.problem
        self.kept |= entries

    def head(self) -> int:
        if self.away:
            raise StoreUnavailable("the disk is away")
        return len(self.rows)


class Model:
    """The read model: one alarm."""

    away = False

    def alarm(self, _id: int) -> Any:
        if self.away:
            raise ReadModelUnavailable("the read models are away")
        return ALARM


class Rebuilds:
    """A runner whose rebuilds take a while."""

    def __init__(self) -> None:
        self.takes_s = 1.0
        self.ended: list[str] = []

    async def rebuild(self, name: str, *, verify: bool) -> Rebuilt:
        try:
            await trio.sleep(self.takes_s)
        except trio.Cancelled:
            self.ended.append(name)
            raise
        return REBUILT


Opened = Callable[[], "AbstractAsyncContextManager[World]"]


class World:
    """A node in memory, as the web sees it."""

    def __init__(self, bench: Bench, log: Log) -> None:
        self.bench, self.log, self.model, self.runner = bench, log, Model(), Rebuilds()
        stores = SimpleNamespace(read_model=self.model, log=log, codec=log.codec)
        self.node = WebNode(bench.context, cast("Any", stores), cast("Any", self.runner))
        self.ended_at = 0.0
        """When its errands had ended."""
        self.hang: trio.Event | None = None
        """While it is there, threads do not come back before it is set."""

    async def in_thread(self, work: Callable[..., Any], *values: Any, **_options: Any) -> Any:
        """Stand in for a thread, which would let the virtual clock run away."""
        await trio.lowlevel.checkpoint()
        if self.hang is not None:
            await self.hang.wait()
        return work(*values)

    def listed(self) -> set[str]:
        return {device.meter_id for device in self.bench.directory.devices()}


@asynccontextmanager
async def _world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    log = Log()
    async with Bench(log=log).run() as bench:
        world = World(bench, log)
        monkeypatch.setattr(trio.to_thread, "run_sync", world.in_thread)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.node.errands.run)
            await settled()
            yield world
            nursery.cancel_scope.cancel()
        world.ended_at = trio.current_time()
        bench.gate.open()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    return lambda: _world(monkeypatch)


async def within_store_s(ask: Callable[[], Awaitable[Any]], kind: type[Exception]) -> str:
    """Return what it fails with, in the time that is promised."""
    began = trio.current_time()
    with pytest.raises(kind) as told:
        await ask()
    assert trio.current_time() - began <= STORE_S + 0.3
    return str(told.value)


async def occupy(world: World) -> None:
    """Let the journal hold a batch that cannot be stored, as it does soon after a store is gone."""
    world.bench.gate.shut()
    world.bench.context.journal.put("node:n", [])
    await settled()


# -- lists that are imported


async def test_an_import_says_who_and_why(autojump_clock: MockClock, opened: Opened) -> None:
    async with opened() as world:
        done = await world.node.import_devices(METERS, "ann", "roll-out")
        assert done == (1, 0)
        assert (await world.node.import_modems(MODEMS, "bob", "new secrets")) == (1, 0)
        (meter,) = world.bench.of_meter(DeviceRegistered, "m7")
        assert (meter.actor, meter.reason) == ("ann", "roll-out")
        (modem,) = world.bench.of_modem(ModemRegistered, "M7")
        assert (modem.actor, modem.reason) == ("bob", "new secrets")
        assert await world.node.import_devices(METERS, "ann") == (0, 1)


async def test_wrong_cells_are_told(autojump_clock: MockClock, opened: Opened) -> None:
    async with opened() as world:
        with pytest.raises(DeviceListError):
            await world.node.import_devices("meter_id,protocol\nm7,?\n", "ann")
        assert await world.node.import_devices(METERS, "ann") == (1, 0)


async def test_an_import_that_has_not_begun_is_called_off(
    autojump_clock: MockClock, opened: Opened
) -> None:
    async with opened() as world:
        await occupy(world)
        said = await within_store_s(lambda: world.node.import_devices(METERS, "ann"), StoreAway)
        assert "the import was not done, and will not be" in said
        world.bench.gate.open()
        await trio.sleep(60)
        assert world.bench.of_meter(DeviceRegistered, "m7") == []
        assert "m7" not in world.listed()
        assert world.log.kept == {}
        assert world.bench.context.journal.waiting == 0
        assert await world.node.import_devices(METERS, "ann") == (1, 0)


async def test_an_import_that_has_begun_goes_on_and_says_so(
    autojump_clock: MockClock, opened: Opened
) -> None:
    async with opened() as world:
        world.bench.gate.shut()
        said = await within_store_s(lambda: world.node.import_devices(METERS, "ann"), DoneLater)
        assert "the import is accepted, and written down when the store is back" in said
        assert "m7" not in world.listed()
        # Those behind it are not done at all.
        await within_store_s(lambda: world.node.import_devices(OTHERS, "ann"), StoreAway)
        world.bench.gate.open()
        await trio.sleep(1)
        assert "m7" in world.listed()
        assert "device:m7" in world.log.kept
        assert "m8" not in world.listed()
        assert await world.node.import_devices(OTHERS, "ann") == (1, 0)


async def test_entries_that_cannot_be_kept_yet_are_kept_later(
    autojump_clock: MockClock, opened: Opened
) -> None:
    async with opened() as world:
        world.log.refusals = 30
        await within_store_s(lambda: world.node.import_modems(MODEMS, "ann"), DoneLater)
        assert world.bench.context.modems.entry(ModemId("M7")) is None
        await trio.sleep(60)
        assert "modem:M7" in world.log.kept
        assert world.bench.context.modems.entry(ModemId("M7")) is not None


async def test_a_thread_that_hangs_keeps_nobody_waiting(
    autojump_clock: MockClock, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as world:

        async def slow(work: Callable[..., Any], *values: Any, **_options: Any) -> Any:
            await trio.sleep(45.0 if values[:1] == (world.log,) else 0.0)
            return work(*values)

        monkeypatch.setattr(trio.to_thread, "run_sync", slow)
        await within_store_s(lambda: world.node.import_devices(OTHERS, "ann"), DoneLater)
        await trio.sleep(60)
        assert "m8" in world.listed()


async def test_a_store_that_needs_a_person_is_told_as_such(
    autojump_clock: MockClock, opened: Opened
) -> None:
    async with opened() as world:
        world.log.refusals, world.log.problem = 1, StoreError("the disk is damaged")
        with pytest.raises(StoreError, match="damaged"):
            await world.node.import_devices(METERS, "ann")
        world.bench.gate.failures = 1
        with pytest.raises(StoreError, match="not, or not all of it, is written down"):
            await world.node.import_devices(OTHERS, "ann")
        assert world.listed().isdisjoint({"m7", "m8"})


async def test_an_import_goes_on_when_who_asked_hangs_up(
    autojump_clock: MockClock, opened: Opened
) -> None:
    async with opened() as world:
        world.bench.gate.shut()
        with trio.move_on_after(1):
            await world.node.import_devices(METERS, "ann")
        world.bench.gate.open()
        await trio.sleep(1)
        assert "m7" in world.listed()


async def test_what_has_begun_ends_with_the_node(autojump_clock: MockClock, opened: Opened) -> None:
    async with opened() as world:
        world.bench.gate.shut()
        with pytest.raises(DoneLater):
            await world.node.import_devices(METERS, "ann")
        assert world.node.errands.detail() == "the import"
        began = trio.current_time()
    assert world.ended_at - began <= LAST_S
    with pytest.raises(StoreUnavailable, match="starting or stopping"):
        await world.node.import_devices(OTHERS, "ann")


async def test_many_meters_are_stored_a_batch_at_a_time(
    autojump_clock: MockClock, opened: Opened
) -> None:
    async with opened() as world:
        world.bench.gate.delay_s = lambda: STORE_S / 2  # each batch is slow, and all are stored
        rows = "".join(f"x{n},X{n}\n" for n in range(2500))
        assert await world.node.import_devices("meter_id,modem_id\n" + rows, "ann") == (2500, 0)
        assert MeterId("x2499") in world.listed()


# -- acknowledgements


async def test_an_acknowledgement_that_cannot_be_stored_is_called_off(
    autojump_clock: MockClock, opened: Opened
) -> None:
    async with opened() as world:
        await occupy(world)
        said = await within_store_s(
            lambda: world.node.acknowledge(3, actor="ann", note="seen"), StoreAway
        )
        assert "the acknowledgement was not done" in said
        world.bench.gate.open()
        await settled()
        assert world.bench.of_meter(AlarmAcknowledged) == []
        await world.node.acknowledge(3, actor="ann", note="seen")
        assert len(world.bench.of_meter(AlarmAcknowledged)) == 1


async def test_one_that_is_on_its_way_is_said_to_be(
    autojump_clock: MockClock, opened: Opened
) -> None:
    async with opened() as world:
        world.bench.gate.shut()
        await within_store_s(lambda: world.node.acknowledge(3, actor="ann", note=""), DoneLater)
        world.bench.gate.open()
        await settled()
        assert len(world.bench.of_meter(AlarmAcknowledged)) == 1


async def test_a_read_model_that_hangs_keeps_no_acknowledgement_waiting(
    autojump_clock: MockClock, opened: Opened
) -> None:
    async with opened() as world:
        world.hang = trio.Event()
        await within_store_s(lambda: world.node.acknowledge(3, actor="ann", note=""), StoreAway)


async def test_a_full_queue_is_no_place_to_wait_in(
    autojump_clock: MockClock, opened: Opened
) -> None:
    async with opened() as world:
        await occupy(world)
        journal = world.bench.context.journal
        while not journal.full:
            seen = AlarmAcknowledged(
                received_at=world.bench.context.now(), alarm="", actor="", note=""
            )
            journal.put("node:n", [seen] * 1000)
        await within_store_s(lambda: world.node.acknowledge(3, actor="ann", note=""), StoreAway)
        await within_store_s(lambda: world.node.import_devices(METERS, "ann"), StoreAway)
        world.bench.gate.open()


# -- rebuilds


async def test_a_rebuild_may_take_long_while_the_stores_answer(
    autojump_clock: MockClock, opened: Opened
) -> None:
    async with opened() as world:
        world.runner.takes_s = 600.0
        assert await world.node.rebuild("latest", verify=False, actor="ann") == REBUILT
        stream = node_stream(world.bench.context.node)
        (noted,) = [e for e in world.log.events(stream) if isinstance(e, ReadModelRebuilt)]
        assert (noted.actor, noted.position) == ("ann", 9)


@pytest.mark.parametrize("away", ["log", "model", "silent"])
async def test_a_rebuild_ends_with_a_store_that_is_away(
    autojump_clock: MockClock, opened: Opened, away: str
) -> None:
    async with opened() as world:
        world.runner.takes_s = 600.0

        async def go_away() -> None:
            await trio.sleep(20)
            world.log.away, world.model.away = away == "log", away == "model"
            world.hang = trio.Event() if away == "silent" else None

        async with trio.open_nursery() as nursery:
            nursery.start_soon(go_away)
            began = trio.current_time()
            with pytest.raises(StoreAway, match="the rebuild of latest was not done"):
                await world.node.rebuild("latest", verify=False, actor="ann")
            assert trio.current_time() - began <= 20 + 1 + STORE_S + 0.3
        await settled()
        assert world.runner.ended == ["latest"]


async def test_a_rebuild_that_cannot_be_noted_yet_says_so(
    autojump_clock: MockClock, opened: Opened
) -> None:
    async with opened() as world:
        world.bench.gate.shut()
        with pytest.raises(DoneLater, match="the note of the rebuild of latest"):
            await world.node.rebuild("latest", verify=False, actor="ann")
        world.bench.gate.open()
