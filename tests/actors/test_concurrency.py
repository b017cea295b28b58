"""At most so many scheduled reads at a time; who is asked by a person never waits for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import trio
from actor_bench import Bench, device, settled
from meter_reads import scripted_driver
from scripted_meter import ENERGY, ScriptedDriver, registers, whatever_there_is
from trio.testing import MockClock

from actors.asking import is_asked
from actors.collector import CatchUp, Schedule
from actors.drivers.registry import KINDS
from actors.line import SerialLine
from actors.meter_messages import Perform
from hes.commands import ReadRegisters
from hes.events.reading import FailureReason, ReadFailed, Reading, Source
from hes.ids import MeterId, ModemId
from hes.rules.collection import Wanted

METERS = 40
MINUTE = 60.0


class Fleet:
    """Meters, each behind a modem of its own, that take some seconds to answer."""

    def __init__(self, bench: Bench, driver: ScriptedDriver) -> None:
        self.bench = bench
        self.driver = driver
        self.answer_s = 5.0
        self.most = 0
        """Lines that were busy at a time, at most."""
        self.deaf: set[str] = set()

    async def call_in(self, name: str) -> None:
        call = self.bench.dial(f"MODEM:M{name}\r\n".encode(), peer=f"10.0.0.1:{name[1:]}")

        def heard(_data: bytes) -> None:
            self.most = max(self.most, self.busy())
            if name not in self.deaf:
                self.nursery.start_soon(answer)

        async def answer() -> None:
            await trio.sleep(self.answer_s)
            call.say(b"!")

        call.on_heard = heard  # before it is taken in: it may be asked at once
        await settled()
        call.connection.idle_s_max = None

    def busy(self) -> int:
        lines = [ref.actor for ref in self.bench.node.walk() if isinstance(ref.actor, SerialLine)]
        return sum(line._current is not None for line in lines)

    async def read(self, name: str) -> float:
        """Read a meter as a person does and return how long it took, seconds."""
        began = trio.current_time()
        command = ReadRegisters(meter=MeterId(name), obis=(ENERGY,), actor="ann")
        await self.bench.meter(name).ask(Perform(command, 60.0), 61.0)
        return trio.current_time() - began

    def scheduled(self) -> dict[str, int]:
        found = {name: self.bench.of_meter(Reading, name) for name in NAMES}
        return {n: sum(r.source is Source.SCHEDULED for r in rs) for n, rs in found.items()}


NAMES = [f"m{number}" for number in range(1, METERS + 1)]


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> ScriptedDriver:
    driver = scripted_driver(monkeypatch)

    def any_answer(kind: str, *asked: object) -> object:
        return registers(1) if kind == "registers" else whatever_there_is(kind, *asked)

    driver.answers.extend([any_answer] * 100_000)
    return driver


@asynccontextmanager
async def fleet(
    driver: ScriptedDriver,
    concurrency: int,
    schedule: Schedule | None = None,
    dead_until: float | None = None,
) -> AsyncIterator[Fleet]:
    bench = Bench(
        [device(name, f"M{name}") for name in NAMES],
        schedule=schedule or Schedule(jitter_s=0.0, catch_up_s=1.0),
        collection=Wanted(concurrency=concurrency),
    )
    if dead_until is not None:
        bench.context.slots.take((MeterId("nobody"), "collect"), 0.0, dead_until)
    made = Fleet(bench, driver)
    async with bench.run(), trio.open_nursery() as made.nursery:
        for name in NAMES:
            await made.call_in(name)
        yield made
        made.nursery.cancel_scope.cancel()


async def test_never_more_at_a_time_and_everyone_is_read(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with fleet(driver, 3) as f:
        await trio.sleep(25 * MINUTE)
        assert f.most == 3
        assert set(f.scheduled().values()) == {1}
        assert len(f.bench.context.slots) == 0
        await trio.sleep(30 * MINUTE)
        assert f.most == 3
        assert set(f.scheduled().values()) == {2}


async def test_it_takes_as_long_as_the_slots_allow(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with fleet(driver, 4) as f:
        await trio.sleep(0.8 * METERS / 4 * f.answer_s)
        assert 0.6 * METERS < sum(f.scheduled().values()) < METERS
        await trio.sleep(0.5 * METERS / 4 * f.answer_s)
        assert sum(f.scheduled().values()) == METERS


async def test_who_asks_a_meter_now_does_not_wait_for_a_slot(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with fleet(driver, 1) as f:
        f.deaf = {"m1"}
        await trio.sleep(30)
        assert f.busy() == 1
        assert await f.read(NAMES[-1]) == pytest.approx(f.answer_s)


async def test_a_meter_that_does_not_answer_gives_its_slot_back(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with fleet(driver, 1) as f:
        f.deaf = {"m5", "m6", "m7"}
        await trio.sleep(25 * MINUTE)
        read = f.scheduled()
        assert {name for name, count in read.items() if not count} == f.deaf
        for name in f.deaf:
            assert f.bench.of_meter(ReadFailed, name)[-1].reason is FailureReason.NO_ANSWER


async def test_a_slot_of_an_actor_that_died_comes_back(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with fleet(driver, 1, dead_until=trio.current_time() + 20 * MINUTE) as f:
        await trio.sleep(19 * MINUTE)
        assert sum(f.scheduled().values()) == 0
        await trio.sleep(8 * MINUTE)
        assert set(f.scheduled().values()) == {1}


async def test_modems_that_call_in_together_are_caught_up_with_one_after_another(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with fleet(driver, 2, Schedule(every_s=24 * 3600.0, jitter_s=0.0)) as f:
        # They connected just now, which is what makes the node catch up.
        await trio.sleep(10 * MINUTE)
        assert f.most == 2
        assert set(f.scheduled().values()) == {1}


async def test_back_fill_leaves_the_slots_to_those_whose_turn_it_is(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with fleet(driver, 2) as f:
        await trio.sleep(25 * MINUTE)
        autojump_clock.jump(timedelta(days=9.5).total_seconds())
        f.most = 0
        await trio.sleep(METERS / 2 * f.answer_s + 60)
        assert set(f.scheduled().values()) == {2}
        await trio.sleep(3 * 3600)
        assert f.most == 2
        assert len(f.bench.context.slots) == 0
        for name in NAMES:
            state = f.bench.meter(name).actor._state  # type: ignore[union-attr]
            assert state.profile_gaps == {}


async def test_a_reconnect_while_it_waits_does_not_ask_twice(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with fleet(driver, 1) as f:
        collector = f.bench.node.find_child("collector")
        assert collector is not None
        for _ in range(5):
            await trio.sleep(31)
            collector.tell(CatchUp(ModemId("Mm40")))
        await settled()
        waiting = [meter for _, meter, extra in collector.actor._due if extra]
        assert len(waiting) == len(set(waiting))


def test_every_protocol_with_a_driver_is_read() -> None:
    assert {"dlms", "iec62056-21", "dlt645-2007", "dlt645-1997"} <= set(KINDS)
    for protocol in KINDS:
        assert is_asked(device(protocol=protocol))
        assert not is_asked(device(protocol=protocol, link="dlms-push"))
    assert not is_asked(device(protocol="telepathy"))
    assert not is_asked(None)
