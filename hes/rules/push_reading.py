"""From the values of a push to a Reading: what they are, and when the meter says it was."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

from hes.events.layout import ROW_CHANNELS_MAX, Channel, Layout
from hes.events.reading import Value

ScaleOf = Callable[[str], tuple[int | None, int | None] | None]
ChannelKey = tuple[str, int | None, int | None, int | None, int | None]
LAYOUTS_CACHED: Final = 4096
INTEGER_MAX: Final = 2**63


@lru_cache(maxsize=LAYOUTS_CACHED)
def layout_of(channels: tuple[ChannelKey, ...]) -> Layout:
    """Return the layout of channels given as obis, scaler, unit, class, attribute."""
    return Layout(tuple(Channel(*channel) for channel in channels[:ROW_CHANNELS_MAX]))


def layout_of_values(values: Iterable[Any], scale_of: ScaleOf) -> Layout:
    """Return the layout of values that have obis, scaler, unit, class_id and attribute.

    A value without scaler gets what is known of its register from earlier reads.
    """
    return layout_of(tuple(_key(value, scale_of) for value in values))


def _key(value: Any, scale_of: ScaleOf) -> ChannelKey:
    scaler, unit = value.scaler, value.unit
    if scaler is None and unit is None:
        known = scale_of(value.obis)
        if known is not None:
            scaler, unit = known
    return value.obis, scaler, unit, value.class_id, value.attribute


def storable(value: Any) -> Value:
    """Return a decoded value as an event can hold it."""
    if isinstance(value, tuple | list):
        return [storable(part) for part in value]
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and not -INTEGER_MAX <= value < 2 * INTEGER_MAX:
        return str(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return float(value)  # a number of 32 bits turns into the shortest that is the same
    return value if isinstance(value, int | float | bytes) else None
