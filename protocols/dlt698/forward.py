"""Transparent forwarding of DL/T 698.45: ProxyTransCommand, to a serial port and back."""

from typing import Final

import msgspec

from protocols.dlms.lengths import decode_length, encode_length
from protocols.errors import RemoteProtocolError

REQUEST: Final = b"\x09\x07"
RESPONSE: Final = b"\x89\x07"
RESPONSE_HEAD: Final = 2 + 1 + 4
GOT_DATA: Final = 1
FORWARD_SIZE_MAX: Final = 1024


class SerialPort(msgspec.Struct, frozen=True):
    """How the terminal is to use its serial port."""

    oad: bytes = b"\xf2\x01\x02\x01"
    """The first RS-485 port."""
    settings: bytes = b"\x03\x02\x08\x01\x00"
    """2400 baud, even parity, 8 data bits, 1 stop bit, no flow control."""
    answer_s: int = 5
    gap_ms: int = 500


def encode_request(port: SerialPort, data: bytes, piid: int) -> bytes:
    """Return the APDU that has ``data`` sent out of ``port``."""
    times = port.answer_s.to_bytes(2) + port.gap_ms.to_bytes(2)
    head = REQUEST + bytes((piid,)) + port.oad + port.settings + times
    return head + encode_length(len(data)) + data + b"\0"


def decode_request(apdu: bytes) -> bytes:
    """Return what is to be sent out of the port: the terminal's view.

    Raises:
        RemoteProtocolError: it is no such request.

    """
    if apdu[:2] != REQUEST:
        raise RemoteProtocolError("forward", "the APDU is no request to forward")
    return _octets(apdu, len(REQUEST) + 1 + 4 + 5 + 4)


def encode_answer(request: bytes, data: bytes) -> bytes:
    """Return a terminal's answer to the APDU ``request``, without reports or time tag."""
    head = RESPONSE + request[2:RESPONSE_HEAD] + bytes((GOT_DATA,))
    return head + encode_length(len(data)) + data + b"\0\0"


def decode_answer(apdu: bytes) -> bytes:
    """Return what came from the port; nothing when the terminal says that nothing came.

    Raises:
        RemoteProtocolError: it is no such answer.

    """
    if apdu[:2] != RESPONSE or len(apdu) < RESPONSE_HEAD + 2:
        raise RemoteProtocolError("forward", "the APDU is no answer of forwarding")
    if apdu[RESPONSE_HEAD] != GOT_DATA:
        return b""
    return _octets(apdu, RESPONSE_HEAD + 1)


def _octets(apdu: bytes, at: int) -> bytes:
    size, start = decode_length(apdu, at)
    if len(apdu) < start + size:
        raise RemoteProtocolError("truncated", "forwarded data that are not whole")
    return apdu[start : start + size]
