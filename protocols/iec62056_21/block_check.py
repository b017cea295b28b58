"""The block check character behind every framed message (IEC 62056-21, 6.3.5)."""

from collections.abc import Callable
from typing import Final

SEVEN_BIT: Final = bytes(byte & 0x7F for byte in range(256))
"""Takes the parity off: characters have 7 bits, whatever the port of the modem made of them."""
EVEN_PARITY: Final = bytes(
    byte & 0x7F | (0x80 if (byte & 0x7F).bit_count() % 2 else 0) for byte in range(256)
)
"""Puts even parity into bit 7, for meters with 7E1 behind a port with 8N1."""


def xor(data: bytes) -> int:
    """Return the exclusive or of all bytes.

    Folding the whole as one number does the work in C: some kilobytes cost microseconds.
    """
    number = int.from_bytes(data, "little")
    size = len(data)
    while size > 1:
        size = (size + 1) // 2
        number = (number >> 8 * size) ^ (number & ((1 << 8 * size) - 1))
    return number


def added(data: bytes) -> int:
    """Return the sum of all bytes, 7 bits of it: what some meters send in place of the xor."""
    return sum(data) & 0x7F


CHECKS: Final[dict[str, Callable[[bytes], int]]] = {"xor": xor, "sum": added}
