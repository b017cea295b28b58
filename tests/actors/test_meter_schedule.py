"""What the schedule asks of a meter: everything once, the newest first, no gap for ever."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
import trio
from actor_bench import START, Bench, device
from meter_reads import M1, reads, scripted_driver
from scripted_meter import (
    LOAD,
    ScriptedDriver,
    clock,
    half_hours,
    profile,
    registers,
    whatever_there_is,
)
from trio.testing import MockClock

from actors.bus import Bus, Priority, Transaction
from actors.drivers.base import Collected
from actors.meter_jobs import BackfillJob
from actors.meter_messages import Collect
from hes.commands import ReadProfile
from hes.events.command import CommandFinished, CommandRequested
from hes.events.meter_clock import ClockDrift
from hes.events.reading import FailureReason, LoadProfileRead, ReadFailed, Reading, Source
from hes.obis import PROFILES
from hes.rules.collection import DAY, KEPT_MAX, Wanted
from protocols.errors import MeterRefused, MeterSilent, RemoteProtocolError
from protocols.values import ProfileRead

SECOND = "1.0.99.2.0.255"
BILLING = PROFILES["billing"]
Span = tuple[datetime, datetime]


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> ScriptedDriver:
    return scripted_driver(monkeypatch)


def collected(driver: ScriptedDriver) -> list[dict[str, Span]]:
    """Return the windows of each scheduled read, by profile."""
    asked = [what[2:] for what in driver.asked if what[0] == "collect"]
    return [{w.code: (w.begin, w.end) for w in windows} for windows in asked]


def backfilled(driver: ScriptedDriver) -> list[Span]:
    return [(what[2], what[3]) for what in driver.asked if what[0] == "profile"]


def without(found: Any, gone: Callable[[datetime], bool]) -> Any:
    """Take the intervals out that were never measured."""
    parts = [found] if isinstance(found, ProfileRead) else found.profiles.values()
    for part in parts:
        part.rows = [row for row in part.rows if not gone(row.time)]
    return found


def stored_ends(bench: Bench, profile: str = LOAD) -> list[datetime]:
    blocks = [block for block in bench.of_meter(LoadProfileRead) if block.profile == profile]
    return sorted(row.ends_at for block in blocks for row in block.rows)


async def test_a_collect_brings_clock_registers_and_intervals(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        ends = half_hours(START - timedelta(hours=3), START)
        await r.collect(Collected(clock(30.0), registers(9), {LOAD: profile(*ends)}))
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
        first, second, third = (asked[LOAD] for asked in collected(driver))
        assert first == (START - DAY, START)
        assert second == (START + timedelta(seconds=1), START + timedelta(minutes=30))
        assert third[0] == START + timedelta(minutes=30, seconds=1)
        assert stored_ends(r.bench) == half_hours(START - DAY, START + timedelta(hours=1))


async def test_what_was_missed_is_fetched_a_day_at_a_time_beside_the_newest(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        await r.collect(whatever_there_is)
        autojump_clock.jump(4.5 * DAY.total_seconds())
        await r.collect(*[whatever_there_is] * 6)
        # The newest never waits for what is older.
        begin, end = collected(driver)[1][LOAD]
        assert end - begin == DAY
        assert driver.asked[1][0] == "collect"
        asked = backfilled(driver)
        assert len(asked) == 4
        assert all(end - begin <= DAY for begin, end in asked)
        assert asked == sorted(asked)
        assert stored_ends(r.bench) == half_hours(START - DAY, r.bench.context.now())
        await r.collect(whatever_there_is)
        assert len(backfilled(driver)) == 4
        assert stored_ends(r.bench) == half_hours(START - DAY, r.bench.context.now())
        assert r.failed == []


async def test_back_fill_has_the_lowest_priority_and_is_its_own_source(
    autojump_clock: MockClock, driver: ScriptedDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Priority] = []
    take = Bus.take

    def noting(bus: Bus) -> Transaction | None:
        transaction = take(bus)
        if transaction is not None:
            taken.append(transaction.priority)
        return transaction

    monkeypatch.setattr(Bus, "take", noting)
    async with reads(driver) as r:
        await r.collect(whatever_there_is)
        autojump_clock.jump(2.5 * DAY.total_seconds())
        await r.collect(*[whatever_there_is] * 3)
        assert taken == [Priority.SCHEDULED] * 2 + [Priority.BACKFILL] * 2
        sources = Counter(block.source for block in r.bench.of_meter(LoadProfileRead))
        assert set(sources) == {Source.SCHEDULED, Source.BACKFILL}


async def test_never_two_back_fills_of_a_meter_at_a_time(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver, collection=Wanted(profiles=(LOAD, SECOND))) as r:
        await r.collect(whatever_there_is)
        autojump_clock.jump(3.5 * DAY.total_seconds())
        r.delay_s = 8.0
        driver.answers.extend([whatever_there_is] * 20)
        for _ in range(6):
            r.bench.meter().tell(Collect(1800.0))
            await trio.sleep(5)
            assert sum(kind is BackfillJob for kind in r.meter._under_way) <= 1
            assert r.meter._asking <= 2
        await trio.sleep(300)
        for profile_code in (LOAD, SECOND):
            ends = stored_ends(r.bench, profile_code)
            assert ends == sorted(set(ends))
            assert set(ends) >= set(half_hours(START - DAY, START + 3.5 * DAY))


async def test_a_window_without_intervals_is_passed_over(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    supply = START + timedelta(days=3)

    def after_the_outage(kind: str, *asked: Any) -> Any:
        return without(whatever_there_is(kind, *asked), lambda end: end < supply)

    async with reads(driver) as r:
        await r.collect(whatever_there_is)
        autojump_clock.jump(4.5 * DAY.total_seconds())
        await r.collect(*[after_the_outage] * 6)
        count = len(backfilled(driver))
        await r.collect(after_the_outage)
        assert len(backfilled(driver)) == count
        there = [*half_hours(START - DAY, START), *half_hours(supply, r.bench.context.now())]
        assert stored_ends(r.bench) == there


async def test_a_window_that_the_meter_refuses_is_asked_once_and_those_behind_it_later(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        await r.collect(whatever_there_is)
        autojump_clock.jump(3.5 * DAY.total_seconds())
        await r.collect(whatever_there_is, MeterRefused("too old"))
        assert len(backfilled(driver)) == 1
        assert r.failed == [(Source.BACKFILL, FailureReason.REFUSED)]
        await r.collect(*[whatever_there_is] * 4)
        asked = backfilled(driver)
        assert len(set(asked)) == len(asked) == 3
        refused = half_hours(*asked[0])
        there = {*half_hours(START - DAY, r.bench.context.now())} - {*refused}
        assert stored_ends(r.bench) == sorted(there)


async def test_a_back_fill_that_fails_goes_on_with_the_next_scheduled_read(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        await r.collect(whatever_there_is)
        autojump_clock.jump(3.5 * DAY.total_seconds())
        await r.collect(whatever_there_is, RemoteProtocolError("fcs", "a wrong check"))
        await r.collect(*[whatever_there_is] * 5)
        first, again, *_ = backfilled(driver)
        assert first == again
        assert stored_ends(r.bench) == half_hours(START - DAY, r.bench.context.now())


async def test_a_gap_outlives_a_restart(autojump_clock: MockClock, driver: ScriptedDriver) -> None:
    async with reads(driver) as r:
        await r.collect(whatever_there_is)
        autojump_clock.jump(3.5 * DAY.total_seconds())
        await r.collect(whatever_there_is, RemoteProtocolError("fcs", "a wrong check"))
        r.bench.meter().kill("by the test")
        await trio.sleep(60)
        await r.collect(*[whatever_there_is] * 5)
        assert stored_ends(r.bench) == half_hours(START - DAY, r.bench.context.now())


async def test_what_is_not_stored_is_fetched_again(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        await r.collect(whatever_there_is)
        autojump_clock.jump(2.5 * DAY.total_seconds())

        def on_a_full_disk(kind: str, *asked: Any) -> Any:
            r.bench.gate.failures = 1
            return whatever_there_is(kind, *asked)

        await r.collect(whatever_there_is, on_a_full_disk)
        assert len(backfilled(driver)) == 1
        await r.collect(*[whatever_there_is] * 4)
        assert stored_ends(r.bench) == half_hours(START - DAY, r.bench.context.now())


async def test_what_meters_keep_no_more_is_not_asked_for(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        await r.collect(whatever_there_is)
        autojump_clock.jump(400 * DAY.total_seconds())
        oldest = r.bench.context.now() - KEPT_MAX
        await r.collect(*[whatever_there_is] * 70)
        asked = backfilled(driver)
        assert asked[0][0] >= oldest
        assert len(asked) <= 60
        there = stored_ends(r.bench)
        assert there[49:] == half_hours(asked[0][0], r.bench.context.now())


# -- what is read


async def test_registers_and_profiles_are_those_of_the_configuration(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    wanted = Wanted.of(["1.0.2.8.0.255"], ["load", "billing", LOAD, SECOND], 10)
    async with reads(driver, collection=wanted) as r:
        await r.collect(whatever_there_is)
        ((kind, codes, *asked),) = driver.asked
        assert (kind, codes) == ("collect", ("1.0.2.8.0.255",))
        assert [w.code for w in asked] == [LOAD, BILLING, SECOND]
        # Billing values are months apart: what is asked for must reach the last one.
        assert [w.end - w.begin for w in asked] == [DAY, KEPT_MAX, DAY]


async def test_each_profile_goes_on_where_it_ended(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    late = START - timedelta(hours=5)

    def second_is_late(kind: str, *asked: Any) -> Any:
        found = whatever_there_is(kind, *asked)
        found.profiles[SECOND] = without(found.profiles[SECOND], lambda end: end > late)
        return found

    async with reads(driver, collection=Wanted(profiles=(LOAD, SECOND))) as r:
        await r.collect(second_is_late)
        await r.collect(whatever_there_is)
        begins = {code: begin for code, (begin, _) in collected(driver)[1].items()}
        second = timedelta(seconds=1)
        assert begins == {LOAD: START + second, SECOND: late + second}
        assert stored_ends(r.bench, SECOND) == stored_ends(r.bench, LOAD)


async def test_a_refused_profile_does_not_hide_the_others(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    def no_second(kind: str, *asked: Any) -> Any:
        found = whatever_there_is(kind, *asked)
        del found.profiles[SECOND]
        found.refused[SECOND] = "no such profile"
        return found

    async with reads(driver, collection=Wanted(profiles=(SECOND, LOAD))) as r:
        await r.collect(no_second)
        (failed,) = r.bench.of_meter(ReadFailed)
        assert (failed.what, failed.detail) == (SECOND, "no such profile")
        assert stored_ends(r.bench) == half_hours(START - DAY, START)
        assert len(r.bench.of_meter(Reading)) == 1


async def test_registers_that_the_meter_does_not_have_are_told(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver, collection=Wanted(registers=("1.0.9.9.9.255",))) as r:
        found = registers(1)
        found.refused["1.0.9.9.9.255"] = "object-undefined"
        await r.collect(Collected(clock(), found))
        (failed,) = r.bench.of_meter(ReadFailed)
        assert (failed.what, failed.reason) == ("registers", FailureReason.PARTIAL)
        assert failed.detail == "1.0.9.9.9.255: object-undefined"
        assert len(r.bench.of_meter(Reading)) == 1


async def test_bills_are_asked_for_from_the_last_day_on_once_they_were_read(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    nothing = Collected(clock(), registers(1), {BILLING: profile(code=BILLING)})
    async with reads(driver, collection=Wanted(profiles=(BILLING,))) as r:
        await r.collect(nothing)
        await trio.sleep(3600)
        await r.collect(nothing)
        first, second = (asked[BILLING] for asked in collected(driver))
        assert first[1] - first[0] == KEPT_MAX
        # The day once more: the meter's clock may be late.
        assert second[0] == first[1] - DAY + timedelta(seconds=1)
        assert backfilled(driver) == []


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
        begin = collected(driver)[-1][LOAD][0]
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
        (Collected(None, registers(1), refused={"clock": "no"}), "clock"),
        (Collected(clock(), refused={"registers": "no"}), "registers"),
        (Collected(clock(), registers(1), refused={LOAD: "no"}), LOAD),
    ],
)
async def test_a_part_that_is_missing_is_a_failure_of_its_own(
    autojump_clock: MockClock, driver: ScriptedDriver, found: Collected, what: str
) -> None:
    async with reads(driver) as r:
        await r.collect(found)
        (failed,) = r.bench.of_meter(ReadFailed)
        assert (failed.what, failed.reason) == (what, FailureReason.PARTIAL)
        assert failed.detail == "no"
        assert len(r.bench.of_meter(Reading)) == (found.registers is not None)


async def test_what_nobody_chose_and_the_meter_cannot_have_is_not_asked_for(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    driver.never = {LOAD, SECOND}
    async with reads(driver, collection=Wanted(profiles=(LOAD, SECOND))) as r:
        await r.collect(Collected(clock(), registers(1)))
        (asked,) = collected(driver)
        assert set(asked) == {SECOND}, "somebody chose it: that it fails is to be seen"


async def test_a_value_keeps_its_own_time_and_its_drift_the_step_of_the_clock(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    at = START - timedelta(hours=5)
    told = registers(1, 2)
    told.values[1] = msgspec.structs.replace(told.values[1], time=at)
    late = msgspec.structs.replace(clock(30.0), resolution_s=1.0)
    async with reads(driver) as r:
        await r.collect(Collected(late, told))
        await r.collect(Collected(clock(30.0), registers(3)))
        first, second = r.bench.of_meter(Reading)
        assert (first.times, second.times) == ((None, at), None)
        (drift,) = r.bench.of_meter(ClockDrift)
        assert (drift.drift_s, drift.uncertainty_s) == (30.5, 1.0)


async def test_a_scheduled_read_that_fails_is_told_to_the_schedule(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        missed: list[tuple[str, FailureReason]] = []
        r.bench.context.on_missed = lambda meter, reason: missed.append((meter, reason))
        await r.collect(RemoteProtocolError("check", "the check is wrong"))
        await r.collect(whatever_there_is)
        assert missed == [("m1", FailureReason.BAD_CHECK)]
        driver.answers.append(RemoteProtocolError("check", "the check is wrong"))
        await r.failure()
        assert len(missed) == 1, "what a person asked for is for him to ask again"


def silences(r: Any) -> list[str]:
    """Return what is told of each round that brought nothing, in its order."""
    return [event.detail for event in r.bench.of_meter(ReadFailed) if event.what == "collect"]


@pytest.mark.parametrize("neighbours", [0, 1])
async def test_a_silent_meter_with_neighbours_is_asked_less_often(
    autojump_clock: MockClock, driver: ScriptedDriver, neighbours: int
) -> None:
    async with reads(driver) as r:
        r.bench.add(*[device(f"n{n}") for n in range(neighbours)])
        for _ in range(8):
            await r.collect(MeterSilent("no answer"))
        asked = len(collected(driver))
        assert (asked, len(silences(r))) == ((4, 8) if neighbours else (8, 8))
        passed_over = [said for said in silences(r) if "not asked in this one" in said]
        assert len(passed_over) == 8 - asked
        # Absence is a fact in each round, whoever was asked.
        assert {event.reason for event in r.bench.of_meter(ReadFailed)} == {FailureReason.NO_ANSWER}


async def test_a_modem_that_connects_or_an_answer_ends_the_pause(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    async with reads(driver) as r:
        r.bench.add(device("n1"))
        for _ in range(4):
            await r.collect(MeterSilent("no answer"))
        assert len(collected(driver)) == 3  # the third round was passed over
        driver.answers.clear()
        await r.collect(*[whatever_there_is] * 4, unless_within_s=1.0)
        assert len(collected(driver)) == 4  # an extra read asks all the same
        await r.collect(*[whatever_there_is] * 4)
        assert len(collected(driver)) == 5
