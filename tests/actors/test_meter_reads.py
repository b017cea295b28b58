"""What people ask of a meter: every answer is durable, every failure told and written down."""

from datetime import timedelta

import pytest
import trio
from actor_bench import START, Bench, device, settled
from meter_reads import M1, READ, Reads, reads, scripted_driver
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
)
from trio.testing import MockClock

from actors.drivers.base import CounterJump
from actors.errors import ActorCrashed, AskTimeout
from actors.invocation_counters import EPOCH, RESERVED
from actors.meter_jobs import EVENT_VALUES_MAX
from actors.meter_messages import Collect, Perform
from hes.commands import CheckClock, CommandFailed, ReadProfile
from hes.events.command import CommandFinished, CommandRequested
from hes.events.device import CounterReserved
from hes.events.meter_clock import ClockDrift, ClockDriftCleared, ClockSet
from hes.events.power import PowerRestored
from hes.events.reading import FailureReason, LoadProfileRead, ReadFailed, Reading, Source
from hes.events.voltage import OverVoltage
from protocols.dlms import axdr_encode as ax
from protocols.errors import MeterRefused, RemoteProtocolError
from protocols.values import ClockChanged

DAY = timedelta(days=1)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> ScriptedDriver:
    return scripted_driver(monkeypatch)


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
        first = int(START.timestamp()) - EPOCH
        assert driver.counters == list(range(first, first + 30))
        assert reserved.below == first + 100 + RESERVED
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
    driver.counters_per_read, driver.counters_used = 100, 100 + RESERVED + 1
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
