"""Everything that we say to a database is Oracle 11g's SQL: a lint, for no 11g can be had here.

The double takes names that are too long, reserved words and types that 11g does not know.
"""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import pytest

import projections
from hes.store.watch import Watch
from projections.base import find_projections
from projections.sql.database import IN_MAX
from projections.sql.days import REST
from projections.sql.oracle import OracleDatabase, _merge
from projections.sql.postgres import SHADOW
from projections.sql.schema import DAYS, KEPT_FROM, POISON, POSITIONS, Kind, Table, Upsert

ROOT: Final = Path(__file__).parents[2]
NAME_BYTES_MAX: Final = 30
RESERVED: Final = frozenset(
    [
        "ACCESS", "ADD", "ALL", "ALTER", "AND", "ANY", "AS", "ASC", "AUDIT", "BETWEEN", "BY",
        "CHAR", "CHECK", "CLUSTER", "COLUMN", "COLUMN_VALUE", "COMMENT", "COMPRESS", "CONNECT",
        "CREATE", "CURRENT", "DATE", "DECIMAL", "DEFAULT", "DELETE", "DESC", "DISTINCT", "DROP",
        "ELSE", "EXCLUSIVE", "EXISTS", "FILE", "FLOAT", "FOR", "FROM", "GRANT", "GROUP", "HAVING",
        "IDENTIFIED", "IMMEDIATE", "IN", "INCREMENT", "INDEX", "INITIAL", "INSERT", "INTEGER",
        "INTERSECT", "INTO", "IS", "LEVEL", "LIKE", "LOCK", "LONG", "MAXEXTENTS", "MINUS",
        "MLSLABEL", "MODE", "MODIFY", "NESTED_TABLE_ID", "NOAUDIT", "NOCOMPRESS", "NOT", "NOWAIT",
        "NULL", "NUMBER", "OF", "OFFLINE", "ON", "ONLINE", "OPTION", "OR", "ORDER", "PCTFREE",
        "PRIOR", "PRIVILEGES", "PUBLIC", "RAW", "RENAME", "RESOURCE", "REVOKE", "ROW", "ROWID",
        "ROWNUM", "ROWS", "SELECT", "SESSION", "SET", "SHARE", "SIZE", "SMALLINT", "START",
        "SUCCESSFUL", "SYNONYM", "SYSDATE", "TABLE", "THEN", "TO", "TRIGGER", "UID", "UNION",
        "UNIQUE", "UPDATE", "USER", "VALIDATE", "VALUES", "VARCHAR", "VARCHAR2", "VIEW",
        "WHENEVER", "WHERE", "WITH",
    ]
)  # fmt: skip
FORBIDDEN: Final = {
    "FETCH FIRST": r"\bFETCH\s+(FIRST|NEXT)\b",
    "OFFSET": r"\bOFFSET\b",
    "LIMIT": r"\bLIMIT\b",
    "IDENTITY": r"\bIDENTITY\b",
    "BOOLEAN": r"\bBOOLEAN\b",
    "JSON": r"\bJSON\w*\b",
    "BLOB or CLOB": r"\b[BCN]+LOB\b",
    "ON CONFLICT": r"\bON\s+CONFLICT\b",
    "RETURNING": r"\bRETURNING\b",
    "IF EXISTS": r"\bIF\s+(NOT\s+)?EXISTS\b",
    "a cast by ::": r"::",
    "AS before the alias of a table": r"\b(FROM|JOIN)\s+\S+\s+AS\s+\w",
    "EXCEPT": r"\bEXCEPT\b",
    "an empty text, which is NULL": r"''",
    "LATERAL": r"\bLATERAL\b",
    "TRUE or FALSE": r"\b(TRUE|FALSE)\b",
    "a semicolon": r";",
}
SIZES: Final = {"VARCHAR2": 4000, "RAW": 2000}
STATEMENT: Final = re.compile(
    r"^\s*(SELECT|INSERT|UPDATE|DELETE|MERGE|CREATE|DROP|ALTER|SAVEPOINT|ROLLBACK|RELEASE)\s"
)
OTHER_DIALECTS: Final = {"sqlite.py", "postgres.py"}
"""What these say, Oracle never hears."""


class NoConnection:
    """Whoever renders needs no database."""


def oracle(*, partitions: bool = False, suffix: str = "") -> OracleDatabase:
    return OracleDatabase("", cast("Any", NoConnection()), suffix, Watch(), partitions=partitions)


TABLES: Final[list[Table]] = [
    POSITIONS, POISON, DAYS, KEPT_FROM,
    *(table for one in find_projections() for table in one.tables),
]  # fmt: skip


def faults(sql: str) -> list[str]:
    """Return what 11g would not understand in a statement."""
    found = [name for name, pattern in FORBIDDEN.items() if re.search(pattern, sql, re.IGNORECASE)]
    sized = re.findall(r"(VARCHAR2|RAW)\((\d+)", sql)
    found += [f"{kind}({size})" for kind, size in sized if int(size) > SIZES[kind]]
    words = re.findall(r"[A-Za-z_][\w$#]*", re.sub(r"'[^']*'", "", sql))
    found += [f"{w} is too long" for w in set(words) if len(w.encode()) > NAME_BYTES_MAX]
    return found


def statements() -> Iterator[tuple[str, str]]:
    """Yield every statement in the code of the read models, and where it stands."""
    for path in sorted((ROOT / "projections").rglob("*.py")):
        if path.name in OTHER_DIALECTS:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            text = _text(node)
            if text and STATEMENT.match(text):
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", text


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(p.value if isinstance(p, ast.Constant) else "x" for p in node.values)
    return ""


def test_every_statement_in_the_code_is_11g() -> None:
    found = list(statements())
    assert len(found) > 30
    wrong = {where: faults(sql) for where, sql in found if faults(sql)}
    # A word of SQLite and PostgreSQL; Oracle frees a savepoint by itself.
    wrong = {where: why for where, why in wrong.items() if "RELEASE" not in where}
    assert wrong == {}


@pytest.mark.parametrize("partitions", [False, True])
@pytest.mark.parametrize("suffix", ["", SHADOW])
def test_every_table_is_11g(suffix: str, *, partitions: bool) -> None:
    db = oracle(partitions=partitions, suffix=suffix)
    for table in TABLES:
        name = db.physical(table.name)
        days = (f"{name}_d20260501", name + REST) if table.by_day and not partitions else (name,)
        for made in days:
            for sql in db.ddl(table, made):
                assert faults(sql) == [], sql
        assert len(f"{name}_i{len(table.indexes)}") <= NAME_BYTES_MAX


def test_no_name_is_reserved() -> None:
    for table in TABLES:
        names = [table.name, *table.names]
        assert [name for name in names if name.upper() in RESERVED] == []
        assert set(table.key) <= set(table.names)
        assert {c for index in table.indexes for c in index} <= set(table.names)
        assert not table.by_day or table.by_day in table.key


def test_texts_and_octets_fit_into_a_row() -> None:
    for table in TABLES:
        for column in table.columns:
            if column.kind is Kind.TEXT:
                assert 0 < column.size * 4 <= 4000, (table.name, column)
            if column.kind is Kind.OCTETS:
                assert 0 < column.size <= 2000
        # An index holds 6,398 bytes at most in blocks of 8 KiB.
        for index in (table.key, *table.indexes):
            assert sum(table.column(c).size * 4 or 22 for c in index) < 6398, (table.name, index)


def upserts() -> list[Upsert]:
    found: list[Upsert] = []
    for module in pkgutil.iter_modules(projections.__path__):
        there = vars(importlib.import_module(f"projections.{module.name}")).values()
        found += [value for value in there if isinstance(value, Upsert)]
    return found


def test_every_merge_is_11g() -> None:
    assert len(upserts()) >= 7
    for upsert in upserts():
        sql = _merge(upsert, upsert.table.name)
        assert faults(sql) == [], sql
        assert sql.count("CAST(:") == len(upsert.columns)
        changed = sql.partition("UPDATE SET")[2].partition("WHEN NOT")[0]
        for key in upsert.table.key:  # ORA-38104
            assert not re.search(rf"[ ,]{key} = s\.{key}", changed), sql


def test_lists_are_short_enough() -> None:
    assert IN_MAX <= 1000


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM t LIMIT 5",
        "SELECT a FROM t FETCH FIRST 5 ROWS ONLY",
        "SELECT a FROM t AS b",
        "CREATE TABLE t (a BOOLEAN)",
        "CREATE TABLE t (a VARCHAR2(4001))",
        "CREATE TABLE t (a RAW(2001))",
        "SELECT a FROM t WHERE b = ''",
        "SELECT a_name_that_has_thirty_one_bytes FROM t",
        "CREATE TABLE t (a NUMBER GENERATED ALWAYS AS IDENTITY)",
        "DROP TABLE IF EXISTS t",
        "SELECT a FROM t EXCEPT SELECT a FROM u",
        "SELECT a FROM t;",
    ],
)
def test_the_lint_sees_what_11g_does_not_know(sql: str) -> None:
    assert faults(sql) != []
