from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from hes.quantities import UNIT_CODES, UNIT_SYMBOLS, decimal_text, scaled, unit_symbol, unscaled


@pytest.mark.parametrize(
    ("value", "scaler", "text"),
    [
        (2307, -1, "230.7"),
        (2300, -1, "230.0"),
        (12_345_678, 0, "12345678"),
        (12, 3, "12000"),
        (-5, -3, "-0.005"),
        (0, -2, "0.00"),
        (7, None, "7"),
        (0.1, 0, "0.1"),
        (2**63, -3, "9223372036854775.808"),
        (1, 20, "100000000000000000000"),
    ],
)
def test_a_scaled_number_is_a_plain_decimal_text(
    value: float, scaler: int | None, text: str
) -> None:
    assert decimal_text(value, scaler) == text


@given(st.integers(-(2**63), 2**64), st.integers(-10, 10))
def test_no_digit_is_lost(value: int, scaler: int) -> None:
    assert Decimal(decimal_text(value, scaler)) == Decimal(value).scaleb(scaler)
    assert scaled(value, scaler) == Decimal(value) * Decimal(10) ** scaler


@given(st.integers(-(10**9), 10**9), st.integers(-6, 6))
def test_unscaled_undoes_scaled(value: int, scaler: int) -> None:
    assert unscaled(float(scaled(value, scaler)), scaler) == value


def test_units_are_shown_as_people_write_them() -> None:
    assert [unit_symbol(code) for code in (27, 30, 32, 33, 35, 44, 255)] == [
        "W", "Wh", "varh", "A", "V", "Hz", "1",
    ]  # fmt: skip
    assert unit_symbol(None) is None
    assert unit_symbol(199) == "unit:199"


def test_symbols_and_codes_agree() -> None:
    for symbol, code in UNIT_CODES.items():
        assert UNIT_SYMBOLS[code] == symbol
