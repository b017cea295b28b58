"""Many rows with one statement: whatever the values are, what is read is what was written."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from projections.sql.database import IN_MAX, Database
from projections.sql.places import Place, open_place
from projections.sql.postgres_rows import MARK, NULL, distinct, sent
from projections.sql.schema import Kind, Table, Upsert, octets, real, text, whole
from projections.sql.sqlite import (
    CHECKPOINT_PAGES,
    ROWS_AT_ONCE,
    VALUES_MAX,
    SqliteDatabase,
    SqlitePlace,
)

ANY = Table(
    "any_row",
    (
        whole("number"), text("name", optional=True), real("part", optional=True),
        octets("data", optional=True), whole("more", optional=True),
    ),
    key=("number",),
    is_rewritten=True,
)  # fmt: skip
PUT = Upsert(ANY)
TEXTS = st.none() | st.text(
    st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from([MARK, NULL, ","]),
    max_size=5,
)
REST = st.tuples(
    TEXTS, st.none() | st.floats(-1e9, 1e9, allow_subnormal=False, width=32),
    st.none() | st.binary(min_size=1, max_size=4), st.none() | st.integers(-(2**63), 2**63 - 1),
)  # fmt: skip
ROWS = st.lists(REST, min_size=1, max_size=8)


@pytest.fixture
def db(place: Place) -> Iterator[Database]:
    opened = place.connect()
    opened.drop(ANY)
    opened.create(ANY)
    yield opened
    opened.drop(ANY)
    opened.close()


def found(db: Database) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in db.query("SELECT * FROM {any_row} ORDER BY number")]


def test_rows_come_back_as_they_were(db: Database) -> None:
    @settings(
        deadline=None,
        max_examples=40,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(ROWS, ROWS)
    def check(before: list[tuple[Any, ...]], after: list[tuple[Any, ...]]) -> None:
        db.begin(careful=False)
        db.empty(ANY)
        db.insert(ANY, [(number, *row) for number, row in enumerate(before)])
        db.upsert(PUT, [(number, *row) for number, row in enumerate(after)])
        db.commit()
        assert found(db) == [(n, *row) for n, row in enumerate([*after, *before[len(after) :]])]

    check()


@pytest.mark.parametrize("value", ["", MARK, NULL, f"a{MARK}b", None])
def test_one_row_of_a_value_that_looks_like_a_mark(db: Database, value: str | None) -> None:
    db.begin(careful=False)
    db.insert(ANY, [(1, value, None, None, None)])
    db.commit()
    assert found(db) == [(1, value, None, None, None)]


@pytest.mark.parametrize("count", [1, 3, 63, 64, 65, 200, IN_MAX, IN_MAX + 1])
def test_any_number_of_rows_and_of_names(db: Database, count: int) -> None:
    db.begin(careful=False)
    db.insert(ANY, [(n, str(n), None, None, None) for n in range(count)])
    db.upsert(PUT, [(n % 7, f"x{n}", None, None, n) for n in range(count)])
    db.commit()
    last = {n % 7: n for n in range(count)}
    assert [(row[0], row[4]) for row in found(db)] == [(n, last.get(n)) for n in range(count)]
    names = db.query_in("SELECT number FROM {any_row} WHERE number IN (??)", list(range(count)))
    assert sorted(row[0] for row in names) == list(range(count))
    db.begin(careful=False)
    db.execute_in("DELETE FROM {any_row} WHERE number IN (??)", list(range(1, count)))
    db.commit()
    assert [row[0] for row in found(db)] == [0]


def test_nothing_asked_for_is_nothing_found(db: Database) -> None:
    assert db.query_in("SELECT number FROM {any_row} WHERE number IN (??)", []) == []


# -- PostgreSQL


@pytest.mark.parametrize(
    ("values", "is_json"),
    [
        (["a", "b"], False),
        (["a", None], False),
        ([None], False),
        (["", ""], False),
        ([""], True),
        ([f"a{MARK}"], True),
        (["a", NULL], True),
        ([f"{NULL}a", None], True),
    ],
)
def test_marks_are_never_taken_for_values(values: list[str | None], *, is_json: bool) -> None:
    assert sent([Kind.TEXT], [(value,) for value in values]).is_json is is_json


@pytest.mark.databases
def test_pages_of_rows_that_are_rewritten_have_room_for_the_new_ones(postgres_url: str) -> None:
    db = open_place(postgres_url).connect()
    db.drop(ANY)
    db.create(ANY)
    look = "SELECT reloptions FROM pg_class WHERE relname = ?"
    assert db.query(look, ["any_row"]) == [(["fillfactor=45"],)]
    db.execute("ALTER TABLE any_row RESET (fillfactor)")
    db.keep_room(ANY)
    assert db.query(look, ["any_row"]) == [(["fillfactor=45"],)]
    db.drop(ANY)
    db.close()


def test_equal_keys_keep_their_order() -> None:
    rows = [("a", 1), ("b", 2), ("a", 3), ("a", 4), ("c", 5)]
    assert list(distinct(rows, [0])) == [
        [("a", 1), ("b", 2), ("c", 5)], [("a", 3)], [("a", 4)],
    ]  # fmt: skip
    assert list(distinct(rows[:2], [0, 1])) == [rows[:2]]


# -- SQLite


def test_pages_go_home_seldom(tmp_path: Any) -> None:
    db = SqlitePlace(str(tmp_path / "read.db")).connect()
    assert db.query("PRAGMA wal_autocheckpoint")[0][0] == CHECKPOINT_PAGES > 1000
    db.close()


def test_few_statements_are_prepared_whatever_the_number_of_rows(tmp_path: Any) -> None:
    db = SqlitePlace(str(tmp_path / "read.db")).connect()
    db.create(ANY)
    seen: set[str] = set()
    real = db._run

    def run(sql: str, values: Sequence[Any] = ()) -> Any:
        seen.add(sql)
        assert len(values) <= VALUES_MAX
        return real(sql, values)

    db._run = run  # type: ignore[method-assign]
    for count in range(1, 200):
        db.upsert(PUT, [(n, None, None, None, None) for n in range(count)])
    assert isinstance(db, SqliteDatabase)
    assert len(seen) <= len(ROWS_AT_ONCE)
    db.close()
