"""What is known of a meter's objects: classes, scalers, units, columns of profiles.

Which class an OBIS code has is not written in the code, but custom is strong (Blue Book, abstract
and electricity objects); the meter's answer corrects a wrong guess, and what was learnt is kept.
"""

from typing import Any, Final

import msgspec

from protocols.dlms import cosem

MAXIMUM_DEMAND: Final = 6
CUMULATIVE_MAXIMUM: Final = 2
CURRENT_AVERAGE: Final = 4
LAST_AVERAGE: Final = 5
INSTANTANEOUS: Final = 7
ENERGY: Final = 8
UNIX_CLOCK: Final = ["1", "1", "0"]
"""C.D.E of the clock that counts seconds from 1970 on (IEC 62056-6-2, UNIX clock)."""
REGISTER_KINDS: Final = frozenset({CUMULATIVE_MAXIMUM, INSTANTANEOUS, ENERGY, 9, 29})


class Scale(msgspec.Struct, frozen=True, array_like=True):
    """Scaler and unit of a register; None: the meter does not tell."""

    scaler: int | None
    unit: int | None


def is_scale(value: Any) -> bool:
    """Whether ``value`` is a scaler, an exponent of 8 bits, and the code of a unit."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    scaler, unit = value
    numbers = isinstance(scaler, int) and isinstance(unit, int)
    return numbers and -0x80 <= scaler < 0x80 and 0 <= unit <= 0xFF


class Column(msgspec.Struct, frozen=True, array_like=True):
    """One capture object of a profile."""

    class_id: int
    obis: str
    attribute: int
    index: int


def is_unix_clock(column: Column) -> bool:
    """Whether a column holds the time in seconds from 1970 on."""
    named = column.obis.startswith("0.") and column.obis.split(".")[2:5] == UNIX_CLOCK
    return named and column.class_id == cosem.CLASS_DATA


class ObjectCache(msgspec.Struct):
    """What was learnt from one meter; plain data, may be kept between conversations."""

    classes: dict[str, int] = {}
    scales: dict[str, Scale] = {}
    columns: dict[str, list[Column]] = {}
    periods: dict[str, int] = {}
    ways: dict[str, str] = {}
    """How the meter lets a profile be read (``profile_selection.Way``)."""
    selection: tuple[str, ...] = ()
    """The ways that its type knows at all, the likeliest first; empty: all."""


def likely_class(obis: str) -> int:
    """Return the class that an object of this code usually has."""
    a, _, c, d = (int(part) for part in obis.split(".")[:4])
    if a == 0:
        return cosem.CLASS_CLOCK if c == 1 and d == 0 else cosem.CLASS_DATA
    if c in {0, 96, 94} or d > 90:
        return cosem.CLASS_DATA
    if d == MAXIMUM_DEMAND:
        return cosem.CLASS_EXTENDED_REGISTER
    if d in {CURRENT_AVERAGE, LAST_AVERAGE}:
        return cosem.CLASS_DEMAND_REGISTER
    return cosem.CLASS_REGISTER


def value_index(class_id: int, obis: str) -> int:
    """Return the attribute that holds the value: 3 for the last average of a demand register."""
    last = int(obis.split(".")[3]) == LAST_AVERAGE
    return 3 if class_id == cosem.CLASS_DEMAND_REGISTER and last else 2


def scale_index(class_id: int) -> int | None:
    """Return the attribute that holds scaler and unit; None for classes without one."""
    if class_id in {cosem.CLASS_REGISTER, cosem.CLASS_EXTENDED_REGISTER}:
        return 3
    return 4 if class_id == cosem.CLASS_DEMAND_REGISTER else None


OTHER_CLASSES: Final = 3
"""The least number of classes that ``other_classes`` returns."""


def other_classes(class_id: int) -> list[int]:
    """Return the classes to try when the meter says that the guess was wrong."""
    likely = (cosem.CLASS_REGISTER, cosem.CLASS_EXTENDED_REGISTER, cosem.CLASS_DATA)
    return [other for other in (*likely, cosem.CLASS_DEMAND_REGISTER) if other != class_id]
