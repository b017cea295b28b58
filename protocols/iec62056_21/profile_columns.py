"""From the rows of a load profile to columns of integers, each with one scaler, nothing rounded."""

from collections.abc import Sequence
from datetime import datetime

from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.profile import Channel, IntervalRow
from protocols.iec62056_21.reading import obis_told
from protocols.iec62056_21.units import Number, parse_number, rescaled, split_unit, unit_of
from protocols.values import ProfileRead, ReadValue, TableRow

STATUS_SIZE_MAX = 15
"""Hex digits of a status word that fits a signed 64-bit integer."""


class _Column:
    """One channel, gathered row by row."""

    def __init__(self, obis: str) -> None:
        self.obis = obis
        self.unit: int | None = None
        self.scaler: int | None = None
        self._power: int | None = None
        """Of the prefix of the unit, as it was written first."""
        self._numbers: dict[int, Number] = {}

    def take(self, row: int, value: str, unit_text: str) -> None:
        """Take the value of a row; blanks and dashes are none."""
        text, own = split_unit(value)
        number, unit = parse_number(text), unit_of(own or unit_text)
        if number is None:
            return
        if unit is not None and (own or unit_text):
            code, scaler = unit.told
            if self._power is None:
                self.unit, self._power = code, unit.scaler - scaler
            number = Number(number.mantissa, number.scaler + unit.scaler - self._power)
        self._numbers[row] = number
        self.scaler = number.scaler if self.scaler is None else min(self.scaler, number.scaler)

    def integer(self, row: int) -> int | None:
        """Return the value of a row at the finest scaler of all rows."""
        number = self._numbers.get(row)
        if number is None or self.scaler is None:
            return None
        return rescaled(number, self.scaler)


def profile_read(
    obis: str,
    period_s: int | None,
    rows: Sequence[tuple[datetime, IntervalRow]],
    options: Iec62056Options,
) -> ProfileRead:
    """Return a profile as the actors know it.

    Raises:
        RemoteProtocolError: a value has digits out of all measure.

    """
    columns: dict[str, _Column] = {}
    for number, (_, row) in enumerate(rows):
        for channel, value in zip(row.channels, row.values, strict=True):
            name = _name(channel, options)
            column = columns.setdefault(name, _Column(name))
            column.take(number, value, channel.unit or options.units.get(name, ""))
    heads = [ReadValue(c.obis, None, c.scaler, c.unit) for c in columns.values()]
    told = [
        TableRow(time, _status(row.status), tuple(c.integer(n) for c in columns.values()))
        for n, (time, row) in enumerate(rows)
    ]
    return ProfileRead(obis, period_s, heads, told)


def _name(channel: Channel, options: Iec62056Options) -> str:
    return obis_told(channel.code, options) or channel.code


def _status(text: str | None) -> int | None:
    """Return the status word, which is written in hex digits."""
    if text is None or not text.isalnum() or len(text) > STATUS_SIZE_MAX:
        return None
    try:
        return int(text, 16)
    except ValueError:
        return None
