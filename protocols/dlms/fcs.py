"""Frame check sequence of HDLC: CRC-16/X-25 (IEC 62056-46, annex A)."""

from binascii import crc_hqx
from typing import Final

_REVERSED: Final = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def fcs16(data: bytes) -> int:
    """Return the check of ``data``; on the wire its low byte comes first.

    The C function of the library computes the same polynomial with the bits the other way round,
    so the bytes go in and come out reversed: twenty times faster than a table in Python.
    """
    crc = crc_hqx(data.translate(_REVERSED), 0xFFFF) ^ 0xFFFF
    return _REVERSED[crc >> 8] | _REVERSED[crc & 0xFF] << 8


def with_fcs(data: bytes) -> bytes:
    """Return ``data`` followed by its check."""
    return data + fcs16(data).to_bytes(2, "little")
