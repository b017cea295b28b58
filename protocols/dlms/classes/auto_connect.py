"""Class 29, Auto connect: when a modem calls by itself, and whom."""

from enum import IntEnum
from typing import Final

import msgspec

from protocols.dlms.classes.common import WINDOWS, Window
from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.kinds import ENUM, TEXT, U8, U16, ZERO, array_of

CONNECT: Final = 1
NO_PARAMETER: Final = ZERO
USUAL_OBIS: Final = bytes((0, 0, 2, 1, 0, 255))


class ConnectMode(IntEnum):
    """When it calls; makers have further modes from 200 on."""

    NEVER = 0
    ANY_TIME = 1
    WITHIN_WINDOWS = 2
    WITHIN_WINDOWS_ALARMS_ANY_TIME = 3
    PERMANENT = 101
    PERMANENT_WITHIN_WINDOWS = 102
    PERMANENT_WITHIN_WINDOWS_ELSE_ON_CALL = 103
    ON_CALL = 104


class AutoConnect(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes 2 to 6."""

    mode: int
    """A ``ConnectMode``, or one of the maker's."""
    repetitions: int
    repetition_delay_s: int
    windows: tuple[Window, ...] = ()
    destinations: tuple[str, ...] = ()
    """Host and port, ``192.0.2.7:4059``, in the order in which they are tried."""


AUTO_CONNECT: Final = CosemClass(
    29, AutoConnect, {2: ENUM, 3: U8, 4: U16, 5: WINDOWS, 6: array_of(TEXT)}
)
