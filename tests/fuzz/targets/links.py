"""Links: each kind there is, the detection of all, their packets and translators."""

from datetime import UTC, datetime
from typing import Any

from fuzzing import Target, stream
from hml1_bench import NAME, SECRET

from hes.decoding import find_translators
from protocols.ddp import frame as ddp
from protocols.dlt698 import forward as dlt698_forward, frame as dlt698, link_layer as dlt698_link
from protocols.gdw376 import frame as gdw376, link_layer as gdw376_link
from protocols.hml1 import greeting, messages, tlv
from protocols.hml1.frame import Frame as Hml1Frame, FrameReader as Hml1Reader, encode_frame
from protocols.hml1.kinds import Kind, Tag
from protocols.hml1.peer import MESSAGE_SIZE_MAX, PARTIAL_MAX, Peer
from protocols.links.alarm_push import decode_dsmr4, encode_dsmr4
from protocols.links.base import Link, LinkKind, LinkSettings
from protocols.links.registry import KINDS, detect, make_link
from protocols.links.world import LinkWorld
from protocols.prot.stuffing import Registration, Unstuffer, encode_registration

NOW = datetime(2026, 11, 28, 6, 0, 17, tzinfo=UTC)
WORLD = LinkWorld(
    now=lambda: NOW, random_bytes=bytes, secret_of=lambda _: SECRET, stored_up_to=lambda _: 0
)
SETTINGS = LinkSettings(
    world=WORLD, registration=r"MODEM:(?P<modem_id>\w{1,20})\r\n", registration_mode="both",
    heartbeat=r"\*PING\*",
)  # fmt: skip
HELLO = tlv.encode_tlv({Tag.ID: NAME.encode(), Tag.NONCE: bytes(8), Tag.MODEL: b"TEST"})
HML1 = [Peer(None).send(Kind.HELLO, HELLO), Peer(None).send(Kind.PING, b""),
        Peer(None).send(Kind.RECORD, bytes(40))]  # fmt: skip
GDW376 = gdw376.encode_frame(gdw376_link.link_request(b"\x33\x42\x01\x00\x00", 1, 1))
DLT698_ASKED = dlt698_link.LinkRequest(1, 0, 180, dlt698_link.encode_time(NOW))
DLT698 = dlt698.encode_frame(dlt698_link.link_frame("000000001234", DLT698_ASKED))
DDP = [ddp.encode_packet(ddp.Packet(ddp.REGISTER, "13700137000", b"\x0a\0\0\x07\x13\x88")),
       ddp.encode_packet(ddp.Packet(ddp.DATA, "13700137000", b"/?!\r\n"))]  # fmt: skip
PROT = encode_registration(Registration(b"\1\2\3\4", "13800138000", "10.0.0.5"))
DSMR4 = encode_dsmr4("E0099000000000042", bytes.fromhex("00000010"))
FIRST = {
    "prot": [PROT + b"\xfe/?!\r\n\xfd\xed"], "ddp": DDP, "gdw376": [GDW376], "dlt698": [DLT698],
    "forcecontrol": [b"\xaa\x0113700137000\r" + b"/?!\r\n"], "dsmr4": [DSMR4], "hml1": HML1,
    "dlms-push": [bytes.fromhex("00010001000100080f00000001000000")],
    "mode-d": [b"/SIM5TEST\r\n\r\n0.0.0(4711)\r\n1.8.0(1*kWh)\r\n!\r\n"],
    "raw": [b"MODEM:861234567890123\r\n/?!\r\n*PING*"],
}  # fmt: skip
EVERY = [frame for frames in FIRST.values() for frame in frames]


def receive(link: Link, data: bytes) -> None:
    link.receive(data)


def then_idle(link: Link, data: bytes) -> None:
    link.receive(data)
    link.idle()


def detected(data: bytes) -> Any:
    found = detect(data[:300], LinkSettings(world=WORLD))
    if not isinstance(found, LinkKind):
        found = detect(data[:300], SETTINGS, ended=True)
    if isinstance(found, LinkKind):
        link = found.make(SETTINGS)
        link.receive(data)
        return [link, link.idle()][:1]
    return None


def linked(name: str, step: Any) -> Any:
    settings = LinkSettings(
        link=name, world=WORLD, registration=SETTINGS.registration, heartbeat=SETTINGS.heartbeat,
        registration_mode=SETTINGS.registration_mode,
    )  # fmt: skip
    return stream(lambda: make_link(settings), step)


def fed(reader: Any, data: bytes) -> None:
    reader.feed(data)


def sealed(data: bytes) -> None:
    """Any message of HML/1 in a frame whose check is right, to a head-end."""
    link = make_link(LinkSettings(link="hml1", world=WORLD))
    kind, payload = (data[0], data[1:4000]) if data else (0, b"")
    link.receive(HML1[0])
    link.receive(encode_frame(Hml1Frame(kind, payload, seq=1)))


def hml1_messages(data: bytes) -> None:
    for decode in (
        messages.decode_record, messages.decode_alarm, messages.decode_number,
        messages.decode_pull, messages.decode_part, greeting.decode_greeting,
        greeting.decode_welcome, tlv.decode_tlv,
    ):  # fmt: skip
        caught(decode, data)


def caught(decode: Any, data: bytes) -> None:
    from protocols.errors import ProtocolError

    try:
        decode(data)
    except ProtocolError:
        pass


def forwarded(data: bytes) -> None:
    for decode in (
        dlt698_link.decode_request, dlt698_link.decode_response, dlt698_forward.decode_request,
        dlt698_forward.decode_answer,
    ):  # fmt: skip
        caught(decode, data)
    frame = gdw376.Frame(0xC9, b"\x33\x42\x01\x00\x00", 0x10, 0x70, data)
    caught(gdw376_link.forwarded_request, frame)
    caught(gdw376_link.forwarded_answer, frame)
    gdw376_link.functions(data)


def told(name: str, translate: Any) -> Target:
    def run(data: bytes) -> None:
        answer = translate({"protocol": name, "hex": data.hex()})
        assert answer["ok"] in {True, False}

    return Target(f"translate-{name}", run, EVERY)


OTHERS = ("dlms", "dlt645", "iec62056")
LINK_MAX = 96 * 1024
TARGETS = [
    *[Target(f"link-{name}", linked(name, receive), FIRST.get(name, EVERY),
             2 * PARTIAL_MAX * MESSAGE_SIZE_MAX if name == "hml1" else LINK_MAX) for name in KINDS],
    *[Target(f"link-{name}-idle", linked(name, then_idle), FIRST.get(name, EVERY),
             2 * PARTIAL_MAX * MESSAGE_SIZE_MAX if name == "hml1" else LINK_MAX) for name in KINDS],
    Target("link-detection", detected, EVERY, 4 * MESSAGE_SIZE_MAX),
    Target("ddp-packets", stream(ddp.PacketReader, fed), DDP, 4 * ddp.LENGTH_MAX),
    Target("gdw376-frames", stream(gdw376.FrameReader, fed), [GDW376], 4 * gdw376.USER_SIZE_MAX),
    Target("dlt698-frames", stream(dlt698.FrameReader, fed), [DLT698], 4 * dlt698.APDU_SIZE_MAX),
    Target("prot-unstuffing", stream(Unstuffer, fed), [b"\xfd\xed\xfe\xfd\xee", PROT], 256),
    Target("hml1-frames", stream(Hml1Reader, fed), HML1, 16 * 1024),
    Target("hml1-sealed", sealed, [bytes((kind,)) + HELLO for kind in Kind]),
    Target("hml1-messages", hml1_messages, [HELLO, bytes(40)]),
    Target("forwarded", forwarded, [dlt698_link.encode_request(DLT698_ASKED)]),
    Target("dsmr4", decode_dsmr4, [DSMR4]),
    *[told(name, translate) for name, translate in find_translators().items()
      if not name.startswith(OTHERS)],
]  # fmt: skip
