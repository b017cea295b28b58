"""The list of meters: who they are, whether they can be reached, what they said last."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any

from hes.events.base import DomainEvent, Recorded
from hes.events.device import DeviceRegistered
from hes.events.layout import Layout
from hes.events.meter_clock import ClockDrift, ClockDriftCleared, ClockSet
from hes.events.modem import ModemConnected, ModemDisconnected
from hes.events.node import NodeStarted
from hes.events.reading import Reading
from hes.ids import modem_of
from projections.base import Change, Database, meter_in
from projections.cells import LAYOUTS_CACHED, columns_of
from projections.latest import moments
from projections.said import Said, meters_of, repeated, said
from projections.sql.flat_rows import FlatRows, Row, joined, woven
from projections.sql.schema import NAME, TEXT, Table, Upsert, real, text, whole

ENERGY = "1.8.0.255"
METER = Table(
    "meter",
    (
        text("meter_id", NAME), text("modem_id", NAME), text("area", NAME), text("protocol"),
        text("framing"), text("meter_type", NAME), text("address", NAME), text("link"),
        whole("has_keys"),
    ),
    key=("meter_id",),
    indexes=(("modem_id",), ("area", "meter_id")),
)  # fmt: skip
STATE = Table(
    "meter_state",
    (
        text("meter_id", NAME), whole("last_reading_at", optional=True),
        whole("energy_at", optional=True), text("energy", TEXT, optional=True),
        text("energy_unit", optional=True), text("energy_obis", optional=True),
        real("drift_s", optional=True),
    ),
    key=("meter_id",),
    is_rewritten=True,
)  # fmt: skip
ONLINE = Table(
    "meter_modem_online", (text("modem_id", NAME), whole("session_no")), key=("modem_id",)
)
REGISTER = Upsert(METER)
_NEWER = "s.energy_at IS NOT NULL AND (t.energy_at IS NULL OR s.energy_at >= t.energy_at)"
_ENERGY = ("energy_at", "energy", "energy_unit", "energy_obis")
SAID = Upsert(
    STATE,
    columns=("meter_id", "last_reading_at", *_ENERGY),
    sets={
        "last_reading_at": "CASE WHEN t.last_reading_at > s.last_reading_at"
        " THEN t.last_reading_at ELSE s.last_reading_at END",
        **{name: f"CASE WHEN {_NEWER} THEN s.{name} ELSE t.{name} END" for name in _ENERGY},
    },
)
"""The newest reading counts, and the newest total: late data changes neither."""
DRIFT = Upsert(STATE, columns=("meter_id", "drift_s"))
CONNECTED = Upsert(ONLINE)
ENDED = "DELETE FROM {meter_modem_online} WHERE modem_id = ? AND session_no = ?"
GONE = "DELETE FROM {meter_modem_online} WHERE modem_id IN (??)"
NOBODY = "DELETE FROM {meter_modem_online}"
BEHIND = "SELECT meter_id FROM {meter} WHERE modem_id IN (??)"
THEMSELVES = "SELECT meter_id FROM {meter} WHERE meter_id IN (??)"


class Meters:
    """One row a meter of the device list, one a meter that said something, one a modem online.

    Each of the three is there or not for reasons of its own, so none depends on the order in which
    a meter was listed, called and spoke; the queries join them.
    """

    name = "meters"
    version = 3
    tables = (METER, STATE, ONLINE)
    events = (
        DeviceRegistered, Reading, ClockDrift, ClockDriftCleared, ClockSet, ModemConnected,
        ModemDisconnected, NodeStarted,
    )  # fmt: skip

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``: everything is folded in memory first."""
        listed: dict[str, Row] = {}
        drifts: dict[str, float] = {}
        readings, online = said(batch, db), _Online()
        for recorded in [r for r in batch if type(r.event) is not Reading]:
            event = recorded.event
            match event:
                case DeviceRegistered():
                    meter = meter_in(recorded.stream)
                    listed[meter] = _row(meter, event)
                case ClockDrift() | ClockDriftCleared():
                    drifts[meter_in(recorded.stream)] = event.drift_s
                case ClockSet():
                    drifts[meter_in(recorded.stream)] = event.drift_after_s
                case _:
                    online.add(modem_of(recorded.stream) or "", event)
        db.upsert(REGISTER, list(listed.values()))
        db.upsert(SAID, _newest(readings))
        db.upsert(DRIFT, list(drifts.items()))
        changed = {*listed, *drifts, *meters_of(readings), *online.write(db)}
        return zip(repeat("meters"), changed, strict=False)


def _row(meter: str, event: DeviceRegistered) -> Row:
    return (
        meter, event.modem_id, event.area, event.protocol, event.framing, event.meter_type,
        event.address, event.link, int(event.has_keys),
    )  # fmt: skip


def _newest(readings: Sequence[Said]) -> Sequence[Row]:
    """Return what the readings of a batch say of each meter: rows of ``SAID``."""
    parts = [_told(some) for some in readings]
    again = repeated(meters_of(readings))
    if not again:
        return joined(parts)
    rows: list[Row] = []
    told: list[tuple[int, Row]] = []
    for some, part in zip(readings, parts, strict=True):
        for position, row in zip(some.positions, part, strict=True):
            if row[0] in again:
                told.append((position, row))
            else:
                rows.append(row)
    found: dict[str, Row] = {}
    for _, row in sorted(told):
        old = found.get(row[0])
        found[row[0]] = row if old is None else _later(old, row)
    return [*rows, *found.values()]


def _told(some: Said) -> FlatRows:
    """Return what each reading says."""
    place, count = _energy_place(some.layout), len(some.meters)
    if place is None:
        energy: list[Sequence[Any]] = [[None] * count] * len(_ENERGY)
    else:
        one = some.registers[place]
        energy = [moments(some), one.shown, one.units, [one.obis] * count]
    return woven([[some.meters, some.received, *energy]])


def _later(old: Row, new: Row) -> Row:
    """Return what two readings say, the new one delivered later: ``SAID``, in other words."""
    energy = old if new[2] is None or (old[2] is not None and old[2] > new[2]) else new
    return (new[0], max(old[1], new[1]), *energy[2:])


class _Online:
    """Which modems came and went in a batch."""

    def __init__(self) -> None:
        self._all_gone = False
        self._now: dict[str, int | None] = {}
        """Session of those that came; None for those that went again."""
        self._ended: list[tuple[str, int]] = []
        """Sessions from before this batch."""

    def add(self, modem: str, event: DomainEvent) -> None:
        """Take one event; the end of an older connection, of a modem with a newer, is nothing."""
        match event:
            case ModemConnected():
                self._now[modem] = event.session
            case ModemDisconnected():
                if self._now.get(modem) == event.session:
                    self._now[modem] = None
                elif modem not in self._now:
                    self._ended.append((modem, event.session))
            case NodeStarted():
                self._all_gone = True
                self._now.clear()
                self._ended.clear()
            case _:
                pass

    def write(self, db: Database) -> list[str]:
        """Write it; return the meters behind these modems."""
        if self._all_gone:
            db.execute(NOBODY)
        db.many(ENDED, self._ended)
        db.execute_in(GONE, [modem for modem, session in self._now.items() if session is None])
        db.upsert(CONNECTED, [row for row in self._now.items() if row[1] is not None])
        modems = list({*self._now, *(modem for modem, _ in self._ended)})
        behind = [row[0] for row in db.query_in(BEHIND, modems)]
        # A meter without a modem stands for its own: its name is that of the modem.
        return behind + [row[0] for row in db.query_in(THEMSELVES, modems)]


@lru_cache(maxsize=LAYOUTS_CACHED)
def _energy_place(layout: Layout) -> int | None:
    """Return where the total imported active energy is, whatever its first two groups."""
    for place, (_, obis, *_) in enumerate(columns_of(layout)):
        if obis.endswith(ENERGY) and obis.split(".", 2)[2] == ENERGY:
            return place
    return None


PROJECTION = Meters()
