"""Exactly once: however a log is cut, repeated, interrupted or rebuilt, the rows are the same."""

import tempfile
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from event_pool import logs
from hypothesis import HealthCheck, given, settings, strategies as st
from kill_folds import killed_fold, log_for
from read_models import Models, at, reading, recorded, rows_of

from hes.events.base import Recorded
from hes.events.command import AlarmAcknowledged
from hes.events.power import PowerFailure, PowerSign
from projections.base import Change, Database, find_projections
from projections.errors import ReadModelError, ReadModelUnavailable
from projections.folding import Tables
from projections.readings import Readings
from projections.sql.places import Place
from projections.sql.sqlite import SqlitePlace
from projections.success import Success

SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def folded(batches: Iterable[Sequence[Recorded]]) -> dict[str, list[tuple[object, ...]]]:
    """Fold batches in a new database; return all its rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "read.db")
        tables = Tables(SqlitePlace(path), find_projections())
        for batch in batches:
            tables.take(batch)
        tables.close()
        return rows_of(path)


@SLOW
@given(logs(), st.data())
def test_live_however_it_is_cut_and_repeated_equals_a_replay(
    log: list[Recorded], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(log)), max_size=6)) | {0, len(log)})
    again = data.draw(st.integers(0, 5))
    pieces = [log[max(0, a - again) : b] for a, b in pairwise(cuts)]
    replayed = folded([log])
    assert folded([*pieces, log[:again]]) == replayed
    assert folded([event] for event in log) == replayed


class Torn(Success):
    """Fails after its rows are written, as a disk that fills up does."""

    name = "success"

    def __init__(self, good: int) -> None:
        self._good = good

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        changes = super().apply(batch, db)
        self._good -= 1
        if self._good < 0:
            raise ReadModelUnavailable("database or disk is full")
        return changes


def test_a_batch_that_fails_leaves_nothing_and_counts_once_when_taken_again(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "read.db")
    batch = recorded(*[("meter:A", reading(n, received_at=at(n))) for n in range(20)])
    tables = Tables(SqlitePlace(path), [Torn(good=1)])
    tables.take(batch[:10])
    before = rows_of(path)
    with pytest.raises(ReadModelUnavailable, match="disk is full"):
        tables.take(batch)
    assert rows_of(path) == before
    assert tables.positions == {"success": 10}
    tables.close()
    tables = Tables(SqlitePlace(path), [Success()])
    tables.take(batch)
    tables.close()
    assert sum(row[2] for row in rows_of(path)["success"]) == 20


def test_a_kill_neither_doubles_nor_loses(tmp_path: Path) -> None:
    events = killed_fold(f"sqlite:///{tmp_path / 'killed.db'}", rounds=3)
    found = rows_of(str(tmp_path / "killed.db"))
    assert found == folded([log_for(3)])
    assert sum(row[2] for row in found["success"]) == len(found["reading"]) == events


# -- poison


def test_what_is_seen_before_it_is_raised_is_not_seen() -> None:
    early = AlarmAcknowledged(received_at=at(0), alarm="2", actor="an")
    raised = PowerFailure(received_at=at(1), sign=PowerSign.LAST_GASP)
    log = recorded(("meter:A", early), ("meter:A", raised))
    [(*_, acknowledged_at, _, _)] = folded([log])["alarm"]
    assert acknowledged_at is None
    assert folded([[one] for one in log]) == folded([log])


POISON = AlarmAcknowledged(received_at=at(0), alarm="not a number", actor="an")


def test_poison_is_put_aside_and_the_rest_of_its_batch_counts(models: Models) -> None:
    models.tell(("meter:A", reading(1)), ("meter:A", POISON), ("meter:A", reading(2)))
    assert models.tables.poisons == {"alarms": 1}
    assert set(models.tables.positions.values()) == {3}
    rows = rows_of(models.place)
    assert [row[:3] for row in rows["poison"]] == [("alarms", 2, "AlarmAcknowledged/1")]
    assert "ValueError" in rows["poison"][0][3]
    assert len(rows["reading"]) == 2


def test_poison_is_counted_after_a_restart_too(tmp_path: Path) -> None:
    models = Models(tmp_path)
    models.tell(("meter:A", POISON))
    models.close()
    tables = Tables(models.place, find_projections())
    assert tables.poisons == {"alarms": 1}
    tables.close()


class Renewed(Success):
    version = Success.version + 1


def test_a_new_version_starts_from_nothing_and_leaves_the_others(tmp_path: Path) -> None:
    path = str(tmp_path / "read.db")
    others = [p for p in find_projections() if p.name != "success"]
    tables = Tables(SqlitePlace(path), [*others, Success()])
    log = recorded(("meter:A", reading(1)), ("meter:A", POISON), ("meter:A", reading(2)))
    tables.take(log)
    tables.close()
    before = rows_of(path)
    tables = Tables(SqlitePlace(path), [*others, Renewed()])
    assert (tables.positions["success"], tables.positions["readings"]) == (0, 3)
    assert tables.lowest() == 0
    tables.take(log)
    tables.close()
    after = rows_of(path)
    assert after.pop("projection") != before.pop("projection")
    assert after == before


def test_two_writers_are_noticed(place: Place) -> None:
    one = Tables(place, [Success(), Readings()], anew=True)
    two = Tables(place, [Success(), Readings()])
    log = recorded(("meter:A", reading(1)), ("meter:A", reading(2)))
    one.take(log[:1])
    with pytest.raises(ReadModelError, match="another program moves the read models success"):
        two.take(log)
    one.take(log)
    rows = rows_of(place)
    assert (sum(row[2] for row in rows["success"]), len(rows["reading"])) == (2, 2)
    one.close()
    two.close()


@pytest.mark.parametrize("name", ["a#b.db", "50%41.db", "a?b.db", "có dấu.db"])
def test_any_name_of_a_file_is_that_file(tmp_path: Path, name: str) -> None:
    tables = Tables(SqlitePlace(str(tmp_path / name)), [Success()])
    tables.close()
    assert (tmp_path / name).is_file()


class Choking(Success):
    """Writes the rows of an event before it finds that the event makes no sense."""

    name = "success"

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        changes = super().apply(batch, db)
        if any(recorded.position == 2 for recorded in batch):
            raise ValueError("no sense")
        return changes


def test_poison_leaves_no_row_behind(tmp_path: Path) -> None:
    path = str(tmp_path / "read.db")
    tables = Tables(SqlitePlace(path), [Choking()])
    tables.take(recorded(*[("meter:A", reading(n)) for n in range(3)]))
    assert tables.poisons == {"success": 1}
    tables.close()
    assert sum(row[2] for row in rows_of(path)["success"]) == 2
