"""Reading a body that is laid out like one before it: one comparison, one ``struct.unpack``.

Meters send the same structure again and again; only the values in it change. A layout says which
bytes are values; every other byte (tags, lengths, counts) is compared, so that what fits is read
exactly as ``axdr.decode`` reads it. It holds for any nesting, where ``rows`` knows flat rows only.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import count, islice, repeat
from struct import Struct
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from protocols.dlms.axdr import ARRAY, FIXED, NOTHING, OCTETS, SINGLE, STRUCTURE

SIZE_MAX: Final = 2048
"""Longer bodies are rare, and decoded the usual way."""
SIZES_MAX: Final = 256
"""Sizes of bodies that are remembered: a fleet has some dozens; a layout takes a few KB."""
SAME_SIZE_MAX: Final = 4
"""Layouts that are tried for one body."""
_SHORT: Final = 0x80
"""Lengths and counts below it take one byte."""

Plan: TypeAlias = "int | list[Plan] | Table | None"
"""What a list is built of: so many values in a row, a null, or a list."""
Cells: TypeAlias = "tuple[int | Cells | None, ...]"
"""What a row is built of: the columns of its values, nulls, and lists."""


class Table(NamedTuple):
    """A list of lists that are all built alike, as nearly every push is."""

    size: int
    """Values in all rows, at any depth."""
    columns: tuple[slice, ...]
    """Where the values of each column stand among them."""
    row: Cells


class BodyLayout(msgspec.Struct, frozen=True, eq=False):
    """How the bytes of a body are laid out."""

    reader: Struct
    mask: int
    """Which bits are tags, lengths and counts ..."""
    same: int
    """... and what they are."""
    plan: list[Plan]
    """Of a list that holds the body alone."""

    def build(self, body: bytes) -> Any:
        """Return what ``body``, which is laid out so, holds."""
        values = self.reader.unpack(body)
        whole = self.plan[0]
        if isinstance(whole, Table):  # nearly every push is one, and nothing else
            return _rows(whole, values)
        return _build(self.plan, iter(values))[0]


def _build(plan: list[Plan], values: Iterator[Any]) -> list[Any]:
    made: list[Any] = []
    for part in plan:
        if part is None:
            made.append(None)
        elif isinstance(part, int):
            made += islice(values, part)
        elif isinstance(part, Table):
            made.append(_rows(part, tuple(islice(values, part.size))))
        else:
            made.append(_build(part, values))
    return made


def _rows(table: Table, values: tuple[Any, ...]) -> list[Any]:
    """Build all rows at once, column by column: no step of it is taken in Python for each row."""
    return list(_zipped(table.row, [values[column] for column in table.columns]))


def _zipped(row: Cells, columns: list[tuple[Any, ...]]) -> Iterable[list[Any]]:
    parts = [
        columns[cell] if isinstance(cell, int)
        else repeat(None) if cell is None
        else _zipped(cell, columns)
        for cell in row
    ]  # fmt: skip
    return map(list, zip(*parts, strict=False))  # a repeated null has no end


class BodyLayouts:
    """The layouts that were met, by the size of the body."""

    def __init__(self) -> None:
        self._by_size: OrderedDict[int, list[BodyLayout]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._by_size.values()))

    def read(self, body: bytes) -> Any:
        """Return the list that ``body`` holds; None when its layout is not known."""
        layouts = self._by_size.get(len(body))
        if layouts is None:
            return None
        bits = int.from_bytes(body)
        for layout in layouts:
            if bits & layout.mask == layout.same:
                return layout.build(body)
        return None

    def learn(self, body: bytes) -> None:
        """Remember the layout of a body that was decoded without an error, if it has one."""
        layout = layout_of(body)
        if layout is None:
            return
        same_size = self._by_size.setdefault(len(body), [])
        same_size.insert(0, layout)
        del same_size[SAME_SIZE_MAX:]
        self._by_size.move_to_end(len(body))
        if len(self._by_size) > SIZES_MAX:
            self._by_size.popitem(last=False)


def layout_of(body: bytes) -> BodyLayout | None:
    """Return the layout of a list that was decoded without an error; None if it has none."""
    if not 2 <= len(body) <= SIZE_MAX or body[0] not in {ARRAY, STRUCTURE}:
        return None
    fields: list[tuple[int, str]] = []
    plan: list[Plan] = []
    end = _plan(body, 0, plan, fields)
    if end is None or not fields:
        return None
    mask = bytearray(b"\xff" * len(body))
    code, at = ">", 0
    for begin, kind in fields:
        size = Struct(">" + kind).size
        mask[begin : begin + size] = bytes(size)
        code += f"{begin - at}x{kind}"
        at = begin + size
    bits = int.from_bytes(mask)
    reader = Struct(f"{code}{len(body) - at}x")
    return BodyLayout(reader, bits, int.from_bytes(body) & bits, plan)


def _width(row: Plan) -> int:
    """Return how many values a row has; 0: there is a list in it that has none, so it is no row."""
    if not isinstance(row, list):
        return row if isinstance(row, int) else 0
    widths = [_width(part) for part in row if part is not None]
    return sum(widths) if all(widths) else 0


def _as_table(plan: list[Plan]) -> "list[Plan] | Table":
    first = plan[0] if plan else None
    if len(plan) < 2 or not isinstance(first, list) or any(part != first for part in plan):
        return plan
    width = _width(first)
    if not width:
        return plan
    size = len(plan) * width
    columns = tuple(slice(column, size, width) for column in range(width))
    return Table(size, columns, _cells(first, count()))


def _cells(row: list[Plan], columns: Iterator[int]) -> Cells:
    """Return what a row is built of; it has a width, so that no table is in it."""
    cells: list[int | Cells | None] = []
    for part in row:
        if isinstance(part, int):
            cells += islice(columns, part)
        else:
            cells.append(_cells(part, columns) if isinstance(part, list) else None)
    return tuple(cells)


def _plan(body: bytes, at: int, plan: list[Plan], fields: list[tuple[int, str]]) -> int | None:
    """Add the value at ``at`` to a list's plan; return the index after it.

    None: its size is not fixed, so that the body has no layout.
    """
    tag = body[at]
    if tag in {ARRAY, STRUCTURE} and body[at + 1] < _SHORT:
        inner: list[Plan] = []
        end = at + 2
        for _ in range(body[at + 1]):
            after = _plan(body, end, inner, fields)
            if after is None:
                return None
            end = after
        plan.append(_as_table(inner))
        return end
    if tag in NOTHING:
        plan.append(None)
        return at + 1
    if tag in FIXED and tag != SINGLE:
        fields.append((at + 1, FIXED[tag]))
    elif tag == OCTETS and body[at + 1] < _SHORT:
        fields.append((at + 2, f"{body[at + 1]}s"))
    else:
        return None
    if plan and isinstance(plan[-1], int):
        plan[-1] += 1
    else:
        plan.append(1)
    begin, code = fields[-1]
    return begin + Struct(">" + code).size
