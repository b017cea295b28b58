"""Data units of Q/GDW 376.1, and the messages that keep a terminal connected."""

from collections.abc import Sequence
from typing import Final

import msgspec

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.gdw376.frame import CONFIRM, FINAL, FIRST, PRIMARY, UP, Frame

AFN_CONFIRM: Final = 0x00
AFN_LINK: Final = 0x02
AFN_FORWARD: Final = 0x10
LOGIN: Final = 1
LOGOUT: Final = 2
HEARTBEAT: Final = 3
CONFIRM_ALL: Final = 1
CONFIRM_EACH: Final = 3
FUNCTION_LINK_TEST: Final = 0x09
FUNCTION_LINK_STATE: Final = 0x0B
FUNCTION_CLASS_2: Final = 0x0B
SELF: Final = b"\0\0"
"""Measuring point 0: the terminal itself."""
FORWARD_SIZE_MAX: Final = 1024
"""Bytes for the serial line in one frame; terminals have buffers of about so many."""
PASSWORD_SIZES: Final = {1: 2, 2: 16}
"""Bytes behind a downward request that reaches into the terminal, by version of the protocol."""


def unit(function: int, point: bytes = SELF) -> bytes:
    """Return the four bytes that name one data unit, F1 being 1."""
    return point + bytes((1 << (function - 1) % 8, (function - 1) // 8))


def functions(data: bytes) -> list[int]:
    """Return the functions that the first data unit names: [3] for F3."""
    if len(data) < 4:
        return []
    bits, group = data[2], data[3]
    return [group * 8 + bit + 1 for bit in range(8) if bits >> bit & 1]


def confirmation(request: Frame, *, each: bool = False) -> Frame:
    """Return the master's confirmation of what a terminal sent.

    ``each``: the older form that confirms every data unit by its name, which some masters use.
    """
    data = unit(CONFIRM_ALL)
    if each:
        data = unit(CONFIRM_EACH) + bytes((request.afn,)) + request.data[:4] + b"\0"
    return Frame(
        control=FUNCTION_LINK_STATE,
        address=request.address,
        afn=AFN_CONFIRM,
        seq=FIRST | FINAL | request.seq & 0x0F,
        data=data,
        version=request.version,
    )


def link_request(address: bytes, function: int, number: int, *, version: int = 2) -> Frame:
    """Return what a terminal sends to log in (1), out (2) or to stay connected (3)."""
    return Frame(
        control=UP | PRIMARY | FUNCTION_LINK_TEST,
        address=address,
        afn=AFN_LINK,
        seq=FIRST | FINAL | CONFIRM | number & 0x0F,
        data=unit(function),
        version=version,
    )


def address_of(terminal: str, master: int = 0) -> bytes:
    """Return the address of a terminal by its eight digits.

    Raises:
        LocalProtocolError: they are no eight digits.

    """
    try:
        raw = bytes.fromhex(terminal)
    except ValueError:
        raw = b""
    if len(raw) != 4:
        raise LocalProtocolError("address", f"{terminal!r} is no area and terminal of 8 digits")
    return raw[1::-1] + raw[:1:-1] + bytes((master,))


class SerialPort(msgspec.Struct, frozen=True):
    """How the terminal is to use its serial port for forwarding."""

    number: int = 31
    """31 is the meters' port of a terminal with one."""
    settings: int = 0b011_0_10_11
    """Baud (3 bits: 300, 600, 1200, 2400, 4800, 7200, 9600, 19200), two stop bits, parity, odd,
    data bits less 5 (2 bits); this is 2400 8E1, what DL/T 645 prescribes."""
    answer_timeout: int = 0x80 | 5
    """Top bit: seconds, else 10 ms."""
    gap_timeout: int = 50
    """10 ms."""


def forward_request(
    address: bytes, port: SerialPort, data: bytes, number: int, *, version: int = 2
) -> Frame:
    """Return the request to send ``data`` out of a serial port and to bring the answer.

    The layout is that of the standard's AFN 10H F1; no capture of it has been seen.

    Raises:
        LocalProtocolError: too much data for one frame.

    """
    if len(data) > FORWARD_SIZE_MAX:
        raise LocalProtocolError("size", f"{len(data)} bytes to forward, at most 1024")
    head = bytes((port.number, port.settings, port.answer_timeout, port.gap_timeout))
    size = len(data).to_bytes(2, "little")
    return Frame(
        control=PRIMARY | FUNCTION_CLASS_2,
        address=address,
        afn=AFN_FORWARD,
        seq=FIRST | FINAL | number & 0x0F,
        data=unit(1) + head + size + data + bytes(PASSWORD_SIZES[version]),
        version=version,
    )


def forwarded_request(frame: Frame) -> bytes:
    """Return what a master wants sent out of the serial port: the terminal's view.

    Raises:
        RemoteProtocolError: it is no whole request.

    """
    return _counted(frame.data[4:], 4)


def forward_answer(request: Frame, data: bytes) -> Frame:
    """Return a terminal's answer with what came from the serial port."""
    body = request.data[4:5] + len(data).to_bytes(2, "little") + data
    return Frame(
        control=UP | 0x08,
        address=request.address,
        afn=AFN_FORWARD,
        seq=FIRST | FINAL | request.seq & 0x0F,
        data=unit(1) + body,
        version=request.version,
    )


def forwarded_answer(frame: Frame) -> bytes:
    """Return what came from the serial port.

    Raises:
        RemoteProtocolError: it is no whole answer.

    """
    return _counted(frame.data[4:], 1)


def _counted(body: bytes, at: int) -> bytes:
    size: Sequence[int] = body[at : at + 2]
    end = at + 2 + int.from_bytes(size, "little")
    if len(size) < 2 or len(body) < end:
        raise RemoteProtocolError("truncated", "forwarded data that are not whole")
    return body[at + 2 : end]
