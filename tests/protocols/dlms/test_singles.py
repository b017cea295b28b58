"""Numbers of 32 bits are exact in the program and short where people read them."""

import math
import struct

import pytest
from hypothesis import given, strategies as st

from protocols.dlms.axdr import Single, decode_all
from protocols.dlms.rows import decode_rows

singles = st.floats(width=32, allow_nan=False)


def encoded(value: float) -> bytes:
    return b"\x17" + struct.pack(">f", value)


@given(singles)
def test_the_short_number_is_the_same_in_32_bits(value: float) -> None:
    decoded = decode_all(encoded(value))
    assert decoded == value
    assert struct.pack(">f", float(decoded)) == struct.pack(">f", value)


@pytest.mark.parametrize("text", ["230.3", "49.98", "-0.1", "16777216.0", "1e-30", "3.4028235e+38"])
def test_a_number_of_few_digits_keeps_them(text: str) -> None:
    assert float(decode_all(encoded(float(text)))) == float(text)


def test_what_is_no_number_stays_so() -> None:
    assert math.isnan(float(Single("nan")))
    assert float(Single("-inf")) == -math.inf


def test_a_64_bit_number_is_left_alone() -> None:
    value = decode_all(b"\x18" + struct.pack(">d", 230.3000030517578))
    assert not isinstance(value, Single)
    assert value == 230.3000030517578


def test_rows_of_a_profile_hold_them_too() -> None:
    row = b"\x02\x02\x12\x00\x01" + encoded(230.3)
    rows, _ = decode_rows(b"\x01\x02" + row + row)
    assert [float(cells[1]) for cells in rows] == [230.3, 230.3]
