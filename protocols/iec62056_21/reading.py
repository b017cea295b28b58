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
from protocols.tariffs import as_tariff
from protocols.values import ReadValue

QUANTITIES: Final = range(1, 94)
"""Groups C of electricity whose values are measured."""
KINDS: Final = range(1, 60)
"""Groups D of energies, demands and instantaneous values."""
CLOCK: Final = "0.0.1.0.0.255"
"""Date and time in one, on customer ports."""
FACTORS: Final = frozenset({13, 33, 53, 73})
"""Groups C of power factors: numbers without a unit."""
BLANKS: Final = " -_.,"
"""What stands in the place of a number that the meter does not have: ``(------*kWh)``."""
COUNTERS: Final = frozenset({(0, 1, 0), (96, 7, 0), (96, 2, 0)})
"""Billing periods, power failures, changes of the configuration."""


def obis_in(data_set: DataSet, options: Iec62056Options) -> str | None:
    """Return the OBIS code of a data set; None: it has none that anybody told."""
    return None if data_set.code is None else obis_told(data_set.code, options)


def obis_told(code: str, options: Iec62056Options) -> str | None:
    """Return the OBIS code of what the meter calls ``code``; None: nobody told it."""
    named = options.names.get(code)
    if named is not None:
        return named
    obis = obis_of(code)
    return None if obis is None else as_tariff(options.rates, obis)


def values_in(
    sets: Iterable[DataSet], options: Iec62056Options, rules: StampRules
) -> list[ReadValue]:
    """Return the values whose codes are known; of a code that stands there twice, the first."""
    told: dict[str, ReadValue] = {}
    for found in sets:
        obis = obis_in(found, options)
        if obis is not None and found.values and obis not in told:
            told[obis] = read_value(obis, found.values, options, rules)
    return list(told.values())


def read_value(
    obis: str, values: tuple[str, ...], options: Iec62056Options, rules: StampRules
) -> ReadValue:
    """Return what stands in the brackets behind a code.

    A second bracket that holds a time is when a maximum occurred. Customer ports and some meters
    put the time first: ``(230601000000S)(02.345*kW)``.
    """
    if len(values) == 2 and "*" in values[1] and _is_stamp(values[0]):
        values = values[::-1]
    text, unit_text = split_unit(values[0])
    at = _time(values[1], rules) if len(values) > 1 else None
    unit_text = unit_text or options.units.get(obis, "")
    number = parse_number(text)
    if number is not None and unit_text and (unit := unit_of(unit_text)) is not None:
        code, scaler = unit.told
        return ReadValue(obis, number.mantissa, number.scaler + scaler, code, time=at)
    if number is not None and not unit_text:
        is_number, count = _plain_number(obis)
        if is_number:
            return ReadValue(obis, number.mantissa, number.scaler, count, time=at)
    blank = unit_text and unit_of(unit_text) is not None and not text.strip(BLANKS)
    return ReadValue(obis, None if blank else values[0].strip() or None, time=at)


def _is_stamp(text: str) -> bool:
    try:
        parse_stamp(text)
    except RemoteProtocolError:
        return False
    return True


def _time(text: str, rules: StampRules) -> datetime | None:
    if is_no_time(text):
        return None
    try:
        return parse_stamp(text).instant(rules).astimezone(UTC)
    except (RemoteProtocolError, OverflowError):
        return None


def is_measured(obis: str) -> bool:
    """Whether what stands under a code is a quantity, not a text."""
    return _plain_number(obis)[0]


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
    whole = told.get(CLOCK)
    if (date is None or time is None) and whole is None:
        return None
    try:
        stamp = parse_clock(date, time) if date and time else parse_stamp(whole or "")
        return stamp.instant(rules).astimezone(UTC)
    except (RemoteProtocolError, OverflowError):
        return None
