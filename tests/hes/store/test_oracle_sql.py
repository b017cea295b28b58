"""Every statement that the log gives to Oracle is one of 11g."""

from collections.abc import Iterator

import pytest
from oracle_11g import problems

from hes.store import database
from hes.store.database import IN_SIZES, Statements, in_list
from hes.store.oracle_rows import DIALECT, STATEMENTS, marked
from hes.store.schema import ORACLE


def statements() -> Iterator[str]:
    yield from (*ORACLE.log, *ORACLE.aside)
    yield from (text for text in vars(Statements(DIALECT)).values() if text.startswith("SELECT"))
    for name, text in vars(database).items():
        if name.isupper() and isinstance(text, str):
            yield text
    for text in STATEMENTS:
        yield next(in_list(text, range(1000)))[0] if "{}" in text else text
    for table in ("ev", "aside"):
        part = Statements(DIALECT).part_of_stream(table) + " AND e.ver > ? AND e.ver <= ?"
        yield Statements(DIALECT).limited(part + " ORDER BY e.ver DESC")


@pytest.mark.parametrize("sql", list(statements()), ids=lambda sql: str(sql)[:60])
def test_a_statement_is_one_of_11g(sql: str) -> None:
    assert list(problems(marked(sql))) == []
    assert "?" not in marked(sql)


def test_all_statements_are_looked_at() -> None:
    assert len(list(statements())) > 40


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT a FROM t LIMIT 5", "LIMIT"),
        ("SELECT a FROM t FETCH FIRST 5 ROWS ONLY", "12c"),
        ("CREATE TABLE t (level NUMBER(3))", "level is a reserved word"),
        ("CREATE TABLE t (a NUMBER(3), size VARCHAR2(10))", "size is a reserved word"),
        (f"CREATE TABLE {'t' * 31} (a NUMBER(3))", "longer than 30"),
        ("CREATE TABLE t (a RAW(4000))", "RAW(4000)"),
        ("CREATE TABLE t (a VARCHAR2(1001 CHAR))", "4000 octets"),
        ("CREATE TABLE t (a BOOLEAN)", "type"),
        ("SELECT a FROM t AS x", "no AS"),
        ("INSERT INTO t (a) VALUES (1), (2)", "one row"),
        ("SELECT a FROM t LEFT JOIN u ON u.v = (SELECT MAX(v) FROM u)", "ORA-01799"),
        (f"SELECT a FROM t WHERE a IN ({', '.join(['?'] * 1001)})", "IN of 1001"),
        ("SELECT a FROM t WHERE b = ''", "NULL"),
    ],
)
def test_the_lint_sees_what_11g_does_not_take(sql: str, why: str) -> None:
    assert any(why in problem for problem in problems(sql))


def test_lists_are_filled_up_and_cut() -> None:
    made = list(in_list("SELECT a FROM t WHERE a IN ({})", list(range(1003))))
    assert [len(values) for _, values in made] == [1000, 10]
    assert made[1][1] == [1000, 1001, 1002, *[1002] * 7]
    assert IN_SIZES[-1] <= 1000
