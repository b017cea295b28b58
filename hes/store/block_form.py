"""The parts of a block, as they are stored. What is in them: ``block_writer``, ``block``.

Codec 1 and 2 are a msgpack array of the fields of ``Body``, compressed by zlib where that helps.
Codec 2 has columns of more forms (``SCALED``, ``RELATIVE``), and may have its positions in the
order of time.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import pairwise
from typing import Any, Final, NamedTuple

import msgspec

from hes.store import shapes
from hes.store.port import StoredRow

CODEC: Final = 2
"""Of blocks that are written."""
CODECS: Final = frozenset({1, CODEC})
"""Of blocks that are read."""
RAW: Final = "raw"
"""Stands for the shape of states that are kept as they are."""


class Form(IntEnum):
    """How a column is packed, and what stands beside that."""

    NUMBERS = 0
    """Octets, see ``columns.unpack_numbers``. Written by codec 1 alone."""
    FLOATS = 1
    """Octets, see ``columns.unpack_floats``."""
    SAME = 2
    """The one value of all."""
    VALUES = 3
    """The values themselves."""
    OCTETS = 4
    """Their sizes as a column of numbers, and all of them joined and squeezed."""
    WORDS = 5
    """Different texts, and a column of which."""
    SCALED = 6
    """See ``columns.Scaled``."""
    RELATIVE = 7
    """Number of another column of the same length, and a column of what is to be added to it."""


Packed = tuple[int, Any]


class Kind(msgspec.Struct, frozen=True, array_like=True):
    """Events of one topic and shape."""

    topic: str
    shape: Any
    columns: list[Packed]


class Body(msgspec.Struct, frozen=True, array_like=True):
    """What a block holds: events by stream, and in a stream by version."""

    streams: list[str]
    counts: list[int]
    positions: Any
    """Columns of numbers, as the next one: octets in codec 1, ``columns.Scaled`` in codec 2."""
    versions: Any
    kinds: list[Kind]
    which: Any
    """For each event the number of its kind; a column as well."""
    by_time: bool = False
    """Whether the positions stand in the order in which the events came (``order_of``)."""


class StreamPart(NamedTuple):
    """The events of one stream in a block, by version."""

    stream: str
    rows: list[StoredRow]


def starts_with_time(shape: Any) -> bool:
    """Whether states of a shape begin with a time, as all of ours do."""
    return type(shape) is tuple and shape[:1] == (shapes.TIME,)


def order_of(
    which: Sequence[int], times: Sequence[Iterator[int] | None], starts: Sequence[int]
) -> list[int]:
    """Return the numbers of the events in the order in which they came.

    ``times``: the first column of each kind that begins with a time. An event without one came
    with the one before it in its stream.
    """
    came: list[int] = []
    for start, stop in pairwise(starts):
        last = 0
        for number in which[start:stop]:
            time = times[number]
            if time is not None:
                last = next(time)
            came.append(last)
    return sorted(range(len(came)), key=came.__getitem__)
