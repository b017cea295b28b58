"""The daily run that seals, on a virtual clock: old days, a little at a time, over restarts."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import pytest
import trio
from meter_days import batches_of, events_of_days
from sealed_logs import CODEC, Opened, opened
from stores import Place
from trio.testing import MockClock

from hes.app.sealing_job import (
    LOOK_S,
    REST_RATIO,
    REST_S_MIN,
    RETRY_S,
    START_S,
    SealingJob,
    sealed_before,
)
from hes.clock import TrioClock
from hes.events.log_life import LogSealed
from hes.store.anchor import STREAM as ANCHORS, next_anchor
from hes.store.chain import ChainedRow, Verifier
from hes.store.errors import StoreUnavailable
from hes.store.holds import STREAM, Holder
from hes.store.life import sealed_note
from hes.store.port import Append
from hes.store.retention import Retention
from hes.store.sealing import Sealer, Sealing

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
START = datetime(2026, 5, 5, 3, 0, tzinfo=UTC)  # 10:00 in Hanoi
DAYS = 2
METERS = 3
A_DAY = 48 * METERS
FIRST_DAY = 34 * METERS
"""The events begin at 00:00 UTC, 07:00 in Hanoi."""
NAMES = [f"meter:{18_000_000 + n}" for n in range(METERS)]


pytestmark = pytest.mark.usefixtures("threads_inline")


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Opened]:
    """Give a log of four days: those of May 1 to 4, by the clock of London."""
    with opened(Place(f"sqlite:///{tmp_path}/log.db")) as log:
        log.log.fence()
        for batch in batches_of(events_of_days("pushes", METERS, 4), 100):
            log.log.append([Append(name, None, [CODEC.encode(event)]) for name, event in batch])
        yield log


def job_of(found: Opened, *, pressed: Callable[[], bool] = lambda: False) -> SealingJob:
    def make(now: datetime) -> AbstractContextManager[Sealer]:
        told = sealed_note(CODEC, now, "node:main")
        return nullcontext(Sealer(found.database, HANOI, told=told))

    return SealingJob(
        make, clock=TrioClock(START), zone=HANOI, days=DAYS, is_pressed=pressed
    )  # fmt: skip


async def run_for(run: Callable[[], Awaitable[object]], lasting: timedelta) -> None:
    with trio.move_on_after(lasting.total_seconds()):
        await run()


def everything(found: Opened) -> list[ChainedRow]:
    rows = found.log.read_chained(0, 10_000)
    for stream in NAMES:
        own = [row for row in rows if row.stream == stream]
        assert found.log.read_stream(stream, 0, 10_000) == [row[:5] for row in own]
    return rows


def noted(found: Opened) -> list[LogSealed]:
    rows = found.log.read_stream(STREAM, 0, 100)
    return [
        event for row in rows
        if isinstance(event := CODEC.decode(row.topic, row.state), LogSealed)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ("2026-05-05T10:00", "2026-05-03T00:00"),
        ("2026-05-05T01:59", "2026-05-02T00:00"),
        ("2026-05-05T02:00", "2026-05-03T00:00"),
        ("2026-05-05T23:59", "2026-05-03T00:00"),
    ],
)
def test_two_whole_days_stay_and_a_new_one_is_left_alone_at_night(now: str, before: str) -> None:
    told = sealed_before(datetime.fromisoformat(now).replace(tzinfo=HANOI), HANOI, 2)
    assert told.astimezone(HANOI) == datetime.fromisoformat(before).replace(tzinfo=HANOI)


async def test_old_days_are_sealed_and_noted_and_the_others_wait(
    found: Opened, autojump_clock: MockClock
) -> None:
    before = everything(found)
    job = job_of(found)
    await run_for(job.run, timedelta(seconds=START_S - 1))
    assert (job.detail(), job.facts().looked_at) == ("not looked yet", None)

    await run_for(job.run, timedelta(hours=1))
    assert found.log.sealed_to() == FIRST_DAY + A_DAY  # May 1 and 2 in Hanoi
    facts = job.facts()
    assert (facts.position, facts.events, facts.problem) == (246, 246, None)
    assert (facts.is_running, facts.events_total) == (False, 246)
    assert 0 < facts.octets == facts.octets_total
    assert job.detail() == "events up to 246 are sealed"
    first, second = noted(found)
    assert [(told.first, told.last, told.blocks) for told in (first, second)] == [
        (1, FIRST_DAY, 1), (FIRST_DAY + 1, 246, 1),
    ]  # fmt: skip
    assert (first.actor, first.octets + second.octets) == ("node:main", facts.octets)
    assert everything(found)[: len(before)] == before
    verifier = Verifier()
    assert list(verifier.take(found.log.read_chained(0, 10_000))) == []
    assert verifier.end(found.log.head()) is None


async def test_each_day_the_next_one_is_sealed_once(
    found: Opened, autojump_clock: MockClock
) -> None:
    job = job_of(found)
    await run_for(job.run, timedelta(days=1))
    assert found.log.sealed_to() == FIRST_DAY + 2 * A_DAY
    assert job.facts().events == A_DAY
    assert job.facts().events_total == FIRST_DAY + 2 * A_DAY
    at = job.facts().sealed_at
    assert at is not None
    # 02:00 in Hanoi, or the first look after it.
    assert timedelta() <= at - datetime(2026, 5, 5, 19, tzinfo=UTC) <= timedelta(seconds=LOOK_S)
    assert [told.last for told in noted(found)] == [FIRST_DAY, 246, 390]


async def test_a_run_that_is_cut_off_is_gone_on_from(
    found: Opened, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hes.store.sealing.BLOCK_STREAMS", 1)
    monkeypatch.setattr("hes.store.sealed_writing.DROP_ROWS", 20)
    before = everything(found)
    for steps in range(8):  # each gets a little farther, and is killed
        await run_for(job_of(found).run, timedelta(seconds=START_S + steps * REST_S_MIN + 0.001))
    assert 0 < found.log.sealed_to() < 246
    job = job_of(found)
    await run_for(job.run, timedelta(hours=1))
    assert job.facts().position == 246
    assert everything(found)[: len(before)] == before
    assert sum(told.last - told.first + 1 for told in noted(found)) == 246


async def test_it_waits_while_the_journal_is_pressed(
    found: Opened, autojump_clock: MockClock
) -> None:
    until = trio.current_time() + START_S + 100
    job = job_of(found, pressed=lambda: trio.current_time() < until)
    await run_for(job.run, timedelta(seconds=START_S + 99))
    assert (found.log.sealed_to(), job.facts().is_running) == (0, False)
    until = 0
    job = job_of(found, pressed=lambda: trio.current_time() < until)
    await run_for(job.run, timedelta(seconds=START_S + 30))
    assert found.log.sealed_to() == 246


class Steps:
    """A sealer whose steps take their time, and which may fail."""

    def __init__(self, lasts_s: float, failures: int = 0) -> None:
        self.began_at: list[float] = []
        self.done = Sealing(0, 0, 0)
        self._lasts_s = lasts_s
        self._failures = failures

    def steps(self, _before: datetime, *, now: datetime) -> Iterator[int]:
        for number in range(3):
            self.began_at.append(trio.current_time())
            if self._failures:
                self._failures -= 1
                raise StoreUnavailable("the database is away")
            autojump = cast("MockClock", trio.lowlevel.current_clock())
            autojump.jump(self._lasts_s)
            yield number


def slow_job(sealer: Steps) -> SealingJob:
    return SealingJob(
        lambda _now: nullcontext(cast("Sealer", sealer)), clock=TrioClock(START), zone=HANOI,
        days=DAYS, is_pressed=lambda: False,
    )  # fmt: skip


@pytest.mark.parametrize("lasts_s", [0.0, 0.1])
async def test_it_rests_longer_than_it_works(lasts_s: float, autojump_clock: MockClock) -> None:
    sealer = Steps(lasts_s)
    start = trio.current_time()
    await run_for(slow_job(sealer).run, timedelta(seconds=START_S + 10))
    step_s = lasts_s + max(REST_S_MIN, REST_RATIO * lasts_s)
    assert [at - start for at in sealer.began_at] == pytest.approx(
        [START_S, START_S + step_s, START_S + 2 * step_s]
    )


async def test_a_database_that_is_away_is_told_and_tried_again(autojump_clock: MockClock) -> None:
    sealer = Steps(0.0, failures=2)
    job = slow_job(sealer)
    start = trio.current_time()
    await run_for(job.run, timedelta(seconds=START_S + 1))
    assert job.detail() == "not sealed: the database is away"
    assert (job.facts().is_running, job.facts().problem) == (False, "the database is away")
    start = trio.current_time()
    await run_for(job.run, timedelta(seconds=START_S + RETRY_S + 1))
    assert [at - start for at in sealer.began_at[1:3]] == [START_S, START_S + RETRY_S]
    assert (job.detail(), job.facts().problem) == ("events up to 0 are sealed", None)


async def test_what_is_on_hold_outlives_sealing_and_retention(
    found: Opened, autojump_clock: MockClock
) -> None:
    held, gone = NAMES[0], NAMES[1]
    Holder(found.log, found.records, CODEC).place(held, START, "os:ann", "case 7")
    before = found.log.read_stream(held, 0, 1000)
    await run_for(job_of(found).run, timedelta(hours=1))
    anchor = next_anchor(found.log, CODEC, START)
    assert anchor is not None
    found.log.append([Append(ANCHORS, None, [CODEC.encode(anchor)])])
    done = Retention(found.database, found.log, CODEC).purge(2, START, "os:ann", "our rule")
    assert done.events == 2 * 246 // METERS
    assert found.log.read_stream(held, 0, 1000) == before
    assert found.log.read_stream(gone, 0, 1)[0].version == 246 // METERS + 1
    # And what retention left is left alone.
    await run_for(job_of(found).run, timedelta(days=1))
    assert found.log.sealed_to() == FIRST_DAY + 2 * A_DAY
    assert found.log.read_stream(held, 0, 1000) == before
