"""What a meter is asked, by people and by the schedule: every failure is told and written down."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import trio
from actor_bench import START, Bench, device, settled
from memory_wire import Call
from scripted_meter import (
    ENERGY,
    LOAD,
    VOLTAGE,
    ScriptedDriver,
    clock,
    event_of,
    half_hours,
    profile,
    registers,
    whatever_there_is,
)
from trio.testing import MockClock

from actors.drivers.base import Collected, CounterJump
from actors.errors import ActorCrashed, AskTimeout
from actors.meter import BACKFILL_MAX, COUNTER_EPOCH, COUNTERS_RESERVED, MeterActor
from actors.meter_jobs import EVENT_VALUES_MAX
from actors.meter_messages import Collect, Perform
from hes.commands import CheckClock, Command, CommandFailed, ReadProfile, ReadRegisters
from hes.devices import Device
from hes.events.command import CommandFinished, CommandRequested
from hes.events.device import CounterReserved
from hes.events.meter_clock import ClockDrift, ClockDriftCleared, ClockSet
from hes.events.power import PowerRestored
from hes.events.reading import FailureReason, LoadProfileRead, ReadFailed, Reading, Source
from hes.events.voltage import OverVoltage
from hes.ids import MeterId
from protocols.dlms import axdr_encode as ax
from protocols.errors import MeterRefused, RemoteProtocolError
from protocols.values import ClockChanged

M1 = MeterId("m1")
READ = ReadRegisters(meter=M1, obis=(ENERGY,), actor="ann")
DAY = timedelta(days=1)


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
    def failed(self) -> list[tuple[Source, FailureReason]]:
        return [(event.source, event.reason) for event in self.bench.of_meter(ReadFailed)]


class _Say:
    """Not a message of meters: the call answers when the timer rings."""

    def __init__(self, call: Call) -> None:
        self.call = call


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> ScriptedDriver:
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


# -- answers


async def test_what_is_read_now_is_in_the_log_before_it_is_answered(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        driver.answers.append(registers(42))
        answer = await r.ask()
        (reading,) = r.bench.of_meter(Reading)
        assert answer.reading == reading
        assert (reading.values, reading.source, reading.digest) == ((42,), Source.DEMAND, None)
        assert driver.asked == [("registers", ENERGY)]
        (requested,) = r.bench.of_meter(CommandRequested)
        assert (requested.command, requested.argument, requested.actor) == ("read", ENERGY, "ann")
        (finished,) = r.bench.of_meter(CommandFinished)
        assert (finished.ok, finished.detail, finished.actor) == (True, "1 values", "ann")


async def test_a_profile_is_stored_in_blocks_and_answered_whole(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    ends = half_hours(START - 5 * DAY, START)
    async with reads(driver) as r:
        driver.answers.append(profile(*ends))
        command = ReadProfile(meter=M1, profile="load", start=START - 5 * DAY, end=START)
        answer = await r.ask(command)
        blocks = r.bench.of_meter(LoadProfileRead)
        assert list(answer.blocks) == blocks
        assert [row.ends_at for block in blocks for row in block.rows] == ends
        assert all(3 * len(block.rows) <= EVENT_VALUES_MAX for block in blocks)
        assert {(block.profile, block.period_s) for block in blocks} == {(LOAD, 1800)}


async def test_a_clock_is_measured_and_its_drift_raised_and_cleared_once(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        for drift_s in (1.0, 30.0, 31.0, 2.0):
            driver.answers.append(clock(drift_s))
            answer = await r.ask(CheckClock(meter=M1))
            assert (answer.drift_s, answer.uncertainty_s) == (drift_s, 0.5)
        (drift,) = r.bench.of_meter(ClockDrift)
        assert (drift.drift_s, drift.action) == (30.0, "slew")
        (cleared,) = r.bench.of_meter(ClockDriftCleared)
        assert cleared.drift_s == 2.0


async def test_a_clock_that_is_set_is_told_with_before_and_after(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        driver.answers.append(ClockChanged(clock(40.0), clock(0.5), "shift"))
        answer = await r.ask(CheckClock(meter=M1, set=True))
        (change,) = r.bench.of_meter(ClockSet)
        assert answer.changed == change
        assert (change.drift_before_s, change.drift_after_s, change.method) == (40.0, 0.5, "shift")
        driver.answers.append(ClockChanged(clock(0.5), clock(0.5), "none"))
        assert (await r.ask(CheckClock(meter=M1, set=True))).changed is None
        assert len(r.bench.of_meter(ClockSet)) == 1


async def test_voltages_that_were_read_raise_alarms_too(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        for _ in range(2):
            driver.answers.append(registers(2500, code=VOLTAGE, scaler=-1, unit=35))
            await r.ask()
        assert len(r.bench.of_meter(OverVoltage)) == 1


async def test_who_answers_has_supply_again(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        r.call.say(event_of("128.128.128.128.128.0", ax.octets(b"m1"), at=START))
        await trio.sleep(30)
        driver.answers.append(registers(1))
        await r.ask()
        (restored,) = r.bench.of_meter(PowerRestored)
        assert restored.outage_s == 30.0


# -- failures


async def test_every_failure_has_its_reason_and_is_written_down(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver, online=False) as r:
        assert await r.failure() is FailureReason.NO_MODEM
        await r.connect()
        assert await r.failure() is FailureReason.NO_ANSWER
        driver.answers.append(MeterRefused("wrong password"))
        assert await r.failure() is FailureReason.REFUSED
        driver.answers.append(RemoteProtocolError("fcs", "a wrong check"))
        assert await r.failure() is FailureReason.BAD_CHECK
        assert await r.failure(timeout_s=3.0) is FailureReason.EXPIRED
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect, r, FailureReason.CUT)
            await trio.sleep(2)
            r.call.hang_up()
        told = [FailureReason.NO_MODEM, FailureReason.NO_ANSWER, FailureReason.REFUSED,
                FailureReason.BAD_CHECK, FailureReason.EXPIRED, FailureReason.CUT]  # fmt: skip
        assert r.failed == [(Source.DEMAND, reason) for reason in told]
        assert [end.ok for end in r.bench.of_meter(CommandFinished)] == [False] * len(told)
        assert r.bench.crashes() == {}


async def _expect(r: Reads, reason: FailureReason) -> None:
    assert await r.failure() is reason


async def test_a_fault_of_ours_is_told_as_such(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        driver.answers.append(ZeroDivisionError("oops"))
        assert await r.failure() is FailureReason.INTERNAL
        assert r.bench.crashes() == {"/n/lines/M1#1": "ZeroDivisionError: oops"}


async def test_a_meter_of_an_unknown_protocol_is_told_at_once(autojump_clock: MockClock) -> None:
    async with Bench([device(protocol="telepathy")]).run() as bench:
        r = Reads(bench, ScriptedDriver())
        with pytest.raises(CommandFailed, match="telepathy cannot be read yet"):
            await r.ask()
        bench.meter().tell(Collect(60.0))
        await settled()
        assert bench.crashes() == {}


async def test_an_answer_that_is_not_stored_is_not_given(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        driver.answers.append(registers(1))
        driver.answers.append(registers(2))
        r.delay_s = 5.0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect, r, FailureReason.INTERNAL)
            await trio.sleep(2)
            r.bench.gate.failures = 1
        assert r.bench.of_meter(Reading) == []
        await r.ask()
        assert [reading.values for reading in r.bench.of_meter(Reading)] == [(2,)]


async def test_what_nobody_waits_for_any_more_never_gets_the_line(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect, r, FailureReason.NO_ANSWER)  # holds the line for 10 s
            await trio.sleep(1)
            with trio.move_on_after(2):
                await r.ask()
        await trio.sleep(100)
        assert len(driver.asked) == 1
        assert len(r.bench.of_meter(ReadFailed)) == 2


async def test_a_crash_fails_what_was_promised_and_the_late_result_is_kept(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        driver.answers.append(registers(1))
        r.delay_s = 5.0

        async def asker() -> None:
            with pytest.raises(ActorCrashed):
                await r.ask()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(asker)
            await trio.sleep(2)
            r.bench.meter().kill("by a test")
        await trio.sleep(20)
        assert [reading.values for reading in r.bench.of_meter(Reading)] == [(1,)]
        driver.answers.append(registers(2))
        assert (await r.ask()).reading.values == (2,)


async def test_an_impatient_caller_gets_his_answer_from_the_clock(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        began = trio.current_time()
        with pytest.raises(AskTimeout):
            await r.bench.meter().ask(Perform(READ, 60.0), 2.0)
        assert trio.current_time() - began == 2.0


# -- invocation counters


async def test_counters_are_written_down_before_they_are_used(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    driver.counters_per_read, driver.counters_used = 100, 30
    async with reads(driver) as r:
        driver.answers.append(registers(1))
        await r.ask()
        (reserved,) = r.bench.of_meter(CounterReserved)
        first = int(START.timestamp()) - COUNTER_EPOCH
        assert driver.counters == list(range(first, first + 30))
        assert reserved.below == first + 100 + COUNTERS_RESERVED
        for _ in range(100):
            driver.answers.append(registers(1))
            await r.ask()
        used = driver.counters
        assert len(set(used)) == len(used) == 101 * 30
        assert max(used) < r.bench.of_meter(CounterReserved)[-1].below
        assert len(r.bench.of_meter(CounterReserved)) == 2


async def test_several_that_wait_have_their_counters_reserved_each(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    driver.counters_per_read = driver.counters_used = 1500
    async with reads(driver) as r:
        driver.answers.extend([registers(n) for n in range(5)])
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(r.ask)
            await trio.sleep(1)
            assert max(driver.counters) < max(e.below for e in r.bench.of_meter(CounterReserved))
        assert len(set(driver.counters)) == 7500
        assert max(driver.counters) < max(e.below for e in r.bench.of_meter(CounterReserved))


async def test_a_counter_is_never_used_again_after_a_crash(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    driver.counters_per_read, driver.counters_used = 100, 30
    async with reads(driver) as r:
        for _ in range(5):
            driver.answers.append(registers(1))
            await r.ask()
            r.bench.meter().kill("by a test")
            await trio.sleep(60)
    async with reads(driver, log=r.bench.log) as again:
        driver.answers.append(registers(1))
        await again.ask()
    assert len(set(driver.counters)) == len(driver.counters) == 180


async def test_a_conversation_that_wants_too_many_counters_is_stopped(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    driver.counters_per_read, driver.counters_used = 100, 100 + COUNTERS_RESERVED + 1
    async with reads(driver) as r:
        assert await r.failure() is FailureReason.INTERNAL
        (reserved,) = r.bench.of_meter(CounterReserved)
        assert max(driver.counters) == reserved.below - 1


async def test_without_a_note_of_the_counters_nothing_is_sent(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    driver.counters_per_read, driver.counters_used = 100, 1
    async with reads(driver) as r:
        await trio.sleep(1)
        r.bench.gate.failures = 2
        await r.collect(registers(1))
        assert (driver.asked, driver.counters) == ([], []) or r.bench.of_meter(CounterReserved)
        assert r.bench.crashes() == {}


async def test_a_meter_that_is_ahead_is_asked_again_from_its_counter_on(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    driver.counters_per_read, driver.counters_used = 100, 1
    async with reads(driver) as r:
        wanted = 2**31
        driver.answers.extend([CounterJump(wanted), registers(1)])
        await r.ask()
        assert driver.counters[1] == wanted
        assert r.bench.of_meter(CounterReserved)[-1].below > wanted
        assert r.failed == []
        # A meter that is never content is not asked for ever.
        driver.answers.extend([CounterJump(wanted + 1000)] * 2)
        assert await r.failure() is FailureReason.REFUSED
        assert len(driver.asked) == 4


# -- the schedule


def windows(driver: ScriptedDriver, kind: str) -> list[tuple[datetime | None, datetime]]:
    return [(what[2], what[3]) for what in driver.asked if what[0] == kind]


async def test_a_collect_brings_clock_registers_and_intervals(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        ends = half_hours(START - timedelta(hours=3), START)
        await r.collect(Collected(clock(30.0), registers(9), profile(*ends)))
        (reading,) = r.bench.of_meter(Reading)
        assert (reading.source, reading.values) == (Source.SCHEDULED, (9,))
        (block,) = r.bench.of_meter(LoadProfileRead)
        assert (block.source, len(block.rows)) == (Source.SCHEDULED, len(ends))
        assert len(r.bench.of_meter(ClockDrift)) == 1
        assert r.bench.of_meter(CommandRequested) == r.bench.of_meter(CommandFinished) == []


async def test_the_next_collect_begins_where_the_last_one_ended(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        for _ in range(3):
            await r.collect(whatever_there_is)
            await trio.sleep(1740)
        first, second, third = windows(driver, "collect")
        assert first == (START - DAY, START)
        assert second == (START + timedelta(seconds=1), START + timedelta(minutes=30))
        assert third[0] == START + timedelta(minutes=30, seconds=1)
        ends = [row.ends_at for block in r.bench.of_meter(LoadProfileRead) for row in block.rows]
        assert ends == half_hours(START - DAY, START + timedelta(hours=1))


async def test_what_was_missed_is_fetched_a_day_at_a_time_beside_the_newest(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        await r.collect(whatever_there_is)
        autojump_clock.jump(4.5 * DAY.total_seconds())
        await r.collect(*[whatever_there_is] * 6)
        assert windows(driver, "collect")[1][0] is None
        assert len(windows(driver, "profile")) == 4
        await r.collect(whatever_there_is)
        ends = [row.ends_at for block in r.bench.of_meter(LoadProfileRead) for row in block.rows]
        now = r.bench.context.now()
        assert ends == half_hours(START - DAY, now)
        assert r.failed == []


async def test_a_window_without_intervals_is_passed_over(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    def after_the_outage(kind: str, code: str, begin: datetime | None, end: datetime) -> Any:
        supply = START + timedelta(days=3)
        begin = None if begin is None else max(begin, supply)
        return whatever_there_is(kind, code, begin, end)

    async with reads(driver) as r:
        await r.collect(whatever_there_is)
        autojump_clock.jump(4.5 * DAY.total_seconds())
        await r.collect(*[after_the_outage] * 6)
        await r.collect(after_the_outage)
        ends = [row.ends_at for block in r.bench.of_meter(LoadProfileRead) for row in block.rows]
        missing = half_hours(START + timedelta(minutes=30), START + timedelta(days=3, minutes=-30))
        assert sorted({*ends, *missing}) == half_hours(START - DAY, r.bench.context.now())


async def test_what_meters_keep_no_more_is_not_asked_for(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        await r.collect(whatever_there_is)
        autojump_clock.jump(400 * DAY.total_seconds())
        await r.collect(whatever_there_is, whatever_there_is)
        (begin, _) = windows(driver, "profile")[0]
        assert begin is not None
        assert r.bench.context.now() - begin < BACKFILL_MAX + timedelta(hours=1)


async def test_what_a_person_reads_does_not_hide_a_gap(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        await r.collect(whatever_there_is)
        known = r.bench.context.now()
        await trio.sleep(7200)
        driver.answers.append(whatever_there_is)
        late = r.bench.context.now() - timedelta(minutes=31)
        await r.ask(ReadProfile(meter=M1, profile="load", start=late, end=late + DAY))
        await r.collect(whatever_there_is)
        begin = windows(driver, "collect")[-1][0]
        assert begin is not None
        assert begin < known + timedelta(minutes=1)


async def test_the_same_collect_is_never_under_way_twice(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        r.delay_s = 5.0
        driver.answers.extend([whatever_there_is] * 2)
        for _ in range(5):
            r.bench.meter().tell(Collect(1800.0))
        await trio.sleep(60)
        assert len(driver.asked) == 1
        await r.collect()
        assert len(driver.asked) == 2


async def test_a_catch_up_is_not_asked_of_who_was_read_lately(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        await r.collect(whatever_there_is, unless_within_s=1800.0)
        await trio.sleep(1700)
        await r.collect(unless_within_s=1800.0)
        assert len(driver.asked) == 1
        await r.collect(whatever_there_is, unless_within_s=1800.0)
        assert len(driver.asked) == 2


async def test_a_failed_collect_is_written_down_and_does_not_count_as_read(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        await r.collect(RemoteProtocolError("fcs", "a wrong check"))
        assert r.failed == [(Source.SCHEDULED, FailureReason.BAD_CHECK)]
        await r.collect(whatever_there_is, unless_within_s=1800.0)
        assert len(r.bench.of_meter(Reading)) == 1


@pytest.mark.parametrize(
    ("found", "what"),
    [
        (Collected(refused="no clock"), "clock"),
        (Collected(clock(), refused="no registers"), "registers"),
        (Collected(clock(), registers(1), refused="no profile"), "load"),
    ],
)
async def test_a_part_that_is_missing_is_a_failure_of_its_own(
    autojump_clock: MockClock, driver: ScriptedDriver, found: Collected, what: str
) -> None:
    async with reads(driver) as r:
        await r.collect(found)
        (failed,) = r.bench.of_meter(ReadFailed)
        assert (failed.what, failed.reason) == (what, FailureReason.PARTIAL)
        assert failed.detail == found.refused
        assert len(r.bench.of_meter(Reading)) == (found.registers is not None)
