"""Many rows with one statement.

A driver gives the interpreter to another thread before each step of a statement; a step a row would
make the writer of the read models and the trio thread wait for each other all the time.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from projections.base import Database

VALUES_MAX: Final = 900
"""Of one statement: SQLite as Debian builds it takes 250,000, the smallest builds 999."""


def insert_rows(
    db: Database, insert: str, rows: Sequence[Sequence[Any]], conflict: str = ""
) -> None:
    """Insert ``rows``, all of one width, in their order.

    ``insert`` names table and columns; ``conflict`` is what follows the values.
    """
    if not rows:
        return
    width = len(rows[0])
    count = VALUES_MAX // width
    for at in range(0, len(rows), count):
        some = rows[at : at + count]
        db.execute(_statement(insert, width, len(some), conflict), list(chain.from_iterable(some)))


@lru_cache(maxsize=1024)
def _statement(insert: str, width: int, count: int, conflict: str) -> str:
    row = f"({', '.join('?' * width)})"
    return f"{insert} VALUES {', '.join([row] * count)}{conflict}"
