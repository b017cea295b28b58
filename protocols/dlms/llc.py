"""Logical link control of DLMS over HDLC: three bytes in front of every message."""

from typing import Final

COMMAND: Final = b"\xe6\xe6\x00"
RESPONSE: Final = b"\xe6\xe7\x00"
HEADERS: Final = (COMMAND, RESPONSE)


def strip_llc(message: bytes) -> bytes:
    """Return ``message`` without its LLC header; as it is when it has none."""
    return message[3:] if message[:3] in HEADERS else message
