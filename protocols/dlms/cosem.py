"""Objects, attributes and the answers about them (IEC 62056-5-3 and 62056-6-2)."""

from enum import IntEnum
from typing import Any, Final

import msgspec

from protocols.dlms import axdr_encode as ax


class Attribute(msgspec.Struct, frozen=True):
    """An attribute or method of an object: class, logical name, index."""

    class_id: int
    obis: bytes
    """The logical name, 6 bytes."""
    index: int

    def encode(self) -> bytes:
        """Return the descriptor as services carry it."""
        return self.class_id.to_bytes(2) + self.obis + self.index.to_bytes(1, signed=True)

    def __str__(self) -> str:
        return f"{self.class_id}/{obis_text(self.obis)}/{self.index}"


class Selection(msgspec.Struct, frozen=True):
    """Selective access: which part of the attribute."""

    selector: int
    parameter: bytes
    """Encoded A-XDR."""

    def encode(self) -> bytes:
        """Return it as services carry it."""
        return bytes((self.selector,)) + self.parameter


class DataAccessError(IntEnum):
    """Why an attribute was not read or written (Data-Access-Result)."""

    SUCCESS = 0
    HARDWARE_FAULT = 1
    TEMPORARY_FAILURE = 2
    READ_WRITE_DENIED = 3
    OBJECT_UNDEFINED = 4
    OBJECT_CLASS_INCONSISTENT = 9
    OBJECT_UNAVAILABLE = 11
    TYPE_UNMATCHED = 12
    SCOPE_OF_ACCESS_VIOLATED = 13
    DATA_BLOCK_UNAVAILABLE = 14
    LONG_GET_ABORTED = 15
    NO_LONG_GET_IN_PROGRESS = 16
    LONG_SET_ABORTED = 17
    NO_LONG_SET_IN_PROGRESS = 18
    DATA_BLOCK_NUMBER_INVALID = 19
    OTHER_REASON = 250


class Refused(msgspec.Struct, frozen=True):
    """The meter's "no" to one object: a result, not an error."""

    code: int

    def __str__(self) -> str:
        if self.code in DataAccessError._value2member_map_:
            return DataAccessError(self.code).name.lower().replace("_", "-")
        return f"data-access-result {self.code}"


Result = Any
"""A decoded value, or ``Refused``."""

OBIS_SIZE: Final = 6
CLOCK_OBIS: Final = bytes((0, 0, 1, 0, 0, 255))
ASSOCIATION_OBIS: Final = bytes((0, 0, 40, 0, 0, 255))
LOGICAL_NAME_OBIS: Final = bytes((0, 0, 42, 0, 0, 255))
COUNTER_OBIS: Final = bytes((0, 0, 43, 1, 0, 255))

CLASS_DATA: Final = 1
CLASS_REGISTER: Final = 3
CLASS_EXTENDED_REGISTER: Final = 4
CLASS_DEMAND_REGISTER: Final = 5
CLASS_PROFILE: Final = 7
CLASS_CLOCK: Final = 8
CLASS_ASSOCIATION_LN: Final = 15


def obis_text(obis: bytes) -> str:
    """Return ``A.B.C.D.E.F``."""
    return ".".join(map(str, obis))


def obis_bytes(text: str) -> bytes:
    """Return the 6 bytes of ``A.B.C.D.E.F``."""
    return bytes(int(part) for part in text.split("."))


def by_range(clock: bytes, begin: bytes, end: bytes) -> Selection:
    """Select the rows of a profile from ``begin`` to ``end``, both included.

    ``clock`` is the logical name of the clock column, the others are 12-octet date-times.
    """
    return by_column(CLASS_CLOCK, clock, ax.octets(begin), ax.octets(end))


def by_column(class_id: int, clock: bytes, begin: bytes, end: bytes) -> Selection:
    """Select as ``by_range``, by any column: its class and name, and values of it, encoded."""
    column = ax.structure(ax.u16(class_id), ax.octets(clock), ax.i8(2), ax.u16(0))
    return Selection(1, ax.structure(column, begin, end, ax.array()))


def by_entry(first: int, last: int) -> Selection:
    """Select rows ``first`` to ``last``, counted from 1, the oldest in a FIFO; 0: to the end."""
    return Selection(2, ax.structure(ax.u32(first), ax.u32(last), ax.u16(1), ax.u16(0)))
