"""Pages of the audit log: all of it, once, by time; and from an index, whatever is filtered by."""

import itertools
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from read_models import NOON, Models, at

from hes.events.command import CommandFinished, CommandRequested
from projections.audit import AUDIT
from projections.audit_query import AuditWanted, audit_page
from projections.base import utc_ms
from projections.sql.database import Database
from projections.sql.places import Place, open_place
from projections.sql.sqlite import SqlitePlace

ROWS = 20_000
NAMES = ("stream", "actor", "kind")
ALL: dict[str, Any] = {"stream": "", "actor": "", "kind": "", "between": (None, None), "before": 0}


def asked(minutes: float, actor: str) -> CommandRequested:
    return CommandRequested(received_at=at(minutes), command="read", argument="", actor=actor)


# -- all of it, once


def test_what_waited_long_stands_where_it_happened(models: Models) -> None:
    models.tell(
        ("meter:A", asked(10, "ann")), ("meter:A", asked(30, "ann")),
        ("meter:A", asked(20, "ann")), ("meter:A", asked(30, "ann")),
    )  # fmt: skip
    rows = models.query.audit(**ALL, limit=9)
    assert [row.position for row in rows] == [4, 2, 3, 1]


@pytest.mark.parametrize("filters", [{}, {"actor": "ann"}, {"kind": "CommandFinished"}])
@pytest.mark.parametrize("limit", [1, 3, 50])
def test_pages_have_each_entry_once(models: Models, filters: dict[str, str], limit: int) -> None:
    rng = random.Random(7)
    told = [
        ("meter:A", asked(rng.randrange(8), rng.choice(("ann", "bo")))) if rng.random() < 0.7
        else ("meter:B", CommandFinished(
            received_at=at(rng.randrange(8)), command="read", actor="ann", ok=True, detail="",
            lasted_s=1.0,
        ))
        for _ in range(40)
    ]  # fmt: skip
    models.tell(*told)
    whole = models.query.audit(**ALL | filters, limit=50)
    keys = [(row.received_at, row.position) for row in whole]
    assert keys == sorted(keys, reverse=True)
    assert len(keys) == sum(
        filters.get("actor", event.actor) == event.actor
        and filters.get("kind", type(event).__name__) == type(event).__name__
        for _, event in told
    )
    found: list[Any] = []
    while page := models.query.audit(
        **ALL | filters | {"before": found[-1].position if found else 0}, limit=limit
    ):
        found += page
    assert found == whole


def test_a_position_that_is_no_entry_is_a_place_too(models: Models) -> None:
    models.tell(("meter:A", asked(1, "ann")), ("meter:A", asked(2, "ann")))
    assert [row.position for row in models.query.audit(**ALL | {"before": 99}, limit=9)] == [2, 1]
    assert models.query.audit(**ALL | {"before": 1}, limit=9) == []


# -- from an index


class Spy:
    """A database that remembers the last question."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.limited = db.limited
        self.asked: tuple[str, list[Any]] = ("", [])

    def query(self, sql: str, values: Any) -> Any:
        self.asked = (sql, list(values))
        return self._db.query(sql, values)


def fill(place: Place) -> None:
    """Store entries of a year, of a few devices, a few people and two kinds."""
    Models(place, anew=True).close()  # makes the tables
    start, step, kinds = utc_ms(NOON), 365 * 86_400_000 // ROWS, ("CommandRequested", "ClockSet")
    rows = [
        (n, f"meter:{n % 5}", start + n * step, kinds[n % 2], f"a{n % 7}", "read", "", "", None,
         "")
        for n in range(1, ROWS + 1)
    ]  # fmt: skip
    with closing(place.connect()) as db:
        db.begin(careful=False)
        for first in range(0, ROWS, 1000):
            db.insert(AUDIT, rows[first : first + 1000])
        db.commit()


FILTERS = [
    dict(zip(NAMES, values, strict=True))
    for values in itertools.product(("", "meter:3"), ("", "a3"), ("", "ClockSet"))
    if sum(map(bool, values)) <= 1
]


def plans(place: Place, explain: str) -> Iterator[tuple[str, str]]:
    """Yield how the database answers each question, and what it was."""
    with closing(place.connect(read_only=True)) as db:
        for filters, times, before in itertools.product(
            FILTERS, [(None, None), (at(2e5), at(3e5))], [0, ROWS - 500]
        ):
            wanted = AuditWanted(**filters, start=times[0], end=times[1])
            spy: Any = Spy(db)
            assert audit_page(spy, wanted, before, 50)
            sql, values = spy.asked
            rows = db.query(f"{explain} {sql}", values)
            yield "\n".join(" ".join(map(str, row)) for row in rows), sql


def test_sqlite_reads_one_index_in_order(tmp_path: Path) -> None:
    place = SqlitePlace(str(tmp_path / "read.db"))
    fill(place)
    seen = 0
    for plan, sql in plans(place, "EXPLAIN QUERY PLAN"):
        assert "USING INDEX audit_entry_i" in plan, (sql, plan)
        assert "TEMP B-TREE" not in plan, (sql, plan)
        assert " = ?" not in sql or "SEARCH" in plan, (sql, plan)
        seen += 1
    assert seen == 16


@pytest.mark.databases
def test_postgresql_reads_one_index_in_order(postgres_url: str) -> None:
    place = open_place(postgres_url)
    fill(place)
    with closing(place.connect()) as db:
        db.execute("ANALYZE audit_entry")
    for plan, sql in plans(place, "EXPLAIN"):
        assert "Index Scan" in plan, (sql, plan)
        assert "Sort" not in plan, (sql, plan)
        assert "Seq Scan" not in plan, (sql, plan)
