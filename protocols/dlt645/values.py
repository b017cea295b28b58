"""From the data of an answer to values, and back to what the simulated meters send."""

from collections.abc import Callable
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
    """When a demand occurred, or the time itself: mm hh DD MM YY; empty: none. The demands of 1997
    leave out the year."""


def item_of(di: int, *, old: bool) -> Item:
    """Return how the value of an identifier is sent; ``old``: in the standard of 1997."""
    return items.item_1997(di) if old else items.item_2007(di)


def decode_values(
    di: int, data: bytes, *, old: bool = False, item: Item | None = None
) -> list[Value]:
    """Return the values of an answer; one, or several for a block.

    ``item``: how this meter sends it, where that is not as usual.

    Raises:
        RemoteProtocolError: it is too short or no multiple of a value, or a digit is none.

    """
    item = item or item_of(di, old=old)
    if old and SEPARATOR_1997 in data:
        data = _without_separators(item, data)
    if item.kind is Kind.COUNT and len(data) != item.size:
        item = items.DIGITS
    size = item.size or len(data)
    if not size or len(data) % size or not data:
        raise RemoteProtocolError("size", f"{len(data)} bytes where a value has {size}")
    decode = _DECODERS[item.kind]
    return [decode(item, data[at : at + size]) for at in range(0, len(data), size)]


def _without_separators(item: Item, data: bytes) -> bytes:
    """Take out the ends of sets: no decimal number begins with AA."""
    kept, at = bytearray(), 0
    while item.size and at < len(data):
        if data[at] == SEPARATOR_1997:
            at += 1
            continue
        kept += data[at : at + item.size]
        at += item.size
    return bytes(kept) if item.size else data


def _number(item: Item, raw: bytes) -> Value:
    return Value(item, None if bcd.is_absent(raw) else bcd.decode(raw, signed=item.signed))


def _demand(item: Item, raw: bytes) -> Value:
    if bcd.is_absent(raw[:3]):
        return Value(item)
    number = bcd.decode(raw[:3], signed=item.signed)
    return Value(item, number, at=b"" if bcd.is_absent(raw[3:]) else raw[3:])


def _time(item: Item, raw: bytes) -> Value:
    return Value(item, at=b"" if bcd.is_absent(raw) else raw)


def _count(item: Item, raw: bytes) -> Value:
    if bcd.is_absent(raw):
        return Value(item)
    text = bcd.backwards(raw)
    return Value(item, int(text) if text.isdecimal() else None, text)


def _text(item: Item, raw: bytes) -> Value:
    return Value(item, text=None if bcd.is_absent(raw) else _letters(raw))


def _digits(item: Item, raw: bytes) -> Value:
    return Value(item, text=bcd.backwards(raw))


_DECODERS: Final[dict[Kind, Callable[[Item, bytes], Value]]] = {
    Kind.NUMBER: _number,
    Kind.DEMAND: _demand,
    Kind.TIME: _time,
    Kind.COUNT: _count,
    Kind.TEXT: _text,
    Kind.DIGITS: _digits,
    Kind.RECORDS: _digits,
}


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
    factor: int = 10 ** abs(steps)
    return value * factor if steps >= 0 else value // factor
