"""Columns of readings are the rows that one would write down one by one."""

from collections.abc import Sequence
from typing import Any

import pytest
from event_pool import logs_of
from hypothesis import given, strategies as st
from read_models import ENERGY, at, reading, recorded

from hes.events.base import DomainEvent, Recorded
from hes.events.layout import Channel
from hes.events.power import PowerFailure, PowerSign
from hes.events.reading import Reading
from projections.base import utc_ms
from projections.cells import cells
from projections.latest import _newest, moment
from projections.piece import SIZE, Piece, pieces
from projections.said import said
from projections.sql.database import Database
from projections.sql.sqlite import SqlitePlace

VOLTAGE = Channel("1.0.32.7.0.255", -1, 35, 3, 2)
READINGS = logs_of(Reading)
AWAY = PowerFailure(received_at=at(0), sign=PowerSign.LAST_GASP)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Database:
    return SqlitePlace(str(tmp_path_factory.mktemp("said") / "read.db")).connect()


def one_by_one(log: Sequence[Recorded]) -> list[tuple[Any, ...]]:
    """The rows of a log with their positions, as one reads it aloud."""
    rows: list[tuple[Any, ...]] = []
    for recorded_ in log:
        event = recorded_.event
        if not isinstance(event, Reading) or not recorded_.stream.startswith("meter:"):
            continue
        meter, received = recorded_.stream[6:], utc_ms(event.received_at)
        told = utc_ms(event.device_time) if event.device_time else received
        for obis, shown, unit, quality in cells(event.layout, event.values):
            time = told
            for channel, own in zip(event.layout.channels, event.times or (), strict=False):
                if channel.obis == obis and own is not None:
                    time = utc_ms(own)
            rows.append((
                meter, obis, time, received, shown, unit, event.source.value, quality,
                recorded_.position,
            ))  # fmt: skip
    return sorted(rows, key=repr)


def rows_of(log: Sequence[Recorded], db: Database) -> list[tuple[Any, ...]]:
    db.shared.clear()
    return sorted((row for some in said(log, db) for row in some.rows(some.positions)), key=repr)


@given(log=READINGS)
def test_rows_are_those_of_each_reading(db: Database, log: list[Recorded]) -> None:
    assert rows_of(log, db) == one_by_one(log)


@given(log=READINGS)
def test_the_newest_is_the_last_of_the_newest_moment(db: Database, log: list[Recorded]) -> None:
    best: dict[tuple[str, str], tuple[Any, ...]] = {}
    for *row, position in sorted(one_by_one(log), key=lambda row: row[-1]):
        key = row[0], row[1]
        age = moment(row[2], row[3])
        if key not in best or age >= best[key][0]:
            best[key] = age, position, tuple(row)
    db.shared.clear()
    newest = _newest(said(log, db))
    assert sorted(newest, key=repr) == sorted((row for *_, row in best.values()), key=repr)


def test_meters_of_several_layouts_and_kinds_of_values_in_one_batch(db: Database) -> None:
    log = recorded(
        ("meter:A", reading(1, 2301, channels=[ENERGY, VOLTAGE])),
        ("meter:B", reading(7)),
        ("modem:8", reading(8)),
        ("meter:A", reading("n/a", None, channels=[ENERGY, VOLTAGE], device_time=at(-1))),
    )
    assert [row[:2] + row[4:6] for row in rows_of(log, db)] == [
        ("A", "1.0.1.8.0.255", "n/a", None),
        ("A", "1.0.1.8.0.255", "1", "Wh"),
        ("A", "1.0.32.7.0.255", None, None),
        ("A", "1.0.32.7.0.255", "230.1", "V"),
        ("B", "1.0.1.8.0.255", "7", "Wh"),
    ]
    db.shared.clear()
    assert {(row[0], row[1]): row[4] for row in _newest(said(log, db))} == {
        ("A", "1.0.1.8.0.255"): "1", ("A", "1.0.32.7.0.255"): "230.1",
        ("B", "1.0.1.8.0.255"): "7",
    }  # fmt: skip


def test_what_was_made_for_one_projection_is_there_for_the_next(db: Database) -> None:
    log = recorded(("meter:A", reading(1)), ("meter:A", reading(2)))
    db.shared.clear()
    assert said(log, db) is said(log[:], db)
    assert said(log[1:], db)[0].positions == (2,)


# -- pieces


def kinds_of(*kinds: type[DomainEvent]) -> frozenset[type[DomainEvent]]:
    return frozenset(kinds)


@given(
    st.lists(st.sampled_from(["reading", "failure"]), min_size=1, max_size=9),
    st.integers(0, 12),
    st.integers(0, 5),
)
def test_each_projection_gets_what_is_new_to_it_in_order(
    kinds: list[str], after: int, before: int
) -> None:
    told = [("meter:A", reading(n) if kind == "reading" else AWAY) for n, kind in enumerate(kinds)]
    log = recorded(*told, after=before)
    piece = Piece(log)
    for wanted in (kinds_of(Reading), kinds_of(PowerFailure), kinds_of(Reading, PowerFailure)):
        expected = [r for r in log if type(r.event) in wanted and r.position > after]
        assert list(piece.of(wanted, after)) == expected
    assert list(piece.of(kinds_of(), 0)) == []


@pytest.mark.parametrize("count", [0, 1, SIZE, SIZE + 1, 3 * SIZE])
def test_a_batch_is_all_of_its_pieces(count: int) -> None:
    log = recorded(*[("meter:A", reading(n)) for n in range(count)])
    found = [list(piece.of(kinds_of(Reading), 0)) for piece in pieces(log)]
    assert [r for some in found for r in some] == log
    assert all(len(some) <= SIZE for some in found)
