"""The read side: rows for screens, out of the tables that the projections keep.

Threads may share a ``ReadModel``: each call borrows a connection of its own.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from projections import rows
from projections.audit_query import AuditWanted, audit_page
from projections.base import utc_ms
from projections.energy_query import EnergyWanted, energy_days
from projections.interval_query import Wanted, intervals
from projections.pool import Pool, ReportPool
from projections.sql.conditions import between, one_of
from projections.sql.places import Place
from projections.success import PROFILE, PUSHED, READ
from projections.telling import (
    alarm_row,
    audit_row,
    caller_row,
    energy_day_row,
    failure_row,
    kept_row,
    meter_event_row,
    meter_row,
    profile_rows,
    reading_row,
    session_row,
)

LATELY: Final = 50
"""Alarms, events, failures and kept messages shown on the page of one meter."""
ALARMS_A_STREAM: Final = 5
HOUR_MS: Final = 3_600_000
ALONE: Final = "COALESCE(LENGTH(TRIM(m.modem_id)), 0) = 0"
"""A meter without a modem stands for its own. Oracle keeps an empty text as a space."""
METER: Final = (
    "SELECT m.meter_id, m.modem_id, m.area, m.protocol, m.framing, m.meter_type, m.address, m.link,"
    " m.has_keys, s.last_reading_at, s.energy, s.energy_unit, s.energy_obis, s.drift_s,"
    " (SELECT count(*) FROM {meter_modem_online} o WHERE o.modem_id ="
    f" CASE WHEN {ALONE} THEN m.meter_id ELSE m.modem_id END) AS online_now,"
    " (SELECT count(*) FROM {alarm} a WHERE a.stream = 'meter:' || m.meter_id"
    " AND a.cleared_at IS NULL) AS open_alarms"
    " FROM {meter} m LEFT JOIN {meter_state} s ON s.meter_id = m.meter_id"
)
ALARM: Final = (
    "SELECT id, stream, kind, place, severity, raised_at, device_time, text, detail, cleared_at,"
    " acknowledged_at, acknowledged_by FROM {alarm}"
)
KEPT: Final = (
    "SELECT position, stream, received_at, reason, detail, data, system_title, peer FROM {kept}"
)
READING: Final = "SELECT obis, value_text, unit, time, received_at, source, quality FROM "
METER_EVENT: Final = (
    "SELECT position, received_at, device_time, code, name, obis, detail FROM {meter_event}"
)
FAILURE: Final = "SELECT received_at, what, reason, detail FROM {failure}"
SESSION: Final = (
    "SELECT session_no, peer, link, claim, connected_at, ended_at, reason, lasted_s, bytes_in,"
    " bytes_out FROM {modem_session} WHERE modem_id = ? ORDER BY position DESC"
)
POISONED: Final = (
    "SELECT projection, position, topic, reason FROM {poison} WHERE projection = ?"
    " ORDER BY position DESC"
)
COUNTS: Final = (
    "SELECT 'meters' AS what, count(*) AS counted FROM {meter}"
    " UNION ALL SELECT 'meters_online', count(*) FROM {meter_modem_online} o"
    " JOIN {meter} m ON m.modem_id = o.modem_id"
    " UNION ALL SELECT 'alone_online', count(*) FROM {meter_modem_online} o"
    f" JOIN {{meter}} m ON m.meter_id = o.modem_id AND {ALONE}"
    " UNION ALL SELECT 'modems_online', count(DISTINCT modem_id) FROM {modem_session}"
    " WHERE ended_at IS NULL"
    " UNION ALL SELECT 'modems_total', count(DISTINCT modem_id) FROM {meter} WHERE modem_id <> ?"
    " UNION ALL SELECT 'open_alarms', count(*) FROM {alarm} WHERE cleared_at IS NULL"
)


Between = tuple[datetime | None, datetime | None]
"""Two times, both included; None: no limit."""


class ReadModel:
    """Queries; every method may raise ``ReadModelUnavailable``."""

    def __init__(self, place: Place, reports: Place | None = None) -> None:
        self._pool = Pool(place)
        self._reports = self._pool if reports is None else ReportPool(reports, self._pool)
        """For what may be long, from a standby that lags a little; without it, from the first."""

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._reports.close()
        self._pool.close()

    # -- meters

    def meters(self, *, q: str, area: str, modem: str, after: str, limit: int) -> rows.MeterPage:
        """Return a page of the meter list, by id; ``q`` is looked for in id, modem and area."""
        where, values = _filter(q, area, modem)
        select = f"{METER} WHERE {where} AND m.meter_id > ? ORDER BY m.meter_id"
        found = self._pool.first(select, [*values, after], limit + 1)
        counted = self._pool.query(f"SELECT count(*) FROM {{meter}} m WHERE {where}", values)
        page = [meter_row(row) for row in found[:limit]]
        more = page[-1].meter_id if len(found) > limit else None
        return rows.MeterPage(meters=page, next=more, total=int(counted[0][0]) if counted else 0)

    def meter_rows(self, meter_ids: Sequence[str]) -> list[rows.MeterRow]:
        """Return the rows of those of the meters that exist."""
        found = self._pool.query_in(f"{METER} WHERE m.meter_id IN (??)", meter_ids)
        by_id = {row["meter_id"]: row for row in found}
        return [meter_row(by_id[meter]) for meter in dict.fromkeys(meter_ids) if meter in by_id]

    def meter(self, meter_id: str) -> rows.MeterDetail | None:
        """Return everything the page of one meter shows."""
        found = self.meter_rows([meter_id])
        if not found:
            return None
        stream = f"meter:{meter_id}"
        latest = self._pool.query(
            f"{READING}{{latest}} WHERE meter_id = ? ORDER BY obis", [meter_id]
        )
        return rows.MeterDetail(
            **{name: getattr(found[0], name) for name in rows.MeterRow.__struct_fields__},
            latest=list(map(reading_row, latest)),
            alarms=list(map(alarm_row, self._lately(ALARM, "stream", stream, "id"))),
            events=list(map(meter_event_row, self._of_meter(METER_EVENT, meter_id))),
            kept=list(map(kept_row, self._lately(KEPT, "stream", stream, "position"))),
            failures=list(map(failure_row, self._of_meter(FAILURE, meter_id))),
        )

    def _of_meter(self, select: str, meter_id: str) -> list[Any]:
        return self._lately(select, "meter_id", meter_id, "position")

    def _lately(self, select: str, column: str, key: str, order: str) -> list[Any]:
        return self._pool.first(f"{select} WHERE {column} = ? ORDER BY {order} DESC", [key], LATELY)

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
        where, values = between("time", _ms(start), _ms(end))
        where, values = one_of(where, values, "obis", obis)
        select = (
            f"{READING}{{reading}} WHERE meter_id = ?{where}"
            " ORDER BY time DESC, position DESC, obis DESC"
        )
        found = self._reports.first(select, [meter_id, *values], limit)
        return [reading_row(row) for row in reversed(found)]

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
        wanted = Wanted(meter_id, _ms(start), _ms(end), limit)
        return profile_rows(self._reports.run(lambda db: intervals(db, wanted, profile)))

    def energy_days(
        self,
        meter_id: str,
        *,
        obis: Sequence[str],
        first: date | None,
        last: date | None,
        limit: int,
    ) -> list[rows.EnergyDayRow]:
        """Return the energy of days, by day, the newest ``limit`` rows; both ends included."""
        wanted = EnergyWanted(meter_id, tuple(obis), _number(first), _number(last), limit)
        return list(map(energy_day_row, self._reports.run(lambda db: energy_days(db, wanted))))

    # -- alarms

    def alarms(self, *, open_only: bool, limit: int) -> list[rows.AlarmRow]:
        """Return alarms, the newest first."""
        where = " WHERE cleared_at IS NULL" if open_only else ""
        return list(map(alarm_row, self._pool.first(f"{ALARM}{where} ORDER BY id DESC", [], limit)))

    def alarm(self, alarm_id: int) -> rows.AlarmRow | None:
        """Return one alarm."""
        found = self._pool.query(f"{ALARM} WHERE id = ?", [alarm_id])
        return alarm_row(found[0]) if found else None

    def alarm_rows(self, streams: Sequence[str]) -> list[rows.AlarmRow]:
        """Return the latest alarms of these streams, open or just cleared."""
        sql = f"{ALARM} WHERE stream = ? ORDER BY id DESC"
        return [
            alarm_row(row) for s in streams for row in self._pool.first(sql, [s], ALARMS_A_STREAM)
        ]

    # -- modems, callers, people

    def sessions(self, modem_id: str, *, limit: int) -> list[rows.SessionRow]:
        """Return the sessions of a modem, the newest first."""
        return list(map(session_row, self._pool.first(SESSION, [modem_id], limit)))

    def kept(self, *, after: int, before: int, newest: bool, limit: int) -> list[rows.KeptRow]:
        """Return kept messages between two positions, neither included, in order.

        ``before``: 0 for no end; ``newest``: the newest first.
        """
        where, values = "position > ?", [after]
        if before:
            where, values = f"{where} AND position < ?", [after, before]
        order = "position DESC" if newest else "position"
        sql = f"{KEPT} WHERE {where} AND listener IS NULL ORDER BY {order}"
        return list(map(kept_row, self._pool.first(sql, values, limit)))

    def unknown(self, *, limit: int) -> list[rows.CallerRow]:
        """Return unknown callers, the newest first."""
        sql = (
            "SELECT received_at, peer, listener, detail, data FROM {kept}"
            " WHERE listener IS NOT NULL ORDER BY position DESC"
        )
        return list(map(caller_row, self._pool.first(sql, [], limit)))

    def audit(
        self, *, stream: str, actor: str, kind: str, between: Between, before: int, limit: int
    ) -> list[rows.AuditRow]:
        """Return who wanted what, the newest first; empty texts, None and 0 filter nothing.

        ``before``: those behind the entry of that position, in the same order.
        """
        wanted = AuditWanted(stream, actor, kind, *between)
        found = self._reports.run(lambda db: audit_page(db, wanted, before, limit))
        return list(map(audit_row, found))

    def poison(self, projection: str, *, limit: int) -> list[rows.PoisonRow]:
        """Return the events that a read model put aside, the newest first."""
        found = self._pool.first(POISONED, [projection], limit)
        return [
            rows.PoisonRow(projection=row[0], position=row[1], topic=row[2], reason=row[3])
            for row in found
        ]

    # -- sums

    def overview(self, now: datetime) -> rows.Counts:
        """Return the numbers of the first page."""
        counts = {row[0]: int(row[1]) for row in self._pool.query(COUNTS, [""])}
        counts["meters_online"] += counts.pop("alone_online")
        hour = self._outcomes(utc_ms(now) - HOUR_MS)
        day = self._outcomes(utc_ms(now) - 24 * HOUR_MS)
        failed = sum(n for outcome, n in day.items() if outcome not in {READ, PUSHED, PROFILE})
        asked = day.get(READ, 0) + failed
        return rows.Counts(
            **counts,
            readings_last_hour=hour.get(READ, 0) + hour.get(PUSHED, 0),
            success_24h=round(day.get(READ, 0) / asked, 4) if asked else None,
        )

    def _outcomes(self, since_ms: int) -> dict[str, int]:
        found = self._pool.query(
            "SELECT outcome, sum(counted) FROM {success} WHERE slot > ? GROUP BY outcome",
            [since_ms],
        )
        return {row[0]: int(row[1]) for row in found}


# -- pieces of SQL


def _filter(q: str, area: str, modem: str) -> tuple[str, list[Any]]:
    """Return a condition on ``meter m`` and its values; empty texts filter nothing."""
    parts, values = ["1 = 1"], []
    if q:
        like = "%" + q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        columns = ("m.meter_id", "m.modem_id", "m.area")
        likes = (f"LOWER({c}) LIKE LOWER(?) ESCAPE '\\'" for c in columns)
        parts.append(f"({' OR '.join(likes)})")
        values += [like] * len(columns)
    for column, value in (("m.area", area), ("m.modem_id", modem)):
        if value:
            parts.append(f"{column} = ?")
            values.append(value)
    return " AND ".join(parts), values


def _ms(instant: datetime | None) -> int | None:
    return None if instant is None else utc_ms(instant)


def _number(day: date | None) -> int | None:
    return None if day is None else day.year * 10_000 + day.month * 100 + day.day
