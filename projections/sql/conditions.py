"""Conditions of queries, each with its values, to be put behind others."""

from collections.abc import Sequence
from typing import Any


def between(column: str, start: int | None, end: int | None) -> tuple[str, list[Any]]:
    """Return a condition on both ends, included; None: no limit."""
    where, values = "", []
    if start is not None:
        where += f" AND {column} >= ?"
        values.append(start)
    if end is not None:
        where += f" AND {column} <= ?"
        values.append(end)
    return where, values


def one_of(
    where: str, values: list[Any], column: str, wanted: Sequence[str]
) -> tuple[str, list[Any]]:
    """Return the condition with another one: that a column is one of some; none: any."""
    if not wanted:
        return where, values
    return f"{where} AND {column} IN ({', '.join('?' * len(wanted))})", [*values, *wanted]
