"""A lint for SQL of Oracle 11g: what the double, or a newer server, would let pass."""

import re
from collections.abc import Iterator
from typing import Final

NAME_SIZE_MAX: Final = 30
IN_MAX: Final = 1000
RESERVED: Final = frozenset(re.findall(r"\w+", """
    ACCESS ADD ALL ALTER AND ANY AS ASC AUDIT BETWEEN BY CHAR CHECK CLUSTER COLUMN COMMENT
    COMPRESS CONNECT CREATE CURRENT DATE DECIMAL DEFAULT DELETE DESC DISTINCT DROP ELSE
    EXCLUSIVE EXISTS FILE FLOAT FOR FROM GRANT GROUP HAVING IDENTIFIED IMMEDIATE IN
    INCREMENT INDEX INITIAL INSERT INTEGER INTERSECT INTO IS LEVEL LIKE LOCK LONG MAXEXTENTS
    MINUS MLSLABEL MODE MODIFY NOAUDIT NOCOMPRESS NOT NOWAIT NULL NUMBER OF OFFLINE ON
    ONLINE OPTION OR ORDER PCTFREE PRIOR PRIVILEGES PUBLIC RAW RENAME RESOURCE REVOKE ROW
    ROWID ROWNUM ROWS SELECT SESSION SET SHARE SIZE SMALLINT START SUCCESSFUL SYNONYM
    SYSDATE TABLE THEN TO TRIGGER UID UNION UNIQUE UPDATE USER VALIDATE VALUES VARCHAR
    VARCHAR2 VIEW WHENEVER WHERE WITH
"""))  # fmt: skip
FORBIDDEN: Final = {
    r"\bLIMIT\b": "LIMIT",
    r"\bFETCH\s+(FIRST|NEXT)\b": "FETCH FIRST came with 12c",
    r"\bOFFSET\b": "OFFSET came with 12c",
    r"\bIDENTITY\b|\bAUTO_?INCREMENT\b": "identity columns came with 12c",
    r"\bNEXTVAL\b.*\bDEFAULT\b|\bDEFAULT\b.*\bNEXTVAL\b": "DEFAULT seq.nextval came with 12c",
    r"\bON\s+CONFLICT\b": "ON CONFLICT",
    r"\bIF\s+(NOT\s+)?EXISTS\b": "IF EXISTS came with 23ai",
    r"\b(BOOLEAN|JSON|TEXT|BIGINT|BYTEA)\b": "a type that 11g has not",
    r"\bLATERAL\b": "LATERAL came with 12c",
    r"\b(TRUE|FALSE)\b": "truth is no value in SQL of 11g",
    r"\bVALUES\s*\(.*\)\s*,\s*\(": "one row for each VALUES",
    r"\b(FROM|JOIN)\s+\w+\s+AS\b": "no AS before the alias of a table",
    r"\)\s+AS\s+\w+\s+(ON|WHERE|JOIN|LEFT)\b": "no AS before the alias of a query",
    r"\bLEFT\s+JOIN\b[^()]*\bON\b[^()]*\(\s*SELECT\b": "ORA-01799: outer join to a subquery",
    r"''": "an empty text is NULL",
    r";\s*$": "the driver wants no semicolon",
    r"\bRETURNING\b": "RETURNING",
}


def problems(sql: str) -> Iterator[str]:
    """Yield what Oracle 11g would not take, or would take otherwise than meant."""
    for pattern, why in FORBIDDEN.items():
        if re.search(pattern, sql, re.IGNORECASE | re.DOTALL):
            yield why
    for name in set(re.findall(r"\b[A-Za-z]\w*\b", re.sub(r"'[^']*'", "", sql))):
        if len(name.encode()) > NAME_SIZE_MAX:
            yield f"the name {name} is longer than {NAME_SIZE_MAX}"
    for name in _made(sql):
        if name.upper() in RESERVED:
            yield f"{name} is a reserved word"
    yield from _sizes(sql)


def _made(sql: str) -> Iterator[str]:
    """Yield the names that a statement makes: tables, columns, constraints, aliases."""
    yield from re.findall(r"\bCREATE\s+(?:TABLE|VIEW|INDEX)\s+(\w+)", sql, re.IGNORECASE)
    yield from re.findall(r"\bCONSTRAINT\s+(\w+)", sql, re.IGNORECASE)
    yield from re.findall(r"\bAS\s+(?!SELECT\b)([A-Za-z]\w*)\b(?!\()", sql, re.IGNORECASE)
    table = re.match(r"\s*CREATE\s+TABLE\s+\w+\s*\((.*)\)", sql, re.IGNORECASE | re.DOTALL)
    if table:
        for part in re.split(r",(?![^()]*\))", table[1]):
            first = part.split()[0]
            if first.upper() not in {"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK"}:
                yield first


def _sizes(sql: str) -> Iterator[str]:
    for size, unit in re.findall(r"\bVARCHAR2\s*\((\d+)(\s+CHAR)?\)", sql, re.IGNORECASE):
        if int(size) * (4 if unit else 1) > 4000:
            yield f"VARCHAR2({size}{unit}) may need more than 4000 octets"
    for size in re.findall(r"\bRAW\s*\((\d+)\)", sql, re.IGNORECASE):
        if int(size) > 2000:
            yield f"RAW({size})"
    for size in re.findall(r"\bNUMBER\s*\((\d+)", sql, re.IGNORECASE):
        if int(size) > 38:
            yield f"NUMBER({size})"
    for items in re.findall(r"\bIN\s*\(([^()]*)\)", sql, re.IGNORECASE):
        if items.count(",") >= IN_MAX:
            yield f"an IN of {items.count(',') + 1} items"
