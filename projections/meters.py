"""The list of meters: who they are, whether they can be reached, what they said last."""

from collections.abc import Iterable, Sequence
from typing import Any

from hes.events.base import Recorded
from hes.events.device import DeviceRegistered
from hes.events.meter_clock import ClockDrift, ClockDriftCleared, ClockSet
from hes.events.modem import ModemConnected, ModemDisconnected
from hes.events.node import NodeStarted
from hes.events.reading import Reading
from hes.ids import meter_of, modem_of
from projections.base import Change, Database, utc_ms
from projections.cells import cell
from projections.latest import moment

ENERGY = "1.8.0.255"
REGISTER = (
    "INSERT INTO meter (meter_id, modem_id, area, protocol, framing, meter_type, address, link,"
    " has_keys, online) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?,"
    " EXISTS (SELECT 1 FROM meter_modem_online WHERE modem_id = ?))"
    " ON CONFLICT (meter_id) DO UPDATE SET modem_id = excluded.modem_id, area = excluded.area,"
    " protocol = excluded.protocol, framing = excluded.framing,"
    " meter_type = excluded.meter_type, address = excluded.address, link = excluded.link,"
    " has_keys = excluded.has_keys, online = excluded.online"
)
SEEN = "UPDATE meter SET last_reading_at = MAX(COALESCE(last_reading_at, 0), ?) WHERE meter_id = ?"
TOLD = (
    "UPDATE meter SET energy_at = ?, energy = ?, energy_unit = ?, energy_obis = ?"
    " WHERE meter_id = ? AND (energy_at IS NULL OR energy_at <= ?)"
)
CONNECTED = (
    "INSERT INTO meter_modem_online (modem_id, session) VALUES (?, ?)"
    " ON CONFLICT (modem_id) DO UPDATE SET session = excluded.session"
)


class Meters:
    """One row a meter of the device list, and one a modem that is connected."""

    name = "meters"
    version = 2
    tables = ("meter", "meter_modem_online")
    ddl = (
        "CREATE TABLE meter (meter_id TEXT PRIMARY KEY, modem_id TEXT NOT NULL, area TEXT NOT NULL,"
        " protocol TEXT NOT NULL, framing TEXT NOT NULL, meter_type TEXT NOT NULL,"
        " address TEXT NOT NULL, link TEXT NOT NULL, has_keys INTEGER NOT NULL,"
        " online INTEGER NOT NULL, last_reading_at INTEGER, energy_at INTEGER, energy TEXT,"
        " energy_unit TEXT, energy_obis TEXT, drift_s REAL) WITHOUT ROWID",
        "CREATE TABLE meter_modem_online (modem_id TEXT PRIMARY KEY, session INTEGER NOT NULL)"
        " WITHOUT ROWID",
        "CREATE INDEX meter_modem ON meter (modem_id)",
        "CREATE INDEX meter_area ON meter (area, meter_id)",
    )
    events = (
        DeviceRegistered, Reading, ClockDrift, ClockDriftCleared, ClockSet, ModemConnected,
        ModemDisconnected, NodeStarted,
    )  # fmt: skip

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``: readings, most of the work, are folded in memory first."""
        changed: set[str] = set()
        readings = _Readings()
        for recorded in batch:
            if isinstance(recorded.event, Reading):
                readings.add(meter_of(recorded.stream) or "", recorded.event)
                continue
            if isinstance(recorded.event, DeviceRegistered):
                # What a meter said before it was in the list has no row to stand in.
                changed.update(readings.write(db))
            changed.update(self._one(recorded, db))
        changed.update(readings.write(db))
        return [Change("meters", meter) for meter in changed]

    def _one(self, recorded: Recorded, db: Database) -> Iterable[str]:
        event, meter = recorded.event, meter_of(recorded.stream) or ""
        match event:
            case DeviceRegistered():
                db.execute(
                    REGISTER,
                    (meter, event.modem_id, event.area, event.protocol, event.framing,
                     event.meter_type, event.address, event.link, int(event.has_keys),
                     event.modem_id),
                )  # fmt: skip
            case ClockDrift() | ClockDriftCleared():
                db.execute(
                    "UPDATE meter SET drift_s = ? WHERE meter_id = ?", (event.drift_s, meter)
                )
            case ClockSet():
                db.execute(
                    "UPDATE meter SET drift_s = ? WHERE meter_id = ?", (event.drift_after_s, meter)
                )
            case ModemConnected():
                return self._online(modem_of(recorded.stream) or "", event.session, db)
            case ModemDisconnected():
                return self._offline(modem_of(recorded.stream) or "", event.session, db)
            case NodeStarted():
                db.execute("DELETE FROM meter_modem_online")
                db.execute("UPDATE meter SET online = 0")
            case _:
                pass
        return [meter] if meter else []

    @staticmethod
    def _online(modem: str, session: int, db: Database) -> Iterable[str]:
        db.execute(CONNECTED, (modem, session))
        db.execute("UPDATE meter SET online = 1 WHERE modem_id = ?", (modem,))
        return _behind(modem, db)

    @staticmethod
    def _offline(modem: str, session: int, db: Database) -> Iterable[str]:
        ended = db.execute(
            "DELETE FROM meter_modem_online WHERE modem_id = ? AND session = ?", (modem, session)
        )
        if not ended.rowcount:
            return []  # an older connection, of a modem that has a newer one
        db.execute("UPDATE meter SET online = 0 WHERE modem_id = ?", (modem,))
        return _behind(modem, db)


class _Readings:
    """What the readings of a batch say about their meters."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._told: dict[str, tuple[Any, ...]] = {}

    def add(self, meter: str, event: Reading) -> None:
        """Take one reading."""
        received_at = utc_ms(event.received_at)
        self._seen[meter] = max(self._seen.get(meter, 0), received_at)
        energy = _energy(event)
        if energy is None:
            return
        time = utc_ms(event.device_time) if event.device_time else received_at
        at, old = moment(time, received_at), self._told.get(meter)
        if old is None or old[0] <= at:
            self._told[meter] = (at, *energy)

    def write(self, db: Database) -> list[str]:
        """Write it to the rows of the meters; return which these are."""
        db.executemany(SEEN, [(at, meter) for meter, at in self._seen.items()])
        told = [(*energy, meter, energy[0]) for meter, energy in self._told.items()]
        db.executemany(TOLD, told)
        meters = list(self._seen)
        self._seen.clear()
        self._told.clear()
        return meters


def _behind(modem: str, db: Database) -> list[str]:
    return [row[0] for row in db.execute("SELECT meter_id FROM meter WHERE modem_id = ?", (modem,))]


def _energy(event: Reading) -> tuple[Any, ...] | None:
    """Return the total imported active energy in a reading, whatever its first two groups."""
    for channel, value in zip(event.layout.channels, event.values, strict=True):
        if channel.obis.endswith(ENERGY) and channel.obis.split(".", 2)[2] == ENERGY:
            text, unit, _ = cell(channel, value)
            return text, unit, channel.obis
    return None


PROJECTION = Meters()
