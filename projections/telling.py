"""From rows of tables to rows of screens."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from hes.ids import meter_of, modem_of
from projections import rows
from projections.base import from_utc_ms
from projections.cells import GOOD, UNSCALED

time_of: Final = from_utc_ms


def time_or_none(ms: int | None) -> datetime | None:
    """Return the time, where there is one."""
    return None if ms is None else from_utc_ms(ms)


def meter_row(row: Any) -> rows.MeterRow:
    """Return a line of the meter list."""
    energy = None
    if row["energy_obis"] is not None:
        energy = rows.Energy(obis=row["energy_obis"], value=row["energy"], unit=row["energy_unit"])
    return rows.MeterRow(
        meter_id=row["meter_id"],
        modem_id=row["modem_id"],
        area=row["area"],
        protocol=row["protocol"],
        framing=row["framing"],
        meter_type=row["meter_type"],
        address=row["address"],
        link=row["link"],
        online=bool(row["online_now"]),
        state=_state(row),
        last_reading_at=time_or_none(row["last_reading_at"]),
        energy_import=energy,
        drift_s=row["drift_s"],
        open_alarms=row["open_alarms"],
        has_keys=bool(row["has_keys"]),
    )


def _state(row: Any) -> str:
    if row["open_alarms"]:
        return "alarm"
    if row["online_now"]:
        return "online"
    return "never" if row["last_reading_at"] is None else "offline"


def reading_row(row: Any) -> rows.ReadingRow:
    """Return one register value."""
    return rows.ReadingRow(
        obis=row["obis"],
        value=row["value_text"],
        unit=row["unit"],
        time=time_of(row["time"]),
        received_at=time_of(row["received_at"]),
        source=row["source"],
        quality=row["quality"],
    )


def profile_rows(found: Sequence[Any]) -> list[rows.ProfileRow]:
    """Return intervals out of their values, which come by time."""
    intervals: dict[int, rows.ProfileRow] = {}
    for row in found:
        interval = intervals.get(row["ends_at"])
        if interval is None:
            interval = intervals[row["ends_at"]] = rows.ProfileRow(
                time=time_of(row["ends_at"]), values={}, status=row["status"], quality=GOOD
            )
        interval.values[row["obis"]] = rows.Cell(value=row["value_text"], unit=row["unit"])
        if row["quality"] == UNSCALED:
            interval.quality = UNSCALED
    return list(intervals.values())


def alarm_row(row: Any) -> rows.AlarmRow:
    """Return one alarm."""
    return rows.AlarmRow(
        id=int(row["id"]),
        meter_id=meter_of(row["stream"]),
        modem_id=modem_of(row["stream"]),
        kind=row["kind"],
        place=row["place"],
        severity=row["severity"],
        raised_at=time_of(row["raised_at"]),
        device_time=time_or_none(row["device_time"]),
        text=row["text"],
        detail=row["detail"],
        cleared_at=time_or_none(row["cleared_at"]),
        acknowledged_at=time_or_none(row["acknowledged_at"]),
        acknowledged_by=row["acknowledged_by"],
    )


def kept_row(row: Any) -> rows.KeptRow:
    """Return one message that was kept."""
    return rows.KeptRow(
        position=row["position"],
        stream=row["stream"],
        received_at=time_of(row["received_at"]),
        reason=row["reason"],
        detail=row["detail"],
        hex=octets_hex(row["data"]),
        system_title=row["system_title"],
        peer=row["peer"],
    )


def octets_hex(data: bytes | None) -> str:
    """Return octets as hex; Oracle keeps none of them as NULL."""
    return (data or b"").hex()


def session_row(row: Any) -> rows.SessionRow:
    """Return one connection of a modem."""
    return rows.SessionRow(
        session=row["session_no"],
        peer=row["peer"],
        link=row["link"],
        claim=row["claim"],
        connected_at=time_of(row["connected_at"]),
        ended_at=time_or_none(row["ended_at"]),
        reason=row["reason"],
        lasted_s=row["lasted_s"],
        bytes_in=row["bytes_in"],
        bytes_out=row["bytes_out"],
    )


def caller_row(row: Any) -> rows.CallerRow:
    """Return one connection of somebody unknown."""
    return rows.CallerRow(
        at=time_of(row["received_at"]),
        peer=row["peer"],
        listener=row["listener"],
        reason=row["detail"],
        first_bytes_hex=octets_hex(row["data"]),
    )


def meter_event_row(row: Any) -> rows.MeterEventRow:
    """Return what a meter reported."""
    return rows.MeterEventRow(
        position=row["position"],
        received_at=time_of(row["received_at"]),
        device_time=time_or_none(row["device_time"]),
        code=row["code"],
        name=row["name"],
        obis=row["obis"],
        detail=row["detail"],
    )


def failure_row(row: Any) -> rows.FailureRow:
    """Return what we did not get."""
    return rows.FailureRow(
        at=time_of(row["received_at"]),
        what=row["what"],
        reason=row["reason"],
        detail=row["detail"],
    )


def energy_day_row(row: Any) -> rows.EnergyDayRow:
    """Return the energy of a day."""
    number = int(row["local_day"])
    return rows.EnergyDayRow(
        day=date(number // 10_000, number // 100 % 100, number % 100),
        obis=row["obis"],
        profile=row["profile"],
        energy=row["energy"],
        unit=row["unit"],
        intervals=row["intervals"],
        first_at=time_of(row["first_at"]),
        last_at=time_of(row["last_at"]),
        quality=row["quality"],
    )


def audit_row(row: Any) -> rows.AuditRow:
    """Return an entry of the audit log."""
    return rows.AuditRow(
        position=row["position"],
        stream=row["stream"],
        received_at=time_of(row["received_at"]),
        kind=row["kind"],
        actor=row["actor"],
        what=row["what"],
        argument=row["argument"],
        why=row["why"],
        result=row["result"],
        detail=row["detail"],
    )
