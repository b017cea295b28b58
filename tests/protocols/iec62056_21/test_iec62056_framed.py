"""Readouts that come by themselves in their frame, and what a telegram calls its meter."""

import pytest
from hypothesis import given, strategies as st

from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.block_check import CHECKS, EVEN_PARITY
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.telegram import Telegram, TelegramReader, crc16
from protocols.iec62056_21.unasked import identified_as, names_of, registers_of

BLOCK = b"0.0.0(4711)\r\n1.8.0(1.5*kWh)\r\n!\r\n\x03"


def framed(check: str = "xor", block: bytes = BLOCK) -> bytes:
    return b"/SIM5TEST\r\n\x02" + block + bytes((CHECKS[check](block),))


def read_all(stream: bytes, size: int = 0) -> tuple[list[Telegram], TelegramReader]:
    reader, found = TelegramReader(), []
    step = size or max(1, len(stream))
    for at in range(0, len(stream), step):
        found += reader.feed(stream[at : at + step])
    return found, reader


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("size", [0, 1, 5])
def test_a_framed_one_ends_behind_its_check(check: str, size: int) -> None:
    found, reader = read_all(framed(check) * 2 + b"/SIM5", size)
    assert [one.asked for one in found] == [True, True]
    assert all(one.checks == {check} and one.intact for one in found)
    assert (
        b"".join(one.raw + one.tail for one in found) + reader.rest == framed(check) * 2 + b"/SIM5"
    )
    read = registers_of(found[0], utc_offset_min=0)
    assert [value.obis for value in read.read.values] == ["1.0.0.0.0.255", "1.0.1.8.0.255"]
    assert read.names == ("4711",)


def test_its_check_counts_with_even_parity_too() -> None:
    ((one,), _) = read_all(framed().translate(EVEN_PARITY))
    assert one.checks == {"xor"}


@given(st.integers(12, len(framed()) - 1), st.integers(1, 127))
def test_a_damaged_one_is_not_intact(at: int, flip: int) -> None:
    damaged = bytearray(framed())
    damaged[at] ^= flip
    found, reader = read_all(bytes(damaged))
    for one in [*found, *reader.end()]:
        # A frame that is none any more leaves a telegram without any check.
        assert not one.asked or not one.checks or one.data != framed()[10:-6].decode()


@pytest.mark.parametrize("tail", [b"", b"\r", b"\r\n", b"\r\n\x03"])
def test_one_that_breaks_off_is_told_at_the_end(tail: bytes) -> None:
    found, reader = read_all(framed()[: framed().index(b"!") + 1] + tail)
    assert found == []
    (one,) = reader.end()
    assert (one.asked, one.intact, one.tail) == (True, False, b"")


def test_what_is_no_end_of_a_frame_is_not_waited_for() -> None:
    ((one,), _) = read_all(framed()[: framed().index(b"!") + 1] + b"1234\r\n")
    assert (one.asked, one.intact) == (True, False)


def test_a_plain_one_has_its_end_of_line_and_its_crc_behind_it() -> None:
    body = b"/SIM5TEST\r\n\r\n1.8.0(1*kWh)\r\n!"
    said = body + f"{crc16(body):04X}\r\n".encode()
    ((one,), _) = read_all(said)
    assert (one.raw, one.tail, one.intact, one.checks) == (body, said[len(body) :], True, set())
    ((bare,), _) = read_all(body + b"\r\n")
    assert (bare.tail, bare.intact) == (b"\r\n", True)


def telegram(*lines: str, ident: str = "SIM5\\@TEST-1") -> Telegram:
    body = "\r\n".join((f"/{ident}", "", *lines, "!")).encode() + b"\r\n"
    ((one,), _) = read_all(body)
    return one


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("0.0.0(0011)", ("0011",)), ("C.1.0(4711)", ("4711",)), ("0-0:96.1.0(A1)", ("A1",)),
        ("0-0:96.1.1(53494D31)", ("53494D31", "SIM1")), ("0-0:96.1.4(50221)", ()),
        ("0-1:96.1.0(77)", ()), ("1.8.0(4711*kWh)", ()), ("0.0.0()", ()),
    ],
)  # fmt: skip
def test_what_a_meter_calls_itself(line: str, names: tuple[str, ...]) -> None:
    assert names_of(telegram(line)) == (names or ("SIM5\\@TEST-1", "TEST-1"))


def test_a_type_names_its_own_code() -> None:
    own = Iec62056Options(names={"SNR": "0.0.96.1.0.255"})
    assert names_of(telegram("SNR(4711)"), own) == ("4711",)
    assert "4711" not in names_of(telegram("SNR(4711)"))


def test_what_is_no_identification_names_nobody() -> None:
    assert identified_as(telegram("1.8.0(1)", ident="SIM")) == ()
    with pytest.raises(RemoteProtocolError):
        names_of(telegram("0.0.0(4711"))
