"""Rows as screens show them. Times are UTC, values decimal strings in their unit."""

from datetime import date, datetime

import msgspec


class Row(msgspec.Struct, kw_only=True):
    """What a query returns; its JSON is what the API answers."""


class Energy(Row):
    """The total of imported active energy."""

    obis: str
    value: str | None
    unit: str | None


class MeterRow(Row):
    """A line of the meter list."""

    meter_id: str
    modem_id: str
    area: str
    protocol: str
    framing: str
    meter_type: str
    address: str
    link: str
    online: bool
    state: str
    """``alarm``, ``online``, ``never`` (heard nothing yet) or ``offline``: the first that fits."""
    last_reading_at: datetime | None
    energy_import: Energy | None
    drift_s: float | None
    open_alarms: int
    has_keys: bool


class MeterPage(Row):
    """A page of the meter list; ``next`` begins the next one."""

    meters: list[MeterRow]
    next: str | None
    total: int


class ReadingRow(Row):
    """One register value; ``time`` is its own, else the meter's, or ours when it told none."""

    obis: str
    value: str | None
    unit: str | None
    time: datetime
    received_at: datetime
    source: str
    quality: str


class Cell(Row):
    """One value of an interval."""

    value: str | None
    unit: str | None


class ProfileRow(Row):
    """One interval; ``time`` is its end by the meter's clock."""

    time: datetime
    values: dict[str, Cell]
    status: int | None
    quality: str


class AlarmRow(Row):
    """Something wrong, now or before."""

    id: int
    meter_id: str | None
    modem_id: str | None
    kind: str
    place: str
    severity: str
    raised_at: datetime
    device_time: datetime | None
    text: str
    detail: str
    cleared_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None


class MeterEventRow(Row):
    """What the meter reported by a code."""

    position: int
    received_at: datetime
    device_time: datetime | None
    code: int | None
    name: str | None
    obis: str | None
    detail: str


class KeptRow(Row):
    """A message kept as it came."""

    position: int
    stream: str
    received_at: datetime
    reason: str
    detail: str
    hex: str
    system_title: str | None
    peer: str | None = None


class FailureRow(Row):
    """We asked and did not get."""

    at: datetime
    what: str
    reason: str
    detail: str


class MeterDetail(MeterRow):
    """A meter with what happened lately."""

    latest: list[ReadingRow]
    alarms: list[AlarmRow]
    events: list[MeterEventRow]
    kept: list[KeptRow]
    failures: list[FailureRow]


class SessionRow(Row):
    """One connection of a modem."""

    session: int
    peer: str
    link: str
    claim: str
    connected_at: datetime
    ended_at: datetime | None
    reason: str | None
    lasted_s: float | None
    bytes_in: int | None
    bytes_out: int | None


class CallerRow(Row):
    """A connection that never said who it is in a way we know."""

    at: datetime
    peer: str
    listener: str
    reason: str
    first_bytes_hex: str


class Counts(Row):
    """The numbers of the first page that the tables know."""

    meters: int
    meters_online: int
    modems_online: int
    modems_total: int
    readings_last_hour: int
    success_24h: float | None
    """Share of reads on our schedule or demand that worked, 0 to 1; None when there were none."""
    open_alarms: int


class EnergyDayRow(Row):
    """Energy of one register in one local day, made of the rows of a load profile."""

    day: date
    obis: str
    profile: str
    energy: str | None
    """None when the index of the register went backwards that day."""
    unit: str | None
    intervals: int
    """Values that it was made of."""
    first_at: datetime
    last_at: datetime
    quality: str
    """``whole``; ``part``: values of the day are missing; ``reset``: an index went backwards."""


class AuditRow(Row):
    """Who wanted what, why, and what came of it; the event itself stands in the log."""

    position: int
    stream: str
    received_at: datetime
    kind: str
    """Of the event: ``CommandRequested``, ``DeviceRegistered``, ..."""
    actor: str | None
    what: str
    argument: str
    why: str
    result: str | None
    detail: str


class PoisonRow(Row):
    """An event that a read model put aside; it stands whole in the log, at this position."""

    projection: str
    position: int
    topic: str
    reason: str
