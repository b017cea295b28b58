"""Reading a push that is laid out like one before it: one comparison and one ``struct.unpack``.

A meter sends the same structure again and again; only the values in it change. The shape of a push
says which bytes those are. Every other byte, tags, lengths, codes, scalers and units among them, is
compared, so whatever fits is read exactly as the usual way reads it (``protocols.dlms.push``).
"""

from collections import OrderedDict
from struct import Struct
from typing import Any, Final

import msgspec

from protocols.dlms.apdu_push import DATA_NOTIFICATION, HEAD_SIZE, TIME_SIZE, DataNotification
from protocols.dlms.axdr import ARRAY, FIXED, OCTETS, SINGLE, STRUCTURE, decode
from protocols.dlms.push import Path, PushItem, clock_path, located_items

SIZE_MAX: Final = 1024
"""Longer messages are rare, and read the usual way."""
SHAPES_MAX: Final = 512
"""A fleet has some dozens; a shape takes a few KB."""
SAME_SIZE_MAX: Final = 8
"""Shapes that are tried for one message."""
_SHORT: Final = 0x80
"""Lengths and counts below it take one byte."""
_NOT_AS_STORED: Final = frozenset({3, SINGLE})
"""Tags of values that are stored as others than ``struct`` reads: booleans, 32-bit floats."""


class PushShape(msgspec.Struct, frozen=True, eq=False):
    """How the bytes of a push are laid out."""

    reader: Struct
    """Reads the invoke id, the time if there is one, and the values."""
    mask: int
    """Which bits are the same in every push of this shape ..."""
    same: int
    """... and what they are."""
    clock: int | None
    """Which of what ``reader`` gives is the meter's time; None: the message tells none."""
    first: int
    """Where the values begin among what ``reader`` gives."""
    items: tuple[PushItem, ...]
    """What the values are; their own ``value`` is that of the push it was learnt from."""


class ShapedPush(msgspec.Struct, frozen=True, gc=False):
    """A push of a known shape, read."""

    shape: PushShape
    long_invoke_id: int
    time: bytes | None
    """The meter's own time, 12 octets: that of its clock object, else that of the message."""
    values: tuple[Any, ...]


class PushShapes:
    """The shapes that were met, by the size of the message."""

    def __init__(self) -> None:
        self._by_size: OrderedDict[int, list[PushShape]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def read(self, apdu: bytes) -> ShapedPush | None:
        """Return what ``apdu`` holds; None when its shape is not known."""
        shapes = self._by_size.get(len(apdu))
        if shapes is None:
            return None
        bits = int.from_bytes(apdu)
        for shape in shapes:
            if bits & shape.mask == shape.same:
                fields = shape.reader.unpack(apdu)
                time = None if shape.clock is None else fields[shape.clock]
                return ShapedPush(shape, fields[0], time, fields[shape.first :])
        return None

    def learn(self, apdu: bytes, plain: DataNotification) -> None:
        """Remember the shape of a push that was read the usual way, if it has one."""
        shape = shape_of(apdu, plain)
        if shape is None:
            return
        same_size = self._by_size.setdefault(len(apdu), [])
        same_size.insert(0, shape)
        self._count += 1
        if len(same_size) > SAME_SIZE_MAX:
            same_size.pop()
            self._count -= 1
        self._by_size.move_to_end(len(apdu))
        while self._count > SHAPES_MAX:
            _, oldest = self._by_size.popitem(last=False)
            self._count -= len(oldest)


def shape_of(apdu: bytes, plain: DataNotification) -> PushShape | None:
    """Return the shape of a push; None when it is too long, or its values have no fixed size."""
    if len(apdu) > SIZE_MAX or apdu[0] != DATA_NOTIFICATION or plain.quirk is not None:
        return None
    found = located_items(plain.body)
    body_at = HEAD_SIZE if plain.time is None else HEAD_SIZE + TIME_SIZE
    leaves = _leaves(apdu, body_at)
    paths = [path for path, _ in found]
    clock = clock_path(found, plain.body)
    read = paths if clock is None or clock in paths else [clock, *paths]
    if not paths or not all(path in leaves for path in read):
        return None
    fields = [(1, "I")] + ([] if plain.time is None else [(HEAD_SIZE, f"{TIME_SIZE}s")])
    in_head = len(fields)
    sent = None if plain.time is None else 1
    fields += [leaves[path] for path in read]
    mask = _mask(fields, len(apdu))
    return PushShape(
        reader=_reader(fields, len(apdu)),
        mask=mask,
        same=int.from_bytes(apdu) & mask,
        clock=sent if clock is None else in_head + read.index(clock),
        first=in_head + len(read) - len(paths),
        items=tuple(item for _, item in found),
    )


_Field = tuple[int, str]
"""Where a value's contents begin, and how ``struct`` reads them."""


def _leaves(data: bytes, start: int) -> dict[Path, _Field]:
    """Return the values of a body that have a fixed size, by their path from the outermost list.

    ``data`` was decoded without an error, so that every count and length in it is right.
    """
    found: dict[Path, _Field] = {}
    if data[start] not in {ARRAY, STRUCTURE} or data[start + 1] >= _SHORT:
        return found
    open_lists: list[tuple[Path, int, int]] = [((), 0, data[start + 1])]
    at = start + 2
    while open_lists:
        path, index, count = open_lists.pop()
        if index == count:
            continue
        open_lists.append((path, index + 1, count))
        here = (*path, index)
        tag = data[at]
        if tag in {ARRAY, STRUCTURE} and data[at + 1] < _SHORT:
            open_lists.append((here, 0, data[at + 1]))
            at += 2
            continue
        _, end = decode(data, at)
        if tag in FIXED and tag not in _NOT_AS_STORED:
            found[here] = (at + 1, FIXED[tag])
        elif tag == OCTETS and data[at + 1] < _SHORT:
            found[here] = (at + 2, f"{end - at - 2}s")
        at = end
    return found


def _mask(fields: list[_Field], size: int) -> int:
    mask = bytearray(b"\xff" * size)
    for at, code in fields:
        width = Struct(">" + code).size
        mask[at : at + width] = bytes(width)
    return int.from_bytes(mask)


def _reader(fields: list[_Field], size: int) -> Struct:
    """Return what reads the fields, in their order, and passes over the bytes between them."""
    code, at = ">", 0
    for begin, kind in fields:
        code += f"{begin - at}x{kind}"
        at = begin + Struct(">" + kind).size
    return Struct(code + f"{size - at}x")
