"""Old days go, their energy with them, and come back neither late nor by a rebuild."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import trio
from read_models import recorded, rows_of

from hes.events.base import Recorded
from hes.events.layout import Channel, Layout
from hes.events.reading import LoadProfileRead, ProfileRow, Source
from hes.store.codec import EventCodec
from hes.store.port import StoredRow
from projections.base import find_projections
from projections.folding import Tables
from projections.queries import ReadModel
from projections.retention import Retention
from projections.runner import Runner
from projections.sql.days import DayDatabase
from projections.sql.places import Place

CODEC = EventCodec()
DAY_MS = 86_400_000
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
FIRST = (BEGIN - datetime(1970, 1, 1, tzinfo=UTC)).days
DAYS = 5
HANOI = timezone(timedelta(hours=7))
LAYOUT = Layout((Channel("1.0.1.8.0.255", 0, 30, 3, 2),))


def day(number: int, meter: str = "A") -> tuple[str, LoadProfileRead]:
    """Return the hours of a day, UTC."""
    begin = BEGIN + timedelta(days=number)
    rows = (ProfileRow(begin + timedelta(hours=h), 0, (100 * number + h,)) for h in range(24))
    told = LoadProfileRead(
        received_at=BEGIN, source=Source.PUSH, profile="1.0.99.1.0.255", period_s=3600,
        layout=LAYOUT, rows=tuple(rows),
    )  # fmt: skip
    return f"meter:{meter}", told


class Log:
    """A log in memory."""

    def __init__(self, events: list[Recorded]) -> None:
        self.events = events

    def head(self) -> int:
        return len(self.events)

    def read(self, after: int, limit: int) -> list[StoredRow]:
        return [
            StoredRow(one.position, one.stream, one.version, *CODEC.encode(one.event))
            for one in self.events[after : after + limit]
        ]


LOG = recorded(*[day(n, meter) for n in range(DAYS) for meter in ("A", "B")])


@pytest.fixture
def tables(place: Place) -> Iterator[Tables]:
    opened = Tables(place, find_projections(), HANOI, anew=True)
    opened.take(LOG)
    yield opened
    opened.close()


def settled(tables: Tables) -> dict[str, list[Any]]:
    while tables.settle():
        pass
    return rows_of(tables.place)


def days_in(found: dict[str, list[Any]]) -> tuple[set[int], set[int]]:
    """Return the UTC days of the intervals, from the first, and the local days of the energies."""
    intervals = {row[2] // DAY_MS - FIRST for row in found["interval_value"]}
    return intervals, {row[3] % 100 for row in found["energy_day"]}


def test_days_go_and_what_was_made_of_parts_of_them(tables: Tables) -> None:
    assert days_in(settled(tables)) == ({0, 1, 2, 3, 4}, {1, 2, 3, 4, 5, 6})
    tables.forget(FIRST + 2)
    # The local day 3 begins seven hours before the first UTC day that is kept.
    assert days_in(rows_of(tables.place)) == ({2, 3, 4}, {4, 5, 6})
    db = tables._open()
    if isinstance(db, DayDatabase):
        assert not db.has("interval_value_d20260502")
        assert db.has("interval_value_d20260503")


def test_late_data_does_not_bring_them_back(tables: Tables) -> None:
    tables.forget(FIRST + 2)
    before = settled(tables)
    tables.take(recorded(day(1), day(0, "C"), after=len(LOG)))
    assert days_in(settled(tables)) == days_in(before)
    tables.close()
    again = Tables(tables.place, find_projections(), HANOI)
    again.take(recorded(day(1), after=len(LOG) + 2))
    assert days_in(settled(again)) == days_in(before)
    again.close()


def test_less_is_never_more_again(tables: Tables) -> None:
    tables.forget(FIRST + 3)
    tables.forget(FIRST + 1)
    tables.take(recorded(day(1), after=len(LOG)))
    assert days_in(settled(tables))[0] == {3, 4}


def test_what_was_left_half_done_is_ended(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    db = tables._open()
    monkeypatch.setattr(db, "forget_days", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        tables.forget(FIRST + 1)
    monkeypatch.undo()
    query = ReadModel(tables.place)
    assert query.profile("A", start=None, end=None, profile=None, limit=999)
    query.close()
    tables.forget(FIRST + 1)
    assert days_in(settled(tables))[0] == {1, 2, 3, 4}


async def test_a_rebuild_does_not_bring_them_back(place: Place) -> None:
    Tables(place, find_projections(), HANOI, anew=True).close()
    runner = Runner(place, Log(LOG), CODEC, zone=HANOI)
    await runner.catch_up()
    runner._tables.forget(FIRST + 2)
    assert (await runner.rebuild("intervals", verify=True)).ok
    assert (await runner.rebuild("intervals", verify=False)).ok
    assert days_in(rows_of(place)) == ({2, 3, 4}, {4, 5, 6})
    query = ReadModel(place)
    found = query.profile("A", start=None, end=None, profile=None, limit=999)
    assert len(found) == 3 * 24
    query.close()
    runner.close()


def test_a_day_is_due_once() -> None:
    now = [BEGIN + timedelta(hours=23)]
    retention = Retention(10, lambda: now[0])
    assert retention.due() == retention.due() == FIRST - 10
    retention.done(FIRST - 10)
    assert retention.due() is None
    now[0] += timedelta(hours=2)
    assert retention.due() == FIRST - 9
    now[0] -= timedelta(days=3)
    retention.done(FIRST - 9)
    assert retention.due() is None


class Watched(Retention):
    """Tells when a day is done."""

    def __init__(self, keep_days: int) -> None:
        super().__init__(keep_days, lambda: self.now)
        self.now = BEGIN + timedelta(days=DAYS)
        self.send, self.days = trio.open_memory_channel[int](9)

    def done(self, day: int) -> None:
        super().done(day)
        self.send.send_nowait(day - FIRST)


async def test_a_node_at_rest_removes_them_when_a_day_ends(
    tables: Tables, autojump_clock: trio.testing.MockClock
) -> None:
    del autojump_clock
    runner = Runner(tables.place, Log(LOG), CODEC, zone=HANOI)
    runner.retention = watched = Watched(3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        assert await watched.days.receive() == 2
        watched.now += timedelta(days=1)
        assert await watched.days.receive() == 3
        nursery.cancel_scope.cancel()
    assert days_in(settled(tables)) == ({3, 4}, {5, 6})
    runner.close()
