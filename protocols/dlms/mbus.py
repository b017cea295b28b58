"""Wired M-Bus long frames that carry DLMS messages (EN 13757-2), as some customer ports send them.

Layout::

    68 | L | L | 68 | C | A | CI | [source, destination] | data | sum | 16

The low four bits of CI count the pieces of a message; bit 4 marks the last.
"""

from typing import Final

from protocols.errors import RemoteProtocolError

START: Final = 0x68
STOP: Final = 0x16
HEADER_SIZE: Final = 5
"""C, A, CI, source and destination service access point."""
LAST: Final = 0x10


def read_capture(capture: bytes) -> list[bytes]:
    """Return the messages of a whole capture, pieces joined.

    Raises:
        RemoteProtocolError: a frame is damaged, a piece or the last frame's end is missing.

    """
    messages: list[bytes] = []
    parts = b""
    expected = 0
    at = 0
    while at < len(capture):
        body, at = _frame(capture, at)
        number = body[2] & 0x0F
        if number != expected:
            raise RemoteProtocolError("mbus-gap", f"piece {number}, expected {expected}")
        parts += body[HEADER_SIZE:]
        expected = (expected + 1) & 0x0F
        if body[2] & LAST:
            messages.append(parts)
            parts, expected = b"", 0
    if parts or not messages:
        raise RemoteProtocolError("truncated", "the last piece of the message is missing")
    return messages


def _frame(capture: bytes, at: int) -> tuple[bytes, int]:
    if capture[at] != START:
        raise RemoteProtocolError("format", f"no M-Bus start at byte {at}")
    if at + 4 > len(capture):
        raise RemoteProtocolError("truncated", "an M-Bus header is incomplete")
    length = capture[at + 1]
    if capture[at + 2] != length or capture[at + 3] != START or length < HEADER_SIZE:
        raise RemoteProtocolError("format", f"no M-Bus long frame at byte {at}")
    end = at + 4 + length + 2
    if end > len(capture):
        raise RemoteProtocolError("truncated", f"need {end} bytes, have {len(capture)}")
    body = capture[at + 4 : end - 2]
    if sum(body) & 0xFF != capture[end - 2]:
        raise RemoteProtocolError("fcs", "the M-Bus checksum is wrong")
    if capture[end - 1] != STOP:
        raise RemoteProtocolError("format", "an M-Bus frame without stop")
    return body, end
