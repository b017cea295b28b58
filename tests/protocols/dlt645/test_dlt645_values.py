"""From data to values: tables told again, signs, absent values, formats."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings, strategies as st

from protocols.dlt645 import bcd, formats
from protocols.dlt645.errors import REASONS, reason, reasons
from protocols.dlt645.items import Item, Kind
from protocols.dlt645.values import decode_values, encode_value, item_of, rescaled
from protocols.errors import LocalProtocolError, RemoteProtocolError

# Identifier, bytes as sent, what a person reads: decimal, unit.
TOLD_2007 = [
    (0x00010000, "45230100", "123.45", "kWh"),
    (0x00020200, "00000099", "990000.00", "kWh"),
    (0x00000000, "45230180", "-123.45", "kWh"),
    (0x00030000, "01000080", "-0.01", "kvarh"),
    (0x00080400, "01000000", "0.01", "kvarh"),
    (0x00090000, "01000000", "0.01", "kVAh"),
    (0x00150000, "01000000", "0.01", "kWh"),
    (0x0001000C, "45230100", "123.45", "kWh"),
    (0x02010100, "0123", "230.1", "V"),
    (0x02020300, "341280", "-1.234", "A"),
    (0x02030000, "452381", "-1.2345", "kW"),
    (0x02040200, "452301", "1.2345", "kvar"),
    (0x02050000, "452301", "1.2345", "kVA"),
    (0x02060000, "8789", "-0.987", "1"),
    (0x02070100, "0003", "30.0", "°"),
    (0x02800001, "010000", "0.001", "A"),
    (0x02800002, "9849", "49.98", "Hz"),
    (0x02800004, "452301", "1.2345", "kW"),
    (0x02800007, "5080", "-5.0", "°C"),
    (0x02800008, "6003", "3.60", "V"),
    (0x0280000A, "01000000", "1", "min"),
    (0x0280000B, "45230100", "1.2345", ""),
    (0x00800000, "45230100", "123.45", "kWh"),
    (0x00940100, "45230100", "123.45", "kWh"),
    (0x009A0001, "45230100", "123.45", "kWh"),
    (0x00A80000, "45230180", "800123.45", "kWh"),
    (0x00C20000, "45230100", "123.45", "kWh"),
]
TOLD_1997 = [
    (0x9010, "45230100", "123.45", "kWh"),
    (0x9420, "45230100", "123.45", "kWh"),
    (0x9110, "45230100", "123.45", "kvarh"),
    (0x9964, "45230100", "123.45", "kvarh"),
    (0xA010, "452301", "1.2345", "kW"),
    (0xA510, "452301", "1.2345", "kvar"),
    (0xB611, "3102", "231", "V"),
    (0xB623, "3412", "12.34", "A"),
    (0xB630, "452301", "1.2345", "kW"),
    (0xB640, "3412", "12.34", "kvar"),
    (0xB650, "8709", "0.987", "1"),
]


def shown(item: Item, number: int) -> str:
    digits = f"{abs(number):0{item.decimals + 1}d}"
    whole = digits[: len(digits) - item.decimals]
    part = digits[len(digits) - item.decimals :]
    return ("-" if number < 0 else "") + whole + ("." + part if part else "")


@pytest.mark.parametrize(("di", "sent", "decimal", "unit"), TOLD_2007)
def test_values_of_2007(di: int, sent: str, decimal: str, unit: str) -> None:
    (value,) = decode_values(di, bytes.fromhex(sent))
    assert value.number is not None
    assert (shown(value.item, value.number), value.item.symbol) == (decimal, unit)
    assert encode_value(value.item, value.number) == bytes.fromhex(sent)


@pytest.mark.parametrize(("di", "sent", "decimal", "unit"), TOLD_1997)
def test_values_of_1997(di: int, sent: str, decimal: str, unit: str) -> None:
    (value,) = decode_values(di, bytes.fromhex(sent), old=True)
    assert value.number is not None
    assert (shown(value.item, value.number), value.item.symbol) == (decimal, unit)


@pytest.mark.parametrize(
    ("di", "unit", "scaler"),
    [(0x01010000, 27, -1), (0x01030000, 29, -1), (0x01090000, 28, -1), (0x05060901, 27, -1)],
)
def test_a_demand_is_a_power_with_a_time(di: int, unit: int, scaler: int) -> None:
    (value,) = decode_values(di, bytes.fromhex("452301 1508011126"))
    assert (value.number, value.item.unit, value.item.scaler) == (12345, unit, scaler)
    assert bcd.instant(value.at, 420) == datetime(2026, 11, 1, 1, 15, tzinfo=UTC)


def test_energies_are_watt_hours_with_a_scaler() -> None:
    item = item_of(0x00010000, old=False)
    assert (item.unit, item.scaler) == (30, 1)  # hundredths of a kilowatt-hour


def test_blocks_have_several_values_and_holes() -> None:
    sent = bytes.fromhex("0123 ffff eeee")
    assert [value.number for value in decode_values(0x0201FF00, sent)] == [2301, None, None]
    (absent,) = decode_values(0x01010000, b"\xff" * 8)
    assert (absent.number, absent.at) == (None, b"")
    (no_time,) = decode_values(0x01010000, bytes.fromhex("010000ffffffffff"))
    assert (no_time.number, no_time.at) == (1, b"")


@pytest.mark.parametrize("filling", ["ff", "ee"])
@pytest.mark.parametrize(("di", "size"), [(0x03300D00, 3), (0x04000409, 3), (0x0400040B, 10)])
def test_counts_and_texts_that_a_meter_does_not_have(di: int, size: int, filling: str) -> None:
    (absent,) = decode_values(di, bytes.fromhex(filling * size))
    assert (absent.number, absent.text) == (None, None)


def test_a_word_of_bits_may_have_all_of_them_set() -> None:
    (word,) = decode_values(0x04000501, b"\xff\xff")
    assert word.text == "ffff"


def test_ends_of_sets_are_no_values_in_1997() -> None:
    sent = bytes.fromhex("01000000 02000000 aa 03000000 aa")
    assert [v.number for v in decode_values(0x90FF, sent, old=True)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("di", "old", "sent", "number", "text"),
    [
        (0x03110000, False, "270000", 27, "000027"),
        (0x03300D00, False, "010000", 1, "000001"),
        (0x04000306, False, "000200", 200, "000200"),
        (0x04000306, False, "0200", None, "0002"),
        (0x04000102, False, "325318", None, "185332"),
        (0x04000402, False, "785634120000", None, "000012345678"),
        (0x0400040D, False, b"SIM 1.0\x00\x00"[::-1].hex(), None, "SIM 1.0"),
        (0xB212, True, "0300", 3, "0003"),
        (0xC010, True, "06060719", None, "19070606"),
    ],
)
def test_what_is_no_quantity(di: int, old: bool, sent: str, number: int | None, text: str) -> None:
    (value,) = decode_values(di, bytes.fromhex(sent), old=old)
    assert (value.number, value.text) == (number, text)


@pytest.mark.parametrize(
    ("di", "sent"),
    [(0x00010000, "01"), (0x00010000, ""), (0x00010000, "0a000000"), (0x02010100, "012301")],
)
def test_what_is_no_value_is_the_meters_fault(di: int, sent: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_values(di, bytes.fromhex(sent))


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, 2**32 - 1), st.binary(max_size=220), st.booleans())
def test_garbage_is_a_remote_error_or_a_value(di: int, data: bytes, old: bool) -> None:
    try:
        values = decode_values(di & 0xFFFF if old else di, data, old=old)
    except RemoteProtocolError:
        return
    assert values


@settings(deadline=None)  # the machine may be busy
@given(st.integers(1, 8), st.booleans(), st.data())
def test_numbers_come_back(size: int, signed: bool, data: st.DataObject) -> None:
    most = 10 ** (2 * size) * (8 if signed else 10) // 10 - 1
    number = data.draw(st.integers(-most if signed else 0, most))
    assert bcd.decode(bcd.encode(number, size, signed=signed), signed=signed) == number


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=8))
def test_times_are_instants_or_none_or_refused(raw: bytes) -> None:
    try:
        instant = bcd.instant(raw, 420)
    except RemoteProtocolError:
        return
    assert instant is None or 1999 <= instant.year <= 2099


@pytest.mark.parametrize("raw", ["1508011326", "6008011126", "0a08011126", "150801", "1524011126"])
def test_what_is_no_time_is_the_meters_fault(raw: str) -> None:
    with pytest.raises(RemoteProtocolError, match="is no time"):
        bcd.instant(bytes.fromhex(raw), 0)


@pytest.mark.parametrize("raw", ["0000000000", "ffffffffff", "eeeeeeeeeeee", ""])
def test_no_time_is_none(raw: str) -> None:
    assert bcd.instant(bytes.fromhex(raw), 0) is None


def test_a_short_time_has_no_seconds() -> None:
    assert bcd.instant(bytes.fromhex("1508011126"), 0) == datetime(2026, 11, 1, 8, 15, tzinfo=UTC)
    with_seconds = bcd.instant(bytes.fromhex("301508011126"), 60)
    assert with_seconds == datetime(2026, 11, 1, 7, 15, 30, tzinfo=UTC)


def test_rescaling_cuts_off_as_a_display_does() -> None:
    item = Item(4, 2, 30, kilo=True)
    assert [rescaled(item, wh, 0) for wh in (123456, 9)] == [12345, 0]
    assert rescaled(item, 5, 3) == 500


def test_every_reason_has_its_bit() -> None:
    assert [reasons(1 << bit)[0] for bit in range(8)] == list(REASONS)
    assert reasons(0x02) == ["no requested data"]
    assert reason(b"\x06") == "no requested data, wrong password / not authorised"
    assert reason(b"") == reason(b"\x00") == "the meter gave no reason"


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("XXXXXX.XX kWh", Item(4, 2, 30, kilo=True)),
        ("±XX.XXXX kW", Item(3, 4, 27, kilo=True, signed=True)),
        ("XXX.X V", Item(2, 1, 35)),
        ("XXXXXXXX Wh", Item(4, 0, 30)),
        ("NNNNNN", Item(3, kind=Kind.DIGITS)),
        ("X.XXX", Item(2, 3)),
    ],
)
def test_formats_as_documents_write_them(text: str, item: Item) -> None:
    assert formats.parse(text) == item


@pytest.mark.parametrize("text", ["", "XXX", "XX.XX furlong", "XX,XX V", "X" * 18])
def test_what_is_no_format_is_refused(text: str) -> None:
    with pytest.raises(LocalProtocolError):
        formats.parse(text)
