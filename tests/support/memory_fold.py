"""All read models as a straight fold in memory, one event after the other, in other words.

It shares no code with the projections but how a value is shown (``cells``).
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hes.events.base import DomainEvent, Recorded
from hes.events.command import AlarmAcknowledged
from hes.events.device import DeviceRegistered
from hes.events.meter_clock import ClockDrift, ClockDriftCleared, ClockSet
from hes.events.meter_event import MeterEvent
from hes.events.modem import (
    ModemConnected,
    ModemDisconnected,
    ModemQuarantined,
    ModemTrusted,
    UnknownCaller,
)
from hes.events.node import NodeStarted
from hes.events.power import PowerFailure, PowerRestored
from hes.events.reading import LoadProfileRead, PushKept, ReadFailed, Reading, Source
from hes.events.voltage import OverVoltage, OverVoltageCleared
from projections.cells import cells

Row = tuple[Any, ...]


def ms(time: datetime | None) -> int | None:
    return None if time is None else round((time - datetime(1970, 1, 1, tzinfo=UTC)) / MS)


MS = timedelta(milliseconds=1)
DAY = 86_400_000


class Memory:
    """See the module. ``rows`` are like ``read_models.rows_of``, for the tables named there."""

    def __init__(self) -> None:
        self.latest: dict[Row, Row] = {}
        self.reading: list[Row] = []
        self.interval: dict[Row, Row] = {}
        self.success: Counter[Row] = Counter()
        self.failure: list[Row] = []
        self.meter_event: list[Row] = []
        self.kept: list[Row] = []
        self.alarm: list[dict[str, Any]] = []
        self.session: list[dict[str, Any]] = []
        self.meter: dict[str, Row] = {}
        self.seen: dict[str, int] = {}
        self.energy: dict[str, Row] = {}
        self.drift: dict[str, float] = {}
        self.online: dict[str, int] = {}

    def fold(self, log: Iterable[Recorded]) -> "Memory":
        for recorded in log:
            kind, _, name = recorded.stream.partition(":")
            meter = name if kind == "meter" else None
            modem = name if kind == "modem" else ""
            self._values(recorded, meter)
            self._devices(recorded.event, meter, modem)
            self._alarms(recorded)
            self._sessions(recorded, modem)
            self._rest(recorded, meter)
        return self

    def _values(self, recorded: Recorded, meter: str | None) -> None:
        event = recorded.event
        if isinstance(event, Reading) and meter is not None:
            own = dict(
                zip([c.obis for c in event.layout.channels], event.times or (), strict=False)
            )
            at = ms(event.received_at) or 0
            for obis, text, unit, quality in cells(event.layout, event.values):
                time = ms(own.get(obis) or event.device_time or event.received_at) or 0
                row = (meter, obis, time, at, text, unit, event.source.value, quality)
                self.reading.append((*row, recorded.position))
                old = self.latest.get((meter, obis))
                if old is None or believed(time, at) >= believed(old[2], old[3]):
                    self.latest[meter, obis] = row
                if obis.endswith(".1.8.0.255"):
                    self._total(meter, ms(event.device_time) or at, at, (text, unit, obis))
            self.seen[meter] = max(at, self.seen.get(meter, 0))
        if isinstance(event, LoadProfileRead) and meter is not None:
            for row in event.rows:
                for obis, text, unit, quality in cells(event.layout, row.values):
                    key = (meter, event.profile, ms(row.ends_at), obis)
                    if text is not None or self.interval.get(key, (None,))[0] is None:
                        told = (text, unit, row.status, quality, ms(event.received_at))
                        self.interval[key] = told

    def _total(self, meter: str, time: int, at: int, told: Row) -> None:
        when = believed(time, at)
        if meter not in self.energy or when >= self.energy[meter][0]:
            self.energy[meter] = (when, *told)

    def _devices(self, event: DomainEvent, meter: str | None, modem: str) -> None:
        if isinstance(event, DeviceRegistered) and meter is not None:
            self.meter[meter] = (
                meter, event.modem_id, event.area, event.protocol, event.framing, event.meter_type,
                event.address, event.link, int(event.has_keys),
            )  # fmt: skip
        if isinstance(event, ClockDrift | ClockDriftCleared) and meter is not None:
            self.drift[meter] = event.drift_s
        if isinstance(event, ClockSet) and meter is not None:
            self.drift[meter] = event.drift_after_s
        if isinstance(event, ModemConnected):
            self.online[modem] = event.session
        if isinstance(event, ModemDisconnected) and self.online.get(modem) == event.session:
            del self.online[modem]
        if isinstance(event, NodeStarted):
            self.online.clear()

    def _alarms(self, recorded: Recorded) -> None:
        event, stream, at = recorded.event, recorded.stream, ms(recorded.event.received_at)
        match event:
            case PowerFailure():
                self._raise(recorded, "power-failure", "")
            case OverVoltage():
                self._raise(recorded, "over-voltage", event.phase)
            case ClockDrift():
                self._raise(recorded, "clock-drift", "")
            case ModemQuarantined():
                self._raise(recorded, "quarantine", "")
            case PowerRestored() | OverVoltageCleared():
                ended = isinstance(event, PowerRestored)
                kind = "power-failure" if ended else "over-voltage"
                self._clear(stream, kind, getattr(event, "phase", ""), at)
            case ClockDriftCleared() | ClockSet():
                self._clear(stream, "clock-drift", "", at)
            case ModemTrusted() | ModemConnected():
                self._clear(stream, "quarantine", "", at)
            case _:
                self._acknowledge(event, at)

    def _acknowledge(self, event: DomainEvent, at: int | None) -> None:
        if isinstance(event, AlarmAcknowledged) and event.alarm.isdecimal():
            for alarm in self.alarm:
                if alarm["id"] == int(event.alarm):
                    alarm["seen"] = (at, event.actor, event.note)

    def _raise(self, recorded: Recorded, kind: str, place: str) -> None:
        key = (recorded.stream, kind, place)
        if not any(a["key"] == key and a["cleared"] is None for a in self.alarm):
            at = ms(recorded.event.received_at)
            alarm = {"id": recorded.position, "key": key, "at": at, "cleared": None}
            self.alarm.append({**alarm, "seen": (None, None, None)})

    def _clear(self, stream: str, kind: str, place: str, at: int | None) -> None:
        for alarm in self.alarm:
            if alarm["key"] == (stream, kind, place) and alarm["cleared"] is None:
                alarm["cleared"] = at

    def _sessions(self, recorded: Recorded, modem: str) -> None:
        event, at = recorded.event, ms(recorded.event.received_at)
        still = [s for s in self.session if s["ended"] is None]
        match event:
            case ModemConnected():
                self.session.append({
                    "modem": modem, "position": recorded.position, "no": event.session,
                    "ended": None, "why": None, "quarantined": None,
                })  # fmt: skip
            case ModemDisconnected():
                for one in still:
                    if (one["modem"], one["no"]) == (modem, event.session):
                        one.update(ended=at, why=event.reason)
            case ModemQuarantined():
                for one in still:
                    if one["modem"] == modem:
                        one.update(quarantined=event.reason)
            case NodeStarted():
                for one in still:
                    one.update(ended=at, why="the head-end stopped")
            case _:
                pass

    def _rest(self, recorded: Recorded, meter: str | None) -> None:
        event, at, position = recorded.event, ms(recorded.event.received_at), recorded.position
        slot = (at or 0) - (at or 0) % 300_000
        match event:
            case Reading():
                self.success[slot, "pushed" if event.source is Source.PUSH else "read"] += 1
            case LoadProfileRead():
                self.success[slot, "profile"] += 1
            case ReadFailed() if meter is not None:
                self.success[slot, event.reason.value] += 1
                self.failure.append((position, meter, at, event.what, event.reason, event.detail))
            case MeterEvent() | PowerFailure() | PowerRestored() if meter is not None:
                self.meter_event.append((position, meter, at, ms(event.device_time)))
            case PushKept() | UnknownCaller():
                data = event.data if isinstance(event, PushKept) else event.first_bytes
                self.kept.append((position, recorded.stream, at, data))
            case _:
                pass

    # -- what is compared

    def rows(self, zone_ms: int = 0) -> dict[str, list[Row]]:
        """Return what ``shown`` makes of the tables."""
        said = [
            (m, self.seen.get(m), *self.energy.get(m, (None,) * 4), self.drift.get(m))
            for m in {*self.seen, *self.drift}
        ]
        found: dict[str, Iterable[Row]] = {
            "latest": self.latest.values(),
            "reading": self.reading,
            "interval_value": [(*key, *told) for key, told in self.interval.items()],
            "success": [(*key, count) for key, count in self.success.items()],
            "failure": self.failure,
            "meter_event": self.meter_event,
            "kept": self.kept,
            "alarm": [(a["id"], *a["key"], a["at"], a["cleared"], *a["seen"]) for a in self.alarm],
            "modem_session": [tuple(one.values()) for one in self.session],
            "meter": self.meter.values(),
            "meter_state": said,
            "meter_modem_online": self.online.items(),
            "energy_day": self._energy_days(zone_ms),
        }
        return {name: sorted(map(tuple, rows), key=repr) for name, rows in found.items()}

    def _energy_days(self, zone_ms: int) -> list[Row]:
        registers: dict[Row, dict[int, Decimal]] = {}
        for (meter, profile, at, obis), (text, unit, *_) in self.interval.items():
            hours = unit is not None and unit.removeprefix("k") in {"Wh", "varh", "VAh"}
            if obis.split(".")[3] in {"8", "29"} and text is not None and hours:
                scale = 1000 if unit.startswith("k") else 1
                registers.setdefault((meter, profile, obis), {})[at] = Decimal(text) * scale
        found = []
        for key, values in registers.items():
            for day in {(at - shift + zone_ms) // DAY for at in values for shift in (0, 1)}:
                begin = day * DAY - zone_ms
                inside = {at: n for at, n in values.items() if begin <= at <= begin + DAY}
                if key[2].split(".")[3] == "29":
                    inside.pop(begin, None)
                    energy = sum(inside.values()) if inside else None
                    enough = bool(inside)
                else:
                    ordered = [inside[at] for at in sorted(inside)]
                    enough = len(ordered) > 1
                    energy = (
                        ordered[-1] - ordered[0] if ordered == sorted(ordered) and enough else None
                    )
                if enough:
                    date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
                    found.append((*key, int(f"{date:%Y%m%d}"), energy, len(inside)))
        return found


def believed(time: int, at: int) -> int:
    return at if time - at > DAY else time


def energy_shown(row: Row) -> Row:
    text, unit = row[4], row[5]
    scale = 1000 if (unit or "").startswith("k") else 1
    return (*row[:4], None if text is None else Decimal(text) * scale, row[6])


PICKED: dict[str, Callable[[Row], Row]] = {
    "alarm": lambda row: (*row[:4], row[5], row[9], *row[10:13]),
    "modem_session": lambda row: (*row[:3], row[7], row[8], row[12]),
    "meter_event": lambda row: row[:4],
    "kept": lambda row: (*row[:3], bytes(row[5] or b"")),
    "energy_day": energy_shown,
}


def shown(tables: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Return of the rows of all tables what ``Memory.rows`` tells too."""
    names = Memory().rows()
    return {
        name: sorted((PICKED.get(name, tuple)(row) for row in rows), key=repr)
        for name, rows in tables.items()
        if name in names
    }
