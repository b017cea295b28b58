"""HDLC frames of DLMS (IEC 62056-46): bytes in, whole frames with a good check out.

Layout, frame format type 3::

    7E | A + S + length (16 bits) | destination | source | control | HCS | information | FCS | 7E

S says that more segments follow; the length counts everything between the flags. Frames are cut by
their length, never at 7E, which may stand inside. After noise one byte is dropped and the search
begins anew, so that a good frame behind it is always found.
"""

from enum import Enum
from typing import Final

import msgspec

from protocols.dlms.fcs import fcs16, with_fcs
from protocols.errors import LocalProtocolError, RemoteProtocolError

FLAG: Final = 0x7E
FORMAT: Final = 0xA0
SEGMENTED: Final = 0x08
LENGTH_MAX: Final = 0x7FF
"""The field has 11 bits: no frame is longer."""
ADDRESS_SIZES: Final = (1, 2, 4)
SHORTEST: Final = 7
"""Format, two addresses of one byte, control, check: a frame without information."""


HEADER_SIZE_MAX: Final = 13
"""Format, two addresses of four bytes, control, header check."""


class Kind(Enum):
    """What a control field says, without the numbers in it."""

    I = "I"  # noqa: E741 -- the standard's name
    RR = "RR"
    RNR = "RNR"
    SNRM = "SNRM"
    DISC = "DISC"
    UA = "UA"
    DM = "DM"
    FRMR = "FRMR"
    UI = "UI"
    OTHER = "other"


_UNNUMBERED: Final = {
    0x83: Kind.SNRM, 0x43: Kind.DISC, 0x63: Kind.UA, 0x0F: Kind.DM, 0x87: Kind.FRMR, 0x03: Kind.UI,
}  # fmt: skip
POLL: Final = 0x10
SNRM: Final = 0x93
DISC: Final = 0x53
UA: Final = 0x73
DM: Final = 0x1F
UI: Final = 0x13
FRMR: Final = 0x97


def kind_of(control: int) -> Kind:
    """Return what ``control`` says."""
    if control & 0x01 == 0:
        return Kind.I
    if control & 0x0F == 0x01:
        return Kind.RR
    if control & 0x0F == 0x05:
        return Kind.RNR
    return _UNNUMBERED.get(control & ~POLL, Kind.OTHER)


def information_control(send_number: int, receive_number: int, *, final: bool = True) -> int:
    """Return the control field of an I frame."""
    return receive_number << 5 | (POLL if final else 0) | send_number << 1


def receive_ready(receive_number: int) -> int:
    """Return the control field of an RR frame with the poll bit."""
    return receive_number << 5 | POLL | 0x01


class HdlcFrame(msgspec.Struct, frozen=True):
    """One frame whose checks were good."""

    destination: bytes
    """Address as on the wire, 1, 2 or 4 bytes."""
    source: bytes
    control: int
    segmented: bool
    information: bytes

    @property
    def kind(self) -> Kind:
        """What the control field says."""
        return kind_of(self.control)

    @property
    def send_number(self) -> int:
        """N(S) of an I frame."""
        return self.control >> 1 & 7

    @property
    def receive_number(self) -> int:
        """N(R) of an I, RR or RNR frame."""
        return self.control >> 5


def encode_address(upper: int, lower: int | None, size: int) -> bytes:
    """Return a server's address: logical device ``upper``, physical device ``lower``.

    One byte holds the upper part only; two bytes hold 7 bits of each; four bytes 14 bits of each.

    Raises:
        LocalProtocolError: a part does not fit.

    """
    parts = (upper,) if size == 1 else (upper, lower or 0)
    limit = 0x80 if size < 4 else 0x4000
    if size not in ADDRESS_SIZES or any(not 0 <= part < limit for part in parts):
        raise LocalProtocolError("address", f"address {upper}/{lower} does not fit {size} bytes")
    if size < 4:
        raw = [part << 1 for part in parts]
    else:
        raw = [half for part in parts for half in (part >> 7 << 1, (part & 0x7F) << 1)]
    raw[-1] |= 1
    return bytes(raw)


def decode_address(address: bytes) -> tuple[int, int | None]:
    """Return the upper and, if there is one, the lower part of an address."""
    if len(address) not in ADDRESS_SIZES:
        raise RemoteProtocolError("address", f"an HDLC address of {len(address)} bytes")
    parts = [part >> 1 for part in address]
    if len(parts) == 1:
        return parts[0], None
    if len(parts) == 2:
        return parts[0], parts[1]
    return parts[0] << 7 | parts[1], parts[2] << 7 | parts[3]


def encode_frame(
    destination: bytes,
    source: bytes,
    control: int,
    information: bytes = b"",
    *,
    segmented: bool = False,
) -> bytes:
    """Return the bytes of a frame, flags included.

    Raises:
        LocalProtocolError: it would be longer than the length field can say.

    """
    length = 2 + len(destination) + len(source) + 1 + 2
    length += len(information) + 2 if information else 0
    if length > LENGTH_MAX:
        raise LocalProtocolError("length", f"a frame of {length} bytes, limit {LENGTH_MAX}")
    high = FORMAT | (SEGMENTED if segmented else 0) | length >> 8
    header = bytes((high, length & 0xFF)) + destination + source + bytes((control,))
    body = with_fcs(header)
    if information:
        body = with_fcs(body + information)
    return b"\x7e" + body + b"\x7e"


def decode_body(body: bytes) -> HdlcFrame:
    """Return the frame whose bytes between the flags are ``body``.

    Raises:
        RemoteProtocolError: ``hcs`` or ``fcs``: damaged; ``address`` or ``format``: no such frame.

    """
    if len(body) < SHORTEST or body[0] & 0xF0 != FORMAT:
        raise RemoteProtocolError("format", "no HDLC frame of format type 3")
    destination, at = _address(body, 2)
    source, at = _address(body, at)
    if at + 3 > len(body):
        raise RemoteProtocolError("format", "a frame without control field or check")
    has_information = at + 3 < len(body)
    if has_information and not may_be_header(body[:HEADER_SIZE_MAX]):
        raise RemoteProtocolError("hcs", "the header check is wrong")
    if fcs16(body[:-2]) != int.from_bytes(body[-2:], "little"):
        raise RemoteProtocolError("fcs", "the frame check is wrong")
    information = body[at + 3 : -2] if has_information else b""
    return HdlcFrame(destination, source, body[at], bool(body[0] & SEGMENTED), information)


def _address(body: bytes, start: int) -> tuple[bytes, int]:
    for size in ADDRESS_SIZES:
        end = start + size
        if end < len(body) and body[end - 1] & 1:
            return body[start:end], end
    raise RemoteProtocolError("address", "an HDLC address without end")


def may_be_header(header: bytes) -> bool:
    """Whether the first bytes behind a flag may be a frame's header, as far as they have come.

    Its own check, which is the frame's where nothing follows, is what keeps two stray bytes from
    making us wait for 2,047 more.
    """
    try:
        _, end = _address(header, 2)
        _, end = _address(header, end)
    except RemoteProtocolError:
        return len(header) < HEADER_SIZE_MAX
    if len(header) < end + 3:
        return True
    return fcs16(header[: end + 1]) == header[end + 1] | header[end + 2] << 8


class HdlcReader:
    """Cuts a byte stream into frames: feed ``receive_data``, then drain ``next_frame``.

    Noise and damaged frames are skipped and counted; the line goes on.
    """

    __slots__ = ("_at", "_buffer", "bad_checks", "dropped")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0
        self.dropped = 0
        """Bytes that belonged to no frame."""
        self.bad_checks = 0
        """Frames whose check was wrong."""

    def receive_data(self, data: bytes) -> None:
        """Add bytes as they came, cut anywhere."""
        self._buffer += data

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._buffer) - self._at

    def next_frame(self) -> HdlcFrame | None:
        """Return the next good frame, or None when more bytes are needed."""
        frame = None
        while frame is None:
            size = self._frame_size()
            if size is None:
                self._drop(1)
            elif size == 0:
                break
            else:
                frame = self._try(size)
        if self._at:
            del self._buffer[: self._at]
            self._at = 0
        return frame

    def _frame_size(self) -> int | None:
        """Bytes of the frame at the start, flags included; 0: need more; None: no frame here."""
        buffer, at = self._buffer, self._at
        have = len(buffer) - at
        if not have:
            return 0
        if buffer[at] != FLAG or (have > 1 and buffer[at + 1] & 0xF0 != FORMAT):
            return None
        if have < 3:
            return 0
        length = (buffer[at + 1] & 7) << 8 | buffer[at + 2]
        header = bytes(buffer[at + 1 : at + 1 + HEADER_SIZE_MAX])
        if length < SHORTEST or not may_be_header(header):
            return None
        if have < length + 2:
            return 0
        return length + 2 if buffer[at + length + 1] == FLAG else None

    def _try(self, size: int) -> HdlcFrame | None:
        start = self._at + 1
        try:
            frame = decode_body(bytes(self._buffer[start : start + size - 2]))
        except RemoteProtocolError:
            self.bad_checks += 1
            self._drop(1)
            return None
        self._at += size - 1  # the closing flag may open the next frame
        return frame

    def _drop(self, count: int) -> None:
        if self._buffer[self._at] != FLAG:
            self.dropped += count
        self._at += count
