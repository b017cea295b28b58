"""IEC 62056-21: messages, telegrams, data sets, profiles, logs, stamps, the translator."""

from typing import Any

from fuzzing import Target, stream

from protocols.iec62056_21.codes import obis_of
from protocols.iec62056_21.datasets import parse_block
from protocols.iec62056_21.frame import (
    BLOCK_SIZE_MAX,
    LINE_SIZE_MAX,
    MessageReader,
    encode_block,
    encode_command,
    encode_option,
    encode_request,
)
from protocols.iec62056_21.identification import parse_identification
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.profile import complete_rows, parse_log, parse_profile
from protocols.iec62056_21.reading import clock_in, obis_in, read_value
from protocols.iec62056_21.stamps import StampRules, parse_clock, parse_stamp
from protocols.iec62056_21.telegram import TELEGRAM_SIZE_MAX, TelegramReader
from protocols.iec62056_21.translate import TRANSLATES, translate
from protocols.iec62056_21.unasked import registers_of

READOUT = ("F.F(00000000)\r\n1.8.0(012345.678*kWh)\r\n1.8.0*01(012000.000*kWh)\r\n0.9.1(130017)\r\n"
           "0.9.2(261128)\r\n1.6.0(1.234*kW)(2611050730)\r\n32.7.0(230.1*V)\r\n"
           "1.0.9.1*255(1)\r\n!\r\n")  # fmt: skip
PROFILE = ("P.01(0261128120000)(00)(30)(2)(1.8.0)(kWh)(2.8.0)(kWh)\r\n"
           "(000001.234)(000000.000)\r\n(000001.300)(000000.000)\r\n")  # fmt: skip
LOG = "P.98(0261128120000)(00000080)()(0)\r\nP.98(0261128120500)(00000040)()(0)\r\n"
MESSAGES = [
    encode_request("12345678"), b"/SIM5\\2HES010000\r\n", encode_option("0", "5", "1"),
    encode_command("P1", "(00000000)"), encode_command("B0"), encode_block(READOUT),
    encode_block(PROFILE, more=True), encode_block(LOG), b"\x06", b"\x15",
]  # fmt: skip
TELEGRAM = b"/ISk5\\2MT382-1000\r\n\r\n1-0:1.8.1(000012.345*kWh)\r\n0-0:96.1.1(4B38)\r\n!522B\r\n"
PORT = (
    b"/SIM5\\2PORT\r\n\r\n0-0:1.0.0(260301120005S)\r\n0-0:96.1.1(53494D31)\r\n"
    b"1-0:1.6.0(260228180000W)(02.345*kW)\r\n0-1:24.2.1(260301110000W)(1.5*m3)\r\n!\r\n"
)
OPTIONS, RULES = Iec62056Options(), StampRules(420)


def text(data: bytes) -> str:
    """Return what a reader hands on: characters of seven bits."""
    return bytes(byte & 0x7F for byte in data).decode("ascii")


def feed(reader: MessageReader, data: bytes) -> None:
    reader.feed(data)


def idle(reader: MessageReader, data: bytes) -> None:
    reader.feed(data)
    reader.idle()


def telegrams(reader: TelegramReader, data: bytes) -> None:
    reader.feed(data)


def telegrams_end(reader: TelegramReader, data: bytes) -> None:
    reader.feed(data)
    reader.end()


def unasked(data: bytes) -> None:
    for found in TelegramReader().feed(data):
        registers_of(found, utc_offset_min=420)


def values(data: bytes) -> None:
    sets = parse_block(text(data))
    for found in sets:
        obis = obis_in(found, OPTIONS)
        if obis is not None:
            read_value(obis, found.values, OPTIONS, RULES)
    clock_in(sets, OPTIONS, RULES)


def profile(data: bytes) -> None:
    parse_profile(text(data))
    complete_rows(text(data))


def log(data: bytes) -> None:
    parse_log(text(data))


def stamps(data: bytes) -> None:
    one, _, other = text(data).partition(";")
    obis_of(one)
    parse_stamp(one).instant(RULES)
    parse_clock(one, other).instant(RULES)


def told(protocol: str) -> Any:
    def run(data: bytes) -> None:
        answer = translate({"protocol": protocol, "hex": data.hex()})
        assert answer["ok"] in {True, False}

    return run


BUFFER = 3 * (BLOCK_SIZE_MAX + LINE_SIZE_MAX + 1024)
ALL = [*MESSAGES, b"".join(MESSAGES), TELEGRAM]
TARGETS = [
    Target("iec62056-messages", stream(MessageReader, feed), MESSAGES, BUFFER),
    Target("iec62056-both-ways",
           stream(lambda: MessageReader("sum", both_ways=True), idle), MESSAGES, BUFFER),
    Target("iec62056-telegrams", stream(TelegramReader, telegrams), [TELEGRAM, TELEGRAM * 2],
           3 * TELEGRAM_SIZE_MAX),
    Target("iec62056-telegrams-end", stream(TelegramReader, telegrams_end), [TELEGRAM],
           3 * TELEGRAM_SIZE_MAX),
    Target("iec62056-unasked", unasked, [TELEGRAM, TELEGRAM + PORT]),
    Target("iec62056-identification", lambda data: parse_identification(text(data)),
           [b"SIM5\\2HES010000", b"LZQJ\\W-2"]),
    Target("iec62056-values", values, [READOUT.encode(), LOG.encode()]),
    Target("iec62056-profile", profile, [PROFILE.encode()]),
    Target("iec62056-log", log, [LOG.encode()]),
    Target("iec62056-stamps", stamps, [b"0261128130017;130017", b"2611281300", b"261128;0130017"]),
    *[Target(f"translate-{name}", told(name), ALL) for name in TRANSLATES],
]  # fmt: skip
