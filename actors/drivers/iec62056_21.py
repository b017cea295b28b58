"""Meters of IEC 62056-21: a readout, and programming mode for what is not in it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from actors.drivers.base import Collected, DriverKind, DriverWorld, ProfileWanted, timed
from actors.drivers.parts import kept
from actors.drivers.sending import only_sends
from hes.commands import CommandFailed
from hes.devices import Device
from hes.events.reading import FailureReason
from hes.obis import PROFILES
from protocols.dialogue import Dialogue
from protocols.errors import MeterRefused, MeterSilent, RemoteProtocolError, SessionRefused
from protocols.iec62056_21.billing import read_billing
from protocols.iec62056_21.clock import ClockTold, read_clock, write_clock
from protocols.iec62056_21.conversation import Conversation, Iec62056Settings
from protocols.iec62056_21.profile import LogEntry
from protocols.iec62056_21.registers import read_registers
from protocols.iec62056_21.session import MeterAbsent
from protocols.iec62056_21.stamps import StampRules, parse_stamp
from protocols.iec62056_21.tables import read_log, read_profile
from protocols.meter_types.meter_type import MeterType, plain
from protocols.values import (
    ClockChanged,
    ClockRead,
    ProfileRead,
    ReadValue,
    RegistersRead,
    TableRow,
)

T = TypeVar("T")

TOLD_S: Final = 1.0
"""Meters tell whole seconds."""
QUIET_S: Final = 1.0
"""A clock so near to ours is not touched."""
CLOCK_TAKEN_S: Final = 5.0
"""A clock so near to ours after a write that was not answered did take it."""
EVENT_CODE: Final = "0.0.96.11.0.255"
"""What the status words of a log stand under."""
STATUS_SIZE_MAX: Final = 15


class Iec62056Driver:
    """See ``actors.drivers.base.Driver``."""

    counters_per_read = 0

    def __init__(
        self, device: Device, world: DriverWorld, meter_type: MeterType | None = None
    ) -> None:
        of = meter_type or plain(device.protocol)
        self._world = world
        self._usual = of.registers
        self._talk = Conversation(
            Iec62056Settings(
                address=device.address,
                password=device.password,
                utc_offset_min=world.utc_offset_min,
                options=of.options,
                timers=of.timers,
            )
        )

    def offers(self, obis: str) -> bool:
        """See ``Driver.offers``: that is up to each meter."""
        return True

    def scale_of(self, obis: str) -> tuple[int | None, int | None] | None:
        """See ``Driver.scale_of``: these meters write the unit behind each value."""
        return None

    # -- conversations

    def registers(self, codes: Sequence[str]) -> Dialogue[RegistersRead]:
        """See ``Driver.registers``."""
        return self._conversation(lambda: read_registers(self._talk, codes or self._usual))

    def profile(self, code: str, begin: datetime, end: datetime) -> Dialogue[ProfileRead]:
        """See ``Driver.profile``."""
        return self._conversation(lambda: self._profile(code, begin, end))

    def clock(self) -> Dialogue[ClockRead]:
        """See ``Driver.clock``."""
        return self._conversation(self._clock)

    def set_clock(self, *, shift_s_max: float) -> Dialogue[ClockChanged]:
        """See ``Driver.set_clock``: there is no command that shifts."""
        return self._conversation(self._set_clock)

    def collect(
        self, codes: Sequence[str], profiles: Sequence[ProfileWanted]
    ) -> Dialogue[Collected]:
        """See ``Driver.collect``."""

        def parts() -> Dialogue[Collected]:
            found = Collected()
            left = ["registers", "clock", *(wanted.code for wanted in profiles)]
            try:
                registers = read_registers(self._talk, codes or self._usual)
                found.registers = yield from found.attempt(left[0], registers)
                left.pop(0)
                found.clock = yield from found.attempt(
                    left[0], kept(self._clock(), gone=MeterAbsent)
                )
                left.pop(0)
                for wanted in profiles:
                    profile = kept(self._profile(*wanted), gone=MeterAbsent)
                    yield from found.attempt_profile(wanted.code, profile)
                    left.pop(0)
            except SessionRefused as refusal:  # asked again, a wrong password locks the meter
                found.refused |= dict.fromkeys(left, str(refusal))
            except MeterAbsent as gone:
                if found.registers is None:
                    raise
                found.refused |= dict.fromkeys(left, str(gone))
            return found

        return self._conversation(parts)

    def _conversation(self, work: Callable[[], Dialogue[T]]) -> Dialogue[T]:
        """Run ``work`` and end the session that it left open; one that broke off is left so."""
        self._talk.begin()
        try:
            result = yield from work()
        except MeterRefused:
            yield from self._talk.close()
            raise
        yield from self._talk.close()
        return result

    # -- parts of a conversation

    def _profile(self, code: str, begin: datetime, end: datetime) -> Dialogue[ProfileRead]:
        obis = PROFILES.get(code, code)
        if obis == PROFILES["events"]:
            entries = yield from read_log(self._talk, obis, begin, end)
            return _events(obis, entries, self._talk.rules, end)
        if obis == PROFILES["billing"] and obis not in self._talk.options.codes:
            latched = yield from read_billing(self._talk, obis, begin, end)
            if latched is not None:
                return latched
        return (yield from read_profile(self._talk, obis, begin, end))

    def _clock(self) -> Dialogue[ClockRead]:
        read, _ = yield from self._clock_told()
        return read

    def _clock_told(self) -> Dialogue[tuple[ClockRead, ClockTold]]:
        times: list[datetime] = []
        told = yield from timed(read_clock(self._talk), self._world.now, times)
        instant = told.stamp.instant(self._talk.rules).astimezone(UTC)
        return ClockRead(times[0], instant, times[-1], TOLD_S), told

    def _set_clock(self) -> Dialogue[ClockChanged]:
        before, told = yield from self._clock_told()
        if abs(before.drift_s) <= QUIET_S:
            return ClockChanged(before, before, "none")
        half = (before.got_at - before.sent_at) / 2  # the write takes as long on its way
        unheard: MeterSilent | RemoteProtocolError | None = None
        try:
            yield from write_clock(self._talk, lambda: self._world.now() + half, told)
        except (MeterSilent, RemoteProtocolError) as problem:
            unheard = problem  # it may have taken it: what it says now decides
        after = yield from self._clock()
        if unheard is not None and abs(after.drift_s) > CLOCK_TAKEN_S:
            raise unheard
        return ClockChanged(before, after, "set")


def _events(
    obis: str, entries: Sequence[LogEntry], rules: StampRules, end: datetime
) -> ProfileRead:
    """Return a log as a table: one column with the status word, entries without a time left out."""
    rows: list[TableRow] = []
    for entry in entries:
        try:
            time = parse_stamp(entry.at).instant(rules).astimezone(UTC)
            status = int(entry.status[:STATUS_SIZE_MAX], 16)
        except (RemoteProtocolError, ValueError, OverflowError):
            continue
        if time <= end:  # meters are asked for whole minutes
            rows.append(TableRow(time, status, (status,)))
    return ProfileRead(obis, None, [ReadValue(EVENT_CODE, None, 0, 255)], rows)


def _make(device: Device, world: DriverWorld, meter_type: MeterType) -> Iec62056Driver:
    """Return a driver.

    Raises:
        CommandFailed: the meter takes no questions.

    """
    if only_sends(device, meter_type):
        why = f"meter {device.meter_id} only sends by itself (mode D): wait for what it sends"
        raise CommandFailed(FailureReason.REFUSED, why)
    return Iec62056Driver(device, world, meter_type)


DRIVER: Final = DriverKind(("iec62056-21",), _make)
