"""Units and scaled integers: how a number from a meter becomes one that a person reads.

Stored values are integers with a decimal exponent (``scaler``) and a unit code of COSEM
(IEC 62056-6-2, class Register); text is made only at the edge.
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


def unit_symbol(code: int | None) -> str | None:
    """Return the symbol of a COSEM unit code; None when the meter did not say a unit."""
    if code is None:
        return None
    return UNIT_SYMBOLS.get(code) or f"unit:{code}"


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
