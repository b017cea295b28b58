"""Columns of numbers in few octets: differences, cut into planes of octets.

Registers count upwards, times come in equal steps, and noise has few bits. So a column is stored as
it is, as differences, or as differences of differences, whichever comes out smallest; in steps of
its greatest common divisor; from its smallest number on, or with its signs folded in (zigzag); the
lowest octets of all numbers together, then the next ones. Planes that are all zero compress to
nothing.

Pure, and exact for numbers of 64 bits.
"""

import lzma
import math
import sys
import zlib
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from operator import sub
from typing import Any, Final, NamedTuple

ORDERS: Final = 3
"""How often differences are taken: 0, 1 or 2 times."""
LEVEL: Final = 9
QUICK: Final = 1
"""Level of zlib that tells which way of many comes out smallest."""
LZMA_MIN: Final = 200
"""Octets below which the other compressor's end mark costs more than it saves."""
_LIMIT: Final = 1 << 64
_SIGNED: Final = 1 << 63
_LZMA: Final = [
    {"id": lzma.FILTER_LZMA1, "preset": LEVEL, "dict_size": 1 << 16, "lc": 0, "lp": 0, "pb": 0}
]
"""Planes are no text: an octet tells nothing of the upper bits of the next, nor its place."""


class Scaled(NamedTuple):
    """A column of numbers, packed."""

    planes: bytes
    """Squeezed."""
    width: int = 0
    """Octets of a number."""
    order: int = 0
    lowest: int | None = 0
    """To be added to each; None: the signs are folded in."""
    step: int = 1
    first: int = 0
    """Times ``step``, and plus ``first``: the last thing to do."""


class _Way(NamedTuple):
    """One way to store a column."""

    order: int
    lowest: int | None
    folded: list[int]

    @property
    def width(self) -> int:
        return (max(self.folded).bit_length() + 7) // 8

    def planes(self) -> bytes:
        return _planes(array("Q", self.folded), self.width)


def pack_scaled(values: Sequence[int]) -> Scaled | None:
    """Return a column in few octets; None when a number does not fit into 64 bits."""
    if not values:
        return Scaled(b"\x00")
    first = values[0]
    if not -_SIGNED <= min(values) <= max(values) < _SIGNED:
        return None
    step = math.gcd(*[value - first for value in values]) or 1
    steps = [(value - first) // step for value in values]
    ways = _ways(steps)
    if not ways:
        return None
    best = min(ways, key=_quick_size) if any(steps) else ways[0]
    return Scaled(densest(best.planes()), best.width, best.order, best.lowest, step, first)


def quick_size(values: Sequence[int]) -> int:
    """Return about how many octets a column takes."""
    return min(map(_quick_size, _ways(values)), default=sys.maxsize)


def _quick_size(way: _Way) -> int:
    return len(zlib.compress(way.planes(), QUICK))


def _ways(values: Sequence[int]) -> list[_Way]:
    found: list[_Way] = []
    changed: Sequence[int] = values
    for order in range(ORDERS):
        if order:
            changed = [*changed[:1], *map(sub, changed[1:], changed)]
        lowest = min(changed)
        found.append(_Way(order, lowest, [number - lowest for number in changed]))
        if lowest < 0:
            zigzag = [number << 1 if number >= 0 else ~(number << 1) for number in changed]
            found.append(_Way(order, None, zigzag))
    return [
        way for way in found
        if max(way.folded) < _LIMIT and (way.lowest is None or -_SIGNED <= way.lowest < _SIGNED)
    ]  # fmt: skip


def unpack_scaled(packed: Sequence[Any], count: int) -> list[int]:
    """Return the numbers of a column.

    Raises:
        ValueError: it is damaged.

    """
    planes, width, order, lowest, step, first = packed
    folded = _folded(unsqueezed(planes), width, count)
    if lowest is None:
        numbers: Iterable[int] = [n >> 1 if not n & 1 else ~(n >> 1) for n in folded]
    else:
        numbers = [number + lowest for number in folded] if lowest else folded
    for _ in range(order):
        numbers = accumulate(numbers)
    if step == 1 and not first:
        return list(numbers)
    return [number * step + first for number in numbers]


def unpack_numbers(packed: bytes, count: int) -> list[int]:
    """Return the numbers of a column that codec 1 wrote: its order, its width, its planes.

    Raises:
        ValueError: it is damaged.

    """
    return unpack_scaled((packed[2:], packed[1], packed[0], None, 1, 0), count)


def pack_floats(values: Sequence[float]) -> bytes:
    """Return a column of floating-point numbers, every bit of them."""
    return densest(_planes(array("d", values), 8))


def unpack_floats(packed: bytes, count: int) -> list[float]:
    """Return the floating-point numbers of a column.

    Raises:
        ValueError: it is damaged.

    """
    found = array("d")
    found.frombytes(_native(_cells(unsqueezed(packed), 8, count)))
    return list(found)


# -- compressors. The first octet tells which.


def squeezed(data: bytes) -> bytes:
    """Return octets compressed by zlib, or as they are when that is shorter."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -15, 9)
    small = b"\x01" + compressor.compress(data) + compressor.flush()
    return small if len(small) <= len(data) else b"\x00" + data


def densest(data: bytes) -> bytes:
    """Return octets compressed by whichever does it best; slower than ``squeezed``."""
    small = squeezed(data)
    if len(data) < LZMA_MIN:
        return small
    smaller = b"\x02" + lzma.compress(data, lzma.FORMAT_RAW, filters=_LZMA)
    return smaller if len(smaller) < len(small) else small


def unsqueezed(data: bytes) -> bytes:
    """Return what ``squeezed`` or ``densest`` was given.

    Raises:
        ValueError: it is damaged.

    """
    expand = _EXPANDERS.get(data[0]) if data else None
    if expand is None:
        raise ValueError("octets of an unknown compressor")
    try:
        return expand(data[1:])
    except (zlib.error, lzma.LZMAError, EOFError) as problem:
        raise ValueError(str(problem)) from problem


_EXPANDERS: Final[dict[int, Callable[[bytes], bytes]]] = {
    0: lambda data: data,
    1: lambda data: zlib.decompress(data, -15),
    2: lambda data: lzma.decompress(data, lzma.FORMAT_RAW, filters=_LZMA),
}


# -- planes


def _planes(numbers: "array[Any]", width: int) -> bytes:
    """Return the lowest ``width`` octets of each number: all the lowest ones first."""
    cells = _native(numbers.tobytes())
    return b"".join(cells[plane::8] for plane in range(width))


def _folded(planes: bytes, width: int, count: int) -> "array[int]":
    found = array("Q")
    found.frombytes(_native(_cells(planes, width, count)))
    return found


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
