"""Alarms: what is wrong now, and what was, with who has seen it.

An alarm has a kind and a place; the same again while it is open is the same alarm.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hes.events.base import DomainEvent, Recorded
from hes.events.command import AlarmAcknowledged
from hes.events.meter_clock import ClockDrift, ClockDriftCleared, ClockSet
from hes.events.modem import ModemConnected, ModemQuarantined, ModemTrusted
from hes.events.power import PowerFailure, PowerRestored
from hes.events.voltage import OverVoltage, OverVoltageCleared
from projections.base import Change, Database, utc_ms

RAISE = (
    "INSERT INTO alarm (id, stream, kind, place, severity, raised_at, device_time, text, detail)"
    " SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM alarm"
    " WHERE stream = ? AND kind = ? AND place = ? AND cleared_at IS NULL)"
)
CLEAR = (
    "UPDATE alarm SET cleared_at = ?"
    " WHERE stream = ? AND kind = ? AND place = ? AND cleared_at IS NULL"
)
ACKNOWLEDGE = "UPDATE alarm SET acknowledged_at = ?, acknowledged_by = ?, note = ? WHERE id = ?"


class Raised(NamedTuple):
    """An alarm begins."""

    kind: str
    place: str
    severity: str
    text: str
    detail: str


class Alarms:
    """One row an alarm; its id is the position of the event that raised it."""

    name = "alarms"
    version = 2
    tables = ("alarm",)
    ddl = (
        "CREATE TABLE alarm (id INTEGER PRIMARY KEY, stream TEXT NOT NULL, kind TEXT NOT NULL,"
        " place TEXT NOT NULL, severity TEXT NOT NULL, raised_at INTEGER NOT NULL,"
        " device_time INTEGER, text TEXT NOT NULL, detail TEXT NOT NULL, cleared_at INTEGER,"
        " acknowledged_at INTEGER, acknowledged_by TEXT, note TEXT)",
        "CREATE INDEX alarm_open ON alarm (cleared_at, raised_at)",
        "CREATE INDEX alarm_stream ON alarm (stream, cleared_at)",
    )
    events = (
        ClockDrift, ClockDriftCleared, ClockSet, ModemConnected, ModemQuarantined, ModemTrusted,
        PowerFailure, PowerRestored, OverVoltage, OverVoltageCleared, AlarmAcknowledged,
    )  # fmt: skip

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``."""
        changed = [recorded.stream for recorded in batch if self._one(recorded, db)]
        return {Change("alarms", stream) for stream in changed}

    @staticmethod
    def _one(recorded: Recorded, db: Database) -> bool:
        """Take one event; return whether any row is different now."""
        rows = 0
        event, stream = recorded.event, recorded.stream
        at = utc_ms(event.received_at)
        raised = _raised(event)
        if raised is not None:
            device_time = utc_ms(event.device_time) if event.device_time else None
            place = (stream, raised.kind, raised.place)
            rows += db.execute(
                RAISE,
                (recorded.position, *place, raised.severity, at, device_time, raised.text,
                 raised.detail, *place),
            ).rowcount  # fmt: skip
        for kind, spot in _cleared(event):
            rows += db.execute(CLEAR, (at, stream, kind, spot)).rowcount
        if isinstance(event, AlarmAcknowledged):
            seen = (at, event.actor, event.note, int(event.alarm))
            rows += db.execute(ACKNOWLEDGE, seen).rowcount
        return rows > 0


def _raised(event: DomainEvent) -> Raised | None:
    match event:
        case PowerFailure():
            return Raised("power-failure", "", "critical", "Power failure", event.sign.value)
        case OverVoltage():
            text = f"Over-voltage {event.phase}: {event.voltage_v:g} V"
            detail = f"limit {event.limit_v:g} V; {event.reference}"
            return Raised("over-voltage", event.phase, "warning", text, detail)
        case ClockDrift():
            text = f"Clock off by {event.drift_s:+.0f} s"
            detail = f"uncertain by {event.uncertainty_s:.1f} s; policy: {event.action}"
            return Raised("clock-drift", "", "warning", text, detail)
        case ModemQuarantined():
            return Raised("quarantine", "", "warning", "Modem in quarantine", event.reason)
        case _:
            return None


def _cleared(event: DomainEvent) -> list[tuple[str, str]]:
    match event:
        case PowerRestored():
            return [("power-failure", "")]
        case OverVoltageCleared():
            return [("over-voltage", event.phase)]
        case ModemTrusted() | ModemConnected():
            # A new connection is judged anew; if it is not trusted, that is told right after.
            return [("quarantine", "")]
        case ClockDriftCleared() | ClockSet():
            return [("clock-drift", "")]
        case _:
            return []


PROJECTION = Alarms()
