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
from projections import meters
from projections.base import utc_ms
from projections.cells import cells
from projections.latest import _newest, moment
from projections.piece import SIZE, Piece, pieces
from projections.said import said
from projections.sql.database import Database
from projections.sql.flat_rows import columns_in, flat, joined, woven
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


def newest_of(log: Sequence[Recorded]) -> list[tuple[Any, ...]]:
    """The newest row of each register, as one finds it by looking at all of them in turn."""
    best: dict[tuple[str, str], tuple[Any, ...]] = {}
    for *row, position in sorted(one_by_one(log), key=lambda row: row[-1]):
        key = row[0], row[1]
        age = moment(row[2], row[3])
        if key not in best or age >= best[key][0]:
            best[key] = age, position, tuple(row)
    return sorted((row for *_, row in best.values()), key=repr)


@given(log=READINGS)
def test_the_newest_is_the_last_of_the_newest_moment(db: Database, log: list[Recorded]) -> None:
    db.shared.clear()
    assert sorted(_newest(said(log, db)), key=repr) == newest_of(log)


ONE = st.tuples(
    st.sampled_from(["meter:A", "meter:B", "meter:C", "meter:D"]),
    st.builds(
        lambda value, received, ahead: reading(
            value, received_at=at(received), device_time=at(received + ahead)
        ),
        st.integers(0, 9), st.integers(0, 5), st.sampled_from([-2, 0, 0, 1, 1439, 1440, 1441]),
    ),
)  # fmt: skip


@given(told=st.lists(ONE, min_size=1, max_size=8))
def test_meters_that_speak_again_with_one_layout(
    db: Database, told: list[tuple[str, Reading]]
) -> None:
    log = recorded(*told)
    db.shared.clear()
    assert sorted(_newest(said(log, db)), key=repr) == newest_of(log)
    states = {row[0]: row[1:4] for row in meters._newest(said(log, db))}
    by_meter = {row[0]: row for row in newest_of(log)}
    assert states.keys() == by_meter.keys()
    for meter, (last_at, energy_at, energy) in states.items():
        mine = [row for row in one_by_one(log) if row[0] == meter]
        assert last_at == max(row[3] for row in mine)
        assert energy_at == moment(by_meter[meter][2], by_meter[meter][3])
        assert energy == by_meter[meter][4]


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
    assert said(log[1:], db)[0].positions == [2]


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


# -- flat rows

COLUMNS = st.lists(st.lists(st.integers(), min_size=2, max_size=2), max_size=6)


@given(st.lists(COLUMNS, max_size=4), st.slices(8))
def test_flat_rows_are_rows(parts: list[list[list[int]]], wanted: slice) -> None:
    expected = [tuple(row) for part in parts for row in part]
    rows = joined([flat(part) if part else woven([]) for part in parts])
    assert list(rows) == expected
    assert len(rows) == len(expected)
    assert list(rows[wanted]) == expected[wanted]
    for place, row in enumerate(expected):
        assert rows[place] == rows[place - len(expected)] == row
    if expected:
        assert list(columns_in(rows)) == [list(column) for column in zip(*expected, strict=True)]
        assert flat(rows) is rows
        assert [tuple(c) for c in columns_in(expected)] == list(zip(*expected, strict=True))
    with pytest.raises(IndexError):
        rows[len(expected)]


def test_rows_are_woven_a_row_of_each_group_in_turn() -> None:
    woven_rows = woven([[["a", "b"], [1, 2]], [["c", "d"], [3, 4]]])
    assert list(woven_rows) == [("a", 1), ("c", 3), ("b", 2), ("d", 4)]
