"""What the data identifiers of DL/T 645 mean, as data: sizes, decimals and units.

2007 (annex A): DI3 is the class, DI2 the kind, DI1 the rate or phase, DI0 the settlement or record;
FFH in their place asks for all of them. 1997: two bytes, a nibble FH asks for all.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final

import msgspec

from protocols.values import prefixed

WH: Final = 30
VAH: Final = 31
VARH: Final = 32
W: Final = 27
VA: Final = 28
VAR: Final = 29
VOLT: Final = 35
AMPERE: Final = 33
HERTZ: Final = 44
DEGREE: Final = 8
CELSIUS: Final = 9
RATIO: Final = 255
PERCENT: Final = 56
MINUTE: Final = 6

SYMBOLS: Final = {
    WH: "kWh", VAH: "kVAh", VARH: "kvarh", W: "kW", VA: "kVA", VAR: "kvar", VOLT: "V",
    AMPERE: "A", HERTZ: "Hz", DEGREE: "°", CELSIUS: "°C", RATIO: "1", PERCENT: "%", MINUTE: "min",
}  # fmt: skip
"""As the standard writes them; the kilo is in ``Item.kilo``."""


class Kind(Enum):
    """How the bytes of a value are to be read."""

    NUMBER = "number"
    DEMAND = "demand"
    """A number and the time at which it occurred, mm hh DD MM YY."""
    TIME = "time"
    """mm hh DD MM YY."""
    COUNT = "count"
    """A plain whole number: how often something happened, a ratio, impulses for a kilowatt-hour."""
    DIGITS = "digits"
    """Digits that are no quantity: a date, a number of a meter."""
    TEXT = "text"
    RECORDS = "records"
    """Load records."""


class Item(msgspec.Struct, frozen=True):
    """How one value is sent."""

    size: int
    """Bytes; 0: as many as there are."""
    decimals: int = 0
    unit: int | None = None
    """COSEM unit code."""
    kilo: bool = False
    """Whether the number counts thousands of the unit."""
    signed: bool = False
    kind: Kind = Kind.NUMBER

    @property
    def scaler(self) -> int:
        """Return the decimal exponent to the unit."""
        return (3 if self.kilo else 0) - self.decimals

    @property
    def told(self) -> tuple[int, int | None]:
        """Return scaler and unit as a meter shows them: kWh stays kWh."""
        if self.unit is None or not self.kilo:
            return self.scaler, self.unit
        return -self.decimals, prefixed(self.unit, 3)

    @property
    def symbol(self) -> str:
        """Return the unit as the standard writes it."""
        return SYMBOLS.get(self.unit or 0, "")


def _energy(unit: int, *, signed: bool = False) -> Item:
    return Item(4, 2, unit, kilo=True, signed=signed)


def _demand(unit: int, *, signed: bool = False) -> Item:
    """Return the maximum of the power that ``unit``, one of energy, belongs to."""
    return Item(8, 4, POWER_OF[unit], kilo=True, signed=signed, kind=Kind.DEMAND)


POWER_OF: Final = {WH: W, VARH: VAR, VAH: VA}
DIGITS: Final = Item(0, kind=Kind.DIGITS)
COUNT: Final = Item(3, unit=RATIO, kind=Kind.COUNT)
TEXT: Final = Item(0, kind=Kind.TEXT)
FREEZE_TIME: Final = Item(5, kind=Kind.TIME)

ENERGY_UNITS: Final = (
    {kind: WH for base in (0x00, 0x14, 0x28, 0x3C) for kind in (base + 1, base + 2)}
    | {
        base + kind: VARH
        for base in (0x00, 0x14, 0x28, 0x3C)
        for kind in range(3, 9)
    }
    | {base + kind: VAH for base in (0x00, 0x14, 0x28, 0x3C) for kind in (9, 10)}
    | {base + kind: WH for base in (0x80, 0x94, 0xA8, 0xBC) for kind in range(7)}
    | {0: WH}
)  # fmt: skip
"""DI2 of energies and demands to unit: all phases, then phases A, B and C from 15H, 29H, 3DH on.
From 80H, 94H, A8H and BCH on the associated energy, those of the fundamental and the harmonics, and
the losses in copper and iron."""
SIGNED_KINDS: Final = (0x00, 0x03, 0x04, 0x17, 0x18, 0x2B, 0x2C, 0x3F, 0x40)
"""Combined energies may be negative."""

ENERGY: Final = {
    kind: _energy(unit, signed=kind in SIGNED_KINDS) for kind, unit in ENERGY_UNITS.items()
}
DEMAND: Final = {
    kind: _demand(unit, signed=kind in SIGNED_KINDS) for kind, unit in ENERGY_UNITS.items()
}
INSTANT: Final[dict[int, Item]] = {
    0x01: Item(2, 1, VOLT),
    0x02: Item(3, 3, AMPERE, signed=True),
    0x03: Item(3, 4, W, kilo=True, signed=True),
    0x04: Item(3, 4, VAR, kilo=True, signed=True),
    0x05: Item(3, 4, VA, kilo=True, signed=True),
    0x06: Item(2, 3, RATIO, signed=True),
    0x07: Item(2, 1, DEGREE),
    0x08: Item(2, 2, PERCENT),
    0x09: Item(2, 2, PERCENT),
    0x0A: Item(2, 2, PERCENT),
    0x0B: Item(2, 2, PERCENT),
}
"""DI2 of class 02."""
STATE: Final[dict[int, Item]] = {
    0x01: Item(3, 3, AMPERE, signed=True),
    0x02: Item(2, 2, HERTZ),
    0x03: Item(3, 4, W, kilo=True, signed=True),
    0x04: Item(3, 4, W, kilo=True, signed=True),
    0x05: Item(3, 4, VAR, kilo=True, signed=True),
    0x06: Item(3, 4, VA, kilo=True, signed=True),
    0x07: Item(2, 1, CELSIUS, signed=True),
    0x08: Item(2, 2, VOLT),
    0x09: Item(2, 2, VOLT),
    0x0A: Item(4, 0, MINUTE),
    0x0B: Item(4, 4),
}
"""DI0 of 028000xx; the last is the price of a kilowatt-hour, in the currency of the place."""
PARAMETERS: Final[dict[int, Item]] = {
    **dict.fromkeys((0x04000306, 0x04000307, 0x04000409, 0x0400040A), COUNT),
    **dict.fromkeys(
        (0x04000403, 0x04000404, 0x04000405, 0x04000406, 0x04000407, 0x04000408,
         0x0400040B, 0x0400040C, 0x0400040D, 0x04800001, 0x04800002, 0x04800003),
        TEXT,
    ),
}  # fmt: skip
"""Class 04: ratios and meter constants, and what is text; everything else there is digits."""
FREEZE: Final[dict[int, Item]] = {
    0x00: FREEZE_TIME,
    **{kind: _energy(WH if kind < 3 else VARH, signed=kind in {3, 4}) for kind in range(1, 9)},
    0x09: _demand(WH),
    0x0A: _demand(WH),
    0x10: Item(3, 4, W, kilo=True, signed=True),
}
"""DI1 of class 05, whatever the freeze: by time, by command, at a switch-over, hourly, daily."""
LOAD_RECORDS: Final = Item(0, kind=Kind.RECORDS)


def item_2007(di: int) -> Item:
    """Return how the value of a 2007 identifier is sent; digits when it is not known."""
    find = _CLASSES.get(di >> 24)
    return DIGITS if find is None else find(di)


def _instant(di: int) -> Item:
    kind = di >> 16 & 0xFF
    return STATE.get(di & 0xFF, DIGITS) if kind == 0x80 else INSTANT.get(kind, DIGITS)


def _event(di: int) -> Item:
    kind, own, number = di >> 16 & 0xFF, di >> 8 & 0xFF, di & 0xFF
    counted = kind == 0x30 or (kind == 0x11 and own == 0)
    return COUNT if counted and number == 0 else DIGITS


_CLASSES: Final[dict[int, Callable[[int], Item]]] = {
    0x00: lambda di: ENERGY.get(di >> 16 & 0xFF, DIGITS),
    0x01: lambda di: DEMAND.get(di >> 16 & 0xFF, DIGITS),
    0x02: _instant,
    0x03: _event,
    0x04: lambda di: PARAMETERS.get(di, DIGITS),
    0x05: lambda di: FREEZE.get(di >> 8 & 0xFF, DIGITS),
    0x06: lambda _: LOAD_RECORDS,
}


def is_block_2007(di: int) -> bool:
    """Return whether the answer may have several values: all rates, phases or settlements."""
    di3, _, di1, di0 = di.to_bytes(4)
    if di3 == 0x05:
        return di1 != 0x00
    return di3 in {0, 1, 2} and 0xFF in {di1, di0}


_INSTANT_97: Final[dict[int, Item]] = {
    0xB61: Item(2, 0, VOLT),
    0xB62: Item(2, 2, AMPERE),
    0xB63: Item(3, 4, W, kilo=True),
    0xB64: Item(2, 2, VAR, kilo=True),
    0xB65: Item(2, 3, RATIO),
}
"""The first three nibbles of the identifiers of instantaneous values, 1997."""
_PLAIN_97: Final[dict[int, Item]] = {
    **dict.fromkeys((0xB212, 0xB213, 0xB310, 0xB311, 0xB312, 0xB313),
                    Item(2, unit=RATIO, kind=Kind.COUNT)),
    0xB214: Item(3, 0, MINUTE),
    0xC030: COUNT,
    0xC031: COUNT,
}  # fmt: skip


def item_1997(di: int) -> Item:
    """Return how the value of a 1997 identifier is sent; digits when it is not known."""
    group, unit = di >> 12, {0: WH, 1: VARH}.get(di >> 8 & 3)
    if group == 0x9 and unit is not None:
        return _energy(unit)
    if group == 0xA and unit is not None:
        return Item(3, 4, POWER_OF[unit], kilo=True)
    return _INSTANT_97.get(di >> 4) or _PLAIN_97.get(di, DIGITS)
