"""A-XDR data of COSEM (IEC 62056-5-3, type Data): bytes to Python values.

===============  =====================================================
octet-string     ``bytes`` (date-time, date and time likewise)
visible, utf8    ``str``
bit-string       ``BitString``, text of 0 and 1
numbers, enum    ``int``, ``float``, ``bool``
array, structure ``list``, or ``tuple`` when a layout was known
compact array    ``list``
delta numbers    ``Delta``, which only who knows the row before can read
null, don't-care ``None``
===============  =====================================================

Every count is compared with the bytes that are left before anything is made of it, and nesting has
a limit, so a message costs at most in proportion to its own size.
"""

from struct import Struct
from typing import Any, Final

import msgspec

from protocols.dlms.compact import decode_compact_array
from protocols.dlms.lengths import decode_length, truncated
from protocols.errors import RemoteProtocolError

DEPTH_MAX: Final = 16
"""The deepest object of the Blue Book, a push setup's list in a profile, nests half as deep."""

_U16: Final = Struct(">H").unpack_from
_SINGLE: Final = Struct(">f")
_U32: Final = Struct(">I").unpack_from

FIXED: Final[dict[int, str]] = {
    3: "?", 5: "i", 6: "I", 15: "b", 16: "h", 17: "B", 18: "H",
    20: "q", 21: "Q", 22: "B", 23: "f", 24: "d", 13: "B",
}  # fmt: skip
"""Tags of fixed size and how ``struct`` reads them."""
_READERS: Final = {tag: Struct(">" + code) for tag, code in FIXED.items()}
_TIMES: Final = {25: 12, 26: 5, 27: 4}
_DELTAS: Final = {
    28: Struct(">b"), 29: Struct(">h"), 30: Struct(">i"),
    31: Struct(">B"), 32: Struct(">H"), 33: Struct(">I"),
}  # fmt: skip
ARRAY: Final = 1
STRUCTURE: Final = 2
BIT_STRING: Final = 4
OCTETS: Final = 9
VISIBLE: Final = 10
UTF8: Final = 12
COMPACT_ARRAY: Final = 19
SINGLE: Final = 23
NOTHING: Final = frozenset({0, 255})


class BitString(str):
    """Bits in the order of transmission, ``"0101"``."""

    __slots__ = ()


class Single(float):
    """A number that came in 32 bits: exact, with fewer digits worth showing.

    ``float(single)`` is the number of fewest digits that is the same in 32 bits: 230.3 for
    230.3000030517578.
    """

    __slots__ = ()

    def __float__(self) -> float:
        shorter = (float(f"{self:.{digits}g}") for digits in range(6, 9))
        return next((one for one in shorter if _in_single(one) == self), float(f"{self:.9g}"))


def _in_single(value: float) -> float:
    single: float = _SINGLE.unpack(_SINGLE.pack(value))[0]  # fewer digits never overflow it
    return single


class Delta(msgspec.Struct, frozen=True):
    """A cell of a profile that says what it is more than the one above it: no value by itself."""

    difference: int


def decode(data: bytes, start: int = 0, depth: int = 0) -> tuple[Any, int]:
    """Return the value at ``start`` and the index after it.

    Raises:
        RemoteProtocolError: ``truncated``, ``length``, ``depth`` or ``data-tag``.

    """
    try:
        tag = data[start]
    except IndexError:
        raise truncated(1, start, data) from None
    reader = _READERS.get(tag)
    if reader is not None:
        end = start + 1 + reader.size
        if end > len(data):
            raise truncated(reader.size, start + 1, data)
        value = reader.unpack_from(data, start + 1)[0]
        return (Single(value) if tag == SINGLE else value), end
    if tag == OCTETS:
        return _octets(data, start + 1)
    if tag in {ARRAY, STRUCTURE}:
        return _sequence(data, start + 1, depth)
    if tag in NOTHING:
        return None, start + 1
    return _rare(tag, data, start)


def decode_all(data: bytes, start: int = 0) -> Any:
    """Return the one value that ``data`` holds from ``start`` to its end.

    Raises:
        RemoteProtocolError: see ``decode``; ``trailing`` when bytes are left over.

    """
    value, end = decode(data, start)
    if end != len(data):
        raise RemoteProtocolError("trailing", f"{len(data) - end} bytes after the value")
    return value


def _octets(data: bytes, start: int) -> tuple[bytes, int]:
    size, start = decode_length(data, start)
    end = start + size
    if end > len(data):
        raise truncated(size, start, data)
    return data[start:end], end


def _sequence(data: bytes, start: int, depth: int) -> tuple[list[Any], int]:
    """Decode an array or structure; the commonest scalars are read here, without a call."""
    if depth >= DEPTH_MAX:
        raise RemoteProtocolError("depth", f"nested deeper than {DEPTH_MAX}")
    count, start = decode_length(data, start)
    if count > len(data) - start:  # each element takes one byte at least
        raise RemoteProtocolError("truncated", f"{count} elements in {len(data) - start} bytes")
    values: list[Any] = []
    add = values.append
    size = len(data)
    for _ in range(count):
        if start + 5 <= size:
            tag = data[start]
            if tag == 6:
                add(_U32(data, start + 1)[0])
                start += 5
                continue
            if tag == 18:
                add(_U16(data, start + 1)[0])
                start += 3
                continue
        value, start = decode(data, start, depth + 1)
        add(value)
    return values, start


def _rare(tag: int, data: bytes, start: int) -> tuple[Any, int]:
    if tag in _TIMES:
        end = start + 1 + _TIMES[tag]
        if end > len(data):
            raise truncated(_TIMES[tag], start + 1, data)
        return data[start + 1 : end], end
    if tag in {VISIBLE, UTF8}:
        raw, end = _octets(data, start + 1)
        return _text(raw, tag), end
    if tag == BIT_STRING:
        return _bits(data, start + 1)
    if tag in _DELTAS:
        return _delta(tag, data, start + 1)
    if tag == COMPACT_ARRAY:
        return decode_compact_array(data, start + 1, decode_contents)
    raise RemoteProtocolError("data-tag", f"unknown data tag {tag} at byte {start}")


def _delta(tag: int, data: bytes, start: int) -> tuple[Delta, int]:
    reader = _DELTAS[tag]
    end = start + reader.size
    if end > len(data):
        raise truncated(reader.size, start, data)
    return Delta(reader.unpack_from(data, start)[0]), end


def _text(raw: bytes, tag: int) -> str:
    if tag == UTF8:
        return raw.decode("utf-8", "replace")
    return raw.decode("latin-1")


def _bits(data: bytes, start: int) -> tuple[BitString, int]:
    count, start = decode_length(data, start)
    size = (count + 7) // 8
    end = start + size
    if end > len(data):
        raise truncated(size, start, data)
    if not count:
        return BitString(""), end
    bits = format(int.from_bytes(data[start:end]), f"0{size * 8}b")
    return BitString(bits[:count]), end


def decode_contents(tag: int, data: bytes, start: int) -> tuple[Any, int]:
    """Return the value at ``start`` whose ``tag`` stood elsewhere (in a compact array)."""
    if tag in NOTHING:
        return None, start
    reader = _READERS.get(tag)
    size = reader.size if reader is not None else _TIMES.get(tag)
    if size is not None:
        if start + size > len(data):
            raise truncated(size, start, data)
        if reader is None:
            return data[start : start + size], start + size
        value = reader.unpack_from(data, start)[0]
        return (Single(value) if tag == SINGLE else value), start + size
    if tag in {OCTETS, VISIBLE, UTF8}:
        raw, end = _octets(data, start)
        return (raw if tag == OCTETS else _text(raw, tag)), end
    if tag == BIT_STRING:
        return _bits(data, start)
    if tag in _DELTAS:
        return _delta(tag, data, start)
    raise RemoteProtocolError("data-tag", f"data tag {tag} inside a compact array")
