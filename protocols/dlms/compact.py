"""Compact arrays of A-XDR: the type once, then the values without tags (IEC 62056-5-3, Data).

The description is decoded into a small tree, and the tree reads the contents again and again.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from protocols.dlms.lengths import decode_length, truncated
from protocols.errors import RemoteProtocolError

DESCRIPTION_NODES_MAX: Final = 1024
DESCRIPTION_DEPTH_MAX: Final = 8
VALUES_MIN: Final = 64
VALUES_PER_BYTE_MAX: Final = 8
"""Null contents take no bytes at all, so their number needs a limit of its own: so many values may
be made, and so many more for each byte of the contents."""

ReadScalar = Callable[[int, bytes, int], tuple[Any, int]]


class Description(msgspec.Struct):
    """The type of one element: a scalar's tag, or the parts of a structure or array."""

    tag: int
    parts: list["Description"]


class _Budget:
    """Counts what one compact array may still make."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, amount: int = 1) -> None:
        self.left -= amount
        if self.left < 0:
            raise RemoteProtocolError("size", "a compact array describes too many values")


def decode_compact_array(data: bytes, start: int, read: ReadScalar) -> tuple[list[Any], int]:
    """Return the elements of the compact array whose description is at ``start``."""
    description, start = _describe(data, start, 0, _Budget(DESCRIPTION_NODES_MAX))
    size, start = decode_length(data, start)
    end = start + size
    if end > len(data):
        raise truncated(size, start, data)
    contents = data[:end]
    budget = _Budget(VALUES_MIN + VALUES_PER_BYTE_MAX * size)
    values: list[Any] = []
    while start < end:
        before = start
        value, start = _read(description, contents, start, read, budget)
        if start == before:
            raise RemoteProtocolError("data-tag", "a compact array of elements without size")
        values.append(value)
    return values, end


def _describe(data: bytes, start: int, depth: int, budget: _Budget) -> tuple[Description, int]:
    budget.spend()
    if start >= len(data):
        raise truncated(1, start, data)
    tag = data[start]
    start += 1
    if tag not in {1, 2}:
        return Description(tag, []), start
    if depth >= DESCRIPTION_DEPTH_MAX:
        raise RemoteProtocolError("depth", f"described deeper than {DESCRIPTION_DEPTH_MAX}")
    if tag == 1:
        if start + 2 > len(data):
            raise truncated(2, start, data)
        count = int.from_bytes(data[start : start + 2])
        part, start = _describe(data, start + 2, depth + 1, budget)
        budget.spend(count)
        return Description(tag, [part] * count), start
    count, start = decode_length(data, start)
    parts: list[Description] = []
    for _ in range(count):
        part, start = _describe(data, start, depth + 1, budget)
        parts.append(part)
    return Description(tag, parts), start


def _read(
    description: Description, data: bytes, start: int, read: ReadScalar, budget: _Budget
) -> tuple[Any, int]:
    budget.spend()
    if description.tag not in {1, 2}:
        return read(description.tag, data, start)
    values: list[Any] = []
    for part in description.parts:
        value, start = _read(part, data, start, read, budget)
        values.append(value)
    return values, start
