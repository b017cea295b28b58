"""Alarms: what is wrong now, and what was, with who has seen it.

An alarm has a kind and a place; the same again while it is open is the same alarm.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from hes.events.base import DomainEvent, Recorded
from hes.events.command import AlarmAcknowledged
from hes.events.meter_clock import ClockDrift, ClockDriftCleared, ClockSet
from hes.events.modem import ModemConnected, ModemQuarantined, ModemTrusted
from hes.events.power import PowerFailure, PowerRestored
from hes.events.voltage import OverVoltage, OverVoltageCleared
from projections.base import Change, Database, utc_ms
from projections.sql.schema import NAME, TEXT, Table, text, whole

ALARM = Table(
    "alarm",
    (
        whole("id"), text("stream", NAME), text("kind"), text("place"), text("severity"),
        whole("raised_at"), whole("device_time", optional=True), text("text", TEXT),
        text("detail", TEXT), whole("cleared_at", optional=True),
        whole("acknowledged_at", optional=True), text("acknowledged_by", NAME, optional=True),
        text("note", TEXT, optional=True),
    ),
    key=("id",),
    indexes=(("cleared_at", "raised_at"), ("stream", "cleared_at")),
)  # fmt: skip
OPEN = "SELECT stream, kind, place, id FROM {alarm} WHERE stream IN (??) AND cleared_at IS NULL"
CLEAR = "UPDATE {alarm} SET cleared_at = ? WHERE id = ?"
ACKNOWLEDGE = "UPDATE {alarm} SET acknowledged_at = ?, acknowledged_by = ?, note = ? WHERE id = ?"
Key = tuple[str, str, str]
"""Stream, kind and place."""


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
    version = 3
    tables = (ALARM,)
    events = (
        ClockDrift, ClockDriftCleared, ClockSet, ModemConnected, ModemQuarantined, ModemTrusted,
        PowerFailure, PowerRestored, OverVoltage, OverVoltageCleared, AlarmAcknowledged,
    )  # fmt: skip

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``: the open alarms of these streams are read, and folded in memory."""
        streams = list({recorded.stream for recorded in batch})
        fold = _Fold({(row[0], row[1], row[2]): int(row[3]) for row in db.query_in(OPEN, streams)})
        for recorded in batch:
            fold.take(recorded)
        return [("alarms", stream) for stream in fold.write(db)]


class _Fold:
    """A batch of events over the alarms that are open."""

    def __init__(self, open_now: dict[Key, int]) -> None:
        self._open = open_now
        self._new: dict[int, dict[str, Any]] = {}
        self._cleared: list[tuple[int, int]] = []
        self._seen: list[tuple[int, str, str, int, str]] = []
        self._changed: set[str] = set()

    def take(self, recorded: Recorded) -> None:
        """Take one event."""
        event, stream = recorded.event, recorded.stream
        at = utc_ms(event.received_at)
        raised = _raised(event)
        if raised is not None and (stream, raised.kind, raised.place) not in self._open:
            self._raise(recorded, raised, at)
        for kind, place in _cleared(event):
            self._clear((stream, kind, place), at)
        if isinstance(event, AlarmAcknowledged):
            self._acknowledge(event, stream, at)

    def _raise(self, recorded: Recorded, raised: Raised, at: int) -> None:
        number, device_time = recorded.position, recorded.event.device_time
        row: dict[str, Any] = dict.fromkeys(ALARM.names)
        row |= {"id": number, "stream": recorded.stream, "raised_at": at, **raised._asdict()}
        row["device_time"] = utc_ms(device_time) if device_time else None
        self._new[number] = row
        self._open[recorded.stream, raised.kind, raised.place] = number
        self._changed.add(recorded.stream)

    def _clear(self, key: Key, at: int) -> None:
        number = self._open.pop(key, None)
        if number is None:
            return
        self._changed.add(key[0])
        if number in self._new:
            self._new[number]["cleared_at"] = at
        else:
            self._cleared.append((at, number))

    def _acknowledge(self, event: AlarmAcknowledged, stream: str, at: int) -> None:
        number = int(event.alarm)
        if number not in self._new:
            # Of an older batch, or of none: an alarm that comes later has not been seen.
            self._seen.append((at, event.actor, event.note, number, stream))
            return
        self._new[number] |= {
            "acknowledged_at": at, "acknowledged_by": event.actor, "note": event.note,
        }  # fmt: skip
        self._changed.add(stream)

    def write(self, db: Database) -> set[str]:
        """Write it; return the streams whose alarms are different now."""
        for *seen, stream in self._seen:
            if db.count(ACKNOWLEDGE, seen):
                self._changed.add(stream)
        db.insert(ALARM, [[row[name] for name in ALARM.names] for row in self._new.values()])
        db.many(CLEAR, self._cleared)
        return self._changed


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
