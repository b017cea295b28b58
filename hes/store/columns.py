"""Columns of numbers in few octets: differences, cut into planes of octets.

Registers count upwards, times come in equal steps, and noise has few bits. So a column is stored as
it is, as differences, or as differences of differences, whichever needs the fewest bits; negative
numbers by zigzag; the lowest octets of all numbers together, then the next ones. Planes that are
all zero compress to nothing.

Pure, and exact for numbers of 64 bits.
"""

import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import sub
from typing import Any, Final

ORDERS: Final = 3
"""How often differences are taken: 0, 1 or 2 times."""
_LIMIT: Final = 1 << 63
LEVEL: Final = 9


def pack_numbers(values: Sequence[int]) -> bytes | None:
    """Return a column in few octets; None when a number does not fit into 64 bits."""
    best, order_best, bits_best = None, 0, 0
    changed: Sequence[int] = values
    for order in range(ORDERS):
        if order:
            changed = [*changed[:1], *map(sub, changed[1:], changed)]
        folded = [number << 1 if number >= 0 else ~(number << 1) for number in changed]
        if max(folded, default=0) >= _LIMIT:
            continue
        bits = sum(map(int.bit_length, folded))
        if best is None or bits < bits_best:
            best, order_best, bits_best = folded, order, bits
    if best is None:
        return None
    width = (max(best, default=0).bit_length() + 7) // 8
    return bytes((order_best, width)) + squeezed(_planes(array("Q", best), width))


def unpack_numbers(packed: bytes, count: int) -> list[int]:
    """Return the numbers of a column.

    Raises:
        ValueError: it is damaged.

    """
    order, width = packed[0], packed[1]
    cells = _cells(unsqueezed(packed[2:]), width, count)
    folded = array("Q")
    folded.frombytes(_native(cells))
    numbers: Iterable[int] = [n >> 1 if not n & 1 else ~(n >> 1) for n in folded]
    for _ in range(order):
        numbers = accumulate(numbers)
    return list(numbers)


def pack_floats(values: Sequence[float]) -> bytes:
    """Return a column of floating-point numbers, every bit of them."""
    return squeezed(_planes(array("d", values), 8))


def unpack_floats(packed: bytes, count: int) -> list[float]:
    """Return the floating-point numbers of a column.

    Raises:
        ValueError: it is damaged.

    """
    found = array("d")
    found.frombytes(_native(_cells(unsqueezed(packed), 8, count)))
    return list(found)


def squeezed(data: bytes) -> bytes:
    """Return octets compressed, or as they are when that is shorter; the first one tells which."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -15, 9)
    small = compressor.compress(data) + compressor.flush()
    return b"\x01" + small if len(small) < len(data) else b"\x00" + data


def unsqueezed(data: bytes) -> bytes:
    """Return what ``squeezed`` was given.

    Raises:
        ValueError: it is damaged.

    """
    if data[:1] == b"\x00":
        return data[1:]
    try:
        return zlib.decompress(data[1:], -15)
    except zlib.error as problem:
        raise ValueError(str(problem)) from problem


def _planes(numbers: "array[Any]", width: int) -> bytes:
    """Return the lowest ``width`` octets of each number: all the lowest ones first."""
    cells = _native(numbers.tobytes())
    return b"".join(cells[plane::8] for plane in range(width))


def _cells(planes: bytes, width: int, count: int) -> bytes:
    """Return what ``_planes`` cut, eight octets a number."""
    if len(planes) != width * count or width > 8:
        raise ValueError("a column of numbers has the wrong size")
    cells = bytearray(8 * count)
    for plane in range(width):
        cells[plane::8] = planes[plane * count : (plane + 1) * count]
    return bytes(cells)


def _native(cells: bytes) -> bytes:
    """Turn numbers of eight octets between this machine's order and the lowest octet first."""
    if sys.byteorder == "little":
        return cells
    numbers = array("Q", cells)
    numbers.byteswap()
    return numbers.tobytes()
