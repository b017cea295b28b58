"""Frames of Q/GDW 376.1: bytes in, whole frames out, whatever stands between them.

Layout; L counts the user data (C up to the end of DATA) and stands there twice, little endian,
shifted by two bits over the version of the protocol; CS is the sum of the user data::

    68 | L | L | 68 | C | A(5) | AFN | SEQ | DATA | CS | 16

The address is area (BCD) and terminal, both least significant byte first, and that of the master.
"""

from typing import Final

import msgspec

from protocols.errors import LocalProtocolError

START: Final = 0x68
END: Final = 0x16
HEAD_SIZE: Final = 6
TAIL_SIZE: Final = 2
USER_SIZE_MIN: Final = 8
"""C, A, AFN, SEQ."""
USER_SIZE_MAX: Final = 2048
"""The field allows 16383; terminals stay below that, and a false start may not stall for long."""
VERSIONS: Final = (1, 2)
"""1: of 2005; 2: of 2009 and later."""

UP: Final = 0x80
PRIMARY: Final = 0x40
ACCESS_DEMAND: Final = 0x20
"""Upwards: the terminal has events, and their counters stand behind the data."""
FIRST: Final = 0x40
FINAL: Final = 0x20
CONFIRM: Final = 0x10
TIME_TAG: Final = 0x80


class Frame(msgspec.Struct, frozen=True):
    """One frame; the data are as sent, with event counter and time tag where there are any."""

    control: int
    address: bytes
    """Five bytes as on the wire: area, terminal, master."""
    afn: int
    """Application function: 00 confirm, 02 link interface, 10H transparent forwarding, ..."""
    seq: int
    data: bytes = b""
    version: int = 2

    @property
    def terminal(self) -> str:
        """Area and terminal, eight digits, as people write them."""
        return self.address[1::-1].hex() + self.address[3:1:-1].hex()

    @property
    def up(self) -> bool:
        """Whether the terminal sent it."""
        return bool(self.control & UP)

    @property
    def wants_confirm(self) -> bool:
        """Whether the sender waits for a confirmation."""
        return bool(self.seq & CONFIRM)


def encode_frame(frame: Frame) -> bytes:
    """Return the bytes of ``frame``.

    Raises:
        LocalProtocolError: the address has not five bytes, or there are too many data.

    """
    user = bytes((frame.control,)) + frame.address + bytes((frame.afn, frame.seq)) + frame.data
    if len(frame.address) != 5 or len(user) > USER_SIZE_MAX:
        raise LocalProtocolError("size", f"{len(user)} bytes of user data, at most {USER_SIZE_MAX}")
    size = (len(user) << 2 | frame.version).to_bytes(2, "little")
    start = bytes((START,))
    return start + size + size + start + user + bytes((sum(user) & 0xFF, END))


def user_size(start: bytes | bytearray) -> int | None:
    """Return how many bytes of user data the frame at ``start`` has; 0: no frame; None: wait."""
    if start[0] != START or (len(start) >= HEAD_SIZE and start[5] != START):
        return 0
    if len(start) < HEAD_SIZE:
        # What is here must fit already: both lengths are the same.
        fits = start[3:5] == start[1 : len(start) - 2] if len(start) > 3 else True
        return None if fits else 0
    size = start[1] | start[2] << 8
    fits = start[1:3] == start[3:5] and size & 3 in VERSIONS
    return size >> 2 if fits and USER_SIZE_MIN <= size >> 2 <= USER_SIZE_MAX else 0


class FrameReader:
    """Cuts a byte stream into frames: ``feed`` it, and tell it when the line was ``idle``.

    A false start costs one byte: the search goes on right behind it.
    """

    __slots__ = ("_buffer", "bad_checksums")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.bad_checksums = 0

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
            size = user_size(buffer[at : at + HEAD_SIZE])
            whole = HEAD_SIZE + (size or 0) + TAIL_SIZE
            if size is None or (size and len(buffer) < at + whole):
                break
            frame = self._judge(at, size) if size else None
            if frame is not None:
                found.append(frame)
            at += whole if frame is not None else 1
        del buffer[: at if at >= 0 else len(buffer)]
        return found

    def idle(self) -> list[Frame]:
        """Give up the frame that never ends: drop its start and look behind it."""
        found: list[Frame] = []
        while self._buffer:
            del self._buffer[:1]
            found += self.feed(b"")
        return found

    def _judge(self, at: int, size: int) -> Frame | None:
        start = at + HEAD_SIZE
        user = bytes(self._buffer[start : start + size])
        checksum, end = self._buffer[start + size : start + size + TAIL_SIZE]
        # The end mark goes first: it costs nothing, and most false starts have none.
        if end != END or sum(user) & 0xFF != checksum:
            self.bad_checksums += 1
            return None
        version = self._buffer[at + 1] & 3
        return Frame(user[0], user[1:6], user[6], user[7], user[8:], version)
