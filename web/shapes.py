"""The shapes of the API's answers, for its description and for tests; nothing else uses them.

Times are ISO 8601 with offset, OBIS codes in full form, values decimal strings in their unit.
"""

from datetime import date, datetime
from typing import Any

import msgspec

from hes.commands import ModemView


class Shape(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An answer, or part of one."""


class Energy(Shape):
    """The total of imported active energy."""

    obis: str
    value: str
    unit: str | None


class MeterRow(Shape):
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
    """``online``, ``offline``, ``alarm`` or ``never``."""
    last_reading_at: datetime | None
    energy_import: Energy | None
    drift_s: float | None
    open_alarms: int
    has_keys: bool


class ModemConfig(Shape):
    """Settings of a modem; after a change, what the modem says of it."""

    modem_id: str
    settings: dict[str, str]
    status: str | None
    """``applied`` or ``refused``; null: nothing was to be changed."""
    config_hash: str | None


class ModemFirmware(Shape):
    """How an offer of firmware was taken."""

    modem_id: str
    version: str
    sha256: str
    size_bytes: int
    state: str
    """``waiting`` for the modem to call; or what it said."""


class MeterPage(Shape):
    """A page of the meter list; ``next`` goes into ``after``."""

    meters: list[MeterRow]
    next: str | None
    total: int


class ReadingRow(Shape):
    """One register value."""

    obis: str
    value: str | None
    unit: str | None
    time: datetime
    """When the value occurred, where it has a time of its own, as a maximum has; else when it was
    told, by the meter's clock; when that told none, ``received_at``."""
    received_at: datetime
    source: str
    quality: str
    """``good``, or ``unscaled``: the bare number, because nobody told its scaler or unit."""


class ProfileCell(Shape):
    """One value of an interval."""

    value: str | None
    unit: str | None


class ProfileRow(Shape):
    """One interval of a load profile; ``time`` is its end by the meter's clock."""

    time: datetime
    values: dict[str, ProfileCell]
    status: int | None
    quality: str


class EnergyDayRow(Shape):
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


class AuditRow(Shape):
    """Who wanted what, why, and what came of it; the event itself stands in the log."""

    position: int
    stream: str
    received_at: datetime
    kind: str
    actor: str | None
    what: str
    argument: str
    why: str
    result: str | None
    """``done``, ``failed``, or a word of the device; None when it has only begun."""
    detail: str


class AuditLog(Shape):
    """A page of entries; ``next`` goes into ``before``."""

    entries: list[AuditRow]
    next: int | None


class AlarmRow(Shape):
    """Something wrong, now or before."""

    id: int
    meter_id: str | None
    modem_id: str | None
    kind: str
    place: str
    severity: str
    """``info``, ``warning`` or ``critical``."""
    raised_at: datetime
    device_time: datetime | None
    text: str
    detail: str
    cleared_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None


class MeterEventRow(Shape):
    """What the meter reported by a code."""

    position: int
    received_at: datetime
    device_time: datetime | None
    code: int | None
    name: str | None
    obis: str | None
    detail: str


class KeptRow(Shape):
    """A message kept as it came, because reading it would have been guessing."""

    position: int
    stream: str
    received_at: datetime
    reason: str
    detail: str
    hex: str
    system_title: str | None
    peer: str | None = None


class FailureRow(Shape):
    """We asked and did not get."""

    at: datetime
    what: str
    reason: str
    detail: str


class MeterPageOfOne(MeterRow):
    """A meter with what happened lately."""

    latest: list[ReadingRow]
    alarms: list[AlarmRow]
    events: list[MeterEventRow]
    kept: list[KeptRow]
    failures: list[FailureRow]


class ReadAnswer(Shape):
    """Registers that were read just now, and those that the meter refused."""

    meter_id: str
    time: datetime
    received_at: datetime
    readings: list[ReadingRow]
    refused: dict[str, str]


class ProfileAnswer(Shape):
    """Intervals that were read just now."""

    meter_id: str
    profile: str
    intervals: list[ProfileRow]


class ClockChange(Shape):
    """What was done about the meter's clock."""

    before: datetime
    after: datetime
    drift_before_s: float
    drift_after_s: float
    method: str


class ClockAnswer(Shape):
    """The meter's clock against ours."""

    meter_id: str
    meter_time: datetime
    drift_s: float
    """Positive when the meter is ahead."""
    uncertainty_s: float
    changed: ClockChange | None


class ImportAnswer(Shape):
    """How many devices an import took."""

    imported: int
    unchanged: int


class EventForm(Shape):
    """An event as people read it; ``problem`` when it cannot be read."""

    position: int
    stream: str
    version: int
    type: str
    received_at: datetime | None
    device_time: datetime | None
    data: dict[str, Any] | None
    problem: str | None = None


class EventPage(Shape):
    """A page of history; ``next`` goes into ``after``, or into ``before`` when newest first."""

    events: list[EventForm]
    next: int | None
    head: int


class Modems(Shape):
    """All modems as the node sees them now."""

    modems: list[ModemView]


class SessionRow(Shape):
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


class Sessions(Shape):
    """The connections of a modem, the newest first."""

    sessions: list[SessionRow]


class Alarms(Shape):
    """Alarms, the newest first."""

    alarms: list[AlarmRow]


class Kept(Shape):
    """Kept messages; ``next`` goes into ``after``, or into ``before`` with the newest first."""

    kept: list[KeptRow]
    next: int | None


class CallerRow(Shape):
    """A connection that never said who it is in a way we know."""

    at: datetime
    peer: str
    listener: str
    reason: str
    first_bytes_hex: str


class Callers(Shape):
    """Unknown callers, the newest first."""

    callers: list[CallerRow]


class ProjectionRow(msgspec.Struct, kw_only=True):
    """How far a read model has come."""

    name: str
    position: int
    lag: int
    """Events that it has not seen yet."""
    age_s: float
    """Seconds since it was last up with the log; 0 when it is."""
    poisoned: int = 0
    """Events that it has put aside because they make no sense to it."""


class Projections(Shape):
    """All read models."""

    projections: list[ProjectionRow]


class NodeFacts(Shape):
    """Which program this is, and since when."""

    started_at: datetime
    version: str


class Overview(Shape):
    """The numbers of the first page."""

    meters: int
    meters_online: int
    modems_online: int
    modems_total: int
    readings_last_minute: int
    """Pushed and read, of registers."""
    readings_last_hour: int
    success_24h: float | None
    """Share of collections that worked, 0 to 1; None when there were none."""
    open_alarms: int
    events_total: int
    events_per_s: float
    projections: list[ProjectionRow]
    node: NodeFacts


class Health(Shape):
    """Whether the node can do its work."""

    status: str
    version: str
    position: int
    uptime_s: float
    problem: str | None = None
