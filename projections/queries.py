"""The read side: rows for screens, out of the tables that the projections keep.

Threads may share a ``ReadModel``: each call borrows a connection of its own.
"""

import contextlib
import queue
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from hes.ids import meter_of, modem_of
from hes.obis import PROFILES
from projections import rows
from projections.base import from_utc_ms, utc_ms
from projections.cells import GOOD, UNSCALED
from projections.sql.sqlite import connect, unavailable
from projections.success import PROFILE, PUSHED, READ

LATELY: Final = 50
"""Alarms, events, failures and kept messages shown on the page of one meter."""
ALARMS_A_STREAM: Final = 5
IDLE_MAX: Final = 8
IN_MAX: Final = 500
"""Names in one ``IN (...)``."""
HOUR_MS: Final = 3_600_000
METER: Final = (
    "SELECT m.meter_id, m.modem_id, m.area, m.protocol, m.framing, m.meter_type, m.address, m.link,"
    " m.has_keys, m.online, m.last_reading_at, m.energy, m.energy_unit, m.energy_obis, m.drift_s,"
    " (SELECT count(*) FROM alarm a WHERE a.stream = 'meter:' || m.meter_id"
    " AND a.cleared_at IS NULL) AS open_alarms FROM meter m"
)
ALARM: Final = (
    "SELECT id, stream, kind, place, severity, raised_at, device_time, text, detail, cleared_at,"
    " acknowledged_at, acknowledged_by FROM alarm"
)
KEPT: Final = (
    "SELECT position, stream, received_at, reason, detail, data, system_title, peer FROM kept"
)
READING: Final = "SELECT obis, value, unit, time, received_at, source, quality FROM "


class ReadModel:
    """Queries; every method may raise ``ReadModelUnavailable``."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue(IDLE_MAX)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            db = self._idle.get_nowait()
        except queue.Empty:
            db = connect(self._path, read_only=True)
            db.row_factory = sqlite3.Row
        try:
            yield db
        except sqlite3.Error as problem:
            db.close()
            raise unavailable(self._path, problem) from None
        try:
            self._idle.put_nowait(db)
        except queue.Full:
            db.close()

    def _all(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._connection() as db:
            return db.execute(sql, values).fetchall()

    # -- meters

    def meters(self, *, q: str, area: str, modem: str, after: str, limit: int) -> rows.MeterPage:
        """Return a page of the meter list, by id; ``q`` is looked for in id, modem and area."""
        where, values = _filter(q, area, modem)
        found = self._all(
            f"{METER} WHERE {where} AND m.meter_id > ? ORDER BY m.meter_id LIMIT ?",
            [*values, after, limit + 1],
        )
        (total,) = self._all(f"SELECT count(*) FROM meter m WHERE {where}", values)[0]  # noqa: S608
        page = [_meter(row) for row in found[:limit]]
        more = page[-1].meter_id if len(found) > limit else None
        return rows.MeterPage(meters=page, next=more, total=total)

    def meter_rows(self, meter_ids: Sequence[str]) -> list[rows.MeterRow]:
        """Return the rows of those of the meters that exist."""
        found: list[rows.MeterRow] = []
        for start in range(0, len(meter_ids), IN_MAX):
            some = meter_ids[start : start + IN_MAX]
            sql = f"{METER} WHERE m.meter_id IN ({_marks(some)})"
            found += map(_meter, self._all(sql, some))
        return found

    def meter(self, meter_id: str) -> rows.MeterDetail | None:
        """Return everything the page of one meter shows."""
        found = self.meter_rows([meter_id])
        if not found:
            return None
        stream = f"meter:{meter_id}"
        latest = self._all(f"{READING}latest WHERE meter_id = ? ORDER BY obis", [meter_id])
        return rows.MeterDetail(
            **{name: getattr(found[0], name) for name in rows.MeterRow.__struct_fields__},
            latest=[_reading(row) for row in latest],
            alarms=[_alarm(row) for row in self._lately(ALARM, "stream", stream, "id")],
            events=self._meter_events(meter_id),
            kept=[_kept(row) for row in self._lately(KEPT, "stream", stream, "position")],
            failures=self._failures(meter_id),
        )

    def _lately(self, select: str, column: str, key: str, order: str) -> list[sqlite3.Row]:
        sql = f"{select} WHERE {column} = ? ORDER BY {order} DESC LIMIT ?"
        return self._all(sql, [key, LATELY])

    def _meter_events(self, meter_id: str) -> list[rows.MeterEventRow]:
        select = (
            "SELECT position, received_at, device_time, code, name, obis, detail FROM meter_event"
        )
        return [
            rows.MeterEventRow(
                position=row["position"],
                received_at=_time(row["received_at"]),
                device_time=_time_or_none(row["device_time"]),
                code=row["code"],
                name=row["name"],
                obis=row["obis"],
                detail=row["detail"],
            )
            for row in self._lately(select, "meter_id", meter_id, "position")
        ]

    def _failures(self, meter_id: str) -> list[rows.FailureRow]:
        select = "SELECT received_at, what, reason, detail FROM failure"
        return [
            rows.FailureRow(
                at=_time(row["received_at"]),
                what=row["what"],
                reason=row["reason"],
                detail=row["detail"],
            )
            for row in self._lately(select, "meter_id", meter_id, "position")
        ]

    # -- values

    def readings(
        self,
        meter_id: str,
        *,
        obis: Sequence[str],
        start: datetime | None,
        end: datetime | None,
        limit: int,
    ) -> list[rows.ReadingRow]:
        """Return register values by time, the newest ``limit`` of them; both ends included."""
        where, values = _between("time", start, end)
        if obis:
            where += f" AND obis IN ({_marks(obis)})"
            values += obis
        found = self._all(
            f"{READING}reading WHERE meter_id = ?{where}"
            " ORDER BY time DESC, position DESC, obis DESC LIMIT ?",
            [meter_id, *values, limit],
        )
        return [_reading(row) for row in reversed(found)]

    def profile(
        self,
        meter_id: str,
        *,
        start: datetime | None,
        end: datetime | None,
        profile: str | None,
        limit: int,
    ) -> list[rows.ProfileRow]:
        """Return intervals by time, the newest ``limit``; of the load profile, if none is named."""
        name = PROFILES.get(profile, profile) if profile else self._usual_profile(meter_id)
        where, values = _between("ends_at", start, end)
        found = self._all(
            "SELECT ends_at, obis, value, unit, status, quality FROM interval_value"  # noqa: S608
            " WHERE meter_id = ? AND profile = ? AND ends_at IN (SELECT DISTINCT ends_at"
            f" FROM interval_value WHERE meter_id = ? AND profile = ?{where}"
            " ORDER BY ends_at DESC LIMIT ?) ORDER BY ends_at",
            [meter_id, name, meter_id, name, *values, limit],
        )
        return _intervals(found)

    def _usual_profile(self, meter_id: str) -> str:
        found = self._all(
            "SELECT DISTINCT profile FROM interval_value WHERE meter_id = ?", [meter_id]
        )
        names = sorted(row["profile"] for row in found)
        load = PROFILES["load"]
        return load if load in names or not names else names[0]

    # -- alarms

    def alarms(self, *, open_only: bool, limit: int) -> list[rows.AlarmRow]:
        """Return alarms, the newest first."""
        where = " WHERE cleared_at IS NULL" if open_only else ""
        return [
            _alarm(row) for row in self._all(f"{ALARM}{where} ORDER BY id DESC LIMIT ?", [limit])
        ]

    def alarm(self, alarm_id: int) -> rows.AlarmRow | None:
        """Return one alarm."""
        found = self._all(f"{ALARM} WHERE id = ?", [alarm_id])
        return _alarm(found[0]) if found else None

    def alarm_rows(self, streams: Sequence[str]) -> list[rows.AlarmRow]:
        """Return the latest alarms of these streams, open or just cleared."""
        sql = f"{ALARM} WHERE stream = ? ORDER BY id DESC LIMIT ?"
        return [_alarm(row) for s in streams for row in self._all(sql, [s, ALARMS_A_STREAM])]

    # -- modems and callers

    def sessions(self, modem_id: str, *, limit: int) -> list[rows.SessionRow]:
        """Return the sessions of a modem, the newest first."""
        found = self._all(
            "SELECT * FROM modem_session WHERE modem_id = ? ORDER BY position DESC LIMIT ?",
            [modem_id, limit],
        )
        return [
            rows.SessionRow(
                session=row["session"],
                peer=row["peer"],
                link=row["link"],
                claim=row["claim"],
                connected_at=_time(row["connected_at"]),
                ended_at=_time_or_none(row["ended_at"]),
                reason=row["reason"],
                lasted_s=row["lasted_s"],
                bytes_in=row["bytes_in"],
                bytes_out=row["bytes_out"],
            )
            for row in found
        ]

    def kept(self, *, after: int, limit: int) -> list[rows.KeptRow]:
        """Return kept messages with a position above ``after``, in order."""
        found = self._all(
            f"{KEPT} WHERE position > ? AND listener IS NULL ORDER BY position LIMIT ?",
            [after, limit],
        )
        return [_kept(row) for row in found]

    def unknown(self, *, limit: int) -> list[rows.CallerRow]:
        """Return unknown callers, the newest first."""
        found = self._all(
            "SELECT received_at, peer, listener, detail, data FROM kept"
            " WHERE listener IS NOT NULL ORDER BY position DESC LIMIT ?",
            [limit],
        )
        return [
            rows.CallerRow(
                at=_time(row["received_at"]),
                peer=row["peer"],
                listener=row["listener"],
                reason=row["detail"],
                first_bytes_hex=row["data"].hex(),
            )
            for row in found
        ]

    # -- sums

    def overview(self, now: datetime) -> rows.Counts:
        """Return the numbers of the first page."""
        row = self._all(
            "SELECT (SELECT count(*) FROM meter),"
            " (SELECT count(*) FROM meter WHERE online <> 0),"
            " (SELECT count(DISTINCT modem_id) FROM modem_session WHERE ended_at IS NULL),"
            " (SELECT count(DISTINCT modem_id) FROM meter WHERE modem_id <> ''),"
            " (SELECT count(*) FROM alarm WHERE cleared_at IS NULL)"
        )[0]
        hour = self._outcomes(utc_ms(now) - HOUR_MS)
        day = self._outcomes(utc_ms(now) - 24 * HOUR_MS)
        failed = sum(n for outcome, n in day.items() if outcome not in {READ, PUSHED, PROFILE})
        asked = day.get(READ, 0) + failed
        return rows.Counts(
            meters=row[0],
            meters_online=row[1],
            modems_online=row[2],
            modems_total=row[3],
            open_alarms=row[4],
            readings_last_hour=hour.get(READ, 0) + hour.get(PUSHED, 0),
            success_24h=round(day.get(READ, 0) / asked, 4) if asked else None,
        )

    def _outcomes(self, since_ms: int) -> dict[str, int]:
        found = self._all(
            "SELECT outcome, sum(number) FROM success WHERE slot > ? GROUP BY outcome", [since_ms]
        )
        return {row[0]: row[1] for row in found}


# -- pieces of SQL


def _filter(q: str, area: str, modem: str) -> tuple[str, list[Any]]:
    """Return a condition on ``meter m`` and its values; empty texts filter nothing."""
    parts, values = ["1 = 1"], []
    if q:
        like = "%" + q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        columns = ("m.meter_id", "m.modem_id", "m.area")
        parts.append("(" + " OR ".join(f"{c} LIKE ? ESCAPE '\\'" for c in columns) + ")")
        values += [like] * len(columns)
    for column, value in (("m.area", area), ("m.modem_id", modem)):
        if value:
            parts.append(f"{column} = ?")
            values.append(value)
    return " AND ".join(parts), values


def _between(column: str, start: datetime | None, end: datetime | None) -> tuple[str, list[Any]]:
    where, values = "", []
    if start is not None:
        where += f" AND {column} >= ?"
        values.append(utc_ms(start))
    if end is not None:
        where += f" AND {column} <= ?"
        values.append(utc_ms(end))
    return where, values


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


# -- rows


_time: Final = from_utc_ms


def _time_or_none(ms: int | None) -> datetime | None:
    return None if ms is None else _time(ms)


def _meter(row: sqlite3.Row) -> rows.MeterRow:
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
        online=bool(row["online"]),
        state=_state(row),
        last_reading_at=_time_or_none(row["last_reading_at"]),
        energy_import=energy,
        drift_s=row["drift_s"],
        open_alarms=row["open_alarms"],
        has_keys=bool(row["has_keys"]),
    )


def _state(row: sqlite3.Row) -> str:
    if row["open_alarms"]:
        return "alarm"
    if row["online"]:
        return "online"
    return "never" if row["last_reading_at"] is None else "offline"


def _reading(row: sqlite3.Row) -> rows.ReadingRow:
    return rows.ReadingRow(
        obis=row["obis"],
        value=row["value"],
        unit=row["unit"],
        time=_time(row["time"]),
        received_at=_time(row["received_at"]),
        source=row["source"],
        quality=row["quality"],
    )


def _intervals(found: Sequence[sqlite3.Row]) -> list[rows.ProfileRow]:
    intervals: dict[int, rows.ProfileRow] = {}
    for row in found:
        interval = intervals.get(row["ends_at"])
        if interval is None:
            interval = intervals[row["ends_at"]] = rows.ProfileRow(
                time=_time(row["ends_at"]), values={}, status=row["status"], quality=GOOD
            )
        interval.values[row["obis"]] = rows.Cell(value=row["value"], unit=row["unit"])
        if row["quality"] == UNSCALED:
            interval.quality = UNSCALED
    return list(intervals.values())


def _alarm(row: sqlite3.Row) -> rows.AlarmRow:
    return rows.AlarmRow(
        id=row["id"],
        meter_id=meter_of(row["stream"]),
        modem_id=modem_of(row["stream"]),
        kind=row["kind"],
        place=row["place"],
        severity=row["severity"],
        raised_at=_time(row["raised_at"]),
        device_time=_time_or_none(row["device_time"]),
        text=row["text"],
        detail=row["detail"],
        cleared_at=_time_or_none(row["cleared_at"]),
        acknowledged_at=_time_or_none(row["acknowledged_at"]),
        acknowledged_by=row["acknowledged_by"],
    )


def _kept(row: sqlite3.Row) -> rows.KeptRow:
    return rows.KeptRow(
        position=row["position"],
        stream=row["stream"],
        received_at=_time(row["received_at"]),
        reason=row["reason"],
        detail=row["detail"],
        hex=row["data"].hex(),
        system_title=row["system_title"],
        peer=row["peer"],
    )
