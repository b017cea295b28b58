"""Frames of DL/T 698.45: bytes in, whole frames out, whatever stands between them.

Layout; L counts everything between the start and the end mark, both checks are CRC-16/X-25, least
significant byte first, HCS over L..CA and FCS over L..APDU::

    68 | L(2) | C | SA: AF(1) address(n) | CA(1) | HCS(2) | APDU | FCS(2) | 16

Whether a frame begins here is decided by its checks, never by the mark: an address may hold 68H.
"""

from typing import Final

import msgspec

from protocols.dlms.fcs import fcs16
from protocols.errors import LocalProtocolError

START: Final = 0x68
END: Final = 0x16
LENGTH_MAX: Final = 0x3FFF
"""14 bits; the two above are reserved and a unit of 1 KB that nobody uses."""
APDU_SIZE_MAX: Final = 8192
HEAD_MIN: Final = 5
"""Up to the address flags, which tell how long the head is."""

FROM_TERMINAL: Final = 0x80
PRIMARY: Final = 0x40
FRAGMENT: Final = 0x20
SCRAMBLED: Final = 0x08
FUNCTION_LINK: Final = 1
FUNCTION_DATA: Final = 3

_SCRAMBLE: Final = bytes((value + 0x33) & 0xFF for value in range(256))
_UNSCRAMBLE: Final = bytes((value - 0x33) & 0xFF for value in range(256))


class Frame(msgspec.Struct, frozen=True):
    """One frame; ``apdu`` without the +33H that a scrambled one has on the wire."""

    control: int
    address: str
    """Hex digits, most significant first; decimal ones in practice."""
    apdu: bytes
    client: int = 0
    address_flags: int = 0x05
    """As on the wire: kind (2 bits), logical device (2), bytes of the address less 1 (4)."""

    @property
    def from_terminal(self) -> bool:
        """Whether the terminal or meter sent it."""
        return bool(self.control & FROM_TERMINAL)

    @property
    def function(self) -> int:
        """1: link management; 3: user data."""
        return self.control & 0x07


def encode_frame(frame: Frame) -> bytes:
    """Return the bytes of ``frame``.

    Raises:
        LocalProtocolError: the address is no address, or the APDU is too long.

    """
    address = _address_bytes(frame)
    apdu = frame.apdu.translate(_SCRAMBLE) if frame.control & SCRAMBLED else frame.apdu
    if len(apdu) > APDU_SIZE_MAX:
        raise LocalProtocolError("size", f"APDU of {len(apdu)} bytes, at most {APDU_SIZE_MAX}")
    size = 2 + 1 + len(address) + 1 + 2 + len(apdu) + 2
    head = size.to_bytes(2, "little") + bytes((frame.control,)) + address + bytes((frame.client,))
    body = head + fcs16(head).to_bytes(2, "little") + apdu
    return bytes((START,)) + body + fcs16(body).to_bytes(2, "little") + bytes((END,))


def _address_bytes(frame: Frame) -> bytes:
    size = (frame.address_flags & 0x0F) + 1
    try:
        digits = bytes.fromhex(frame.address)[::-1]
    except ValueError:
        digits = b""
    if len(digits) != size:
        raise LocalProtocolError("address", f"{frame.address!r} is no address of {size} bytes")
    return bytes((frame.address_flags,)) + digits


def head_size(start: bytes | bytearray) -> int | None:
    """Return the size of start mark, length, control, addresses and HCS; None: wait for more."""
    return None if len(start) < HEAD_MIN else HEAD_MIN + (start[4] & 0x0F) + 1 + 1 + 2


def whole_size(start: bytes | bytearray) -> int | None:
    """Return the size of the frame at ``start`` once its head is checked; 0: none; None: wait."""
    if start[0] != START or (len(start) > 2 and start[2] & 0xC0):
        return 0
    head = head_size(start)
    if head is None or len(start) < head:
        return None
    size = start[1] | start[2] << 8
    room = size - (head - 1) - 2
    if not 0 <= room <= APDU_SIZE_MAX:
        return 0
    good = fcs16(bytes(start[1 : head - 2])) == start[head - 2] | start[head - 1] << 8
    return size + 2 if good else 0


class FrameReader:
    """Cuts a byte stream into frames: ``feed`` it, and tell it when the line was ``idle``.

    A false start costs one byte: the search goes on right behind it.
    """

    __slots__ = ("_buffer", "bad_checksums")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.bad_checksums = 0
        """Frames whose head is right and whose FCS or end mark is wrong."""

    @property
    def left_over(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes; return the frames that are complete now."""
        self._buffer += data
        buffer, at = self._buffer, 0
        found: list[Frame] = []
        while (at := buffer.find(START, at)) >= 0:
            size = whole_size(buffer[at : at + HEAD_SIZE_MAX])
            if size is None or (size and len(buffer) < at + size):
                break
            frame = self._judge(bytes(buffer[at : at + size])) if size else None
            if frame is not None:
                found.append(frame)
            at += size if frame is not None and size else 1
        del buffer[: at if at >= 0 else len(buffer)]
        return found

    def idle(self) -> list[Frame]:
        """Give up the frame that never ends: drop its start and look behind it."""
        found: list[Frame] = []
        while self._buffer:
            del self._buffer[:1]
            found += self.feed(b"")
        return found

    def _judge(self, raw: bytes) -> Frame | None:
        head = HEAD_MIN + (raw[4] & 0x0F) + 4
        apdu = raw[head:-3]
        scrambled = raw[3] & SCRAMBLED
        plain = apdu.translate(_UNSCRAMBLE) if scrambled else apdu
        told = raw[-3] | raw[-2] << 8
        good = fcs16(raw[1:-3]) == told
        if scrambled and not good:
            # Some compute the check before they scramble.
            good = fcs16(raw[1:head] + plain) == told
        if not good or raw[-1] != END:
            self.bad_checksums += 1
            return None
        address = raw[head - 4 : 4 : -1].hex()
        return Frame(raw[3], address, plain, raw[head - 3], raw[4])


HEAD_SIZE_MAX: Final = HEAD_MIN + 16 + 1 + 2
