"""DDP: the modem registers, every packet tells its id, and data are acknowledged.

Packets go back in the layout in which the modem's last data came. A modem that waits to be asked
has shown none yet: it is asked in the maker's, and what has to be said again goes in the next one,
so that the first read through it succeeds by its repetitions, whichever it understands.
"""

from typing import Final

from protocols.ddp import frame as ddp
from protocols.ddp.frame import Layout, Packet, PacketReader, encode_packet
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.links.base import (
    Heartbeat,
    Held,
    Identified,
    LinkEvent,
    LinkKind,
    LinkSettings,
    MeterBytes,
    Reply,
    Verdict,
)
from protocols.links.notices import ForeignFrame, SaidGoodbye

DATA_SIZE_MAX: Final = 1024
"""Bytes of data in one packet: what the buffers of modems hold."""
TURNS: Final = (Layout.INSIDE, Layout.HEADER16, Layout.CLOSED)
"""The maker's layout first. Meters of all protocols are asked at least three times in a read."""
PATIENCE: Final = 3
"""Different packets in one layout, without a word of the modem, before the next has its turn: not
every repetition is the same (a challenge is new each time)."""
NO_PARITY: Final = bytes(byte & 0x7F for byte in range(256))
"""A meter of IEC 62056-21 is called with and without parity by turns."""


class DdpLink:
    """One connection of a modem that speaks DDP over TCP."""

    __slots__ = ("_dtu", "_reader", "_registered", "_turn", "_unheard", "layout", "name")

    pipe = True

    def __init__(self, _settings: LinkSettings) -> None:
        self.name = "ddp"
        self.layout = Layout.INSIDE
        self._turn: int | None = 0
        """Whose turn it is to be tried; None: the modem surely reads this layout."""
        self._unheard: set[bytes] = set()
        """What was said in this layout, and nothing came of it yet."""
        self._reader = PacketReader()
        self._dtu = ""
        self._registered = False

    def receive(self, data: bytes) -> list[LinkEvent]:
        """See ``Link.receive``."""
        events = [event for packet in self._reader.feed(data) for event in self._take(packet)]
        return [*events, Held()] if self._reader.left_over else events

    def idle(self) -> list[LinkEvent]:
        """See ``Link.idle``: a packet that never ends is given up."""
        return [event for packet in self._reader.idle() for event in self._take(packet)]

    def wrap(self, data: bytes) -> bytes:
        """See ``Link.wrap``."""
        if not self._dtu:
            raise LocalProtocolError("state", "nobody has registered on this connection")
        if self._turn is not None:
            self._turn = self._turn_of(data, self._turn)
            self.layout = TURNS[self._turn % len(TURNS)]
        pieces = (data[at : at + DATA_SIZE_MAX] for at in range(0, len(data), DATA_SIZE_MAX))
        return b"".join(
            encode_packet(Packet(ddp.DATA_DOWN, self._dtu, piece, self.layout)) for piece in pieces
        )

    def _turn_of(self, data: bytes, turn: int) -> int:
        said = data.translate(NO_PARITY)
        if said in self._unheard or len(self._unheard) >= PATIENCE:
            self._unheard.clear()
            turn += 1
        self._unheard.add(said)
        return turn

    def _take(self, packet: Packet) -> list[LinkEvent]:
        if packet.kind & 0x80:
            return []  # an echo of ours
        if self._dtu and packet.dtu != self._dtu:
            if packet.kind != ddp.REGISTER:
                return []  # no check guards the id: a packet with another one is damaged
            told = f"modem {packet.dtu} on the connection of {self._dtu}"
            raise RemoteProtocolError("identity", told)
        return [*self._identity(packet), *self._meaning(packet)]

    def _identity(self, packet: Packet) -> list[LinkEvent]:
        """Any packet tells the id; one that did not begin with it is asked to register."""
        events: list[LinkEvent] = []
        if not self._dtu:
            self._dtu = packet.dtu
            events.append(Identified(packet.dtu, "registration"))
        if not self._registered and packet.kind != ddp.UNREGISTER:
            self._registered = True
            if packet.kind != ddp.REGISTER:
                events.append(self._reply(ddp.REGISTER_AGAIN))
        return events

    def _meaning(self, packet: Packet) -> list[LinkEvent]:
        match packet.kind:
            case ddp.REGISTER:
                return [Heartbeat(), self._reply(ddp.REGISTERED)]
            case ddp.UNREGISTER:
                self._registered = False
                said = SaidGoodbye("the modem unregistered")
                return [said, self._reply(ddp.UNREGISTERED)]
            case ddp.DATA:
                return self._data(packet)
            case ddp.DATA_TAKEN:
                if self.layout is Layout.INSIDE:  # it might take the heads of others for packets
                    self._turn = None
                return []
            case ddp.INVALID:
                return []
            case _:
                return [ForeignFrame("hongdian-ddp", encode_packet(packet))]

    def _data(self, packet: Packet) -> list[LinkEvent]:
        self.layout, self._turn = packet.layout or self.layout, None  # the reader tells it of data
        events: list[LinkEvent] = [self._reply(ddp.DATA_TAKEN_DOWN)] if packet.head else []
        return [*events, MeterBytes(packet.data)] if packet.data else events

    def _reply(self, kind: int) -> Reply:
        return Reply(encode_packet(Packet(kind, self._dtu)))


def sniff(first: bytes, _settings: LinkSettings) -> Verdict:
    """Judge the first bytes: mark, type, length, printable id, and the end mark of a short one."""
    if not first:
        return Verdict.NO
    size = ddp.packet_size(first[: ddp.BARE_SIZE])
    if size is None:
        return Verdict.MORE
    if not size:
        return Verdict.NO
    if first[1] != ddp.REGISTER:
        return Verdict.YES
    if len(first) < size:
        return Verdict.MORE
    return Verdict.YES if first[size - 1] == ddp.MARK else Verdict.NO


LINK: Final = LinkKind(name="ddp", order=20, sniff=sniff, make=DdpLink, patience_s=3.0)
