"""The little of BER that ACSE needs: tag, length, contents."""

from collections.abc import Iterator, Mapping
from typing import Final

from protocols.dlms.lengths import decode_length, encode_length, truncated

FIELDS_MAX: Final = 32
"""An AARQ has at most 13 fields."""


def fields(data: bytes, wrapped: Mapping[int, int]) -> Iterator[tuple[int, bytes]]:
    """Yield tag and contents of each field.

    ``wrapped``: tags of fields that hold another one, and its tag. Seen: a library whose servers
    leave the head of the inner field out of the length of the outer one; no right length is such.

    Raises:
        RemoteProtocolError: ``truncated`` or ``length``.

    """
    at = 0
    for _ in range(FIELDS_MAX):
        if at >= len(data):
            return
        tag = data[at]
        size, at = decode_length(data, at + 1)
        if tag in wrapped and data[at : at + 2] == bytes((wrapped[tag], size & 0xFF)):
            size += 2
        if at + size > len(data):
            raise truncated(size, at, data)
        yield tag, data[at : at + size]
        at += size


def field(tag: int, contents: bytes) -> bytes:
    """Return the bytes of one field."""
    return bytes((tag,)) + encode_length(len(contents)) + contents


def inner(contents: bytes, tag: int) -> bytes:
    """Return the contents of the field ``tag`` inside an explicitly tagged one.

    What is not wrapped is returned as it is: some meters leave the inner tag out.
    """
    if len(contents) >= 2 and contents[0] == tag and contents[1] == len(contents) - 2:
        return contents[2:]
    return contents
