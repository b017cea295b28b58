"""What a meter's actor can be busy with: each job knows its conversation and judges its result."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from actors.drivers.base import Collected, Driver, ProfileWanted
from actors.drivers.known_objects import objects_events
from actors.job import Job, Judging, Outcome
from actors.mailbox import Later
from hes.commands import ClockAnswer, ProfileAnswer, RegisterAnswer
from hes.events.base import DomainEvent
from hes.events.layout import Layout
from hes.events.meter_clock import ClockSet
from hes.events.meter_event import MeterEvent
from hes.events.reading import (
    FailureReason,
    LoadProfileRead,
    ProfileRow,
    ReadFailed,
    Reading,
    Source,
)
from hes.rules import clock_drift, over_voltage
from hes.rules.clock_drift import Measurement, measure
from hes.rules.collection import Window, settled_by
from hes.rules.logged_events import logged_events
from hes.rules.push_reading import layout_of_values, storable
from protocols.dialogue import Dialogue
from protocols.values import ClockChanged, ClockRead, ProfileRead, ReadValue, RegistersRead

EVENT_VALUES_MAX: Final = 150
"""Values in one event: keeps a block of a profile below 2,000 bytes, a RAW column of Oracle."""


class ReadRegistersJob(Job):
    """Read registers now."""

    name = "read"

    def __init__(
        self, actor: str, later: Later | None, since: float, codes: tuple[str, ...]
    ) -> None:
        super().__init__(actor, later, since)
        self._codes = codes

    @property
    def argument(self) -> str:
        """See ``Job``."""
        return " ".join(self._codes)

    def dialogue(self, driver: Driver) -> Dialogue[RegistersRead]:
        """See ``Job``."""
        return driver.registers(self._codes)

    def judge(self, result: RegistersRead, judging: Judging) -> Outcome:
        """See ``Job``."""
        reading = reading_of(result, judging, Source.DEMAND)
        events = [reading, *voltage_events(reading, judging)]
        answer = RegisterAnswer(reading=reading, refused=result.refused)
        return Outcome(events, answer, f"{len(reading.values)} values")


class ReadProfileJob(Job):
    """Read intervals now."""

    name = "read-profile"

    def __init__(
        self, actor: str, later: Later | None, since: float, profile: str, start: datetime,
        end: datetime,
    ) -> None:  # fmt: skip
        super().__init__(actor, later, since)
        self._profile = profile
        self._start = start
        self._end = end

    @property
    def argument(self) -> str:
        """See ``Job``."""
        return f"{self._profile} {self._start.isoformat()} {self._end.isoformat()}"

    def dialogue(self, driver: Driver) -> Dialogue[ProfileRead]:
        """See ``Job``."""
        return driver.profile(self._profile, self._start, self._end)

    def judge(self, result: ProfileRead, judging: Judging) -> Outcome:
        """See ``Job``."""
        blocks = profile_events(result, judging, Source.DEMAND)
        answer = ProfileAnswer(blocks=tuple(blocks))
        events = [*blocks, *log_events(blocks, judging)]
        return Outcome(events, answer, f"{len(result.rows)} intervals")


class ClockJob(Job):
    """Measure the clock, and set it if told to."""

    def __init__(self, actor: str, later: Later | None, since: float, change: bool) -> None:
        super().__init__(actor, later, since)
        self._change = change
        self.name = "clock-set" if change else "clock"

    def dialogue(self, driver: Driver) -> Dialogue[ClockRead | ClockChanged]:
        """See ``Job``."""
        return driver.set_clock(shift_s_max=60.0) if self._change else driver.clock()

    def judge(self, result: ClockRead | ClockChanged, judging: Judging) -> Outcome:
        """See ``Job``."""
        if isinstance(result, ClockRead):
            events = clock_events(result, judging)
            return Outcome(events, clock_answer(result), f"{measured(result).drift_s:+.1f} s")
        change = _clock_set(result, judging.now)
        events = [*clock_events(result.before, judging), *([change] if change else [])]
        answer = clock_answer(result.after, change)
        return Outcome(events, answer, f"{result.method}: {measured(result.after).drift_s:+.1f} s")


class CollectJob(Job):
    """The scheduled read: clock, registers, the newest of the profiles."""

    name = "collect"
    source = Source.SCHEDULED

    def __init__(self, since: float, registers: tuple[str, ...], windows: Sequence[Window]) -> None:
        super().__init__("schedule", None, since)
        self._registers = registers
        self._windows = windows

    def dialogue(self, driver: Driver) -> Dialogue[Collected]:
        """See ``Job``."""
        wanted = [ProfileWanted(*window) for window in self._windows]
        return driver.collect(self._registers, wanted)

    def judge(self, result: Collected, judging: Judging) -> Outcome:
        """See ``Job``."""
        events: list[DomainEvent] = []
        if result.clock is not None:
            events += clock_events(result.clock, judging)
        if result.registers is not None:
            reading = reading_of(result.registers, judging, Source.SCHEDULED)
            events += [reading, *voltage_events(reading, judging)]
        for profile in result.profiles.values():
            blocks = profile_events(profile, judging, Source.SCHEDULED)
            events += [*blocks, *log_events(blocks, judging)]
        events += objects_events(result.objects, judging.now)
        events += [_absent(what, why, judging.now) for what, why in _missing_parts(result)]
        return Outcome(events)

    def settled(self, result: Collected | None) -> list[tuple[str, datetime]]:
        """See ``Job``."""
        answered = () if result is None else result.profiles
        looked = [window for window in self._windows if window.profile in answered]
        return [(w.profile, at) for w in looked if (at := settled_by(w)) is not None]


class BackfillJob(ReadProfileJob):
    """Fetch intervals that were missed, a window at a time, when nothing else wants the line."""

    name = "backfill"
    source = Source.BACKFILL

    def __init__(self, since: float, window: Window) -> None:
        super().__init__("schedule", None, since, *window)
        self.window = window

    def judge(self, result: ProfileRead, judging: Judging) -> Outcome:
        """See ``Job``."""
        return Outcome(profile_events(result, judging, self.source))

    def settled(self, result: ProfileRead | None) -> list[tuple[str, datetime]]:
        """See ``Job``: what is not there was never measured, or the meter keeps it no more."""
        return [(self.window.profile, self.window.end)]


# -- from results to facts


def _missing_parts(result: Collected) -> list[tuple[str, str]]:
    """Return what a scheduled read did not bring, and why: each absence is a fact of its own."""
    parts = list(result.refused.items())
    if result.registers is not None and result.registers.refused:
        codes = [f"{code}: {why}" for code, why in result.registers.refused.items()]
        parts.append(("registers", "; ".join(codes)))
    return parts


def _absent(what: str, why: str, now: datetime) -> ReadFailed:
    return ReadFailed(
        received_at=now, source=Source.SCHEDULED, what=what, reason=FailureReason.PARTIAL,
        detail=why[:300],
    )  # fmt: skip


def reading_of(result: RegistersRead, judging: Judging, source: Source) -> Reading:
    """Return the Reading of registers that were asked for."""
    return Reading(
        received_at=judging.now,
        device_time=result.meter_time,
        source=source,
        layout=layout_of_values(result.values, judging.scale_of),
        values=tuple(storable(value.value) for value in result.values),
        times=_own_times(result.values),
    )


def _own_times(values: Sequence[ReadValue]) -> tuple[datetime | None, ...] | None:
    times = tuple(value.time for value in values)
    return times if any(times) else None


def voltage_events(reading: Reading, judging: Judging) -> list[DomainEvent]:
    """Return what the phase voltages in a reading say."""
    return over_voltage.judge(judging.state.phases, reading, judging.limits.over_voltage)


def profile_events(result: ProfileRead, judging: Judging, source: Source) -> list[LoadProfileRead]:
    """Return the events that hold a profile's rows, each of bounded size."""
    layout: Layout = layout_of_values(result.columns, judging.scale_of)
    rows = [
        ProfileRow(row.time, row.status, tuple(storable(v) for v in row.values))
        for row in result.rows
    ]
    size = max(1, EVENT_VALUES_MAX // (len(layout.channels) + 2))
    return [
        LoadProfileRead(
            received_at=judging.now,
            source=source,
            profile=result.obis,
            period_s=result.period_s,
            layout=layout,
            rows=tuple(rows[at : at + size]),
        )
        for at in range(0, len(rows), size)
    ]


def log_events(blocks: Sequence[LoadProfileRead], judging: Judging) -> list[MeterEvent]:
    """Return the events that an event log tells anew; none of another profile."""
    return logged_events(blocks, judging.state.logged_until, judging.event_names)


def measured(read: ClockRead) -> Measurement:
    """Return the drift in one reading of the clock."""
    return measure(read.sent_at, read.meter_time, read.got_at, read.resolution_s)


def clock_events(read: ClockRead, judging: Judging) -> list[DomainEvent]:
    """Return what a reading of the clock changes."""
    return clock_drift.judge(
        raised=judging.state.drifting,
        measurement=measured(read),
        limits=judging.limits.clock,
        meter_time=read.meter_time,
        received_at=judging.now,
    )


def clock_answer(read: ClockRead, change: ClockSet | None = None) -> ClockAnswer:
    """Return the answer to who asked for the clock."""
    m = measured(read)
    return ClockAnswer(
        meter_time=read.meter_time, drift_s=m.drift_s, uncertainty_s=m.uncertainty_s, changed=change
    )


def _clock_set(result: ClockChanged, now: datetime) -> ClockSet | None:
    if result.method == "none":
        return None
    before, after = measured(result.before), measured(result.after)
    return ClockSet(
        received_at=now,
        device_time=result.after.meter_time,
        before=result.before.meter_time,
        after=result.after.meter_time,
        drift_before_s=before.drift_s,
        drift_after_s=after.drift_s,
        method=result.method,
    )
