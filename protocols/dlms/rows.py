"""Fast reading of what meters repeat: rows of one layout, and pushes that look like the last one.

The tags of a structure's elements make a layout; once it is known, a row costs one comparison and
one ``struct.unpack``. A row of another layout (null-compressed, say) is decoded the usual way.
"""

from collections import OrderedDict
from struct import Struct
from typing import Any, Final

import msgspec

from protocols.dlms.axdr import ARRAY, FIXED, OCTETS, SINGLE, STRUCTURE, decode
from protocols.dlms.lengths import decode_length
from protocols.errors import RemoteProtocolError

LAYOUTS_MAX: Final = 512
"""Layouts that are kept: a fleet has some dozen, so this is room for all, and a bound."""
_ROW_FIELDS_MAX: Final = 127


class RowLayout(msgspec.Struct, frozen=True):
    """How a structure's bytes are laid out."""

    reader: Struct
    mask: int
    """Which bits are tags and lengths ..."""
    tags: int
    """... and what they are."""
    size: int
    fixed: tuple[tuple[int, bytes], ...]
    """Where tags and lengths stand, and what they are, byte by byte."""

    def fits(self, data: bytes, start: int) -> bool:
        """Whether the structure at ``start`` is laid out so."""
        row = data[start : start + self.size]
        return len(row) == self.size and int.from_bytes(row) & self.mask == self.tags

    def rows(self, data: bytes, start: int, count: int) -> list[Any] | None:
        """Return ``count`` structures from ``start`` on; None unless all are laid out so."""
        end = start + count * self.size
        if end > len(data) or not all(
            data[start + at : end : self.size] == tag * count for at, tag in self.fixed
        ):
            return None
        return list(self.reader.iter_unpack(data[start:end]))


_known: OrderedDict[bytes, RowLayout] = OrderedDict()
_latest: dict[int, RowLayout] = {}
"""The one that was met last of each number of fields."""


def layout_at(data: bytes, start: int) -> RowLayout | None:
    """Return the layout of the structure at ``start``; None if it has none of fixed size."""
    if data[start] != STRUCTURE or start + 1 >= len(data) or data[start + 1] > _ROW_FIELDS_MAX:
        return None
    latest = _latest.get(data[start + 1])
    if latest is not None and latest.fits(data, start):
        return latest
    at = start + 2
    code = [">2x"]
    fixed = [(0, 2)]
    for _ in range(data[start + 1]):
        if at + 1 >= len(data):
            return None
        tag = data[at]
        if tag in FIXED and tag != SINGLE:
            code.append("x" + FIXED[tag])
            fixed.append((at - start, 1))
            at += 1 + Struct(">" + FIXED[tag]).size
        elif tag == OCTETS and data[at + 1] < 0x80:
            code.append(f"2x{data[at + 1]}s")
            fixed.append((at - start, 2))
            at += 2 + data[at + 1]
        else:
            return None
    return None if at > len(data) else _remember("".join(code), fixed, data[start:at])


def _remember(code: str, fixed: list[tuple[int, int]], row: bytes) -> RowLayout:
    mask = bytearray(len(row))
    for begin, length in fixed:
        mask[begin : begin + length] = b"\xff" * length
    bits = int.from_bytes(mask)
    tags = int.from_bytes(row) & bits
    key = tags.to_bytes(len(row))
    layout = _known.get(key)
    if layout is None:
        places = [at for at, every in enumerate(mask) if every]
        told = tuple((at, row[at : at + 1]) for at in places)
        layout = _known[key] = RowLayout(Struct(code), bits, tags, len(row), told)
        if len(_known) > LAYOUTS_MAX:
            _known.popitem(last=False)
    _latest[row[1]] = layout
    return layout


def decode_rows(data: bytes, start: int = 0) -> tuple[list[Any], int]:
    """Return the elements of the array at ``start`` and the index after it.

    Raises:
        RemoteProtocolError: as ``axdr.decode``.

    """
    if start >= len(data) or data[start] != ARRAY:
        value, end = decode(data, start)
        if not isinstance(value, list):
            raise RemoteProtocolError("data-tag", "an array was expected")
        return value, end
    count, at = decode_length(data, start + 1)
    if count > len(data) - at:
        raise RemoteProtocolError("truncated", f"{count} elements in {len(data) - at} bytes")
    layout = layout_at(data, at) if at < len(data) else None
    if layout is not None and (whole := layout.rows(data, at, count)) is not None:
        return whole, at + count * layout.size
    rows: list[Any] = []
    for _ in range(count):
        if layout is None and at < len(data):
            layout = layout_at(data, at)
        if layout is not None and layout.fits(data, at):
            rows.append(layout.reader.unpack_from(data, at))
            at += layout.size
        else:
            value, at = decode(data, at, 1)
            rows.append(value)
    return rows, at
