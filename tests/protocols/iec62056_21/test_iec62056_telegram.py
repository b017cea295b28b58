"""Mode D: telegrams that come by themselves."""

from hypothesis import given, strategies as st

from protocols.iec62056_21.telegram import TELEGRAM_SIZE_MAX, Telegram, TelegramReader, crc16

BODY = b"/XYZ5\x02TEST-1\r\n\r\n1-0:1.8.1(000001.500*kWh)\r\n0-1:24.2.1(1)\r\n(2*m3)\r\n!"
WITH_CRC = BODY + f"{crc16(BODY):04X}\r\n".encode()


def read_all(chunks: list[bytes]) -> list[Telegram]:
    reader = TelegramReader()
    return [found for chunk in chunks for found in reader.feed(chunk)] + reader.end()


def test_the_check_value_of_crc_16_arc() -> None:
    assert crc16(b"123456789") == 0xBB3D


def test_with_and_without_a_crc() -> None:
    (found,) = read_all([WITH_CRC])
    assert found.good
    assert found.crc == found.computed
    assert found.identification == "XYZ5\x02TEST-1"
    (bare,) = read_all([BODY + b"\r\n"])
    assert bare.good
    assert not bare.crc


def test_a_wrong_crc_is_seen() -> None:
    (found,) = read_all([WITH_CRC.replace(b"1.500", b"1.501")])
    assert not found.good


@given(st.lists(st.integers(0, len(WITH_CRC) * 2), max_size=8).map(sorted))
def test_the_same_however_it_is_cut(cuts: list[int]) -> None:
    stream = WITH_CRC * 2
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read_all(chunks) == read_all([WITH_CRC]) * 2
    assert read_all([bytes((byte,)) for byte in stream]) == read_all([WITH_CRC]) * 2


@given(st.binary(max_size=100))
def test_garbage_is_telegrams_or_nothing(noise: bytes) -> None:
    read_all([noise])
    plain = noise.replace(b"!", b"").replace(b"\xa1", b"")
    assert read_all([plain + b"\r\n" + WITH_CRC])[-1].good


def test_it_does_not_grow() -> None:
    reader = TelegramReader()
    for _ in range(64):
        reader.feed(b"/XYZ5\r\n" + b"1" * 1024)
    assert len(reader._buffer) <= TELEGRAM_SIZE_MAX + 2048
