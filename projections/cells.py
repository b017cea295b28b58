"""How values of meters stand in tables: text, unit and quality."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, Final

from hes.events.layout import Channel, Layout
from hes.quantities import decimal_text, shown_scale

GOOD = "good"
UNSCALED = "unscaled"
"""The number as the meter sent it: nobody told its scaler or unit."""


LAYOUTS_CACHED: Final = 4096
VALUE_SIZE_MAX: Final = 1000
"""Characters of a value in a table; what is longer stands whole in the log."""


Column = tuple[int, str, Channel, Callable[[int], str], str | None, str]
"""Place in the values, OBIS code, channel; what writes the whole numbers in it, unit, quality."""
Cell = tuple[str, str | None, str | None, str]
"""OBIS code, text, unit and quality."""


def cells(layout: Layout, values: Sequence[Any]) -> list[Cell]:
    """Return OBIS code, text, unit and quality of the value of each code."""
    return cells_in(columns_of(layout), values)


def cells_in(columns: Sequence[Column], values: Sequence[Any]) -> list[Cell]:
    """Return what ``cells`` does, of columns that were looked up once for many rows."""
    return [
        (obis, write(value), unit, quality)
        if type(value := values[place]) is int
        else (obis, *cell(channel, value))
        for place, obis, channel, write, unit, quality in columns
    ]


@lru_cache(maxsize=LAYOUTS_CACHED)
def columns_of(layout: Layout) -> tuple[Column, ...]:
    """Return the column of each code.

    A maximum and the moment of it have one code and two attributes: the value is what is shown.
    """
    shown: dict[str, tuple[int, Channel]] = {}
    for number, channel in enumerate(layout.channels):
        if channel.obis not in shown or _is_moment(shown[channel.obis][1]):
            shown[channel.obis] = number, channel
    return tuple(
        (number, obis, channel, _writer(channel), *cell(channel, 0)[1:])
        for obis, (number, channel) in shown.items()
    )


def _writer(channel: Channel) -> Callable[[int], str]:
    """Return what ``decimal_text`` does with numbers of a channel: tables are full of these."""
    scaler, _ = shown_scale(channel.scaler, channel.unit)
    if not scaler:
        return str
    if scaler > 0:
        return partial(decimal_text, scaler=scaler)
    one = 10**-scaler

    def write(value: int) -> str:
        if value < one:  # zeros to add, or a sign
            return decimal_text(value, scaler)
        digits = str(value)
        return f"{digits[:scaler]}.{digits[scaler:]}"

    return write


def _is_moment(channel: Channel) -> bool:
    """Whether it is a capture time: of an extended register, or of a demand register."""
    return (channel.class_id, channel.attribute) in {(4, 5), (5, 6), (5, 7)}


def cell(channel: Channel, value: Any) -> tuple[str | None, str | None, str]:
    """Return text, unit and quality of one value."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if channel.unit is None and channel.scaler is None:
            return decimal_text(value, 0), None, UNSCALED
        scaler, unit = shown_scale(channel.scaler, channel.unit)
        return decimal_text(value, scaler), unit, GOOD
    return _text(value), None, GOOD


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        printable = value.isascii() and value.decode("ascii").isprintable() and value
        shown = value.decode() if printable else "hex:" + value.hex()
    else:
        shown = str(value).replace("\0", "\ufffd")  # no database but SQLite keeps NUL in a text
    return shown if len(shown) <= VALUE_SIZE_MAX else shown[: VALUE_SIZE_MAX - 1] + "…"
