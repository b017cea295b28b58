"""Numbers and units as meters write them, and as integers with a scaler and a COSEM unit code."""

from functools import lru_cache
from typing import Final

import msgspec

from protocols.errors import RemoteProtocolError
from protocols.values import prefixed

DIGITS_MAX: Final = 18
"""More do not fit a 64-bit integer; no register has so many."""
BASES: Final = {
    "Wh": 30, "varh": 32, "VAh": 31, "W": 27, "var": 29, "VA": 28, "V": 35, "A": 33, "Hz": 44,
    "J": 25, "m3": 13, "l": 19, "s": 7, "min": 6, "h": 5, "d": 4, "deg": 8, "°": 8, "%": 56,
    "": 255, "Ah": 57, "K": 52, "C": 9, "dBm": 70, "bar": 24, "m3/h": 15,
}  # fmt: skip
PREFIXES: Final = {"": 0, "k": 3, "M": 6, "G": 9, "m": -3}
PREFIXED: Final = frozenset({"Wh", "varh", "VAh", "W", "var", "VA", "V", "A", "Hz", "J", ""})
"""``k`` alone: thousands of nothing, as for a power factor in thousandths."""
COUNT: Final = 255


class Unit(msgspec.Struct, frozen=True, array_like=True):
    """A unit with its prefix."""

    code: int
    """COSEM unit code."""
    scaler: int

    @property
    def told(self) -> tuple[int, int]:
        """The code with the prefix in it, and the scaler that is left: kWh stays kWh."""
        if self.code == COUNT:
            return self.code, self.scaler  # thousands of nothing have no name
        return prefixed(self.code, self.scaler), 0


def _units() -> dict[str, Unit]:
    units = {base: Unit(code, 0) for base, code in BASES.items()}
    for base in PREFIXED:
        for prefix, scaler in PREFIXES.items():
            units.setdefault(prefix + base, Unit(BASES[base], scaler))
    # A lonely m is no thousandth of anything.
    del units["m"]
    return units


UNITS: Final = _units()
_FOLDED: Final = {name.lower(): unit for name, unit in UNITS.items() if name[:1] not in {"m", "M"}}
_FOLDED_BEHIND_M: Final = {
    name[0] + name[1:].lower(): unit for name, unit in UNITS.items() if name[:1] in {"m", "M"}
}


@lru_cache(maxsize=256)
def unit_of(text: str) -> Unit | None:
    """Return the unit that a meter names; None: an unknown one.

    Makers write kVArh, kvarh and KWH alike, so case only counts where it tells milli from mega.
    """
    behind_m = _FOLDED_BEHIND_M.get(text[:1] + text[1:].lower())
    return UNITS.get(text) or _FOLDED.get(text.lower()) or behind_m


class Number(msgspec.Struct, frozen=True, array_like=True):
    """``mantissa * 10**scaler``, with all digits that the meter sent."""

    mantissa: int
    scaler: int


def parse_number(text: str) -> Number | None:
    """Return the number in a text; None when it is none. Nothing is rounded."""
    body = text.strip()
    whole, point, part = body.partition(".")
    figures = whole + part
    if figures.isdigit() and figures.isascii() and len(figures) <= DIGITS_MAX:
        return Number(int(figures), -len(part))
    if not point and "," in body:
        whole, _, part = body.partition(",")
    digits = whole.lstrip("+-")
    figures = digits + part
    if not (figures.isascii() and figures.isdigit()) or len(whole) - len(digits) > 1:
        return None
    if len(figures.lstrip("0")) > DIGITS_MAX or len(figures) > 2 * DIGITS_MAX:
        return None
    return Number(-int(figures) if body[0] == "-" else int(figures), -len(part))


def split_unit(text: str) -> tuple[str, str]:
    """Return value and unit of ``value*unit``; some meters leave out the star."""
    value, star, unit = text.partition("*")
    if star:
        return value, unit.strip()
    if not text[-1:].isalpha() and not text.endswith("%"):
        return text, ""
    value = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%")
    unit = text[len(value) :]
    return (value, unit) if unit and unit_of(unit) and parse_number(value) else (text, "")


def rescaled(number: Number, scaler: int) -> int:
    """Return the integer that stands for ``number`` at a scaler not above its own.

    Raises:
        RemoteProtocolError: the integer would be out of all measure.

    """
    distance = number.scaler - scaler
    if distance > DIGITS_MAX:
        raise RemoteProtocolError("number", f"a number with {distance} digits too many")
    mantissa: int = number.mantissa * 10**distance
    return mantissa
