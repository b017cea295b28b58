"""Where frames end in a byte stream, known from their headers alone.

A modem may slip its heartbeat between two frames, never to be mixed up with the same bytes inside
one. This follows the lengths of DLMS frames so that the link knows when it is between them.
"""

from typing import Final

HDLC_FLAG: Final = 0x7E
WRAPPER_HEADER_SIZE: Final = 8


def frame_size(start: bytes | bytearray) -> int | None:
    """Return the size of the frame that begins at ``start``.

    0 means more bytes are needed to tell; None means this is no frame whose size can be told.
    """
    if start[0] == HDLC_FLAG:
        return _hdlc_size(start)
    if start[0] == 0:
        return _wrapper_size(start)
    return None


def is_one_frame(data: bytes) -> bool:
    """Whether ``data``, of which there is some, is a frame from its first byte to its last."""
    if data[0]:
        return frame_size(data) == len(data)
    # As ``_wrapper_size`` has it: this is what nearly all of a fleet's messages are.
    size = len(data)
    if size < WRAPPER_HEADER_SIZE or data[1] != 1:
        return False
    return WRAPPER_HEADER_SIZE + (data[6] << 8 | data[7]) == size


def _hdlc_size(start: bytes | bytearray) -> int | None:
    """Flag, format type 3 with an 11-bit length over what is between the flags, flag."""
    if len(start) < 3:
        return 0 if len(start) < 2 or start[1] & 0xF0 == 0xA0 else None
    if start[1] & 0xF0 != 0xA0:
        return None
    return ((start[1] & 0x07) << 8 | start[2]) + 2


def _wrapper_size(start: bytes | bytearray) -> int | None:
    """Version 0001, two ports, 16-bit length."""
    if len(start) < WRAPPER_HEADER_SIZE:
        return 0 if start[1:2] in {b"", b"\x01"} else None
    if start[1] != 1:
        return None
    return WRAPPER_HEADER_SIZE + (start[6] << 8 | start[7])
