"""A modem that speaks DDP, in any of the three layouts of its data."""

from hes.fleet.links.side import Incoming
from protocols.ddp import frame as ddp
from protocols.ddp.frame import Layout, Packet, PacketReader, encode_packet

REGISTRATION = bytes((10, 0, 0, 2)) + (5000).to_bytes(2)
DATA_SIZE_MAX = 1024


class DdpSide:
    """See ``ModemSide``; the modem's name has up to 11 characters."""

    name = "ddp"

    def __init__(self, dtu: str, *, layout: Layout = Layout.INSIDE) -> None:
        self._dtu = dtu
        self._layout = layout
        self._reader = PacketReader()

    def connected(self, now_s: float) -> bytes:
        """See ``ModemSide``."""
        self._reader = PacketReader()
        return self.heartbeat(now_s)

    def receive(self, data: bytes, now_s: float) -> Incoming:
        """See ``ModemSide``."""
        to_line, reply = b"", b""
        for packet in self._reader.feed(data):
            if packet.kind == ddp.DATA_DOWN:
                to_line += packet.data
                reply += encode_packet(Packet(ddp.DATA_TAKEN, self._dtu)) if packet.head else b""
            elif packet.kind == ddp.REGISTER_AGAIN:
                reply += self.heartbeat(now_s)
            elif packet.kind == ddp.UNREGISTERED:
                return Incoming(to_line, reply, "the head-end unregistered the modem")
        return Incoming(to_line, reply)

    def wrap(self, data: bytes) -> bytes:
        """See ``ModemSide``."""
        pieces = (data[at : at + DATA_SIZE_MAX] for at in range(0, len(data), DATA_SIZE_MAX))
        return b"".join(
            encode_packet(Packet(ddp.DATA, self._dtu, piece, self._layout)) for piece in pieces
        )

    def heartbeat(self, _now_s: float) -> bytes:
        """See ``ModemSide``: the registration again."""
        return encode_packet(Packet(ddp.REGISTER, self._dtu, REGISTRATION))
