"""The list of meters: who they are, whether they can be reached, what they said last."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
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
from projections.latest import Said, moment, said
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
)  # fmt: skip
ONLINE = Table(
    "meter_modem_online", (text("modem_id", NAME), whole("session_no")), key=("modem_id",)
)
REGISTER = Upsert(METER)
_NEWER = "s.energy_at IS NOT NULL AND (t.energy_at IS NULL OR s.energy_at >= t.energy_at)"
_TOLD = ("energy_at", "energy", "energy_unit", "energy_obis")
SAID = Upsert(
    STATE,
    columns=("meter_id", "last_reading_at", *_TOLD),
    sets={
        "last_reading_at": "CASE WHEN t.last_reading_at > s.last_reading_at"
        " THEN t.last_reading_at ELSE s.last_reading_at END",
        **{name: f"CASE WHEN {_NEWER} THEN s.{name} ELSE t.{name} END" for name in _TOLD},
    },
)
"""The newest reading counts, and the newest total: late data changes neither."""
DRIFT = Upsert(STATE, columns=("meter_id", "drift_s"))
CONNECTED = Upsert(ONLINE)
ENDED = "DELETE FROM {meter_modem_online} WHERE modem_id = ? AND session_no = ?"
GONE = "DELETE FROM {meter_modem_online} WHERE modem_id = ?"
NOBODY = "DELETE FROM {meter_modem_online}"
BEHIND = "SELECT meter_id FROM {meter} WHERE modem_id IN (??)"


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
        listed: dict[str, tuple[Any, ...]] = {}
        drifts: dict[str, float] = {}
        readings, online = _Readings(), _Online()
        for recorded in batch:
            event = recorded.event
            match event:
                case Reading():
                    readings.add(said(recorded, db), event.layout)
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
        db.upsert(SAID, readings.rows())
        db.upsert(DRIFT, list(drifts.items()))
        changed = {*listed, *drifts, *readings.seen, *online.write(db)}
        return [Change("meters", meter) for meter in changed]


def _row(meter: str, event: DeviceRegistered) -> tuple[Any, ...]:
    return (
        meter, event.modem_id, event.area, event.protocol, event.framing, event.meter_type,
        event.address, event.link, int(event.has_keys),
    )  # fmt: skip


class _Readings:
    """What the readings of a batch say about their meters."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}
        self._told: dict[str, tuple[Any, ...]] = {}

    def add(self, reading: Said | None, layout: Layout) -> None:
        """Take one reading."""
        if reading is None:
            return
        meter, received_at, time, rows = reading
        seen = self.seen.get(meter)
        if seen is None or seen < received_at:
            self.seen[meter] = received_at
        place = _energy_place(layout)
        if place is None:
            return
        at, old = moment(time, received_at), self._told.get(meter)
        if old is None or old[0] <= at:
            _, obis, _, _, shown, unit, *_ = rows[place]
            self._told[meter] = (at, shown, unit, obis)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return a row for each meter."""
        nothing = (None,) * len(_TOLD)
        return [(meter, at, *self._told.get(meter, nothing)) for meter, at in self.seen.items()]


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
        db.many(GONE, [(modem,) for modem, session in self._now.items() if session is None])
        db.upsert(CONNECTED, [row for row in self._now.items() if row[1] is not None])
        modems = list({*self._now, *(modem for modem, _ in self._ended)})
        return [row[0] for row in db.query_in(BEHIND, modems)]


@lru_cache(maxsize=LAYOUTS_CACHED)
def _energy_place(layout: Layout) -> int | None:
    """Return where the total imported active energy is, whatever its first two groups."""
    for place, (_, obis, *_) in enumerate(columns_of(layout)):
        if obis.endswith(ENERGY) and obis.split(".", 2)[2] == ENERGY:
            return place
    return None


PROJECTION = Meters()
