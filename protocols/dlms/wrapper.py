"""TCP wrapper of DLMS/COSEM (IEC 62056-47): bytes in, one APDU at a time out.

Layout, four big-endian 16-bit words and the payload::

    version = 1 | source wPort | destination wPort | apdu_size | apdu

The stream has no sync mark, so a wrong version cannot be skipped: it ends the connection.
"""

import struct
from typing import Final

import msgspec

from protocols.errors import LocalProtocolError, RemoteProtocolError

VERSION: Final = 1
HEADER: Final = struct.Struct(">HHHH")
APDU_SIZE_MAX: Final = 8192
"""The field allows 65535. 8 KiB is above what meters on cellular links negotiate, and bounds what a
rude peer can make us hold: an APDU and one receive, 24 KiB; 240 MiB for 10,000 of them."""

APDU_SIZE_FIELD: Final = 0xFFFF


class Wpdu(msgspec.Struct, frozen=True, gc=False):
    """One wrapped APDU; wPorts are the addresses of client and logical device."""

    source: int
    destination: int
    apdu: bytes

    def answer(self, apdu: bytes) -> bytes:
        """Return the bytes of an APDU to whom this one came from."""
        return encode_wpdu(self.destination, self.source, apdu)


def encode_wpdu(source: int, destination: int, apdu: bytes) -> bytes:
    """Return the bytes of one wrapped APDU.

    Raises:
        LocalProtocolError: the APDU is longer than ``APDU_SIZE_MAX``.

    """
    if len(apdu) > APDU_SIZE_MAX:
        raise LocalProtocolError("size", f"APDU of {len(apdu)} bytes, limit {APDU_SIZE_MAX}")
    return HEADER.pack(VERSION, source, destination, len(apdu)) + apdu


def whole_wpdu(data: bytes) -> Wpdu | None:
    """Return the WPDU that ``data`` is, if it is just one."""
    if len(data) < HEADER.size:
        return None
    version, source, destination, size = HEADER.unpack_from(data)
    if version != VERSION or size != len(data) - HEADER.size or size > APDU_SIZE_MAX:
        return None
    return Wpdu(source, destination, data[HEADER.size :])


class WrapperReader:
    """Cuts a byte stream into WPDUs: feed ``receive_data``, then drain ``next_wpdu``."""

    __slots__ = ("_size_max", "held")

    def __init__(self, size_max: int = APDU_SIZE_MAX) -> None:
        self.held = b""
        """What waits for the rest of its WPDU."""
        self._size_max = size_max

    def receive_data(self, data: bytes) -> None:
        """Add bytes as they came, cut anywhere."""
        self.held = self.held + data if self.held else data

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their WPDU."""
        return len(self.held)

    def next_wpdu(self) -> Wpdu | None:
        """Return the next complete WPDU, or None when more bytes are needed.

        Raises:
            RemoteProtocolError: wrong version or oversized APDU; the stream is lost.

        """
        if len(self.held) < HEADER.size:
            return None
        version, source, destination, size = HEADER.unpack_from(self.held)
        if version != VERSION:
            raise RemoteProtocolError("version", f"wrapper version {version:#06x}, expected 0x0001")
        if size > self._size_max:
            raise RemoteProtocolError(
                "size", f"APDU of {size} bytes announced, limit {self._size_max}"
            )
        end = HEADER.size + size
        if len(self.held) < end:
            return None
        apdu = self.held[HEADER.size : end]
        self.held = self.held[end:]
        return Wpdu(source, destination, apdu)


def read_capture(capture: bytes) -> list[Wpdu]:
    """Return the WPDUs of a whole capture, as long as the field allows: nobody waits for them.

    Raises:
        RemoteProtocolError: wrong version, or the last one is incomplete.

    """
    reader = WrapperReader(APDU_SIZE_FIELD)
    reader.receive_data(capture)
    wpdus: list[Wpdu] = []
    while (wpdu := reader.next_wpdu()) is not None:
        wpdus.append(wpdu)
    if reader.pending or not wpdus:
        raise RemoteProtocolError("truncated", f"{reader.pending} bytes are no whole WPDU")
    return wpdus
