"""Events as plain data for people and programs: what ``hes events`` and the API show."""

import itertools
from datetime import datetime
from typing import Any, Final

import msgspec

from hes.events.base import DomainEvent, Recorded
from hes.events.layout import Channel, Layout
from hes.events.reading import LoadProfileRead, ProfileRow, Reading
from hes.quantities import decimal_text, shown_scale

UNKNOWN: Final = Channel("")
"""Stands for the channel of a value that the layout does not name."""
NESTING_MAX: Final = 16
"""Structures of meters nest three or four deep; what lies deeper is shown as an ellipsis."""
_APART: Final = frozenset({"received_at", "device_time", "layout"})


def to_plain(recorded: Recorded) -> dict[str, Any]:
    """Return a recorded event as plain data; the same event always looks the same.

    Keys: position, stream, version, type, received_at, device_time, and data with its own fields.
    """
    event = recorded.event
    return {
        "position": recorded.position,
        "stream": recorded.stream,
        "version": recorded.version,
        "type": event.topic,
        "received_at": event.received_at.isoformat(),
        "device_time": event.device_time.isoformat() if event.device_time else None,
        "data": event_data(event),
    }


def event_data(event: DomainEvent) -> dict[str, Any]:
    """Return the fields of an event, but for the two times that every event has.

    Values of meters are shown with what they are, instead of beside a layout.
    """
    shown = {
        name: plain(getattr(event, name))
        for name in event.__struct_fields__
        if name not in _APART and name not in {"values", "times", "rows"}
    }
    match event:
        case Reading():
            shown["values"] = values_shown(event.layout, event.values)
            for value, time in zip(shown["values"], event.times or (), strict=False):
                if time is not None:
                    value["time"] = time.isoformat()
        case LoadProfileRead():
            shown["rows"] = [_row(event.layout, row) for row in event.rows]
        case _:
            pass
    return shown


def values_shown(layout: Layout, values: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return values with what they are; none is lost when the layout has fewer channels."""
    named = itertools.chain(layout.channels, itertools.repeat(UNKNOWN))
    return [value_shown(channel, value) for channel, value in zip(named, values, strict=False)]


def value_shown(channel: Channel, value: Any) -> dict[str, Any]:
    """Return one value: obis, value, unit, scaler, raw.

    A number's ``value`` is its decimal text, scaled as far as the scaler is known; anything else
    has its own form and no unit.
    """
    raw = plain(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    scaler, unit = shown_scale(channel.scaler, channel.unit)
    return {
        "obis": channel.obis,
        "value": decimal_text(value, scaler) if is_number else raw,
        "unit": unit if is_number else None,
        "scaler": channel.scaler,
        "raw": raw,
    }


def plain(value: Any, depth: int = NESTING_MAX) -> Any:
    """Return a field as JSON can hold it; octets as ``hex:..``; at most ``depth`` levels."""
    if not depth:
        return "..."
    if isinstance(value, bytes):
        return "hex:" + value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(part, depth - 1) for part in value]
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name), depth - 1) for name in value.__struct_fields__}
    return value


def _row(layout: Layout, row: ProfileRow) -> dict[str, Any]:
    return {
        "time": row.ends_at.isoformat(),
        "status": row.status,
        "values": values_shown(layout, row.values),
    }
