"""The daily anchor on a virtual clock: once a day, never twice, over restarts and troubles."""

import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import trio
from trio.testing import MockClock

from actors.errors import JournalFailed
from actors.journal_queue import JournalQueue
from hes.app.anchoring import RETRY_S, START_S, Anchoring
from hes.audit.anchor_times import JITTER_S_MAX
from hes.clock import TrioClock
from hes.events.audit import Anchored
from hes.events.base import DomainEvent
from hes.store.anchor import STREAM
from hes.store.codec import EventCodec
from hes.store.errors import StoreUnavailable
from hes.store.open import open_log
from hes.store.port import Append, EventLog

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
START = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)  # 10:00 in Hanoi
CODEC = EventCodec()


pytestmark = pytest.mark.usefixtures("threads_inline")


@pytest.fixture
def log() -> Iterator[EventLog]:
    opened = open_log("sqlite://")
    opened.fence()
    opened.append([Append("meter:1", None, [("Reading/1", b"x")])])
    yield opened
    opened.close()


class MemoryJournal:
    """Appends at once; may fail, before or after it has stored."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.before = 0
        self.after = 0

    async def append(self, stream: str, events: Sequence[DomainEvent]) -> int:
        await trio.lowlevel.checkpoint()
        if self.before:
            self.before -= 1
            raise JournalFailed("not stored")
        self._log.append([Append(stream, None, list(map(CODEC.encode, events)))])
        if self.after:
            self.after -= 1
            raise JournalFailed("nobody knows")
        return 1


def anchoring(log: EventLog, journal: MemoryJournal, start: datetime = START) -> Anchoring:
    return Anchoring(
        log, CODEC, cast("JournalQueue", journal), clock=TrioClock(start), zone=HANOI,
        rng=random.Random(1),
    )  # fmt: skip


async def run_for(run: Callable[[], Awaitable[object]], lasting: timedelta) -> None:
    with trio.move_on_after(lasting.total_seconds()):
        await run()


def anchors(log: EventLog) -> list[Anchored]:
    rows = log.read_stream(STREAM, 0, 100)
    return [cast("Anchored", CODEC.decode(row.topic, row.state)) for row in rows]


async def test_one_at_the_start_then_one_each_local_midnight(
    autojump_clock: MockClock, log: EventLog
) -> None:
    await run_for(anchoring(log, MemoryJournal(log)).run, timedelta(days=3))
    found = anchors(log)
    assert found[0].received_at == START + timedelta(seconds=START_S)
    days = [anchor.received_at.astimezone(HANOI) for anchor in found[1:]]
    assert [day.day for day in days] == [2, 3, 4]
    for day in days:
        late = day - day.replace(hour=0, minute=0, second=0, microsecond=0)
        assert timedelta() <= late <= timedelta(seconds=JITTER_S_MAX + 1)
    assert [(one.last, other.first) for one, other in pairwise(found)] == [
        (n, n + 1) for n in (1, 2, 3)
    ]


async def test_restarts_within_a_day_make_no_second_one(
    autojump_clock: MockClock, log: EventLog
) -> None:
    for _ in range(5):
        await run_for(anchoring(log, MemoryJournal(log)).run, timedelta(hours=2))
    assert len(anchors(log)) == 1


async def test_a_node_that_was_away_for_days_makes_one_at_its_start(
    autojump_clock: MockClock, log: EventLog
) -> None:
    await run_for(anchoring(log, MemoryJournal(log)).run, timedelta(hours=1))
    later = START + timedelta(days=9)
    await run_for(anchoring(log, MemoryJournal(log), later).run, timedelta(hours=1))
    assert len(anchors(log)) == 2


async def test_a_commit_of_which_nobody_knows_is_not_done_again(
    autojump_clock: MockClock, log: EventLog
) -> None:
    journal = MemoryJournal(log)
    journal.after = 1
    service = anchoring(log, journal)
    await run_for(service.run, timedelta(hours=2))
    assert len(anchors(log)) == 1
    assert service.detail() == "events up to 1 are anchored"


async def test_troubles_are_told_and_tried_again(
    autojump_clock: MockClock, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = MemoryJournal(log)
    journal.before = 2
    service = anchoring(log, journal)
    await run_for(service.run, timedelta(seconds=START_S + RETRY_S + 1))
    assert anchors(log) == []
    assert service.detail() == "no anchor: not stored"

    def away(*_: object) -> Any:
        raise StoreUnavailable("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(log, "chains", away)
        await run_for(anchoring(log, MemoryJournal(log)).run, timedelta(seconds=START_S + 1))
    await run_for(anchoring(log, MemoryJournal(log)).run, timedelta(seconds=START_S + 1))
    assert len(anchors(log)) == 1
