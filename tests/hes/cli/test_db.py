"""``hes db ddl``: what it prints makes the tables, and a DBA may run it first."""

import sqlite3
from contextlib import closing
from typing import Any

import psycopg
import pytest
from databases import Oracle, Postgres
from stores import ORACLE_TABLES

from hes.store.open import open_log
from hes.store.port import Append, Appended


def printed(hes: Any, *arguments: str) -> str:
    done = hes("db", "ddl", *arguments)
    assert done.code == 0, done.err
    text: str = done.out
    return text


def statements(text: str) -> list[str]:
    return [line.removesuffix(";") for line in text.splitlines() if not line.startswith("--")]


def test_what_is_printed_makes_all_tables_of_sqlite(hes: Any) -> None:
    with sqlite3.connect(":memory:") as db:
        for statement in statements(printed(hes, "sqlite")):
            db.execute(statement)
        found = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    db.close()
    assert {"ev", "head", "tracking", "latest", "projection"} <= found


@pytest.mark.databases
def test_what_is_printed_makes_all_tables_of_postgresql(hes: Any, postgres: Postgres) -> None:
    url = postgres.new_database()
    with psycopg.connect(url) as db:
        for statement in statements(printed(hes, "postgresql")):
            db.execute(statement.encode())
    with closing(open_log(url)) as log:
        log.fence()
        assert log.append([Append("meter:1", 0, [("A/1", b"")])]) == [Appended(1, 1)]


@pytest.mark.databases
def test_what_is_printed_makes_the_log_of_oracle(hes: Any, oracle: Oracle) -> None:
    oracle.drop_tables(ORACLE_TABLES)
    with oracle.connect() as db, db.cursor() as cursor:
        for statement in statements(printed(hes, "oracle", "--part", "store")):
            cursor.execute(statement)
        db.commit()
    url = f"oracle://{oracle.user}:{oracle.password}@{oracle.dsn}"
    with closing(open_log(url)) as log:
        log.fence()
        assert log.append([Append("meter:1", 0, [("A/1", b"")])]) == [Appended(1, 1)]


def test_parts_and_grants(hes: Any) -> None:
    text = printed(hes, "oracle", "--part", "read-model")
    assert "GRANT CREATE SESSION" in text
    assert "CREATE TABLE ev " not in text
    assert "CREATE TABLE latest " in text
    assert "CREATE VIEW " in text


@pytest.mark.parametrize("arguments", [["mysql"], ["oracle", "--part", "all"]])
def test_what_is_not_known_is_told(hes: Any, arguments: list[str]) -> None:
    done = hes("db", "ddl", *arguments)
    assert done.code == 2
    assert "is none of" in done.err
