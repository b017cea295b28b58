"""A block: the events of some streams over some time in few octets, every octet of them.

Events stand by stream, and in a stream by version. Their positions and versions are columns of
numbers, and so are the leaves of their states, one set of columns for each topic and shape
(``hes.store.shapes``, ``hes.store.columns``). A block names its streams and topics itself, so that
it can be read without the tables around it.

Codec 1: a msgpack array as ``_Body`` has it, compressed by zlib where that helps. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, starmap
from typing import Any, Final, NamedTuple

import msgspec

from hes.store import shapes
from hes.store.columns import (
    pack_floats,
    pack_numbers,
    squeezed,
    unpack_floats,
    unpack_numbers,
    unsqueezed,
)
from hes.store.errors import StoreError
from hes.store.port import StoredRow

CODEC: Final = 1
RAW: Final = "raw"
"""Stands for the shape of states that are kept as they are."""

_NUMBERS, _FLOATS, _SAME, _VALUES, _OCTETS, _WORDS = range(6)


class _Kind(msgspec.Struct, frozen=True, array_like=True):
    """Events of one topic and shape."""

    topic: str
    shape: Any
    columns: list[tuple[int, Any]]
    """How each column is packed, and what was made of it."""


class _Body(msgspec.Struct, frozen=True, array_like=True):
    streams: list[str]
    counts: list[int]
    positions: bytes
    versions: bytes
    kinds: list[_Kind]
    which: bytes
    """For each event the number of its kind."""


class StreamPart(NamedTuple):
    """The events of one stream in a block, by version."""

    stream: str
    rows: list[StoredRow]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(_Body)


# -- making one


def encode_block(parts: Sequence[StreamPart]) -> bytes:
    """Return the block that holds these events.

    Raises:
        StoreError: a position or version has more than 64 bits.

    """
    rows = [row for part in parts for row in part.rows]
    collected: dict[tuple[str, Any], tuple[int, list[Any]]] = {}
    which: list[int] = []
    for row in rows:
        taken = shapes.parted(row.state)
        shape, value = (RAW, row.state) if taken is None else taken
        number, values = collected.setdefault((row.topic, shape), (len(collected), []))
        which.append(number)
        values.append(value)
    body = _Body(
        [part.stream for part in parts],
        [len(part.rows) for part in parts],
        _numbers([row.position for row in rows]),
        _numbers([row.version for row in rows]),
        [_Kind(topic, shape, _columns(shape, v)) for (topic, shape), (_, v) in collected.items()],
        _numbers(which),
    )
    return squeezed(_encoder.encode(body))


def _numbers(values: Sequence[int]) -> bytes:
    packed = pack_numbers(values)
    if packed is None:
        raise StoreError("an event's place has more than 64 bits: it cannot be sealed")
    return packed


def _columns(shape: Any, values: Sequence[Any]) -> list[tuple[int, Any]]:
    if shape == RAW:
        return [_packed(shapes.OTHER, values)]
    columns = shapes.take_apart(shape, values)
    return list(starmap(_packed, zip(shapes.columns_of(shape), columns, strict=True)))


def _packed(kind: str, column: Sequence[Any]) -> tuple[int, Any]:
    if kind == shapes.FLOAT:
        return _FLOATS, pack_floats(column)
    if kind == shapes.OTHER:
        return _packed_other(column)
    packed = pack_numbers(column)
    return (_VALUES, list(column)) if packed is None else (_NUMBERS, packed)


def _packed_other(column: Sequence[Any]) -> tuple[int, Any]:
    """Return a column of texts, octets and whatever else there is."""
    first = column[0] if column else None
    if all(type(value) is type(first) and value == first for value in column):
        return _SAME, first
    if all(type(value) is bytes for value in column):
        sizes = pack_numbers(list(map(len, column)))
        return _OCTETS, (sizes, squeezed(b"".join(column)))
    if all(type(value) is str for value in column):
        words = {word: number for number, word in enumerate(dict.fromkeys(column))}
        return _WORDS, (list(words), pack_numbers([words[word] for word in column]))
    return _VALUES, list(column)


# -- reading one


class Block:
    """A block that is read; states are made when they are asked for.

    Raises:
        StoreError: it is damaged, or of a codec that this program does not know.

    """

    def __init__(self, codec: int, state: bytes) -> None:
        if codec != CODEC:
            raise StoreError(f"a sealed block is of codec {codec}; update the program")
        try:
            self._read(_decoder.decode(unsqueezed(state)))
        except _DAMAGE as problem:
            raise _damaged(problem) from problem

    @classmethod
    def empty(cls) -> "Block":
        """Return a block without events."""
        return cls(CODEC, encode_block([]))

    def _read(self, body: _Body) -> None:
        self.streams = body.streams
        self._starts = [0, *accumulate(body.counts)]
        count = self._starts[-1]
        self._positions = unpack_numbers(body.positions, count)
        self._versions = unpack_numbers(body.versions, count)
        self._which = unpack_numbers(body.which, count)
        self._kinds = [
            _ReadKind(kind, self._which.count(number)) for number, kind in enumerate(body.kinds)
        ]
        self._number = {stream: number for number, stream in enumerate(body.streams)}

    def parts(self) -> list[StreamPart]:
        """Return all events.

        Raises:
            StoreError: the block is damaged.

        """
        rows = self._rows(0, len(self._which))
        bounds = zip(self.streams, self._starts, self._starts[1:], strict=False)
        return [StreamPart(stream, rows[start:stop]) for stream, start, stop in bounds]

    def rows_of(self, stream: str) -> list[StoredRow]:
        """Return the events of one stream, by version; the others are not made.

        Raises:
            StoreError: the block is damaged.

        """
        number = self._number.get(stream)
        if number is None:
            return []
        return self._rows(self._starts[number], self._starts[number + 1])

    def _rows(self, start: int, stop: int) -> list[StoredRow]:
        try:
            return list(self._made(start, stop))
        except _DAMAGE as problem:
            raise _damaged(problem) from problem

    def _made(self, start: int, stop: int) -> Iterator[StoredRow]:
        which = self._which
        before, inside = which[:start], which[start:stop]
        states = [
            kind.states(first := before.count(number), first + inside.count(number))
            for number, kind in enumerate(self._kinds)
        ]
        streams = self._names(start, stop)
        for at, number, stream in zip(range(start, stop), inside, streams, strict=True):
            yield StoredRow(
                self._positions[at], stream, self._versions[at], self._kinds[number].topic,
                next(states[number]),
            )  # fmt: skip

    def _names(self, start: int, stop: int) -> Iterator[str]:
        bounds = zip(self.streams, self._starts, self._starts[1:], strict=False)
        for stream, first, last in bounds:
            for _ in range(max(first, start), min(last, stop)):
                yield stream


class _ReadKind:
    """Events of one topic and shape, as columns."""

    def __init__(self, kind: _Kind, count: int) -> None:
        self.topic = kind.topic
        self._shape = RAW if kind.shape == RAW else _as_shape(kind.shape)
        self._count = count
        self._columns = _unpacked(self._shape, kind.columns, count)

    def states(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the states of the events from number ``start`` to before ``stop``."""
        if self._shape == RAW:
            yield from self._columns[0][start:stop]
            return
        columns = iter(self._columns)
        if (start, stop) != (0, self._count):
            columns = iter(shapes.sliced(self._shape, columns, start, stop))
        yield from map(shapes.stored, shapes.put_together(self._shape, columns, stop - start))


def _as_shape(value: Any) -> Any:
    """Return a shape that went through msgpack, where tuples become lists."""
    return value if isinstance(value, str) else tuple(map(_as_shape, value))


def _unpacked(shape: Any, packed: Sequence[tuple[int, Any]], count: int) -> list[shapes.Column]:
    if shape == RAW:
        return [_unpacked_column(*packed[0], count)]
    found: list[shapes.Column] = []
    _unpack_inside(shape, iter(packed), count, found)
    return found


def _unpack_inside(
    shape: Any, packed: Iterator[tuple[int, Any]], count: int, found: list[shapes.Column]
) -> None:
    """Unpack the columns of a shape: those of rows are as long as their counts say."""
    if isinstance(shape, str):
        if shape != shapes.NOTHING:
            found.append(_unpacked_column(*next(packed), count))
    elif shape[:1] == (shapes.ROWS,):
        counts = _unpacked_column(*next(packed), count)
        found.append(counts)
        _unpack_inside(shape[1], packed, sum(counts), found)
    else:
        for part in shape:
            _unpack_inside(part, packed, count, found)


def _unpacked_column(form: int, made: Any, count: int) -> shapes.Column:
    match form:
        case 0:
            return unpack_numbers(made, count)
        case 1:
            return unpack_floats(made, count)
        case 2:
            return [made] * count
        case 3:
            return list(made)
        case 4:
            return list(_cut(unpack_numbers(made[0], count), unsqueezed(made[1])))
        case 5:
            return [made[0][number] for number in unpack_numbers(made[1], count)]
        case _:
            raise ValueError(f"a column of an unknown form {form}")


def _cut(sizes: Iterable[int], data: bytes) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size


_DAMAGE: Final = (
    msgspec.DecodeError, ValueError, TypeError, IndexError, KeyError, StopIteration,
    OverflowError, RuntimeError, MemoryError,
)  # fmt: skip


def _damaged(problem: BaseException) -> StoreError:
    return StoreError(
        f"a sealed block is damaged ({str(problem) or type(problem).__name__}); restore a backup"
    )
