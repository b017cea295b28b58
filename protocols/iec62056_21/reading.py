"""From data sets to values: OBIS code, integer, scaler, COSEM unit, time."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.codes import obis_of
from protocols.iec62056_21.datasets import DataSet
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.stamps import (
    StampRules,
    is_no_time,
    parse_clock,
    parse_stamp,
)
from protocols.iec62056_21.units import (
    COUNT,
    parse_number,
    split_unit,
    unit_of,
)
from protocols.values import ReadValue

QUANTITIES: Final = range(1, 94)
"""Groups C of electricity whose values are measured."""
KINDS: Final = range(1, 60)
"""Groups D of energies, demands and instantaneous values."""
FACTORS: Final = frozenset({13, 33, 53, 73})
"""Groups C of power factors: numbers without a unit."""
COUNTERS: Final = frozenset({(0, 1, 0), (96, 7, 0), (96, 2, 0)})
"""Billing periods, power failures, changes of the configuration."""


def obis_in(data_set: DataSet, options: Iec62056Options) -> str | None:
    """Return the OBIS code of a data set; None: it has none that anybody told."""
    code = data_set.code
    return None if code is None else options.names.get(code) or obis_of(code)


def read_value(
    obis: str, values: tuple[str, ...], options: Iec62056Options, rules: StampRules
) -> ReadValue:
    """Return what stands in the brackets behind a code.

    A second bracket that holds a time is when a maximum occurred.
    """
    text, unit_text = split_unit(values[0])
    at = _time(values[1], rules) if len(values) > 1 else None
    unit_text = unit_text or options.units.get(obis, "")
    number = parse_number(text)
    if number is not None and unit_text and (unit := unit_of(unit_text)) is not None:
        return ReadValue(obis, number.mantissa, number.scaler + unit.scaler, unit.code, time=at)
    if number is not None and not unit_text:
        is_number, code = _plain_number(obis)
        if is_number:
            return ReadValue(obis, number.mantissa, number.scaler, code, time=at)
    return ReadValue(obis, values[0].strip() or None, time=at)


def _time(text: str, rules: StampRules) -> datetime | None:
    if is_no_time(text):
        return None
    try:
        return parse_stamp(text).instant(rules).astimezone(UTC)
    except (RemoteProtocolError, OverflowError):
        return None


@lru_cache(maxsize=4096)
def _plain_number(obis: str) -> tuple[bool, int | None]:
    """Return whether digits without a unit are a number, and its unit, where that is certain."""
    a, _, c, d, e, _ = map(int, obis.split("."))
    counter = (c, d, e) in COUNTERS
    measured = a > 0 and c in QUANTITIES and d in KINDS
    return measured or counter, COUNT if counter or c in FACTORS else None


def clock_in(
    sets: Iterable[DataSet], options: Iec62056Options, rules: StampRules
) -> datetime | None:
    """Return the meter's time, when date and time are among the data sets."""
    told = {obis: found.values[0] for found in sets if (obis := obis_in(found, options))}
    date = told.get(obis_of(options.date_code) or "")
    time = told.get(obis_of(options.time_code) or "")
    if date is None or time is None:
        return None
    try:
        return parse_clock(date, time).instant(rules).astimezone(UTC)
    except (RemoteProtocolError, OverflowError):
        return None
