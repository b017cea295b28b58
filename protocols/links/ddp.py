"""DDP: the modem registers, every packet tells its id, and data are acknowledged.

Packets go back in the layout in which the modem's last data came. A modem that waits to be asked
has shown none yet: it is asked in the maker's, and only when nothing came of that in the others.
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
TURNS: Final = (Layout.INSIDE, Layout.HEADER16, Layout.INSIDE, Layout.CLOSED)
"""The maker's layout comes most often: its modems may have a meter that does not answer now."""
PATIENCE: Final = 6
"""Packets in one layout, without a word of the modem, before the next has its turn: a whole read
with its repetitions."""


class DdpLink:
    """One connection of a modem that speaks DDP over TCP."""

    __slots__ = ("_dtu", "_reader", "_registered", "_unheard", "layout", "name")

    pipe = True

    def __init__(self, _settings: LinkSettings) -> None:
        self.name = "ddp"
        self.layout = Layout.INSIDE
        self._unheard: int | None = 0
        """Packets of data that nothing came of yet; None: the modem surely reads this layout."""
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
        if self._unheard is not None:
            self.layout = TURNS[self._unheard // PATIENCE % len(TURNS)]
            self._unheard += 1
        pieces = (data[at : at + DATA_SIZE_MAX] for at in range(0, len(data), DATA_SIZE_MAX))
        return b"".join(
            encode_packet(Packet(ddp.DATA_DOWN, self._dtu, piece, self.layout)) for piece in pieces
        )

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
                    self._unheard = None
                return []
            case ddp.INVALID:
                return []
            case _:
                return [ForeignFrame("hongdian-ddp", encode_packet(packet))]

    def _data(self, packet: Packet) -> list[LinkEvent]:
        if packet.layout is not None:
            self.layout, self._unheard = packet.layout, None
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
