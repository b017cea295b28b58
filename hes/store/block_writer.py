"""Makes blocks: the events of some streams over some time in few octets (``hes.store.block``).

Events stand by stream, and in a stream by version. Their positions and versions are columns of
numbers, and so are the leaves of their states, one set of columns for each topic and shape
(``hes.store.shapes``, ``hes.store.columns``). The time when an event came is that of the device and
a little; its position follows from the order in which the events came. Pure.
"""

from collections.abc import Sequence
from itertools import accumulate
from operator import sub
from typing import Any, Final, NamedTuple

import msgspec

from hes.store import shapes
from hes.store.block_form import (
    RAW,
    Body,
    Form,
    Kind,
    Packed,
    StreamPart,
    order_of,
    starts_with_time,
)
from hes.store.columns import Scaled, densest, pack_floats, pack_scaled, quick_size, squeezed
from hes.store.errors import StoreError
from hes.store.port import StoredRow

_encoder: Final = msgspec.msgpack.Encoder()


class _Collected(NamedTuple):
    """Events of one topic and shape."""

    topic: str
    shape: Any
    columns: list[shapes.Column]


def encode_block(parts: Sequence[StreamPart]) -> bytes:
    """Return the block that holds these events.

    Raises:
        StoreError: a position or version has more than 64 bits.

    """
    rows = [row for part in parts for row in part.rows]
    which, kinds = _collect(rows)
    counts = [len(part.rows) for part in parts]
    positions = [row.position for row in rows]
    times = [iter(kind.columns[0]) if starts_with_time(kind.shape) else None for kind in kinds]
    order = order_of(which, times, [0, *accumulate(counts)])
    as_they_came = [positions[at] for at in order]
    by_time = quick_size(as_they_came) < quick_size(positions) if rows else False
    body = Body(
        [part.stream for part in parts],
        counts,
        _numbers(as_they_came if by_time else positions),
        _numbers([row.version for row in rows]),
        [Kind(kind.topic, kind.shape, _packed_columns(kind)) for kind in kinds],
        _numbers(which),
        by_time,
    )
    return squeezed(_encoder.encode(body))


def _collect(rows: Sequence[StoredRow]) -> tuple[list[int], list[_Collected]]:
    """Return for each event the number of its kind, and the kinds."""
    found: dict[tuple[str, Any], tuple[int, list[Any]]] = {}
    which: list[int] = []
    for row in rows:
        taken = shapes.parted(row.state)
        shape, value = (RAW, row.state) if taken is None else taken
        number, values = found.setdefault((row.topic, shape), (len(found), []))
        which.append(number)
        values.append(value)
    kinds = [
        _Collected(topic, shape, [values] if shape == RAW else shapes.take_apart(shape, values))
        for (topic, shape), (_, values) in found.items()
    ]
    return which, kinds


def _numbers(values: Sequence[int]) -> Scaled:
    packed = pack_scaled(values)
    if packed is None:
        raise StoreError("an event's place has more than 64 bits: it cannot be sealed")
    return packed


# -- columns


def _packed_columns(kind: _Collected) -> list[Packed]:
    types = [shapes.OTHER] if kind.shape == RAW else shapes.columns_of(kind.shape)
    packed = [_packed(*one) for one in zip(types, kind.columns, strict=True)]
    if starts_with_time(kind.shape):
        packed[0] = _relative(types, kind.columns) or packed[0]
    return packed


def _relative(types: Sequence[str], columns: Sequence[shapes.Column]) -> Packed | None:
    """Return the first column as what is to be added to another time; None: it is larger so."""
    came = columns[0]
    best, size_best = None, quick_size(came)
    for number in range(1, len(columns)):
        other = columns[number]
        if types[number] == shapes.TIME and len(other) == len(came):
            later = list(map(sub, came, other))
            size = quick_size(later)
            if size < size_best:
                best, size_best = (number, pack_scaled(later)), size
    return None if best is None or best[1] is None else (Form.RELATIVE, best)


def _packed(kind: str, column: Sequence[Any]) -> Packed:
    if kind == shapes.FLOAT:
        return Form.FLOATS, pack_floats(column)
    if kind == shapes.OTHER:
        return _packed_other(column)
    packed = pack_scaled(column)
    return (Form.VALUES, list(column)) if packed is None else (Form.SCALED, packed)


def _packed_other(column: Sequence[Any]) -> Packed:
    """Return a column of texts, octets and whatever else there is."""
    first = column[0] if column else None
    if all(type(value) is type(first) and value == first for value in column):
        return Form.SAME, first
    if all(type(value) is bytes for value in column):
        return Form.OCTETS, (pack_scaled(list(map(len, column))), densest(b"".join(column)))
    if all(type(value) is str for value in column):
        words = {word: number for number, word in enumerate(dict.fromkeys(column))}
        return Form.WORDS, (list(words), pack_scaled([words[word] for word in column]))
    return Form.VALUES, list(column)
