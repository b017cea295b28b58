"""DL/T 645, 1997 and 2007: frames, the values in them, load records, the translator."""

from typing import Any

from fuzzing import Target, stream

from protocols.dlt645 import bcd
from protocols.dlt645.frame import FRAME_SIZE_MAX, FrameReader, encode_frame
from protocols.dlt645.load_record import decode_records, encode_record
from protocols.dlt645.translate import translate
from protocols.dlt645.values import decode_values

ME = "000012345678"
FRAMES = [
    encode_frame(ME, 0x11, bytes.fromhex("00000100")),
    encode_frame(ME, 0x91, bytes.fromhex("0000010078563412")),
    encode_frame(ME, 0x91, bytes.fromhex("0000010145230103281126")),
    encode_frame(ME, 0xD1, b"\x02"),
    encode_frame("a" * 12, 0x13),
    encode_frame(ME, 0xB1, bytes.fromhex("00ff0100") + bytes(range(16))),
    encode_frame(ME, 0x81, bytes.fromhex("1090") + bytes.fromhex("45230100")),
]
RECORD = encode_record(bytes.fromhex("0030132811"), [bytes(17)])
VALUES = [
    bytes.fromhex(f"{di:08x}")[::-1] + bytes.fromhex(data)
    for di, data in (
        (0x00010000, "78563412"), (0x01010000, "4523010030132811"), (0x02010100, "0123"),
        (0x0001FF00, "78563412" * 5),
    )
]  # fmt: skip


def feed(reader: FrameReader, data: bytes) -> None:
    reader.feed(data)


def idle(reader: FrameReader, data: bytes) -> None:
    """What comes after a pause."""
    reader.feed(data)
    reader.idle()


def values(data: bytes) -> None:
    """An identifier, and the data behind it."""
    decode_values(int.from_bytes(data[:4], "little"), data[4:])


def values_1997(data: bytes) -> None:
    decode_values(int.from_bytes(data[:2], "little"), data[2:], old=True)


def times(data: bytes) -> None:
    bcd.instant(data, 420)


def told(protocol: str) -> Any:
    def run(data: bytes) -> None:
        answer = translate({"protocol": protocol, "hex": data.hex()})
        assert answer["ok"] in {True, False}

    return run


TARGETS = [
    Target("dlt645-frames", stream(FrameReader, feed), FRAMES, 4 * FRAME_SIZE_MAX),
    Target("dlt645-frames-idle", stream(FrameReader, idle), FRAMES, 4 * FRAME_SIZE_MAX),
    Target("dlt645-values", values, VALUES),
    Target("dlt645-values-1997", values_1997, [v[2:] for v in VALUES]),
    Target("dlt645-time", times, [bytes.fromhex("173013281126"), bytes.fromhex("3013281126")]),
    Target("dlt645-load-records", decode_records, [RECORD, RECORD * 3]),
    Target("translate-dlt645-2007", told("dlt645-2007"), FRAMES),
    Target("translate-dlt645-1997", told("dlt645-1997"), FRAMES),
]
