"""An engineer's translator of DDP."""

from collections.abc import Mapping
from typing import Any, Final

from protocols.capture import captured_chunks
from protocols.ddp import frame as ddp
from protocols.errors import ProtocolError, RemoteProtocolError
from protocols.links.classify import classify, refusal

TRANSLATES: Final = ("hongdian-ddp", "ddp")


def translate(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the packets in ``request`` say; never raises."""
    try:
        reader = ddp.PacketReader()
        packets = [packet for chunk in captured_chunks(request) for packet in reader.feed(chunk)]
        packets = _joined(packets + reader.idle())
        if not packets:
            raise RemoteProtocolError("framing", "no whole packet")
    except ProtocolError as problem:
        return refusal(problem, request)
    shown = [_shown(packet) for packet in packets]
    return {"ok": True, "valid": True, "decoded": shown} | shown[0]


def _joined(pieces: list[ddp.Packet]) -> list[ddp.Packet]:
    """Put data that came piece by piece behind their head."""
    packets: list[ddp.Packet] = []
    for piece in pieces:
        if piece.head or not packets:
            packets.append(piece)
        else:
            last = packets[-1]
            packets[-1] = ddp.Packet(last.kind, last.dtu, last.data + piece.data, last.layout)
    return packets


def _shown(packet: ddp.Packet) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": packet.kind,
        "dev": packet.dtu,
        "sniff": classify(ddp.encode_packet(packet)),
    }
    if packet.kind == ddp.REGISTER:
        shown["ip"], shown["port"] = ddp.decode_address(packet)
        shown["answer"] = ddp.encode_packet(ddp.Packet(ddp.REGISTERED, packet.dtu)).hex()
        return shown
    if packet.layout is not None:
        shown["form"] = str(packet.layout)
    return shown | {"data": packet.data.hex()}
