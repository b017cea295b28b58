"""Class 11, Special days table: holidays with a day profile of their own."""

from typing import Final, NamedTuple

import msgspec

from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.dates import DATE, Date
from protocols.dlms.classes.kinds import U8, U16, array_of, structure_of

INSERT: Final = 1
DELETE: Final = 2
USUAL_OBIS: Final = bytes((0, 0, 11, 0, 0, 255))


class SpecialDay(NamedTuple):
    """One date; the activity calendar's day profile of that number counts on it."""

    number: int
    """The entry's index, by which it is deleted."""
    date: Date
    day_id: int


class SpecialDays(msgspec.Struct, frozen=True, kw_only=True):
    """Attribute 2."""

    entries: tuple[SpecialDay, ...]


SPECIAL_DAY: Final = structure_of(SpecialDay, U16, DATE, U8)
"""What method 1 takes."""
SPECIAL_DAYS: Final = CosemClass(11, SpecialDays, {2: array_of(SPECIAL_DAY)})


def delete(index: int) -> bytes:
    """Return the parameter of method 2: the entry to take out."""
    return U16.encode(index)
