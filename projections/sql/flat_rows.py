"""Rows of one width as one list: the values of the first, then those of the second, ...

That is what SQLite binds, and its columns are what PostgreSQL is sent; most rows are therefore
never made. Whoever looks at them as rows gets tuples.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, overload

Row = tuple[Any, ...]


class FlatRows(Sequence[Row]):
    """See the module."""

    __slots__ = ("values", "width")

    def __init__(self, values: list[Any], width: int) -> None:
        self.values = values
        self.width = width

    def __len__(self) -> int:
        return len(self.values) // self.width

    def __iter__(self) -> Iterator[Row]:
        return zip(*[iter(self.values)] * self.width, strict=True)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | Sequence[Row]:
        if isinstance(place, slice):
            return [self[number] for number in range(len(self))[place]]
        at = range(len(self))[place] * self.width
        return tuple(self.values[at : at + self.width])

    def columns(self) -> list[list[Any]]:
        """Return the values of each column."""
        return [self.values[place :: self.width] for place in range(self.width)]


def woven(groups: Sequence[Sequence[Sequence[Any]]]) -> FlatRows:
    """Return rows of some groups of equally long columns, a row of each group in turn."""
    if not groups:
        return FlatRows([], 1)
    width, count = len(groups[0]), len(groups[0][0])
    step = width * len(groups)
    values: list[Any] = [None] * (step * count)
    for place, column in enumerate(column for group in groups for column in group):
        values[place::step] = column
    return FlatRows(values, width)


def joined(parts: Iterable[FlatRows]) -> Sequence[Row]:
    """Return the rows of all parts, which are of one width."""
    some = [part for part in parts if part.values]
    if len(some) < 2:
        return some[0] if some else ()
    return FlatRows(list(chain.from_iterable(part.values for part in some)), some[0].width)


def flat(rows: Sequence[Sequence[Any]]) -> FlatRows:
    """Return rows, at least one, as flat ones."""
    if isinstance(rows, FlatRows):
        return rows
    return FlatRows(list(chain.from_iterable(rows)), len(rows[0]))


def columns_in(rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Return the values of each column of rows, at least one."""
    return rows.columns() if isinstance(rows, FlatRows) else list(zip(*rows, strict=True))
