"""What is known of a meter at a time: a fold of its stream, and how two of them differ.

Late data counts as the read models count it: of a register the newest time wins, of an interval the
last delivery. Pure.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from hes.audit.values import channels, time_of
from hes.events.base import DomainEvent, Recorded
from hes.events.device import DeviceRegistered
from hes.events.meter_clock import ClockDrift, ClockDriftCleared, ClockSet
from hes.events.meter_control import RelaySwitched
from hes.events.power import PowerFailure, PowerRestored
from hes.events.reading import LoadProfileRead, Reading
from hes.events.voltage import OverVoltage, OverVoltageCleared
from hes.store.json_form import event_data, value_shown

Facts = dict[str, Any]
"""One thing that is known, as plain data, with the ``position`` of the event that told it."""
UNKNOWN: Final = "unknown"


class Known:
    """A fold of one meter's events."""

    def __init__(self) -> None:
        self.events = 0
        self.device: Facts | None = None
        self.registers: dict[str, Facts] = {}
        self.intervals: dict[str, dict[datetime, Facts]] = {}
        """Profile to the ends of its intervals."""
        self.alarms: dict[str, Facts] = {}
        """Those that are open."""
        self.clock: Facts = {"state": UNKNOWN}
        self.supply: Facts = {"state": UNKNOWN}
        self.relays: dict[str, Facts] = {}
        self._moments: dict[str, datetime] = {}

    def take(self, recorded: Recorded) -> None:
        """Take the next event of the stream."""
        self.events += 1
        fold = _FOLDS.get(type(recorded.event))
        if fold is not None:
            fold(self, recorded.event, _place(recorded))

    def plain(self) -> Facts:
        """Return all of it as JSON can hold it; of intervals, how many and from when to when."""
        return {
            "events": self.events,
            "device": self.device,
            "registers": _listed(self.registers),
            "intervals": [_summary(name, rows) for name, rows in sorted(self.intervals.items())],
            "alarms": [{"alarm": name, **alarm} for name, alarm in self.alarms.items()],
            "clock": self.clock,
            "supply": self.supply,
            "relays": _listed(self.relays),
        }  # fmt: skip

    # -- folds

    def _reading(self, event: Reading, place: Facts) -> None:
        for number, channel, value in channels(event.layout, event.values):
            time, clock = time_of(event, number)
            if time < self._moments.get(channel.obis, time):
                continue
            self._moments[channel.obis] = time
            shown = value_shown(channel, value)
            self.registers[channel.obis] = {
                "value": shown["value"], "unit": shown["unit"], "time": time.isoformat(),
                "clock": clock, "source": event.source.value, **place,
            }  # fmt: skip

    def _profile(self, event: LoadProfileRead, place: Facts) -> None:
        for row in event.rows:
            rows = self.intervals.setdefault(event.profile, {})
            known = rows.get(row.ends_at)
            values = dict(known["values"]) if known is not None else {}
            for _, channel, value in channels(event.layout, row.values):
                if value is not None or channel.obis not in values:
                    shown = value_shown(channel, value)
                    values[channel.obis] = (shown["value"], shown["unit"])
            rows[row.ends_at] = {
                "values": values, "status": row.status, "source": event.source.value, **place,
            }  # fmt: skip

    def _registered(self, event: DeviceRegistered, place: Facts) -> None:
        self.device = {**event_data(event), **place}

    def _raised(self, name: str, event: DomainEvent, place: Facts) -> None:
        self.alarms.setdefault(name, {**event_data(event), **place})

    def _drift(self, event: ClockDrift, place: Facts) -> None:
        self._raised("clock-drift", event, place)
        self.clock = {"state": "off", **event_data(event), **place}

    def _no_drift(self, event: ClockDriftCleared, place: Facts) -> None:
        self.alarms.pop("clock-drift", None)
        self.clock = {"state": "right", **event_data(event), **place}

    def _set(self, event: ClockSet, place: Facts) -> None:
        self.alarms.pop("clock-drift", None)
        self.clock = {"state": "set", **event_data(event), **place}

    def _failed(self, event: PowerFailure, place: Facts) -> None:
        self._raised("power-failure", event, place)
        self.supply = {"state": "off", **event_data(event), **place}

    def _restored(self, event: PowerRestored, place: Facts) -> None:
        self.alarms.pop("power-failure", None)
        self.supply = {"state": "on", **event_data(event), **place}

    def _voltage(self, event: OverVoltage, place: Facts) -> None:
        self._raised(f"over-voltage {event.phase}", event, place)

    def _voltage_well(self, event: OverVoltageCleared, _place: Facts) -> None:
        self.alarms.pop(f"over-voltage {event.phase}", None)

    def _switched(self, event: RelaySwitched, place: Facts) -> None:
        self.relays[event.obis] = {**event_data(event), **place}


_FOLDS: Final[dict[type[DomainEvent], Callable[[Known, Any, Facts], None]]] = {
    Reading: Known._reading,  # noqa: SLF001 -- the table belongs to the class
    LoadProfileRead: Known._profile,  # noqa: SLF001
    DeviceRegistered: Known._registered,  # noqa: SLF001
    ClockDrift: Known._drift,  # noqa: SLF001
    ClockDriftCleared: Known._no_drift,  # noqa: SLF001
    ClockSet: Known._set,  # noqa: SLF001
    PowerFailure: Known._failed,  # noqa: SLF001
    PowerRestored: Known._restored,  # noqa: SLF001
    OverVoltage: Known._voltage,  # noqa: SLF001
    OverVoltageCleared: Known._voltage_well,  # noqa: SLF001
    RelaySwitched: Known._switched,  # noqa: SLF001
}


def _listed(facts: dict[str, Facts]) -> list[Facts]:
    return [{"obis": code, **told} for code, told in sorted(facts.items())]


def _place(recorded: Recorded) -> Facts:
    return {
        "position": recorded.position, "version": recorded.version,
        "received_at": recorded.event.received_at.isoformat(),
    }  # fmt: skip


def _summary(profile: str, rows: dict[datetime, Facts]) -> Facts:
    ends = sorted(rows)
    return {
        "profile": profile, "intervals": len(ends), "first": ends[0].isoformat() if ends else None,
        "last": ends[-1].isoformat() if ends else None,
    }  # fmt: skip


# -- then and now


def differences(then: Known, now: Known) -> list[Facts]:
    """Return what is known otherwise now: ``what``, ``then`` and ``now``, None where nothing is.

    New intervals are told as a sum for each profile; one whose value became another, singly.
    """
    found = _differ("device", _fields(then.device), _fields(now.device))
    found += _differ("register", then.registers, now.registers)
    for profile in sorted({*then.intervals, *now.intervals}):
        found += _intervals(profile, then.intervals.get(profile, {}), now.intervals[profile])
    found += _differ("alarm", then.alarms, now.alarms)
    found += _differ("relay", then.relays, now.relays)
    found += _differ("", {"clock": then.clock}, {"clock": now.clock})
    found += _differ("", {"supply": then.supply}, {"supply": now.supply})
    return found


def _fields(device: Facts | None) -> dict[str, Any]:
    fields = dict(device or {})
    for name in ("position", "version", "received_at"):
        fields.pop(name, None)
    return fields


def _differ(kind: str, then: dict[str, Any], now: dict[str, Any]) -> list[Facts]:
    return [
        {"what": f"{kind} {name}".strip(), "then": then.get(name), "now": now.get(name)}
        for name in dict.fromkeys([*then, *now])
        if then.get(name) != now.get(name)
    ]


def _intervals(
    profile: str, then: dict[datetime, Facts], now: dict[datetime, Facts]
) -> list[Facts]:
    found: list[Facts] = []
    if len(now) > len(then):
        new = [end for end in now if end not in then]
        told = {
            "intervals": len(now), "new": len(new), "first_new": min(new).isoformat(),
            "last_new": max(new).isoformat(),
        }  # fmt: skip
        found.append({"what": f"profile {profile}", "then": {"intervals": len(then)}, "now": told})
    for end in sorted(then):
        old, new_row = then[end], now[end]
        if (old["values"], old["status"]) != (new_row["values"], new_row["status"]):
            what = f"interval {profile} {end.isoformat()}"
            found.append({"what": what, "then": _interval(old), "now": _interval(new_row)})
    return found


def _interval(row: Facts) -> Facts:
    values = {code: {"value": value, "unit": unit} for code, (value, unit) in row["values"].items()}
    return {**row, "values": values}
