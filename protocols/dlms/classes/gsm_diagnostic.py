"""Class 47, GSM diagnostic: operator, registration, cell and signal of a modem."""

from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.dates import MOMENT, Moment
from protocols.dlms.classes.kinds import ENUM, U8, U32, VISIBLE, array_of, structure_of

USUAL_OBIS: Final = bytes((0, 0, 25, 6, 0, 255))
SIGNAL_UNKNOWN: Final = 99


class Registration(IntEnum):
    """Where the modem is registered."""

    NOT_REGISTERED = 0
    HOME = 1
    SEARCHING = 2
    DENIED = 3
    UNKNOWN = 4
    ROAMING = 5


class PacketService(IntEnum):
    """What carries its packets."""

    INACTIVE = 0
    GPRS = 1
    EDGE = 2
    UMTS = 3
    HSDPA = 4
    LTE = 5
    CDMA = 6
    NB_IOT = 7


class Cell(NamedTuple):
    """The cell that serves it."""

    cell_id: int
    location_id: int
    signal: int
    """0 to 31 in steps of 2 dB from -113 dBm, 99 unknown."""
    error_rate: int
    """Class of the bit error rate, 0 to 7; 99 unknown."""


class Neighbour(NamedTuple):
    """A cell next to it."""

    cell_id: int
    signal: int


class GsmDiagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes 2 to 8."""

    operator: str
    registration: int | None = None
    circuit_service: int | None = None
    packet_service: int | None = None
    cell: Cell | None = None
    neighbours: tuple[Neighbour, ...] = ()
    captured_at: Moment | None = None


_CELL: Final = structure_of(Cell, U32, U32, U8, U8, more=True)
"""Cell ids have 16 bits in version 0, 32 later, and networks and channel stand behind then."""


GSM_DIAGNOSTIC: Final = CosemClass(
    47, GsmDiagnostic,
    {
        2: VISIBLE, 3: ENUM, 4: ENUM, 5: ENUM, 6: _CELL,
        7: array_of(structure_of(Neighbour, U32, U8)), 8: MOMENT,
    },
)  # fmt: skip


def signal_dbm(signal: int) -> int | None:
    """Return the received power, dBm; None when it is not known. The ends are bounds."""
    return -113 + 2 * signal if 0 <= signal <= 31 else None
