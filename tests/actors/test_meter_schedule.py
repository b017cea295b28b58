"""What the schedule asks of a meter: everything once, the newest first, no gap for ever."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import trio
from actor_bench import START
from meter_reads import M1, reads, scripted_driver
from scripted_meter import (
    ScriptedDriver,
    clock,
    half_hours,
    profile,
    registers,
    whatever_there_is,
)
from trio.testing import MockClock

from actors.drivers.base import Collected
from actors.meter import BACKFILL_MAX
from actors.meter_messages import Collect
from hes.commands import ReadProfile
from hes.events.command import CommandFinished, CommandRequested
from hes.events.meter_clock import ClockDrift
from hes.events.reading import FailureReason, LoadProfileRead, ReadFailed, Reading, Source
from protocols.errors import RemoteProtocolError

DAY = timedelta(days=1)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> ScriptedDriver:
    return scripted_driver(monkeypatch)


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
