"""DLMS beside dlms-cosem 21.3.2: a push, a ciphered push and a block of a load profile."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from dlms_cosem import cosem, enumerations, utils
from dlms_cosem.parsers import ProfileGenericBufferParser
from dlms_cosem.protocol import xdlms
from dlms_cosem.security import decrypt

from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import GENERAL_GLO, encode_ciphered
from protocols.dlms.apdu_push import DataNotification, encode_data_notification
from protocols.dlms.cosem import obis_bytes
from protocols.dlms.cosem_time import encode_time
from protocols.dlms.objects import Column
from protocols.dlms.opened import open_ciphered
from protocols.dlms.profile import ProfileRow, _shape, rebuild
from protocols.dlms.push_shape import PushShapes, ShapedPush
from protocols.dlms.reader import TimeRules
from protocols.dlms.rows import decode_rows
from protocols.dlms.security import Keys, protect

REGISTERS = 20
ROWS = 48
CHANNELS = 8
FIRST = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
PERIOD_MIN = 30
KEYS = Keys(bytes(range(16)), bytes(range(16, 32)))
TITLE = b"SIM\0\0\0\0\x01"
RULES = TimeRules()
Made = tuple[str, str, Callable[[], Any], Callable[[], Any], float]
PEER = "dlms-cosem"


def push(seed: int) -> bytes:
    """Return a push of 20 registers with their scalers and units; seeds differ in the values."""
    time = encode_time(FIRST + timedelta(minutes=PERIOD_MIN * seed), utc_offset_min=420)
    registers = [
        ax.structure(
            ax.octets(obis_bytes(f"1.0.{n + 1}.8.0.255")),
            ax.u32(1_000_000 + 977 * n + seed),
            ax.structure(ax.i8(0), ax.enum(30)),
        )
        for n in range(REGISTERS)
    ]
    return encode_data_notification(seed, time, ax.array(*registers))


def read_theirs(apdu: bytes) -> tuple[datetime, list[Any]]:
    """Return time and values of a push as the library reads it."""
    told = xdlms.DataNotification.from_bytes(apdu)
    return told.date_time, utils.parse_as_dlms_data(told.body)


def read_ours(shapes: PushShapes, apdu: bytes) -> ShapedPush:
    """Return a push as the node reads it: laid out like the one before it."""
    read = shapes.read(apdu)
    assert read is not None
    return read


def rows(shaped: ShapedPush) -> list[Any]:
    """Return what a push holds, as the library tells it."""
    return [
        [obis_bytes(item.obis), value, [item.scaler, item.unit]]
        for item, value in zip(shaped.shape.items, shaped.values, strict=True)
    ]


def push_pair() -> Made:
    """A push as every half hour brings one: the shape is known, the values are new."""
    shapes, apdu = PushShapes(), push(2)
    first = push(1)
    shapes.learn(first, decode_apdu(first))
    time, values = read_theirs(apdu)
    ours = read_ours(shapes, apdu)
    assert rows(ours) == values
    assert RULES.decode(ours.time or b"") == time
    return (f"push, {REGISTERS} registers", PEER, lambda: shapes.read(apdu),
            lambda: read_theirs(apdu), 40.0)  # fmt: skip


def plain_pair() -> Made:
    """The same without a shape, read into a list as the library's."""
    apdu = push(2)
    assert decode_apdu(apdu).body == read_theirs(apdu)[1]
    return (f"push, {REGISTERS} registers, as a list", PEER, lambda: decode_apdu(apdu),
            lambda: read_theirs(apdu), 10.0)  # fmt: skip


def ciphered_pair() -> Made:
    """The push inside general-glo-ciphering, authenticated and encrypted, as the node opens it."""
    sealed = protect(
        push(2), title=TITLE, control=0x30, counter=7, key=KEYS.encryption, ak=KEYS.authentication
    )
    apdu = encode_ciphered(GENERAL_GLO, sealed, TITLE)
    decode_apdu(push(1))  # the layout is known, as after any push before

    def ours() -> DataNotification:
        push: DataNotification = open_ciphered(decode_apdu(apdu), KEYS, None).plain
        return push

    def theirs() -> tuple[datetime, list[Any]]:
        told = xdlms.GeneralGlobalCipher.from_bytes(apdu)
        plain = decrypt(
            security_control=told.security_control, system_title=told.system_title,
            invocation_counter=told.invocation_counter, key=KEYS.encryption,
            auth_key=KEYS.authentication, cipher_text=told.ciphered_text,
        )  # fmt: skip
        return read_theirs(plain)

    assert ours().body == theirs()[1]
    assert RULES.decode(ours().time or b"") == theirs()[0]
    return (f"ciphered push, {REGISTERS} registers", PEER, ours, theirs, 15.0)


def buffer() -> bytes:
    """Return a day of half hours, clock and eight channels, as a meter sends them."""
    rows = [
        ax.structure(
            ax.octets(encode_time(FIRST + timedelta(minutes=PERIOD_MIN * n), utc_offset_min=420)),
            *[ax.u32(1_000_000 * (c + 1) + 131 * n) for c in range(CHANNELS)],
        )
        for n in range(ROWS)
    ]
    return ax.array(*rows)


def profile_pair() -> Made:
    """A block of a load profile: rows with their times, no cell left out."""
    data = buffer()
    codes = [f"1.0.{c + 1}.8.0.255" for c in range(CHANNELS)]
    columns = [Column(8, "0.0.1.0.0.255", 2, 0), *(Column(3, code, 2, 0) for code in codes)]
    shape = _shape(columns)
    parser = ProfileGenericBufferParser(
        capture_objects=[
            cosem.CosemAttribute(
                enumerations.CosemInterface(column.class_id),
                cosem.Obis(*map(int, column.obis.split("."))), column.attribute,
            )
            for column in columns
        ],
        capture_period=PERIOD_MIN,
    )  # fmt: skip

    def ours() -> list[ProfileRow]:
        return rebuild(decode_rows(data)[0], len(columns), shape, PERIOD_MIN * 60, RULES)

    told = [[cell.value for cell in row] for row in parser.parse_bytes(data)]
    assert [[row.time, *row.values] for row in ours()] == told
    return (f"load profile, {ROWS} x {CHANNELS + 1}", PEER, ours,
            lambda: parser.parse_bytes(data), 28.0)  # fmt: skip


def pairs() -> list[Made]:
    return [push_pair(), plain_pair(), profile_pair(), ciphered_pair()]
