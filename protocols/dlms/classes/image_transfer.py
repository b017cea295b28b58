"""Class 18, Image transfer: new firmware for the meter, in numbered blocks."""

from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.kinds import (
    BITS,
    BOOLEAN,
    OCTETS,
    U32,
    ZERO,
    array_of,
    enum_of,
    structure_of,
)

INITIATE: Final = 1
BLOCK_TRANSFER: Final = 2
VERIFY: Final = 3
ACTIVATE: Final = 4
USUAL_OBIS: Final = bytes((0, 0, 44, 0, 0, 255))
IDENTIFIER_SIZE_MAX: Final = 64


class ImageStatus(IntEnum):
    """How far the transfer is (attribute 6)."""

    NOT_INITIATED = 0
    INITIATED = 1
    VERIFICATION_INITIATED = 2
    VERIFICATION_SUCCESSFUL = 3
    VERIFICATION_FAILED = 4
    ACTIVATION_INITIATED = 5
    ACTIVATION_SUCCESSFUL = 6
    ACTIVATION_FAILED = 7


class ImageInfo(NamedTuple):
    """What the meter says about an image that it could activate."""

    size_bytes: int
    identifier: bytes
    signature: bytes
    """Of a kind of the maker's."""


class Offer(NamedTuple):
    """What method 1 takes."""

    identifier: bytes
    size_bytes: int


class Block(NamedTuple):
    """What method 2 takes."""

    number: int
    """From 0."""
    data: bytes


class ImageTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes 2 to 7."""

    block_size_bytes: int
    transferred: str
    """A 1 for each block that the meter has, from block 0 on."""
    first_missing: int
    enabled: bool
    status: ImageStatus
    to_activate: tuple[ImageInfo, ...] = ()


IMAGE_TRANSFER: Final = CosemClass(
    18, ImageTransfer,
    {
        2: U32, 3: BITS, 4: U32, 5: BOOLEAN, 6: enum_of(ImageStatus),
        7: array_of(structure_of(ImageInfo, U32, OCTETS, OCTETS)),
    },
)  # fmt: skip
OFFER: Final = structure_of(Offer, OCTETS, U32)
BLOCK: Final = structure_of(Block, U32, OCTETS)
NO_PARAMETER: Final = ZERO
