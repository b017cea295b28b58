"""A modem that speaks DDP, in any of the three layouts of its data."""

from functools import partial
from typing import Final

from hes.fleet.links.side import Incoming, SideKind, SideWorld, phone
from hes.fleet.planned import ModemPlan
from protocols.ddp import frame as ddp
from protocols.ddp.frame import Layout, Packet, PacketReader, encode_packet

REGISTRATION = bytes((10, 0, 0, 2)) + (5000).to_bytes(2)
DATA_SIZE_MAX = 1024
PAUSE_S = 0.5
NEVER = float("inf")


class DdpSide:
    """See ``ModemSide``; the modem's name has up to 11 characters."""

    name = "ddp"

    def __init__(self, dtu: str, *, layout: Layout = Layout.INSIDE) -> None:
        self._dtu = dtu
        self._layout = layout
        self._reader = PacketReader()
        self.next_due_s = NEVER
        """See ``BusySide``: when bytes that may begin a packet are let go."""

    def connected(self, now_s: float) -> bytes:
        """See ``ModemSide``."""
        self._reader = PacketReader()
        self.next_due_s = NEVER
        return self.heartbeat(now_s)

    def receive(self, data: bytes, now_s: float) -> Incoming:
        """See ``ModemSide``."""
        packets = self._reader.feed(data)
        self.next_due_s = now_s + PAUSE_S if self._reader.left_over else NEVER
        return self._taken(packets, now_s)

    def due(self, now_s: float) -> Incoming:
        """See ``BusySide``: without a length a mark at the end of data is told by a pause."""
        self.next_due_s = NEVER
        return self._taken(self._reader.idle(), now_s)

    def _taken(self, packets: list[Packet], now_s: float) -> Incoming:
        to_line, reply = b"", b""
        for packet in packets:
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


def _make(plan: ModemPlan, _world: SideWorld, *, layout: Layout) -> DdpSide:
    return DdpSide(plan.modem_id, layout=layout)


SIDES: Final = {
    f"ddp-{layout}": SideKind(link="ddp", make=partial(_make, layout=layout), name=phone(prefix))
    for layout, prefix in ((Layout.INSIDE, "136"), (Layout.HEADER16, "135"), (Layout.CLOSED, "134"))
}
