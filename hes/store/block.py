"""Reads blocks: the events of some streams over some time, every octet of them.

A block names its streams and topics itself, so that it can be read without the tables around it.
How it is made: ``hes.store.block_writer``. Pure.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from operator import add
from typing import Any, Final

import msgspec

from hes.store import shapes
from hes.store.block_form import (
    CODECS,
    RAW,
    Body,
    Form,
    Kind,
    Packed,
    StreamPart,
    order_of,
    starts_with_time,
)
from hes.store.columns import unpack_floats, unpack_numbers, unpack_scaled, unsqueezed
from hes.store.errors import StoreError
from hes.store.port import StoredRow

_decoder: Final = msgspec.msgpack.Decoder(Body)


class Block:
    """A block that is read; states are made when they are asked for.

    Raises:
        StoreError: it is damaged, or of a codec that this program does not know.

    """

    def __init__(self, codec: int, state: bytes) -> None:
        if codec not in CODECS:
            raise StoreError(f"a sealed block is of codec {codec}; update the program")
        try:
            self._read(_decoder.decode(unsqueezed(state)))
        except _DAMAGE as problem:
            raise _damaged(problem) from problem

    def _read(self, body: Body) -> None:
        self.streams = body.streams
        self._starts = [0, *accumulate(body.counts)]
        count = self._starts[-1]
        self._versions = _numbers(body.versions, count)
        self._which = _numbers(body.which, count)
        self._kinds = [
            _ReadKind(kind, self._which.count(number)) for number, kind in enumerate(body.kinds)
        ]
        self._positions = _numbers(body.positions, count)
        if body.by_time:
            self._positions = self._as_they_stand(self._positions)
        self._number = {stream: number for number, stream in enumerate(body.streams)}

    def _as_they_stand(self, positions: list[int]) -> list[int]:
        """Bring positions from the order in which events came into that of streams and versions."""
        times = [kind.times() for kind in self._kinds]
        found = [0] * len(positions)
        order = order_of(self._which, times, self._starts)
        for at, position in zip(order, positions, strict=True):
            found[at] = position
        return found

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

    def __init__(self, kind: Kind, count: int) -> None:
        self.topic = kind.topic
        self._shape = RAW if kind.shape == RAW else _as_shape(kind.shape)
        self._count = count
        self._columns = _unpacked(self._shape, kind.columns, count)

    def times(self) -> Iterator[int] | None:
        """Return when each event came, in microseconds; None where the states do not tell."""
        return iter(self._columns[0]) if starts_with_time(self._shape) else None

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


def _unpacked(shape: Any, packed: Sequence[Packed], count: int) -> list[shapes.Column]:
    if shape == RAW:
        return [_unpacked_column(*packed[0], count)]
    found: list[shapes.Column] = []
    _unpack_inside(shape, iter(packed), count, found)
    for at, (form, made) in enumerate(packed):
        if form == Form.RELATIVE:
            found[at] = list(map(add, found[made[0]], found[at]))
    return found


def _unpack_inside(
    shape: Any, packed: Iterator[Packed], count: int, found: list[shapes.Column]
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


def _numbers(made: Any, count: int) -> list[int]:
    return unpack_numbers(made, count) if type(made) is bytes else unpack_scaled(made, count)


def _cut(sizes: Iterable[int], data: bytes) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size


_READERS: Final[dict[int, Callable[[Any, int], shapes.Column]]] = {
    Form.NUMBERS: _numbers,
    Form.FLOATS: unpack_floats,
    Form.SAME: lambda made, count: [made] * count,
    Form.VALUES: lambda made, _count: list(made),
    Form.OCTETS: lambda made, count: list(_cut(_numbers(made[0], count), unsqueezed(made[1]))),
    Form.WORDS: lambda made, count: [made[0][word] for word in _numbers(made[1], count)],
    Form.SCALED: _numbers,
    # What it is to be added to may still be to come.
    Form.RELATIVE: lambda made, count: _numbers(made[1], count),
}


def _unpacked_column(form: int, made: Any, count: int) -> shapes.Column:
    return _READERS[form](made, count)


_DAMAGE: Final = (
    msgspec.DecodeError, ValueError, TypeError, IndexError, KeyError, StopIteration,
    OverflowError, RuntimeError, MemoryError,
)  # fmt: skip


def _damaged(problem: BaseException) -> StoreError:
    return StoreError(
        f"a sealed block is damaged ({str(problem) or type(problem).__name__}); restore a backup"
    )
