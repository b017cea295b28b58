"""Many rows with one statement: few statements, little padding, every row once."""

import sqlite3

import pytest

from hes.store.placing import EvRow
from hes.store.sqlite_rows import ROWS_AT_ONCE, SqliteTransaction, size_for


def test_sizes_are_few_and_hardly_too_large() -> None:
    sizes = {count: size_for(count) for count in range(1, ROWS_AT_ONCE + 1)}
    assert all(count <= size <= count * 9 / 8 for count, size in sizes.items())
    assert sizes[ROWS_AT_ONCE] == ROWS_AT_ONCE
    # The driver keeps 128 statements.
    assert len(set(sizes.values())) < 64


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 300, 511, 512, 513, 1100])
def test_every_row_is_stored_once(count: int) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE ev (nid, oid, ver, topic, state, chain)")
    rows: list[EvRow] = [(n, 2 * n, 3 * n, 4, b"%d" % n, b"chain") for n in range(1, count + 1)]
    SqliteTransaction(database).insert(rows)
    assert database.execute("SELECT * FROM ev ORDER BY nid").fetchall() == rows
