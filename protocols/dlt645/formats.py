"""Formats of values as documents write them: ``XXXXXX.XX kWh`` is four bytes with two decimals."""

import re
from typing import Final

from protocols.dlt645.items import SYMBOLS, Item, Kind
from protocols.errors import LocalProtocolError

SIZE_MAX: Final = 8
"""Bytes of one number: 16 digits still fit an integer of the store."""
_SHAPE: Final = re.compile(r"(±?)([XN]+)(?:\.([XN]+))?(?: (\S+))?")
_UNITS: Final = {symbol: code for code, symbol in SYMBOLS.items()}


def parse(text: str) -> Item:
    """Return how a value of this format is sent.

    Raises:
        LocalProtocolError: it is none, has half a byte, or names an unknown unit.

    """
    match = _SHAPE.fullmatch(text)
    whole, part, unit = (match[2], match[3] or "", match[4]) if match else ("", "", None)
    digits = len(whole) + len(part)
    if match is None or digits % 2 or digits > 2 * SIZE_MAX:
        raise LocalProtocolError("format", f"{text!r} is no format; write XXXXXX.XX kWh")
    signed = bool(match[1])
    if unit is None:
        kind = Kind.NUMBER if signed or part else Kind.DIGITS
        return Item(digits // 2, len(part), signed=signed, kind=kind)
    code, kilo = _unit(unit)
    return Item(digits // 2, len(part), code, kilo=kilo, signed=signed)


def _unit(symbol: str) -> tuple[int, bool]:
    code = _UNITS.get(symbol)
    if code is not None:
        return code, symbol.startswith("k")
    code = _UNITS.get("k" + symbol)
    if code is None:
        raise LocalProtocolError("format", f"unit {symbol!r} is not known")
    return code, False
