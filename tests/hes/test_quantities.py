from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from hes.quantities import (
    UNIT_CODES,
    UNIT_SYMBOLS,
    base_scale,
    decimal_text,
    scaled,
    shown_scale,
    unit_symbol,
    unscaled,
)


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


@pytest.mark.parametrize(
    ("scaler", "code", "shown"),
    [
        (1, 30, (-2, "kWh")),
        (3, 30, (0, "kWh")),
        (2, 32, (-1, "kvarh")),
        (1, 27, (-2, "kW")),
        (0, 30, (0, "Wh")),
        (-1, 27, (-1, "W")),
        (1, 35, (1, "V")),
        (None, 30, (None, "Wh")),
        (2, None, (2, None)),
    ],
)
def test_steps_above_one_are_shown_in_thousands(
    scaler: int | None, code: int | None, shown: tuple[int | None, str | None]
) -> None:
    assert shown_scale(scaler, code) == shown


@given(st.integers(-(10**12), 10**12), st.integers(1, 6))
def test_thousands_are_the_same_number_with_the_meters_digits(value: int, scaler: int) -> None:
    told, _ = shown_scale(scaler, 30)
    assert Decimal(decimal_text(value, told)) * 1000 == Decimal(value).scaleb(scaler)
    if scaler < 3:
        assert decimal_text(value, told).replace(".", "").lstrip("-0") == str(abs(value)).lstrip(
            "0"
        )


def test_symbols_and_codes_agree() -> None:
    for symbol, code in UNIT_CODES.items():
        assert UNIT_SYMBOLS[code] == symbol


@pytest.mark.parametrize(
    ("code", "symbol"),
    [
        (0x300 | 30, "kWh"), (0x600 | 27, "MW"), (0x900 | 32, "Gvarh"), (0xFD00 | 33, "mA"),
        (0x300 | 35, "kV"), (0x200 | 30, "unit:542"), (0x300 | 99, "unit:867"),
    ],
)  # fmt: skip
def test_a_prefix_that_a_meter_wrote_stays(code: int, symbol: str) -> None:
    assert unit_symbol(code) == symbol
    assert shown_scale(-3, code) == (-3, symbol)
    assert shown_scale(0, code) == (0, symbol)


def test_a_unit_without_its_prefix() -> None:
    assert base_scale(-2, 0x300 | 35) == (1, 35)
    assert base_scale(0, 0xFD00 | 33) == (-3, 33)
    assert base_scale(None, 0x300 | 35) == (3, 35)
    assert base_scale(-1, 35) == (-1, 35)
    assert base_scale(None, None) == (None, None)
