"""Class 40, Push setup: what a meter sends by itself, to whom, and how often it tries."""

from enum import IntEnum
from typing import Any, Final, NamedTuple

import msgspec

from protocols.dlms.classes.common import WINDOWS, Window
from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.kinds import (
    ENUM,
    I8,
    OBIS,
    OCTETS,
    U8,
    U16,
    ZERO,
    Kind,
    array_of,
    structure_of,
)

PUSH: Final = 1
NO_PARAMETER: Final = ZERO


class Transport(IntEnum):
    """By what a push travels; makers have further ones from 200 on."""

    TCP = 0
    UDP = 1
    FTP = 2
    SMTP = 3
    SMS = 4
    HDLC = 5
    M_BUS = 6
    ZIGBEE = 7


class PushObject(NamedTuple):
    """One attribute that is sent."""

    class_id: int
    obis: bytes
    attribute: int
    """0: all attributes of the object."""
    data_index: int
    """Which element of a structure or column of a profile; 0: the whole attribute."""


class Destination(NamedTuple):
    """To whom, and how."""

    transport: int
    """A ``Transport``."""
    address: bytes
    """Host and port as text, or another form that the maker says."""
    message: int
    """0: an APDU in A-XDR; 1: XML."""


class PushSetup(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes 2 to 7. Of the delays that version 2 of the class has, the least one is kept."""

    objects: tuple[PushObject, ...]
    destination: Destination
    windows: tuple[Window, ...] = ()
    """When it may send; none: at any time."""
    randomisation_s: int | None = None
    """Each push is put off by a random time up to this."""
    retries: int | None = None
    retry_delay_s: int | None = None


class _Delay(NamedTuple):
    least_s: int
    exponent: int
    most_s: int


_DELAY: Final = structure_of(_Delay, U16, U16, U16)


def _delay(value: Any) -> int:
    return _DELAY.decode(value).least_s if isinstance(value, list | tuple) else U16.decode(value)


PUSH_SETUP: Final = CosemClass(
    40, PushSetup,
    {
        2: array_of(structure_of(PushObject, U16, OBIS, I8, U16, more=True)),
        3: structure_of(Destination, ENUM, OCTETS, ENUM),
        4: WINDOWS, 5: U16, 6: U8, 7: Kind(U16.encode, _delay),
    },
)  # fmt: skip
