"""What a client says besides reads: freezes, secrets; and the options of a meter type."""

from typing import Any

import msgspec
import pytest
from pump import converse

from protocols.dlt645.client import Dlt645Client, Dlt645Settings, secrets
from protocols.dlt645.frame import BROADCAST, FrameReader, encode_frame
from protocols.dlt645.options import Dlt645Options, Dlt645Timers
from protocols.errors import LocalProtocolError, MeterRefused

ME = "000012345678"


def client(**settings: Any) -> Dlt645Client:
    return Dlt645Client(Dlt645Settings(address=ME, **settings))


def told(dialogue: Any, answer: bytes) -> tuple[str, int, str]:
    """Return address, control code and data of the one frame that was sent."""
    sent: list[bytes] = []

    def wire(data: bytes) -> bytes:
        sent.append(data)
        return answer

    converse(dialogue, wire)
    assert len(sent) == 1
    (frame,) = FrameReader().feed(sent[0])
    return frame.address, frame.control, frame.data.hex()


def test_a_freeze_of_one_meter_is_answered() -> None:
    monthly = bytes.fromhex("00000199")  # the first of every month, 00:00
    assert told(client().freeze(monthly), encode_frame(ME, 0x96)) == (ME, 0x16, "00000199")
    with pytest.raises(MeterRefused, match="other"):
        told(client().freeze(monthly), encode_frame(ME, 0xD6, b"\x01"))


def test_a_freeze_of_all_meters_is_not() -> None:
    assert told(client().freeze_all(), b"") == (BROADCAST, 0x16, "99999999")


@pytest.mark.parametrize(
    ("old", "options", "sent"),
    [
        (False, Dlt645Options(), (0x14, "02010004" + "02563412" + "00000000" + "aa")),
        (True, Dlt645Options(), (0x04, "11c0" + "02563412" + "aa")),
        (True, Dlt645Options(write_password=False), (0x04, "11c0" + "aa")),
    ],
)
def test_what_stands_before_the_data_of_a_write(
    old: bool, options: Dlt645Options, sent: tuple[int, str]
) -> None:
    asked = client(old=old, options=options, password="123456")
    write = asked.write(0xC011 if old else 0x04000102, b"\xaa", "it")
    assert told(write, encode_frame(ME, sent[0] | 0x80))[1:] == sent


def test_secrets_as_they_are_sent() -> None:
    assert secrets("123456") == (bytes.fromhex("02563412"), bytes(4))
    assert secrets("04123456") == (bytes.fromhex("04563412"), bytes(4))
    assert secrets("04123456:87654321")[1] == bytes.fromhex("21436587")
    assert secrets("") == (bytes.fromhex("02000000"), bytes(4))
    assert "654321" not in repr(Dlt645Settings(address=ME, password="654321"))


@pytest.mark.parametrize("text", ["12345", "1234567", "12345a", "123456:1", "123456:abcdefgh"])
def test_what_is_no_secret_is_not_repeated(text: str) -> None:
    with pytest.raises(LocalProtocolError) as raised:
        secrets(text)
    assert text not in str(raised.value)


def test_options_come_from_plain_data_and_are_checked() -> None:
    plain = {"baud": 2400, "rates": [3, 2, 4], "codes": {"1.0.1.7.0.255": "02FE0000"}}
    options = msgspec.convert(plain, Dlt645Options)
    assert (options.baud, options.rates, options.load_by) == (2400, (3, 2, 4), "time")
    for wrong in ({"baud": 0}, {"rates": [64]}, {"codes": {"x": "1"}}, {"load_by": "luck"},
                  {"load_records": 100}, {"speed": 1}):  # fmt: skip
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, Dlt645Options)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"first_s": 1}, Dlt645Timers)
