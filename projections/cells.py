"""How values of meters stand in tables: text, unit and quality."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from hes.events.layout import Channel, Layout
from hes.quantities import decimal_text, unit_symbol

GOOD = "good"
UNSCALED = "unscaled"
"""The number as the meter sent it: nobody told its scaler or unit."""


LAYOUTS_CACHED: Final = 4096


def cells(
    layout: Layout, values: Sequence[Any]
) -> Iterator[tuple[str, str | None, str | None, str]]:
    """Yield OBIS code, text, unit and quality of the value of each code."""
    for number, channel, unit, quality in _columns(layout):
        value = values[number]
        if type(value) is int:
            yield channel.obis, decimal_text(value, channel.scaler), unit, quality
        else:
            yield channel.obis, *cell(channel, value)


@lru_cache(maxsize=LAYOUTS_CACHED)
def _columns(layout: Layout) -> tuple[tuple[int, Channel, str | None, str], ...]:
    """Return place and channel of each code, with unit and quality of the numbers in it.

    A maximum and the moment of it have one code and two attributes: the value is what is shown.
    """
    shown: dict[str, tuple[int, Channel]] = {}
    for number, channel in enumerate(layout.channels):
        if channel.obis not in shown or _is_moment(shown[channel.obis][1]):
            shown[channel.obis] = number, channel
    return tuple((number, channel, *cell(channel, 0)[1:]) for number, channel in shown.values())


def _is_moment(channel: Channel) -> bool:
    """Whether it is a capture time: of an extended register, or of a demand register."""
    return (channel.class_id, channel.attribute) in {(4, 5), (5, 6), (5, 7)}


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
