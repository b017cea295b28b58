"""How many rows travel to PostgreSQL with one statement: a text a column.

A text holds the values of its column one after the other, between marks that no value has; taken
apart by the server, that is the cheapest of all for both sides. Where a value has such a mark, or
is the only one and empty, which the server takes for none, the texts are JSON arrays.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec

from projections.sql.flat_rows import columns_in
from projections.sql.schema import Kind, Table, Upsert
from projections.sql.sqlite import NEW_ROW

MARK: Final = "\x1f"
NULL: Final = "\x1e"
LIST: Final = f"string_to_array(%s, '{MARK}', '{NULL}')"
LISTS: Final = {
    Kind.TEXT: f"unnest({LIST})", Kind.WHOLE: f"unnest({LIST}::bigint[])",
    Kind.REAL: f"unnest({LIST}::double precision[])", Kind.OCTETS: f"decode(unnest({LIST}), 'hex')",
}  # fmt: skip
JSON: Final = "json_array_elements_text(%s::json)"
JSONS: Final = {
    Kind.TEXT: JSON, Kind.WHOLE: f"{JSON}::bigint", Kind.REAL: f"{JSON}::double precision",
    Kind.OCTETS: f"decode({JSON}, 'hex')",
}  # fmt: skip
_json: Final = msgspec.json.Encoder()


class Sent(NamedTuple):
    """Rows as they travel."""

    is_json: bool
    values: list[str]
    """One for each column."""


def sent(kinds: Sequence[Kind], rows: Sequence[Sequence[Any]]) -> Sent:
    """Return rows, at least one, of columns of these kinds as texts."""
    columns = [_texts(kind, column) for kind, column in zip(kinds, columns_in(rows), strict=True)]
    lists: list[str] = []
    for column in columns:
        nulls = column.count(None)
        marked = [NULL if value is None else value for value in column] if nulls else column
        joined = MARK.join(marked)  # type: ignore[arg-type]  # no None
        if not joined or joined.count(MARK) >= len(column) or joined.count(NULL) != nulls:
            return Sent(True, [_json.encode(texts).decode() for texts in columns])
        lists.append(joined)
    return Sent(False, lists)


def _texts(kind: Kind, column: Sequence[Any]) -> Sequence[str | None]:
    match kind:
        case Kind.TEXT:
            return column
        case Kind.WHOLE:
            return [None if value is None else str(value) for value in column]
        case Kind.REAL:
            return [
                None if value is None or not math.isfinite(value) else repr(value)
                for value in column
            ]
        case Kind.OCTETS:
            return [None if value is None else value.hex() for value in column]


@lru_cache(maxsize=4096)
def insert_statement(table: Table, columns: tuple[str, ...], name: str, *, is_json: bool) -> str:
    """Return the statement that puts in what ``sent`` made."""
    words = JSONS if is_json else LISTS
    values = ", ".join(words[table.column(column).kind] for column in columns)
    return f"INSERT INTO {name} AS t ({', '.join(columns)}) SELECT {values}"


@lru_cache(maxsize=4096)
def upsert_statement(upsert: Upsert, name: str, *, is_json: bool) -> str:
    """Return the statement that puts in what ``sent`` made, or changes what is there."""
    sets = ", ".join(f"{column} = {value}" for column, value in upsert.values)
    tail = f" ON CONFLICT ({', '.join(upsert.table.key)})"
    if sets:
        when = f" WHERE {upsert.when}" if upsert.when else ""
        tail += NEW_ROW.sub("excluded.", f" DO UPDATE SET {sets}{when}")
    else:
        tail += " DO NOTHING"
    return insert_statement(upsert.table, upsert.columns, name, is_json=is_json) + tail


def distinct(
    rows: Sequence[Sequence[Any]], places: Sequence[int]
) -> Iterator[Sequence[Sequence[Any]]]:
    """Yield the rows in pieces in which no key comes twice, equal keys in their order."""
    columns = columns_in(rows)
    if len(set(zip(*(columns[place] for place in places), strict=True))) == len(rows):
        yield rows
        return
    key_of = itemgetter(*places)
    rest = rows
    while len(set(map(key_of, rest))) < len(rest):
        seen: set[Any] = set()
        some: list[Sequence[Any]] = []
        again: list[Sequence[Any]] = []
        for row in rest:
            key = key_of(row)
            (again if key in seen else some).append(row)
            seen.add(key)
        yield some
        rest = again
    yield rest
