"""Units and scaled integers: how a number from a meter becomes one that a person reads.

Stored values are integers with a decimal exponent (``scaler``) and a unit code of COSEM
(IEC 62056-6-2, class Register); text is made only at the edge. Where a meter itself writes the unit
with a prefix, the code has it in its upper byte, as a signed power of ten: kWh is 3 * 256 + 30.
"""

from decimal import Decimal
from typing import Final

UNIT_SYMBOLS: Final[dict[int, str]] = {
    1: "a", 2: "mo", 3: "wk", 4: "d", 5: "h", 6: "min", 7: "s", 8: "°", 9: "°C",
    11: "m", 12: "m/s", 13: "m³", 14: "m³", 15: "m³/h", 16: "m³/h", 17: "m³/d", 18: "m³/d",
    19: "l", 20: "kg", 21: "N", 22: "Nm", 23: "Pa", 24: "bar", 25: "J", 26: "J/h",
    27: "W", 28: "VA", 29: "var", 30: "Wh", 31: "VAh", 32: "varh", 33: "A", 34: "C",
    35: "V", 36: "V/m", 37: "F", 38: "Ω", 40: "Wb", 41: "T", 42: "A/m", 43: "H", 44: "Hz",
    45: "1/Wh", 46: "1/varh", 47: "1/VAh", 48: "V²h", 49: "A²h", 50: "kg/s", 51: "S", 52: "K",
    56: "%", 57: "Ah", 60: "Wh/m³", 61: "J/m³", 70: "dBm", 71: "dBµV", 72: "dB", 255: "1",
}  # fmt: skip
"""COSEM unit code to symbol. Codes missing here are shown as ``unit:N``."""

UNIT_CODES: Final[dict[str, int]] = {
    "W": 27, "VA": 28, "var": 29, "Wh": 30, "VAh": 31, "varh": 32, "A": 33, "V": 35, "Hz": 44,
    "°": 8, "°C": 9, "s": 7, "min": 6, "%": 56, "dBm": 70, "1": 255,
}  # fmt: skip
"""Symbol to code, for the units that data files name."""


PREFIXES: Final = {3: "k", 6: "M", 9: "G", -3: "m"}
"""Power of ten to how it is written in front of a unit."""


def unit_symbol(code: int | None) -> str | None:
    """Return the symbol of a unit code; None when the meter did not say a unit."""
    if code is None:
        return None
    plain, power = unprefixed(code)
    symbol, prefix = UNIT_SYMBOLS.get(plain), PREFIXES.get(power, "")
    return f"unit:{code}" if symbol is None or (power and not prefix) else prefix + symbol


def unprefixed(code: int) -> tuple[int, int]:
    """Return the COSEM unit code, and the power of ten of the prefix that stands before it."""
    upper = code >> 8
    return code & 0xFF, upper if upper < 0x80 else upper - 0x100


def base_scale(scaler: int | None, code: int | None) -> tuple[int | None, int | None]:
    """Return scaler and unit without a prefix: -3, kV -> 0, V."""
    if code is None or code <= 0xFF:
        return scaler, code
    plain, power = unprefixed(code)
    return (scaler or 0) + power, plain


KILO: Final = frozenset({27, 28, 29, 30, 31, 32})
"""Powers and energies: people read them in thousands where the meter does."""


def shown_scale(scaler: int | None, code: int | None) -> tuple[int | None, str | None]:
    """Return the scaler and the unit in which people read a number: 1, Wh -> -2, kWh.

    Steps above one watt-hour are a meter's that counts kilowatt-hours: in watt-hours its numbers
    would end in digits that nobody measured.
    """
    if code in KILO and scaler is not None and scaler > 0:
        return scaler - 3, f"k{UNIT_SYMBOLS[code]}"
    return scaler, unit_symbol(code)


def scaled(value: float, scaler: int | None) -> Decimal:
    """Return ``value * 10**scaler`` exactly."""
    return Decimal(str(value)).scaleb(scaler or 0)


def decimal_text(value: float, scaler: int | None) -> str:
    """Return ``value * 10**scaler`` as a plain decimal string, digits kept: 2307, -1 -> 230.7."""
    if type(value) is not int:
        return f"{scaled(value, scaler):f}"
    # Without Decimal: read models are filled with so many of these that it is half their work.
    if not scaler:
        return str(value)
    if scaler > 0:
        return f"{value}{'0' * scaler}" if value else "0"
    digits = str(abs(value)).zfill(1 - scaler)
    return f"{'-' if value < 0 else ''}{digits[:scaler]}.{digits[scaler:]}"


def unscaled(value: float, scaler: int) -> int:
    """Return the integer nearest to ``value / 10**scaler``: 230.7, -1 -> 2307."""
    return round(value / 10.0**scaler)
