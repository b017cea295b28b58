"""Lengths as A-XDR and BER write them: one byte below 128, else the count of bytes that follow."""

from typing import Final

from protocols.errors import RemoteProtocolError

LENGTH_BYTES_MAX: Final = 4


def truncated(need: int, at: int, data: bytes | bytearray) -> RemoteProtocolError:
    """Return the error for a message that ends too early."""
    return RemoteProtocolError("truncated", f"need {need} bytes at {at} of {len(data)}")


def decode_length(data: bytes, start: int) -> tuple[int, int]:
    """Return the length at ``start`` and the index after it.

    Raises:
        RemoteProtocolError: ``truncated``; ``length`` for the indefinite form or a monster.

    """
    if start >= len(data):
        raise truncated(1, start, data)
    first = data[start]
    if first < 0x80:
        return first, start + 1
    count = first & 0x7F
    if not 1 <= count <= LENGTH_BYTES_MAX:
        raise RemoteProtocolError("length", f"length octet {first:#04x} at byte {start}")
    end = start + 1 + count
    if end > len(data):
        raise truncated(count, start + 1, data)
    return int.from_bytes(data[start + 1 : end]), end


def encode_length(length: int) -> bytes:
    """Return the shortest form of ``length``."""
    if length < 0x80:
        return bytes((length,))
    raw = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((0x80 | len(raw),)) + raw
