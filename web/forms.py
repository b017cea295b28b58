"""Events as the rows that screens show, for answers and for the live feed."""

from collections.abc import Iterable
from typing import Any

from hes.events.base import Recorded
from hes.events.meter_event import MeterEvent
from hes.events.power import PowerFailure, PowerRestored
from hes.events.reading import LoadProfileRead, ProfileRow, Reading
from projections.cells import GOOD, UNSCALED, cells


def reading_rows(event: Reading) -> list[dict[str, Any]]:
    """Return a row (``ReadingRow``) for each value."""
    received_at = event.received_at.isoformat()
    time = (event.device_time or event.received_at).isoformat()
    pairs = zip(event.layout.channels, event.times or (), strict=False)
    own = {channel.obis: at.isoformat() for channel, at in pairs if at is not None}
    rows = []
    for obis, text, unit, quality in cells(event.layout, event.values):
        rows.append(
            {
                "obis": obis,
                "value": text,
                "unit": unit,
                "time": own.get(obis, time),
                "received_at": received_at,
                "source": event.source.value,
                "quality": quality,
            }
        )
    return rows


def profile_rows(blocks: Iterable[LoadProfileRead]) -> list[dict[str, Any]]:
    """Return a row (``ProfileRow``) for each interval, each once, by time."""
    rows = {row.ends_at: _profile_row(block, row) for block in blocks for row in block.rows}
    return [rows[ends_at] for ends_at in sorted(rows)]


def _profile_row(block: LoadProfileRead, row: ProfileRow) -> dict[str, Any]:
    quality = GOOD
    values = {}
    for obis, text, unit, of_cell in cells(block.layout, row.values):
        values[obis] = {"value": text, "unit": unit}
        quality = UNSCALED if of_cell == UNSCALED else quality
    return {
        "time": row.ends_at.isoformat(),
        "values": values,
        "status": row.status,
        "quality": quality,
    }


def meter_event_row(recorded: Recorded) -> dict[str, Any] | None:
    """Return the row (``MeterEventRow``) of an event that meters report by a code."""
    match recorded.event:
        case MeterEvent(code=code, name=name, obis=obis, detail=detail):
            told: tuple[Any, ...] = (code, name, obis, detail)
        case PowerFailure(code=code, sign=sign):
            told = (code, "power-failure", None, sign.value)
        case PowerRestored(code=code, outage_s=outage_s):
            after = "" if outage_s is None else f"after {outage_s:.0f} s"
            told = (code, "power-restored", None, after)
        case _:
            return None
    event = recorded.event
    return {
        "position": recorded.position,
        "received_at": event.received_at.isoformat(),
        "device_time": event.device_time.isoformat() if event.device_time else None,
    } | dict(zip(("code", "name", "obis", "detail"), told, strict=True))
