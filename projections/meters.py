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

ENERGY = "1.8.0.255"
REGISTER = (
    "INSERT INTO meter (meter_id, modem_id, area, protocol, framing, meter_type, address, link,"
    " has_keys, online, session) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)"
    " ON CONFLICT (meter_id) DO UPDATE SET modem_id = excluded.modem_id, area = excluded.area,"
    " protocol = excluded.protocol, framing = excluded.framing,"
    " meter_type = excluded.meter_type, address = excluded.address, link = excluded.link,"
    " has_keys = excluded.has_keys"
)
SEEN = "UPDATE meter SET last_reading_at = MAX(COALESCE(last_reading_at, 0), ?) WHERE meter_id = ?"
TOLD = "UPDATE meter SET energy = ?, energy_unit = ?, energy_obis = ? WHERE meter_id = ?"


class Meters:
    """One row a meter of the device list."""

    name = "meters"
    version = 1
    tables = ("meter",)
    ddl = (
        "CREATE TABLE meter (meter_id TEXT PRIMARY KEY, modem_id TEXT NOT NULL, area TEXT NOT NULL,"
        " protocol TEXT NOT NULL, framing TEXT NOT NULL, meter_type TEXT NOT NULL,"
        " address TEXT NOT NULL, link TEXT NOT NULL, has_keys INTEGER NOT NULL,"
        " online INTEGER NOT NULL, session INTEGER NOT NULL, last_reading_at INTEGER, energy TEXT,"
        " energy_unit TEXT, energy_obis TEXT, drift_s REAL) WITHOUT ROWID",
        "CREATE INDEX meter_modem ON meter (modem_id)",
        "CREATE INDEX meter_area ON meter (area, meter_id)",
    )
    events = (
        DeviceRegistered, Reading, ClockDrift, ClockDriftCleared, ClockSet, ModemConnected,
        ModemDisconnected, NodeStarted,
    )  # fmt: skip

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``: readings are folded first, since they are most of the work."""
        changed: set[str] = set()
        seen: dict[str, int] = {}
        told: dict[str, tuple[Any, ...]] = {}
        for recorded in batch:
            if isinstance(recorded.event, Reading):
                meter = meter_of(recorded.stream) or ""
                seen[meter] = max(seen.get(meter, 0), utc_ms(recorded.event.received_at))
                energy = _energy(recorded.event)
                if energy is not None:
                    told[meter] = energy
            else:
                changed.update(self._one(recorded, db))
        db.executemany(SEEN, [(at, meter) for meter, at in seen.items()])
        db.executemany(TOLD, [(*energy, meter) for meter, energy in told.items()])
        return [Change("meters", meter) for meter in {*changed, *seen}]

    def _one(self, recorded: Recorded, db: Database) -> Iterable[str]:
        event, meter = recorded.event, meter_of(recorded.stream) or ""
        match event:
            case DeviceRegistered():
                db.execute(
                    REGISTER,
                    (meter, event.modem_id, event.area, event.protocol, event.framing,
                     event.meter_type, event.address, event.link, int(event.has_keys)),
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
                db.execute("UPDATE meter SET online = 0, session = 0")
            case _:
                pass
        return [meter] if meter else []

    @staticmethod
    def _online(modem: str, session: int, db: Database) -> Iterable[str]:
        db.execute("UPDATE meter SET online = 1, session = ? WHERE modem_id = ?", (session, modem))
        return _behind(modem, db)

    @staticmethod
    def _offline(modem: str, session: int, db: Database) -> Iterable[str]:
        db.execute(
            "UPDATE meter SET online = 0 WHERE modem_id = ? AND session = ?", (modem, session)
        )
        return _behind(modem, db)


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
