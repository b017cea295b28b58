"""DLMS/COSEM: framings, APDUs, data, protection, the reader of pushes, the translator."""

from typing import Any

import dlms_messages as made
from fuzzing import Target, stream

from protocols.dlms import axdr, axdr_encode as ax, hdlc, rows
from protocols.dlms.acse import decode_initiate_request, decode_initiate_response
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import GENERAL_GLO, Ciphered, encode_ciphered
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlms.body_layout import SIZE_MAX, BodyLayouts
from protocols.dlms.cosem import obis_bytes
from protocols.dlms.cosem_time import decode_time, decode_times
from protocols.dlms.gbt import JOINED_SIZE_MAX, Block, BlockJoiner, decode_block, encode_block
from protocols.dlms.hdlc_limits import decode_limits
from protocols.dlms.objects import Column
from protocols.dlms.opened import open_ciphered
from protocols.dlms.profile import _columns, _shape, rebuild
from protocols.dlms.push import clock_of, identities_of, items_of
from protocols.dlms.push_reader import SEGMENTS_SIZE_MAX, PushReader
from protocols.dlms.push_shape import PushShapes
from protocols.dlms.reader import TimeRules
from protocols.dlms.security import protect
from protocols.dlms.translate import translate
from protocols.dlms.wrapper import APDU_SIZE_MAX, WrapperReader, encode_wpdu

APDUS = [
    *made.plain_apdus().values(), *made.get_apdus().values(), *made.set_apdus().values(),
    *made.action_apdus().values(), *made.push_apdus().values(), *made.access_apdus().values(),
    *made.error_apdus().values(), *made.ciphered_apdus().values(),
]  # fmt: skip
REGISTERS = ax.array(*[
    ax.structure(
        ax.octets(obis_bytes(f"1.0.{n + 1}.8.0.255")),
        ax.u32(n),
        ax.structure(ax.i8(0), ax.enum(30)),
    )
    for n in range(4)
])  # fmt: skip
PUSH = encode_data_notification(0x40000001, made.TIME, REGISTERS)
ROW = ax.structure(ax.octets(made.TIME), ax.u8(0), ax.u32(5))
TABLE = ax.array(ROW, ROW, ax.structure(ax.NULL, ax.NULL, ax.u32(6)))
DATA = [
    REGISTERS, TABLE, ax.structure(ax.visible("a"), ax.utf8("b"), ax.bits("0101"), ax.f32(1.5)),
    bytes.fromhex("130202110612" + "04" + "0100000001"), bytes.fromhex("1301000306" + "00"),
]  # fmt: skip
COLUMNS = [Column(8, "0.0.1.0.0.255", 2, 0), Column(1, "0.0.96.10.1.255", 2, 0),
           Column(3, "1.0.1.8.0.255", 2, 0)]  # fmt: skip
SERVER, CLIENT = hdlc.encode_address(1, 17, 2), hdlc.encode_address(16, None, 1)
LLC = bytes.fromhex("e6e700")


def in_hdlc(apdu: bytes, *, segmented: bool = False) -> bytes:
    control = hdlc.information_control(0, 0)
    return hdlc.encode_frame(CLIENT, SERVER, control, LLC + apdu, segmented=segmented)


LIMITS = bytes.fromhex("8180140502008006020080")
HDLC = [
    in_hdlc(PUSH), in_hdlc(PUSH, segmented=True), hdlc.encode_frame(SERVER, CLIENT, hdlc.SNRM),
    hdlc.encode_frame(CLIENT, SERVER, hdlc.UA, LIMITS),
]  # fmt: skip
WRAPPER = [encode_wpdu(1, 103, apdu) for apdu in (PUSH, APDUS[0])]
BLOCKS = [encode_block(Block(at + 40 >= len(PUSH), True, 1, number, 0, PUSH[at : at + 40]))
          for number, at in enumerate(range(0, len(PUSH), 40), start=1)]  # fmt: skip


def hdlc_frames(reader: hdlc.HdlcReader, data: bytes) -> None:
    reader.receive_data(data)
    while (frame := reader.next_frame()) is not None:
        hdlc.decode_address(frame.source)
        assert len(frame.information) <= hdlc.LENGTH_MAX


def wpdus(reader: WrapperReader, data: bytes) -> None:
    reader.receive_data(data)
    while reader.next_wpdu() is not None:
        pass


def apdu(data: bytes) -> None:
    read = decode_apdu(data)
    if isinstance(read, Ciphered):
        open_ciphered(read, made.KEYS, made.TITLE)


def sealed(data: bytes) -> None:
    """What is inside a message of the right key: a meter gone mad, not a stranger."""
    message = protect(
        data, title=made.TITLE, control=0x30, counter=1, key=made.KEYS.encryption,
        ak=made.KEYS.authentication,
    )  # fmt: skip
    apdu(encode_ciphered(GENERAL_GLO, message, made.TITLE))


def pushed(data: bytes) -> None:
    """A body of a push, and what is made of it; known shapes and layouts say the same."""
    message = encode_data_notification(1, made.TIME, data)
    shapes = PushShapes()
    read = decode_apdu(message)
    shapes.learn(message, read)
    items = items_of(read.body)
    clock_of(items, read.body)
    identities_of(items)
    shaped = shapes.read(message)
    if shaped is not None:
        told = [item.value for item in items]
        assert repr(told) == repr(list(shaped.values))
    layouts = BodyLayouts()
    layouts.learn(data)
    assert len(data) > SIZE_MAX or repr(layouts.read(data)) in {"None", repr(axdr.decode_all(data))}


def value(data: bytes) -> None:
    axdr.decode(data)
    axdr.decode_all(data)


def table(data: bytes) -> None:
    rules = TimeRules()
    read, _ = rows.decode_rows(data)
    rebuild(read, len(COLUMNS), _shape(COLUMNS), 1800, rules)


def objects(data: bytes) -> None:
    _columns(axdr.decode_all(data))


def times(data: bytes) -> None:
    cells = [data[at : at + 12] for at in range(0, len(data), 12)]
    decode_times(cells, utc_offset_min=420)
    for cell in cells:
        decode_time(cell)


def joined(joiner: BlockJoiner, data: bytes) -> None:
    """Blocks of a transfer, each with its size in front."""
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        joiner.take(decode_block(data[at + 1 : end]))
        at = end


def pushes() -> PushReader:
    def take(frame: Any) -> None:
        frame.reply(b"\x10")

    return PushReader(take, lambda _category, _text, _data: None)


def told(protocol: dict[str, Any]) -> Any:
    def run(data: bytes) -> None:
        answer = translate(protocol | {"protocol": "dlms", "hex": data.hex()})
        assert answer["ok"] in {True, False}

    return run


INITIATE_REQUEST = bytes.fromhex("01000000065f1f0400007e1f04b0")
INITIATE_RESPONSE = bytes.fromhex("0800065f1f040000501f01f40007")
COLUMN = ax.structure(ax.u16(8), ax.octets(bytes(6)), ax.i8(2), ax.u16(0))
COUNTED_BLOCKS = b"".join(bytes((len(block),)) + block for block in BLOCKS)
PUSHED = [
    *HDLC, *WRAPPER, *map(in_hdlc, BLOCKS), *(encode_wpdu(1, 1, block) for block in BLOCKS),
]  # fmt: skip
PUSH_READER_MAX = 2 * (2 * hdlc.LENGTH_MAX + SEGMENTS_SIZE_MAX) + 4 * APDU_SIZE_MAX
TARGETS = [
    Target("hdlc", stream(hdlc.HdlcReader, hdlc_frames), HDLC, 16 * 1024),
    Target("hdlc-limits", decode_limits, [LIMITS]),
    Target("wrapper", stream(WrapperReader, wpdus), WRAPPER, 4 * APDU_SIZE_MAX + 1024),
    Target("apdu", apdu, APDUS),
    Target("apdu-sealed", sealed, APDUS),
    Target("initiate-request", decode_initiate_request, [INITIATE_REQUEST]),
    Target("initiate-response", decode_initiate_response, [INITIATE_RESPONSE]),
    Target("a-xdr", value, DATA),
    Target("push-body", pushed, [REGISTERS, *DATA]),
    Target("profile", table, [TABLE, *DATA]),
    Target("capture-objects", objects, [ax.array(COLUMN)]),
    Target("date-time", times, [made.TIME, made.TIME * 3]),
    Target("general-blocks", stream(BlockJoiner, joined), [COUNTED_BLOCKS], 3 * JOINED_SIZE_MAX),
    Target("push-reader", stream(pushes, PushReader.feed), PUSHED, PUSH_READER_MAX),
    Target("translate-dlms-hdlc", told({"framing": "hdlc"}), HDLC),
    Target("translate-dlms-wrapper", told({"framing": "wrapper"}), WRAPPER),
    Target("translate-dlms-apdu", told({"framing": "none"}), APDUS),
]
