"""Read models give way while many devices wait, and catch up when none does."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
from read_models import at, reading, recorded
from trio.testing import MockClock

from hes.events.base import Recorded
from hes.store.codec import EventCodec
from hes.store.port import StoredRow
from projections import runner as module
from projections.runner import BATCH_BUSY, GIVE_WAY, Runner
from projections.sql.sqlite import SqlitePlace

TOOK_S = 0.1
EVENTS = BATCH_BUSY * 3


class NoLog:
    """All events are handed over; the log is not read."""

    def head(self) -> int:
        return EVENTS

    def read(self, after: int, limit: int) -> list[StoredRow]:
        del after, limit
        return []


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, int]]:
    """When each batch begins, and how many events it has; each takes ``TOOK_S``."""
    seen: list[tuple[float, int]] = []

    async def in_thread(_runner: Runner, work: object, *values: Sequence[Recorded]) -> object:
        if not values:
            await trio.lowlevel.checkpoint()
            return EVENTS, []
        [batch] = values
        seen.append((trio.current_time(), len(batch)))
        await trio.sleep(TOOK_S)
        return work(*values)  # type: ignore[operator]

    monkeypatch.setattr(module.Runner, "_in_thread", in_thread)
    return seen


async def run(tmp_path: Path, *, pressed: bool) -> None:
    runner = Runner(SqlitePlace(str(tmp_path / "read.db")), NoLog(), EventCodec())
    runner.is_pressed = lambda: pressed
    runner.publish(recorded(*[("meter:A", reading(n, received_at=at(n))) for n in range(EVENTS)]))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        await trio.sleep(30)
        nursery.cancel_scope.cancel()
    runner.close()


async def test_many_who_wait_get_most_of_the_time(
    tmp_path: Path, batches: list[tuple[float, int]], autojump_clock: MockClock
) -> None:
    autojump_clock.autojump_threshold = 0
    await run(tmp_path, pressed=True)
    assert [size for _, size in batches] == [BATCH_BUSY] * 3
    pauses = [later - before for (before, _), (later, _) in itertools.pairwise(batches)]
    assert pauses == pytest.approx([TOOK_S * (1 + GIVE_WAY)] * 2)


async def test_without_them_nothing_is_held_up(
    tmp_path: Path, batches: list[tuple[float, int]], autojump_clock: MockClock
) -> None:
    autojump_clock.autojump_threshold = 0
    await run(tmp_path, pressed=False)
    assert [size for _, size in batches] == [EVENTS]
