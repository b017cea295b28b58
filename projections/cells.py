"""How values of meters stand in tables: text, unit and quality."""

from typing import Any

from hes.events.layout import Channel
from hes.quantities import decimal_text, unit_symbol

GOOD = "good"
UNSCALED = "unscaled"
"""The number as the meter sent it: nobody told its scaler or unit."""


def cell(channel: Channel, value: Any) -> tuple[str | None, str | None, str]:
    """Return text, unit and quality of one value."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if channel.unit is None and channel.scaler is None:
            return decimal_text(value, 0), None, UNSCALED
        return decimal_text(value, channel.scaler), unit_symbol(channel.unit), GOOD
    return _text(value), None, GOOD


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        printable = value.isascii() and value.decode("ascii").isprintable() and value
        return value.decode() if printable else "hex:" + value.hex()
    return str(value)
