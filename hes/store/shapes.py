"""Takes stored states apart into columns of equal things, and puts them together again.

Whatever msgpack holds has a *shape*: the same lists in the same places, with leaves of the same
kinds. States of one shape differ in their leaves only, each of which becomes a column. Rows of one
shape within a state, as those of a load profile, share the columns of one row.

Nothing here knows events: a state of a shape that nobody foresaw takes more room, no more.
Pure.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any, Final

import msgspec

NUMBER: Final = "i"
TIME: Final = "t"
FLOAT: Final = "f"
NOTHING: Final = "n"
OTHER: Final = "o"
ROWS: Final = "rows"
DEPTH_MAX: Final = 12
"""States nest three or four deep; what lies deeper is a leaf."""

Shape = Any
"""A kind of leaf, a tuple of shapes, or ``(ROWS, shape)`` for two or more lists of one shape."""
Column = list[Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEP: Final = timedelta(microseconds=1)
_KINDS: Final[dict[type, str]] = {
    int: NUMBER, datetime: TIME, float: FLOAT, type(None): NOTHING,
}  # fmt: skip
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def parted(state: bytes) -> tuple[Shape, list[Any]] | None:
    """Return the shape of a state and its leaves; None for what would not come back exactly."""
    try:
        value = _decode(state)
        if type(value) is not list or _encode(value) != state:
            return None
    except (msgspec.DecodeError, ValueError, TypeError, OverflowError, RecursionError):
        return None
    return shape_of(value), value


def shape_of(value: Any, depth: int = DEPTH_MAX) -> Shape:
    """Return the shape of a decoded value."""
    if type(value) is not list:
        return _KINDS.get(type(value), OTHER)
    if not depth:
        return OTHER
    parts = tuple([shape_of(part, depth - 1) for part in value])
    if len(parts) > 1 and type(parts[0]) is tuple and all(part == parts[0] for part in parts[1:]):
        return (ROWS, parts[0])
    return parts


def columns_of(shape: Shape) -> list[str]:
    """Return the kinds of the columns of a shape, in order; ``ROWS`` has a column of counts."""
    if type(shape) is str:
        return [] if shape == NOTHING else [shape]
    if shape[:1] == (ROWS,):
        return [NUMBER, *columns_of(shape[1])]
    return [kind for part in shape for kind in columns_of(part)]


def take_apart(shape: Shape, values: Sequence[Any]) -> list[Column]:
    """Return the columns of the leaves of some values of one shape."""
    if type(shape) is str:
        if shape == NOTHING:
            return []
        return [list(map(_micros, values) if shape == TIME else values)]
    if shape[:1] == (ROWS,):
        rows = list(chain.from_iterable(values))
        return [list(map(len, values)), *take_apart(shape[1], rows)]
    inside = zip(*values, strict=True) if values else [()] * len(shape)
    pairs = zip(shape, inside, strict=True)
    return [column for part, inner in pairs for column in take_apart(part, inner)]


def put_together(shape: Shape, columns: Iterator[Column], count: int) -> list[Any]:
    """Return the ``count`` values of a shape that its columns make."""
    if type(shape) is str:
        if shape == NOTHING:
            return [None] * count
        column = next(columns)
        return list(map(_time, column)) if shape == TIME else column
    if shape[:1] == (ROWS,):
        counts = next(columns)
        rows = iter(put_together(shape[1], columns, sum(counts)))
        return [list(islice(rows, size)) for size in counts]
    if not shape:
        return [[] for _ in range(count)]
    parts = [put_together(part, columns, count) for part in shape]
    return list(map(list, zip(*parts, strict=True)))


def stored(value: Any) -> bytes:
    """Return the state that holds a value."""
    return _encode(value)


def _time(micros: int) -> datetime:
    return _EPOCH + timedelta(0, 0, micros)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _STEP


def sliced(shape: Shape, columns: Iterator[Column], start: int, stop: int) -> list[Column]:
    """Return the columns of the values from ``start`` to before ``stop`` alone."""
    if type(shape) is str:
        return [] if shape == NOTHING else [next(columns)[start:stop]]
    if shape[:1] != (ROWS,):
        return [part for inner in shape for part in sliced(inner, columns, start, stop)]
    counts = next(columns)
    first = sum(counts[:start])
    last = first + sum(counts[start:stop])
    return [counts[start:stop], *sliced(shape[1], columns, first, last)]
