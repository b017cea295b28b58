"""Packets of DDP: bytes in, packets out, whatever stands between them.

Head of every packet, 15 bytes; the id has 11 ASCII characters, filled up with NUL::

    7B | type | length(2) | id(11)

A register packet goes on with address(4), port(2) and 7B; all others but data end with 7B at once.
Data packets exist in three layouts, told apart by their length and byte 15::

    INSIDE    length = all,  data, 7B
    HEADER16  length = 16,   7B, then data that have no length at all
    CLOSED    length = all,  7B, data

There is no checksum: marks, length, type and a printable id must all fit. Over TCP the data of the
layout HEADER16 go on until the next head with the same id.
"""

from enum import StrEnum
from typing import Final

import msgspec

from protocols.errors import LocalProtocolError

MARK: Final = 0x7B
HEAD_SIZE: Final = 15
BARE_SIZE: Final = 16
REGISTER_SIZE: Final = 22
LENGTH_MAX: Final = 4096
"""Modems send up to 1024 bytes of data; a longer length is noise and must not stall the stream."""
ID_SIZE: Final = 11

REGISTER: Final = 0x01
UNREGISTER: Final = 0x02
INVALID: Final = 0x04
DATA_TAKEN: Final = 0x05
DATA: Final = 0x09
REGISTERED: Final = 0x81
UNREGISTERED: Final = 0x82
REGISTER_AGAIN: Final = 0x83
DATA_TAKEN_DOWN: Final = 0x85
DATA_DOWN: Final = 0x89

REGISTER_START: Final = bytes((MARK, REGISTER)) + REGISTER_SIZE.to_bytes(2)

_DATA_TYPES: Final = frozenset({DATA, DATA_DOWN})
_BARE_TYPES: Final = frozenset(
    {UNREGISTER, INVALID, DATA_TAKEN, REGISTERED, UNREGISTERED, REGISTER_AGAIN, DATA_TAKEN_DOWN}
)
_OTHER_TYPES: Final = frozenset({0x0B, 0x0D, 0x0E, 0x0F, 0x8B, 0x8D, 0x8E, 0x8F})
"""Parameters, logs, upgrades: carried, not read."""
_TYPES: Final = _DATA_TYPES | _BARE_TYPES | _OTHER_TYPES | {REGISTER}
_ID_BYTES: Final = frozenset(range(0x21, 0x7F))


class Layout(StrEnum):
    """Where the data of a packet stand."""

    INSIDE = "inside"
    HEADER16 = "header16"
    CLOSED = "closed"


class Packet(msgspec.Struct, frozen=True):
    """One packet, or more data of the one before (``head`` false; HEADER16 only)."""

    kind: int
    dtu: str
    data: bytes = b""
    layout: Layout | None = None
    head: bool = True


def encode_packet(packet: Packet) -> bytes:
    """Return the bytes of ``packet``.

    Raises:
        LocalProtocolError: the id or the data are too long.

    """
    name = packet.dtu.encode("ascii", "replace")
    size = BARE_SIZE + (0 if packet.layout is Layout.HEADER16 else len(packet.data))
    if len(name) > ID_SIZE or size > LENGTH_MAX:
        raise LocalProtocolError("size", f"id of {len(name)} bytes, packet of {size}")
    mark = bytes((MARK,))
    head = mark + bytes((packet.kind,)) + size.to_bytes(2) + name.ljust(ID_SIZE, b"\0")
    if packet.layout in {Layout.HEADER16, Layout.CLOSED}:
        return head + mark + packet.data
    return head + packet.data + mark


def decode_address(packet: Packet) -> tuple[str, int]:
    """Return the address and port that a modem registers with."""
    return ".".join(map(str, packet.data[:4])), int.from_bytes(packet.data[4:6])


def packet_size(start: bytes | bytearray) -> int | None:
    """Return the size of the packet at ``start`` by its head; 0: none; None: wait for more.

    For HEADER16 it is that of the closed head.
    """
    if start[0] != MARK or (len(start) > 1 and start[1] not in _TYPES):
        return 0
    size = int.from_bytes(start[2:4]) if len(start) > 3 else None
    if size is not None and not _size_fits(start[1], size):
        return 0
    if not _may_be_name(start[4:HEAD_SIZE]):
        return 0
    if len(start) < BARE_SIZE:
        return None
    if size == BARE_SIZE and start[HEAD_SIZE] != MARK:
        return 0
    return size


def _size_fits(kind: int, size: int) -> bool:
    if kind == REGISTER:
        return size == REGISTER_SIZE
    if kind in _BARE_TYPES:
        return size == BARE_SIZE
    return BARE_SIZE <= size <= LENGTH_MAX


def _may_be_name(raw: bytes | bytearray) -> bool:
    """Return whether these bytes, all 11 or fewer, are printable and then NUL."""
    name = raw.rstrip(b"\0")
    return (bool(name) or len(raw) == 0) and _ID_BYTES.issuperset(name)


class PacketReader:
    """Cuts a byte stream into packets: ``feed`` it, and tell it when the line was ``idle``.

    A false start costs one byte: the search goes on right behind it.
    """

    __slots__ = ("_buffer", "_layout", "_name", "_open")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._layout = Layout.INSIDE
        """Which of the two layouts with a whole length came last: decides when both fit."""
        self._name = ""
        """Whose packets these are: the id of the first. No check guards an id, so the data of
        another one may not go on: they would swallow all that follows."""
        self._open: Packet | None = None
        """The HEADER16 packet whose data may go on."""

    @property
    def left_over(self) -> int:
        """Bytes of a packet that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Packet]:
        """Take bytes; return what is complete now."""
        self._buffer += data
        found: list[Packet] = []
        while self._buffer and self._step(found):
            pass
        return found

    def idle(self) -> list[Packet]:
        """Give up the packet that never ends: drop its start and look behind it."""
        found: list[Packet] = []
        while self._buffer:
            self._pass_over(1, found)
            found += self.feed(b"")
        return found

    def _step(self, found: list[Packet]) -> bool:
        """Take one thing from the start of the buffer; False when it must wait for more bytes."""
        at, size = self._find_head()
        if at:
            self._pass_over(at, found)
            return True
        if size is None or (size and len(self._buffer) < size):
            return False
        packet = self._judge(bytes(self._buffer[:size])) if size else None
        if packet is None:
            self._pass_over(1, found)
            return True
        found.append(packet)
        del self._buffer[:size]
        self._name = self._name or packet.dtu
        goes_on = packet.layout is Layout.HEADER16 and packet.dtu == self._name
        self._open = packet if goes_on else None
        return True

    def _find_head(self) -> tuple[int, int | None]:
        """Return how many bytes stand before what may be a head, and its ``packet_size``."""
        buffer, at = self._buffer, 0
        while (at := buffer.find(MARK, at)) >= 0:
            if at + 1 < len(buffer) and buffer[at + 1] not in _TYPES:
                at += 1
                continue
            start = buffer[at : at + BARE_SIZE]
            size = packet_size(start)
            if size != 0 and self._is_expected(start):
                return at, size
            at += 1
        return len(buffer), 0

    def _is_expected(self, start: bytearray) -> bool:
        """Inside data without a length only a head with the same id is one, or a registration."""
        if self._open is None or start[:4] == REGISTER_START:
            return True
        name = self._open.dtu.encode("ascii").ljust(ID_SIZE, b"\0")
        return name.startswith(bytes(start[4:HEAD_SIZE]))

    def _pass_over(self, size: int, found: list[Packet]) -> None:
        """Take bytes that are no packet: data of an open one, or noise."""
        if self._open is not None:
            data = bytes(self._buffer[:size])
            found.append(Packet(self._open.kind, self._open.dtu, data, Layout.HEADER16, head=False))
        del self._buffer[:size]

    def _judge(self, raw: bytes) -> Packet | None:
        kind, name = raw[1], raw[4:HEAD_SIZE].rstrip(b"\0").decode("ascii")
        closed, ended = raw[HEAD_SIZE] == MARK, raw[-1] == MARK
        if kind not in _DATA_TYPES:
            return Packet(kind, name, raw[HEAD_SIZE:-1]) if ended else None
        if len(raw) == BARE_SIZE:
            return Packet(kind, name, b"", Layout.HEADER16)
        if closed and ended:
            layout = self._layout
        elif closed or ended:
            layout = Layout.CLOSED if closed else Layout.INSIDE
        else:
            return None
        self._layout = layout
        data = raw[BARE_SIZE:] if layout is Layout.CLOSED else raw[HEAD_SIZE:-1]
        return Packet(kind, name, data, layout)
