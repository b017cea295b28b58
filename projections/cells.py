"""How values of meters stand in tables: text, unit and quality."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from hes.events.layout import Channel, Layout
from hes.quantities import decimal_text, shown_scale

GOOD = "good"
UNSCALED = "unscaled"
"""The number as the meter sent it: nobody told its scaler or unit."""


LAYOUTS_CACHED: Final = 4096
VALUE_SIZE_MAX: Final = 1000
"""Characters of a value in a table; what is longer stands whole in the log."""


class Column(NamedTuple):
    """The values of one code."""

    place: int
    """Among the values of a message."""
    obis: str
    channel: Channel
    write: Callable[[int], str]
    """Writes a whole number."""
    write_all: Callable[[Sequence[int]], list[str]]
    unit: str | None
    """Of numbers, as their ``quality``."""
    quality: str


Cell = tuple[str, str | None, str | None, str]
"""OBIS code, text, unit and quality."""
Told = tuple[Sequence[str | None], Sequence[str | None], Sequence[str]]
"""Texts, units and qualities of many values."""
WHOLE_NUMBERS: Final = {int}


def cells(layout: Layout, values: Sequence[Any]) -> list[Cell]:
    """Return OBIS code, text, unit and quality of the value of each code."""
    return [
        (column.obis, column.write(value), column.unit, column.quality)
        if type(value := values[column.place]) is int
        else (column.obis, *cell(column.channel, value))
        for column in columns_of(layout)
    ]


def told(column: Column, rows: Sequence[Sequence[Any]]) -> Told:
    """Return what ``cells`` says of one code in each of many rows."""
    place, _, channel, write, write_all, unit, quality = column
    values = [row[place] for row in rows]
    if set(map(type, values)) == WHOLE_NUMBERS:
        count = len(values)
        return write_all(values), [unit] * count, [quality] * count
    some = [
        (write(value), unit, quality) if type(value) is int else cell(channel, value)
        for value in values
    ]
    texts, units, qualities = zip(*some, strict=True)
    return texts, units, qualities


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
        Column(number, obis, channel, *_writers(channel), *cell(channel, 0)[1:])
        for obis, (number, channel) in shown.items()
    )


def _writers(
    channel: Channel,
) -> tuple[Callable[[int], str], Callable[[Sequence[int]], list[str]]]:
    """Return what ``decimal_text`` does with numbers of a channel: tables are full of these."""
    scaler, _ = shown_scale(channel.scaler, channel.unit)
    if not scaler:
        return str, lambda values: list(map(str, values))
    if scaler > 0:
        write = partial(decimal_text, scaler=scaler)
        return write, lambda values: list(map(write, values))
    one, width = 10**-scaler, 1 - scaler

    def write_one(value: int) -> str:
        if value < 0:
            return decimal_text(value, scaler)
        digits = str(value).zfill(width)
        return f"{digits[:scaler]}.{digits[scaler:]}"

    padded = f"%0{width}d".__mod__

    def write_all(values: Sequence[int]) -> list[str]:
        least = min(values)
        if least < 0:
            return list(map(write_one, values))
        # Most have all digits that they need.
        written = map(str if least >= one else padded, values)
        return [f"{digits[:scaler]}.{digits[scaler:]}" for digits in written]

    return write_one, write_all


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
