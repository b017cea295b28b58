"""General block transfer (IEC 62056-5-3, general-block-transfer): blocks in, one APDU out.

Layout of a block::

    E0 | control | number(2) | number acknowledged(2) | length | data

Control: 80 last block, 40 streaming, the low six bits are the window.
"""

from typing import Final

import msgspec

from protocols.dlms.lengths import decode_length, encode_length, truncated
from protocols.errors import RemoteProtocolError

TAG: Final = 0xE0
LAST: Final = 0x80
STREAMING: Final = 0x40
JOINED_SIZE_MAX: Final = 64 * 1024
"""A day of a wide load profile has some 6 KiB; ten of them are surely no push."""


class Block(msgspec.Struct, frozen=True):
    """One block."""

    last: bool
    streaming: bool
    window: int
    number: int
    acknowledged: int
    data: bytes


def decode_block(apdu: bytes) -> Block:
    """Return the block in ``apdu``.

    Raises:
        RemoteProtocolError: ``truncated`` or ``trailing``.

    """
    if len(apdu) < 6:
        raise truncated(6, 0, apdu)
    size, start = decode_length(apdu, 6)
    if start + size > len(apdu):
        raise truncated(size, start, apdu)
    if start + size < len(apdu):
        raise RemoteProtocolError("trailing", f"{len(apdu) - start - size} bytes after the block")
    return Block(
        bool(apdu[1] & LAST),
        bool(apdu[1] & STREAMING),
        apdu[1] & 0x3F,
        int.from_bytes(apdu[2:4]),
        int.from_bytes(apdu[4:6]),
        apdu[start:],
    )


def encode_block(block: Block) -> bytes:
    """Return the APDU of ``block``."""
    control = (LAST if block.last else 0) | (STREAMING if block.streaming else 0) | block.window
    head = bytes((TAG, control)) + block.number.to_bytes(2) + block.acknowledged.to_bytes(2)
    return head + encode_length(len(block.data)) + block.data


class BlockJoiner:
    """Joins blocks to the APDU that they carry."""

    __slots__ = ("_expected", "_parts")

    def __init__(self) -> None:
        self._parts = b""
        self._expected = 1

    @property
    def open(self) -> bool:
        """Whether a transfer is under way."""
        return self._expected > 1

    def take(self, block: Block) -> bytes | None:
        """Take a block; return the APDU when it was the last. A repeated block changes nothing.

        Raises:
            RemoteProtocolError: ``gbt-gap`` when one is missing, ``size`` when there is no end.

        """
        if block.number == 1 and self._expected > 2:
            self._reset()  # the sender began anew
        if block.number < self._expected:
            return None
        if block.number > self._expected:
            expected = self._expected
            self._reset()
            raise RemoteProtocolError("gbt-gap", f"block {block.number}, expected {expected}")
        self._parts += block.data
        self._expected += 1
        if len(self._parts) > JOINED_SIZE_MAX:
            self._reset()
            raise RemoteProtocolError("size", f"blocks of more than {JOINED_SIZE_MAX} bytes")
        if not block.last:
            return None
        apdu = self._parts
        self._reset()
        return apdu

    def _reset(self) -> None:
        self._parts = b""
        self._expected = 1
