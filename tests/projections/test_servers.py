"""Databases that go away, come back, and are asked while a rebuild is swapped in."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from read_models import Models, at, oracle_place, reading, recorded, rows_of

from hes.store.codec import EventCodec
from hes.store.port import StoredRow
from projections.base import find_projections
from projections.errors import ReadModelError, ReadModelUnavailable
from projections.folding import Tables
from projections.intervals import INTERVAL
from projections.queries import ReadModel
from projections.runner import Runner
from projections.sql.days import DayDatabase
from projections.sql.places import Place, open_place

CODEC = EventCodec()
TOLD = [("meter:A", reading(n, received_at=at(n))) for n in range(40)]


class Log:
    """A log in memory."""

    def __init__(self) -> None:
        self.rows = [
            StoredRow(one.position, one.stream, one.version, *CODEC.encode(one.event))
            for one in recorded(*TOLD)
        ]

    def head(self) -> int:
        return len(self.rows)

    def read(self, after: int, limit: int) -> list[StoredRow]:
        return self.rows[after : after + limit]


async def test_who_reads_during_a_swap_sees_all_rows(place: Place) -> None:
    Tables(place, find_projections(), anew=True).close()
    runner, query = Runner(place, Log(), CODEC), ReadModel(place)
    await runner.catch_up()
    before = rows_of(place)
    seen: list[int] = []

    def look() -> None:
        found = query.readings("A", obis=[], start=None, end=None, limit=99)
        seen.append(len(found))

    async def watch() -> None:
        while True:
            await trio.to_thread.run_sync(look)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        for name in ("readings", "intervals"):
            assert (await runner.rebuild(name, verify=True)).ok
            assert (await runner.rebuild(name, verify=False)).action == "replaced"
        nursery.cancel_scope.cancel()
    assert set(seen) == {len(TOLD)}
    assert rows_of(place) == before
    query.close()
    runner.close()


# -- Oracle goes away


@pytest.fixture
def faulty(oracle: Any) -> Iterator[tuple[Tables, Callable[..., Any]]]:
    if not oracle.is_double:
        pytest.skip("a real Oracle takes no orders")
    tables = Tables(oracle_place(oracle), find_projections(), anew=True)
    yield tables, oracle.tell
    oracle.tell(cmd="accept")
    tables.close()


def counted(tables: Tables) -> int:
    return sum(row[2] for row in rows_of(tables.place)["success"])


@pytest.mark.databases
@pytest.mark.parametrize("order", [{"cmd": "kill_at_commit"}, {"cmd": "kill", "call": 4}])
def test_a_batch_whose_end_is_not_known_counts_once(
    faulty: tuple[Tables, Callable[..., Any]], order: dict[str, Any]
) -> None:
    tables, tell = faulty
    log = recorded(*TOLD)
    tables.take(log[:10])
    tell(**order)
    with pytest.raises(ReadModelUnavailable):
        tables.take(log[10:])
    tables.take(log[10:])
    assert counted(tables) == len(TOLD)
    assert set(tables.positions.values()) == {len(TOLD)}


@pytest.mark.databases
@pytest.mark.parametrize("code", [1555, 1653, 257, 60, 16000])
def test_what_passes_is_no_poison(faulty: tuple[Tables, Callable[..., Any]], code: int) -> None:
    tables, tell = faulty
    log = recorded(*TOLD)
    tables.take(log[:10])
    tell(cmd="fail", call=2, ora=code)
    with pytest.raises(ReadModelUnavailable):
        tables.take(log[10:])
    tables.take(log[10:])
    assert (counted(tables), tables.poisons) == (len(TOLD), {})


@pytest.mark.databases
def test_a_listener_that_refuses_is_waited_for(faulty: tuple[Tables, Callable[..., Any]]) -> None:
    tables, tell = faulty
    tables.close()
    tell(cmd="refuse", ora=12514)
    with pytest.raises(ReadModelUnavailable):
        tables.take(recorded(*TOLD))
    tell(cmd="accept")
    tables.take(recorded(*TOLD))
    assert counted(tables) == len(TOLD)


# -- days


@pytest.mark.databases
@pytest.mark.parametrize("kind", ["postgresql", "oracle"])
def test_old_days_go_with_their_tables(request: pytest.FixtureRequest, kind: str) -> None:
    place = (
        open_place(request.getfixturevalue("postgres_url"))
        if kind == "postgresql"
        else oracle_place(request.getfixturevalue("oracle"))
    )
    models = Models(place, anew=True)
    db = models.tables._open()
    assert isinstance(db, DayDatabase)
    db.add_days(INTERVAL, [20000, 20001, 20002])
    db.forget_days(INTERVAL, 20002)
    assert list(db.days(INTERVAL)) == [20002]
    assert rows_of(place)["interval_value"] == []
    models.close()


# -- URLs


@pytest.mark.parametrize("url", ["mysql://h/d", "oracle://h", "sqlite:///", "x"])
def test_a_url_of_no_use_is_a_sentence(url: str) -> None:
    with pytest.raises(ReadModelError, match=r"write|are in"):
        open_place(url)


def test_no_password_is_told() -> None:
    place = open_place("postgresql://u:hush@127.0.0.1:1/db")
    with pytest.raises(ReadModelUnavailable) as told:
        place.connect()
    assert "hush" not in f"{told.value}{place.shown}"


def test_a_new_file_is_its_owners_alone(models: Models) -> None:
    path = getattr(models.place, "path", None)
    if path is None:
        pytest.skip("no file")
    assert {p.stat().st_mode & 0o777 for p in Path(path).parent.glob("read.db*")} == {0o600}
