"""Frames of DL/T 645: bytes in, whole frames out, whatever stands between them.

Layout; every byte of DATA has 33H added on the wire, CS is the sum from the first 68H on::

    FE* | 68 | A0..A5 | 68 | C | L | DATA | CS | 16

The address is BCD, least significant byte first. Whether a frame is complete is decided by its
length, end mark and checksum, never by a gap in time.
"""

from typing import Final

import msgspec

from protocols.errors import LocalProtocolError

START: Final = 0x68
END: Final = 0x16
WAKE_UP: Final = 0xFE
OFFSET: Final = 0x33
HEAD_SIZE: Final = 10
"""68H, address, 68H, control code, length."""
TAIL_SIZE: Final = 2
DATA_SIZE_MAX: Final = 200
"""The standard's limit for a read; a longer length is noise and must not stall the stream."""
FRAME_SIZE_MAX: Final = HEAD_SIZE + DATA_SIZE_MAX + TAIL_SIZE
ADDRESS_DIGITS: Final = 12
BROADCAST: Final = "999999999999"
ANY: Final = "a" * ADDRESS_DIGITS

_ENCODE: Final = bytes((value + OFFSET) & 0xFF for value in range(256))
_DECODE: Final = bytes((value - OFFSET) & 0xFF for value in range(256))


class Frame(msgspec.Struct, frozen=True):
    """One frame, its data without the offset."""

    address: str
    """12 digits, most significant first; ``a`` where it is a wildcard."""
    control: int
    data: bytes
    preamble: int = 0
    """Wake-up bytes that stood in front."""
    checksum: int = 0

    @property
    def from_meter(self) -> bool:
        """Whether a meter sent it; false for a request, ours or its echo."""
        return bool(self.control & 0x80)


def address_bytes(address: str) -> bytes:
    """Return the six bytes of an address on the wire; short addresses are filled with zeros.

    Raises:
        LocalProtocolError: it has more than 12 digits, or something else than digits and ``a``.

    """
    digits = address.lower().rjust(ADDRESS_DIGITS, "0")
    if len(digits) != ADDRESS_DIGITS or not set(digits) <= set("0123456789a"):
        raise LocalProtocolError("address", f"{address!r} is no address of up to 12 digits")
    return bytes.fromhex(digits)[::-1]


def address_matches(own: str, asked: str) -> bool:
    """Return whether a meter is meant: ``AA`` pads from the most significant byte on.

    The broadcast address and nothing but ``AA`` mean everybody.
    """
    asked = asked.lower()
    if asked == BROADCAST:
        return True  # meters of 1997 answer reads to it
    return own.rjust(ADDRESS_DIGITS, "0").endswith(_without_padding(asked))


def is_wildcard(address: str) -> bool:
    """Return whether an address may mean several meters."""
    return "a" in address.lower() or address == BROADCAST


def _without_padding(asked: str) -> str:
    """Return the digits after the pairs of ``AA`` in front."""
    while asked.startswith("aa"):
        asked = asked[2:]
    return asked


def encode_frame(address: str, control: int, data: bytes = b"", *, wake_up: int = 4) -> bytes:
    """Return the bytes of a frame with ``wake_up`` bytes FE in front.

    Raises:
        LocalProtocolError: too much data for one frame, or no address.

    """
    if len(data) > DATA_SIZE_MAX:
        raise LocalProtocolError("size", f"{len(data)} bytes of data, at most {DATA_SIZE_MAX}")
    start = bytes((START,))
    head = start + address_bytes(address) + start + bytes((control, len(data)))
    body = head + data.translate(_ENCODE)
    return bytes((WAKE_UP,)) * wake_up + body + bytes((sum(body) & 0xFF, END))


class FrameReader:
    """Cuts a byte stream into frames: ``feed`` it, and tell it when the line was ``idle``.

    A false start costs one byte: the search goes on right behind it.
    """

    __slots__ = ("_buffer", "_preamble", "bad_checksums", "broken", "overlong")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._preamble = 0
        self.bad_checksums = 0
        self.broken = 0
        """Frames with a wrong checksum or end mark; noise may look like some."""
        self.overlong = 0
        """Starts of frames that announced more data than there may be."""

    @property
    def left_over(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes; return the frames that are complete now."""
        self._buffer += data
        return list(self._frames())

    def idle(self) -> list[Frame]:
        """Give up the frame that never ends: drop its start and look behind it."""
        found: list[Frame] = []
        while self._buffer:
            self._drop_start()
            found += self._frames()
        self._preamble = 0
        return found

    def _frames(self) -> list[Frame]:
        found: list[Frame] = []
        while self._find_start():
            size = self._size()
            if size is None:
                break
            frame = self._judge(size) if size else None
            if frame is None:
                self._drop_start()
                continue
            found.append(frame)
            del self._buffer[:size]
            self._preamble = 0
        return found

    def _find_start(self) -> bool:
        """Drop what stands before the next 68H and count the wake-up bytes right before it."""
        buffer = self._buffer
        at = buffer.find(START)
        noise = len(buffer) if at < 0 else at
        if noise:
            wake_ups = noise - len(buffer[:noise].rstrip(b"\xfe"))
            self._preamble = wake_ups + (self._preamble if wake_ups == noise else 0)
            del buffer[:noise]
        return at >= 0

    def _drop_start(self) -> None:
        del self._buffer[:1]
        self._preamble = 0

    def _size(self) -> int | None:
        """Return the size of the frame that begins here; 0: there is none; None: wait for more."""
        buffer = self._buffer
        if len(buffer) > 7 and buffer[7] != START:
            return 0
        if len(buffer) < HEAD_SIZE:
            return None
        if buffer[9] > DATA_SIZE_MAX:
            self.overlong += 1
            return 0
        size = HEAD_SIZE + buffer[9] + TAIL_SIZE
        return None if len(buffer) < size else size

    def _judge(self, size: int) -> Frame | None:
        buffer = self._buffer
        if buffer[size - 1] != END:
            self.broken += 1
            return None
        checksum = buffer[size - 2]
        if sum(buffer[: size - 2]) & 0xFF != checksum:
            self.broken += 1
            self.bad_checksums += 1
            return None
        return Frame(
            address=bytes(buffer[6:0:-1]).hex(),
            control=buffer[8],
            data=bytes(buffer[HEAD_SIZE : size - 2]).translate(_DECODE),
            preamble=self._preamble,
            checksum=checksum,
        )
