"""Values of meters for auditors: exact numbers, times, and whose clock told them."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from hes.events.layout import Channel, Layout
from hes.events.reading import Reading
from hes.quantities import base_scale, scaled

ENERGY_UNITS: Final = {30: "Wh", 31: "VAh", 32: "varh"}
"""COSEM codes of energies, without their prefix."""
AHEAD_MAX: Final = timedelta(days=1)
"""A meter's clock that is a day ahead of ours is wrong; the same limit as for latest values."""
MOMENTS: Final = frozenset({(4, 5), (5, 6), (5, 7)})
"""Class and attribute of capture times: of extended registers, and of demand registers."""


def channels(layout: Layout, values: Sequence[Any]) -> Iterator[tuple[int, Channel, Any]]:
    """Yield place, channel and value of each code, once: a value goes before its moment."""
    places: dict[str, int] = {}
    for place, channel in enumerate(layout.channels[: len(values)]):
        known = places.get(channel.obis)
        if known is None or _is_moment(layout.channels[known]):
            places[channel.obis] = place
    for place in places.values():
        yield place, layout.channels[place], values[place]


def _is_moment(channel: Channel) -> bool:
    return (channel.class_id, channel.attribute) in MOMENTS


def time_of(reading: Reading, place: int) -> tuple[datetime, str]:
    """Return when a value of a reading was so, and by whose clock: ``meter`` or ``head-end``."""
    own = reading.times[place] if reading.times and place < len(reading.times) else None
    told = own or reading.device_time
    if told is None or told > reading.received_at + AHEAD_MAX:
        return reading.received_at, "head-end"
    return told, "meter"


def energy_of(channel: Channel, value: Any) -> tuple[Decimal, str] | None:
    """Return an energy exactly, in thousands of its unit (kWh); None where it cannot be told.

    It cannot without a unit, nor where the value is no number.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    scaler, code = base_scale(channel.scaler, channel.unit)
    if not is_number or code not in ENERGY_UNITS:
        return None
    number = scaled(value, scaler)
    return (number.scaleb(-3), f"k{ENERGY_UNITS[code]}") if number.is_finite() else None
