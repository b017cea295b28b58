"""Websocket frames that the feed writes by itself: unmasked, whole (RFC 6455, section 5.2)."""

import struct
from typing import Final

PING: Final = b"\x89\x00"
"""Keeps proxies from closing a quiet connection; the answer is ignored."""
GOING_AWAY: Final = b"\x88\x02\x03\xe9"
"""Close with code 1001: the server stops."""


def text_frame(payload: bytes) -> bytes:
    """Return ``payload``, UTF-8, as one text frame."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + struct.pack(">H", size) + payload
    return b"\x81\x7f" + struct.pack(">Q", size) + payload
