import pytest
from hypothesis import given, strategies as st

from protocols.errors import LocalProtocolError
from protocols.hml1.kinds import Setting
from protocols.hml1.setting_values import decode_setting, encode_setting


@pytest.mark.parametrize(
    ("name", "text", "tag", "wire"),
    [
        ("server", "hes.example:7010", 1, b"hes.example:7010"),
        ("collect_s", "900", 2, bytes.fromhex("00000384")),
        ("ping_s", "120", 3, bytes.fromhex("0078")),
        ("serial_1", "2400 7E1", 6,
         bytes.fromhex("01000400000960") + b"\x02\x00\x03" + b"7E1"
         + bytes.fromhex("0300021388") + bytes.fromhex("0400020032")),
        ("200", "c0ffee", 200, b"\xc0\xff\xee"),
    ],
)  # fmt: skip
def test_settings_on_the_wire(name: str, text: str, tag: int, wire: bytes) -> None:
    assert encode_setting(name, text) == (tag, wire)
    assert decode_setting(tag, wire) == (name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [("x", "1"), ("127", "00"), ("256", "00"), ("collect_s", "0"), ("collect_s", "-1"),
     ("ping_s", "65536"), ("ping_s", "1.5"), ("server", "é"), ("server", "a\nb"),
     ("serial_1", "9600"), ("128", "0g"), ("apn", "a" * 513)],
)  # fmt: skip
def test_what_is_none_is_refused(name: str, text: str) -> None:
    with pytest.raises(LocalProtocolError):
        encode_setting(name, text)


@pytest.mark.parametrize("wire", [b"\x01", bytes.fromhex("01000400000960"), b""])
def test_a_line_that_is_none_is_shown_as_its_bytes(wire: bytes) -> None:
    assert decode_setting(Setting.SERIAL_1, wire) == ("serial_1", wire.hex())


@given(st.integers(0, 255), st.binary(max_size=40))
def test_whatever_a_modem_says_can_be_shown(tag: int, wire: bytes) -> None:
    name, text = decode_setting(tag, wire)
    assert name in {setting.name.lower() for setting in Setting} | {str(tag)}
    assert text.isprintable()
