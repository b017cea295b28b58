"""From the data of an answer to values, and back to what the simulated meters send."""

from typing import Final

import msgspec

from protocols.dlt645 import bcd, items
from protocols.dlt645.items import Item, Kind
from protocols.errors import RemoteProtocolError

SEPARATOR_1997: Final = 0xAA
"""Ends a set of values in the answers of 1997 meters."""


class Value(msgspec.Struct, frozen=True):
    """One value of an answer."""

    item: Item
    number: int | None = None
    """Unscaled; None: the meter has none, or it is no number."""
    text: str | None = None
    """Of what is no quantity: digits in reading order, or letters."""
    at: bytes = b""
    """When a demand occurred, or the time itself: mm hh DD MM YY; empty: none."""


def item_of(di: int, *, old: bool) -> Item:
    """Return how the value of an identifier is sent; ``old``: in the standard of 1997."""
    return items.item_1997(di) if old else items.item_2007(di)


def decode_values(di: int, data: bytes, *, old: bool = False) -> list[Value]:
    """Return the values of an answer; one, or several for a block.

    Raises:
        RemoteProtocolError: it is too short or no multiple of a value, or a digit is none.

    """
    item = item_of(di, old=old)
    size = item.size or len(data)
    if old and len(data) == size + 1 and data[-1] == SEPARATOR_1997:
        data = data[:-1]
    if not size or len(data) % size or not data:
        raise RemoteProtocolError("size", f"{len(data)} bytes where a value has {size}")
    return [_decode_one(item, data[at : at + size]) for at in range(0, len(data), size)]


def _decode_one(item: Item, raw: bytes) -> Value:
    match item.kind:
        case Kind.NUMBER:
            number = None if bcd.is_absent(raw) else bcd.decode(raw, signed=item.signed)
            return Value(item, number)
        case Kind.DEMAND:
            return _decode_demand(item, raw)
        case Kind.TIME:
            return Value(item, at=b"" if bcd.is_absent(raw) else raw)
        case Kind.TEXT:
            return Value(item, text=_letters(raw))
        case Kind.DIGITS | Kind.RECORDS:
            return Value(item, text=bcd.backwards(raw))


def _decode_demand(item: Item, raw: bytes) -> Value:
    if bcd.is_absent(raw[:3]):
        return Value(item)
    number = bcd.decode(raw[:3], signed=item.signed)
    return Value(item, number, at=b"" if bcd.is_absent(raw[3:]) else raw[3:])


def _letters(raw: bytes) -> str:
    """Return the text; it is sent backwards and filled with zeros."""
    letters = raw[::-1].strip(b"\x00\xff ")
    return letters.decode("ascii", "replace")


def encode_value(item: Item, number: int, at: bytes = b"") -> bytes:
    """Return the bytes of a number, as a meter sends it; ``at``: of a demand."""
    size = item.size - len(at)
    return bcd.encode(number, size, signed=item.signed) + at


def rescaled(item: Item, value: int, scaler: int) -> int:
    """Return ``value * 10**scaler`` in the steps of ``item``, cut off as a display does."""
    steps = scaler - item.scaler
    return value * 10**steps if steps >= 0 else value // 10**-steps
