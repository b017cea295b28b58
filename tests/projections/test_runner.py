"""The runner: pages what it missed, then follows; nothing is skipped, nothing holds it up."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trio
from read_models import Models, at, reading, recorded, rows_of
from trio.testing import MockClock

from hes.events.base import Recorded
from hes.events.command import AlarmAcknowledged
from hes.store.codec import EventCodec
from hes.store.errors import StoreUnavailable
from hes.store.port import StoredRow
from projections import runner as module
from projections.base import find_projections
from projections.errors import ReadModelError
from projections.runner import Runner
from projections.sql.sqlite import SqlitePlace

M = "meter:A"
CODEC = EventCodec()
POISON = AlarmAcknowledged(received_at=at(0), alarm="not a number", actor="an")


class Log:
    """A log in memory that counts how often it is read."""

    def __init__(self) -> None:
        self.rows: list[StoredRow] = []
        self.reads = 0
        self.away = False

    def add(self, count: int, event: Any = None) -> list[Recorded]:
        """Append events; return them as the journal hands them over."""
        told = [(M, event or reading(n, received_at=at(n))) for n in range(count)]
        found = recorded(*told, after=len(self.rows))
        for one in found:
            topic, state = CODEC.encode(one.event)
            self.rows.append(StoredRow(one.position, one.stream, one.version, topic, state))
        return found

    def spoil(self, position: int) -> None:
        """Damage a stored event."""
        self.rows[position - 1] = self.rows[position - 1]._replace(state=b"\xc1")

    def head(self) -> int:
        return len(self.rows)

    def read(self, after: int, limit: int) -> list[StoredRow]:
        self.reads += 1
        if self.away:
            raise StoreUnavailable("the event log is away")
        return self.rows[after : after + limit]


Make = Callable[..., Runner]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def make(tmp_path: Path, log: Log) -> Iterator[Make]:
    made: list[Runner] = []

    def make_runner(**given: Any) -> Runner:
        made.append(Runner(SqlitePlace(str(tmp_path / "read.db")), log, CODEC, **given))
        return made[-1]

    yield make_runner
    for one in made:
        one.close()


def counted(tmp_path: Path) -> int:
    return len(rows_of(str(tmp_path / "read.db"))["reading"])


def status(runner: Runner, name: str = "readings") -> Any:
    return next(s for s in runner.status() if s.name == name)


async def test_it_pages_what_it_missed_then_follows_without_reading_again(
    tmp_path: Path,
    log: Log,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    autojump_clock: MockClock,
) -> None:
    autojump_clock.autojump_threshold = 0.05  # threads work in real time
    monkeypatch.setattr(module, "BATCH", 10)
    seen: list[int] = []
    runner = make(on_commit=lambda _changes, position: seen.append(position))
    log.add(25)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert (seen, counted(tmp_path)) == ([10, 20, 25], 25)
    reads = log.reads
    runner.publish(log.add(3))
    assert status(runner).lag == 3
    await runner.catch_up()
    assert (seen[-1], counted(tmp_path)) == (28, 28)
    assert status(runner).lag == 0
    assert log.reads == reads


async def test_a_gap_in_what_is_handed_over_is_read_from_the_log(
    tmp_path: Path, log: Log, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 4)
    runner = make()
    for _ in range(5):
        runner.publish(log.add(3))  # only the first two fit
    log.add(2)
    runner.publish(log.add(1))
    await runner.catch_up()
    assert counted(tmp_path) == 18


async def test_commits_that_a_crashed_server_lost_are_made_again(
    tmp_path: Path, log: Log, make: Make
) -> None:
    runner, file, older = make(), tmp_path / "read.db", tmp_path / "older.db"
    runner.publish(log.add(5))
    await runner.catch_up()
    with contextlib.closing(sqlite3.connect(file)) as now, sqlite3.connect(older) as then:
        now.backup(then)
    runner.publish(log.add(5))
    await runner.catch_up()
    runner.close()  # as after a fault; the next batch opens it anew
    with contextlib.closing(sqlite3.connect(file)) as now, sqlite3.connect(older) as then:
        then.backup(now)
    runner.publish(log.add(1))
    await runner.catch_up()
    assert counted(tmp_path) == 11


async def test_what_is_handed_over_twice_counts_once(tmp_path: Path, log: Log, make: Make) -> None:
    runner = make()
    first = log.add(5)
    runner.publish(first)
    runner.publish(first)
    await runner.catch_up()
    runner.publish(first)
    runner.publish(log.add(1))
    await runner.catch_up()
    assert counted(tmp_path) == 6


async def test_it_follows_while_it_runs(
    tmp_path: Path, log: Log, make: Make, autojump_clock: MockClock
) -> None:
    autojump_clock.autojump_threshold = 0.05  # threads work in real time
    runner = make()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        for count in range(1, 6):
            runner.publish(log.add(2))
            await trio.sleep(1)
            assert counted(tmp_path) == 2 * count
        nursery.cancel_scope.cancel()


async def test_a_log_that_is_away_is_told_and_waited_for(
    tmp_path: Path, log: Log, make: Make, autojump_clock: MockClock
) -> None:
    autojump_clock.autojump_threshold = 0.05
    runner = make()
    log.add(4)
    log.away = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        await trio.sleep(module.RETRY_S * 1.5)
        assert runner.trouble == "the event log is away"
        log.away = False
        await trio.sleep(module.RETRY_S * 1.5)
        assert (runner.trouble, counted(tmp_path)) == ("", 4)
        nursery.cancel_scope.cancel()


# -- events that cannot be taken


async def test_a_damaged_event_holds_up_nothing_and_is_reported(
    tmp_path: Path, log: Log, make: Make
) -> None:
    runner = make()
    log.add(3)
    log.spoil(2)
    await runner.catch_up()
    assert counted(tmp_path) == 2
    assert {s.poisoned for s in runner.status()} == {1}
    assert {s.lag for s in runner.status()} == {0}
    poison = rows_of(str(tmp_path / "read.db"))["poison"]
    assert {row[0] for row in poison} == {p.name for p in find_projections()}
    assert {(row[1], row[2]) for row in poison} == {(2, "Reading/1")}
    assert "damaged" in poison[0][3]


async def test_an_unknown_kind_is_reported_once(tmp_path: Path, log: Log, make: Make) -> None:
    runner = make()
    log.add(2)
    log.rows[0] = log.rows[0]._replace(topic="Tomorrow/9")
    await runner.catch_up()
    await runner.catch_up()
    assert counted(tmp_path) == 1
    assert status(runner).poisoned == 1
    reasons = {row[3] for row in rows_of(str(tmp_path / "read.db"))["poison"]}
    assert len(reasons) == 1
    assert "update the program" in reasons.pop()


async def test_poison_is_reported_as_soon_as_it_is_met(log: Log, make: Make) -> None:
    runner = make()
    assert status(runner, "alarms").poisoned == 0
    runner.publish(log.add(1, POISON))
    await runner.catch_up()
    assert status(runner, "alarms").poisoned == 1
    assert status(runner).poisoned == 0


class Decoder:
    """A decoder whose store goes away: no event is to blame."""

    def __init__(self) -> None:
        self.away = True

    def recorded(self, row: StoredRow) -> Recorded:
        if self.away:
            raise StoreUnavailable("no layouts now")
        return CODEC.recorded(row)

    def recorded_all(self, rows: Sequence[StoredRow]) -> list[Recorded]:
        return list(map(self.recorded, rows))


async def test_a_store_that_goes_away_while_decoding_poisons_nothing(
    tmp_path: Path, log: Log
) -> None:
    decoder = Decoder()
    runner = Runner(SqlitePlace(str(tmp_path / "read.db")), log, decoder)
    log.add(2)
    with pytest.raises(StoreUnavailable):
        await runner.catch_up()
    decoder.away = False
    await runner.catch_up()
    assert (counted(tmp_path), status(runner).poisoned) == (2, 0)
    runner.close()


# -- rebuilding


def spoil_rows(path: Path, sql: str) -> None:
    models = Models(path)
    models.tables._db.execute(sql)
    models.close()


@pytest.mark.parametrize("name", [p.name for p in find_projections()])
async def test_a_rebuild_finds_and_mends_what_differs(
    tmp_path: Path, log: Log, make: Make, name: str
) -> None:
    runner = make()
    log.add(5)
    await runner.catch_up()
    before = rows_of(str(tmp_path / "read.db"))
    same = await runner.rebuild(name, verify=True)
    assert (same.differences, same.action, same.position, same.ok) == (0, "compared", 5, True)
    (first, *_) = next(p for p in find_projections() if p.name == name).tables
    table = first.name
    if before[table]:
        spoil_rows(tmp_path, f"DELETE FROM {table}")
        found = await runner.rebuild(name, verify=True)
        assert (found.differences, found.ok) == (len(before[table]), False)
        assert rows_of(str(tmp_path / "read.db"))[table] == []
    mended = await runner.rebuild(name, verify=False)
    assert (mended.action, mended.position, mended.ok) == ("replaced", 5, True)
    assert mended.differences is None
    assert rows_of(str(tmp_path / "read.db")) == before
    log.add(2)
    await runner.catch_up()
    assert (await runner.rebuild(name, verify=True)).differences == 0


async def test_verifying_a_read_model_that_lags_finds_no_difference(
    tmp_path: Path, log: Log, make: Make
) -> None:
    runner = make()
    log.add(3)
    await runner.catch_up()
    log.add(4)  # durable, but not folded yet
    found = await runner.rebuild("readings", verify=True)
    assert (found.differences, found.position) == (0, 3)
    assert counted(tmp_path) == 3
    mended = await runner.rebuild("readings", verify=False)
    assert mended.position == 3
    await runner.catch_up()
    assert counted(tmp_path) == 7


async def test_a_rebuild_takes_the_poison_that_there_is_now(
    tmp_path: Path, log: Log, make: Make
) -> None:
    runner = make()
    good = log.add(3)
    whole = list(log.rows)
    log.spoil(2)
    await runner.catch_up()
    assert status(runner).poisoned == 1
    log.rows = whole  # as a newer program reads it
    await runner.rebuild("readings", verify=False)
    assert (status(runner).poisoned, status(runner, "latest").poisoned) == (0, 1)
    assert counted(tmp_path) == len(good)


async def test_an_unknown_projection_is_named(make: Make) -> None:
    with pytest.raises(ReadModelError, match=r"no projection 'nope'; there are alarms, .*success"):
        await make().rebuild("nope", verify=True)


async def test_a_rebuild_beside_a_running_one_loses_nothing(
    tmp_path: Path, log: Log, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 7)
    runner = make()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        for _ in range(10):
            runner.publish(log.add(20))
            await runner.rebuild("success", verify=False)
        await runner.catch_up()
        nursery.cancel_scope.cancel()
    total = sum(row[2] for row in rows_of(str(tmp_path / "read.db"))["success"])
    assert total == counted(tmp_path) == 200


def test_projections_are_found_by_their_files() -> None:
    folder = Path(module.__file__).parent
    with_one = {
        path.stem for path in folder.glob("*.py") if "\nPROJECTION = " in path.read_text("utf-8")
    }
    found: Sequence[Any] = find_projections()
    assert {p.name for p in found} == with_one
    tables = [table.name for p in found for table in p.tables]
    assert len(set(tables)) == len(tables)
