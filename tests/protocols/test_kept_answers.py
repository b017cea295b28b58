"""Values in answers that a modem has kept: what they say, and nothing that they do not."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from protocols.dlt645 import answers as dlt645
from protocols.dlt645.frame import encode_frame
from protocols.errors import RemoteProtocolError
from protocols.iec62056_21 import kept as iec
from protocols.iec62056_21.frame import encode_block

KWH = 3 << 8 | 30
BLOCK = bytes.fromhex("00ff0100")  # 00 01 FF 00: energy of all rates, backwards
DEMAND = bytes.fromhex("00000101")  # 01 01 00 00: maximum demand of import


def read_645(data: bytes, *, old: bool = False) -> dict[str, object]:
    read, _ = dlt645.registers_in(data, old=old, utc_offset_min=420)
    return {value.obis: (value.value, value.scaler, value.unit) for value in read.values}


def test_a_block_gives_each_value_its_code() -> None:
    values = b"".join(bytes.fromhex(f"{n:08d}")[::-1] for n in (600, 100, 200, 300))
    found = read_645(encode_frame("1", 0x91, BLOCK + values))
    assert found == {
        "1.0.1.8.0.255": (600, -2, KWH), "1.0.1.8.1.255": (100, -2, KWH),
        "1.0.1.8.2.255": (200, -2, KWH), "1.0.1.8.3.255": (300, -2, KWH),
    }  # fmt: skip


def test_a_demand_has_its_time() -> None:
    at = bytes.fromhex("3018010526")  # mm hh DD MM YY, local
    frame = encode_frame("1", 0x91, DEMAND + bytes.fromhex("563412") + at)
    read, addresses = dlt645.registers_in(frame, old=False, utc_offset_min=420)
    (value,) = read.values
    assert (value.obis, value.value) == ("1.0.1.6.0.255", 123456)
    assert value.time == datetime(2026, 5, 1, 11, 30, tzinfo=UTC)
    assert addresses == {"000000000001"}


def test_answers_of_1997_are_read_as_such() -> None:
    frame = encode_frame("1", 0x81, bytes.fromhex("1090") + bytes.fromhex("00060000"))
    assert read_645(frame, old=True) == {"1.0.1.8.0.255": (600, -2, KWH)}
    with pytest.raises(RemoteProtocolError):
        read_645(frame)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        encode_frame("1", 0x11, bytes.fromhex("00000100")),  # a question
        encode_frame("1", 0xD1, b"\x02"),  # a refusal
        encode_frame("1", 0x91, bytes.fromhex("00000100")),  # no value
        encode_frame("1", 0x91, bytes.fromhex("00000100") + b"\xff\xff\xff\xff"),  # none there
        encode_frame("1", 0x91, bytes.fromhex("00000100") + b"\x1a\x00\x00\x00"),  # no digits
        encode_frame("1", 0x91, bytes.fromhex("ffffffff") + b"\x00\x00\x00\x00"),  # no such thing
    ],
)
def test_what_says_nothing_is_refused(frame: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read_645(frame)


def test_a_readout_tells_its_time_and_values() -> None:
    text = "0.9.1(120000)\r\n0.9.2(260501)\r\n1.8.0(000123.4*kWh)\r\n"
    text += "1.6.0(1.5*kW)(2605011130)\r\n!\r\n"
    read = iec.registers_in(b"/ABC5x\r\n" + encode_block(text), utc_offset_min=420)
    assert read.meter_time == datetime(2026, 5, 1, 5, 0, tzinfo=UTC)
    told = {value.obis: value for value in read.values}
    assert (told["1.0.1.8.0.255"].value, told["1.0.1.8.0.255"].scaler) == (1234, -1)
    assert told["1.0.1.6.0.255"].time == datetime(2026, 5, 1, 4, 30, tzinfo=UTC)


def test_a_telegram_without_stx_is_read_too() -> None:
    data = b"/ABC5x\r\n\r\n1-0:1.8.0(000001.0*kWh)\r\n!\r\n"
    read = iec.registers_in(data, utc_offset_min=0)
    assert [value.obis for value in read.values] == ["1.0.1.8.0.255"]


def test_a_wrong_check_is_refused() -> None:
    block = bytearray(encode_block("1.8.0(1*kWh)"))
    block[-1] ^= 1
    with pytest.raises(RemoteProtocolError, match="check"):
        iec.registers_in(bytes(block), utc_offset_min=0)


def test_a_label_names_an_answer_without_a_code_and_no_other() -> None:
    bare = encode_block("(7*kWh)")
    for label in (b"R5 1.8.0()", b"R5\x021.8.0()", b"\x01R1\x021.8.0(1)\x03"):
        read = iec.registers_in(bare, label=label, utc_offset_min=0)
        assert [value.obis for value in read.values] == ["1.0.1.8.0.255"]
    for label in (b"", b"1.8.0", b"?"):
        with pytest.raises(RemoteProtocolError):
            iec.registers_in(bare, label=label, utc_offset_min=0)
    named = iec.registers_in(encode_block("2.8.0(7*kWh)"), label=b"R5 1.8.0()", utc_offset_min=0)
    assert [value.obis for value in named.values] == ["1.0.2.8.0.255"]


noise = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=60).map(lambda data: encode_frame("1", 0x91, data)),
    st.binary(max_size=60).map(lambda data: encode_frame("1", 0x81, data)),
    st.text("0123456789.()*-:kWhAV\r\n!ER", max_size=80).map(encode_block),
)


@given(noise, st.booleans(), st.binary(max_size=30))
def test_garbage_is_a_remote_error_or_values(data: bytes, old: bool, label: bytes) -> None:
    for read in (
        lambda: dlt645.registers_in(data, old=old, utc_offset_min=420)[0],
        lambda: iec.registers_in(data, label=label, utc_offset_min=420),
    ):
        try:
            assert read().values
        except RemoteProtocolError:
            pass
