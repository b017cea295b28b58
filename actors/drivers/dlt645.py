"""Meters of DL/T 645, 1997 and 2007: single questions, nothing to open or to close."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from actors.drivers.base import Collected, DriverKind, DriverWorld, ProfileWanted, timed
from actors.drivers.parts import kept
from hes.devices import Device
from hes.obis import PROFILES
from protocols.dialogue import Dialogue
from protocols.dlt645 import clock, tables
from protocols.dlt645.client import Dlt645Client, Dlt645Memory, Dlt645Settings
from protocols.dlt645.event_log import read_events
from protocols.dlt645.freezing import FreezeWanted, freeze
from protocols.dlt645.registers import NO_ANSWER, NOT_ASKED, read_registers
from protocols.errors import MeterRefused, MeterSilent, RemoteProtocolError
from protocols.meter_types.meter_type import MeterType, plain
from protocols.values import ClockChanged, ClockRead, ProfileRead, RegistersRead

T = TypeVar("T")

OLD: Final = "dlt645-1997"
NEW: Final = "dlt645-2007"
USUAL: Final = (
    *(f"1.0.{c}.8.{e}.255" for c in (1, 2) for e in range(5)), "1.0.3.8.0.255", "1.0.4.8.0.255",
    *(f"1.0.{c}.7.0.255" for c in (32, 52, 72, 31, 51, 71)),
    *(f"1.0.{c}.7.0.255" for c in (1, 21, 41, 61, 3, 13, 33, 53, 73)),
    "1.0.14.7.0.255", "1.0.1.6.0.255",
)  # fmt: skip
"""What is read when nobody says what: energies by rate, instantaneous values, maximum demand."""
TOLD_S: Final = 1.0
"""Meters tell whole seconds."""
QUIET_S: Final = 1.0
"""A clock so near to ours is not touched."""
UNHEARD: Final = (NO_ANSWER, NOT_ASKED)
SILENT_ROUNDS: Final = 3
"""Scheduled reads after which a register that is never answered counts as missing."""
TAKEN_S: Final = 5.0
"""A clock so near to ours after a change did take it."""
Reader = Callable[[Dlt645Client, datetime, datetime], Dialogue[ProfileRead]]
TABLES: Final[dict[str, Reader]] = {
    tables.LOAD_PROFILE: tables.read_load,
    PROFILES["billing"]: tables.read_billing,
    "1.0.98.1.0.255": tables.read_billing,
    tables.DAILY: tables.read_daily,
    PROFILES["events"]: read_events,
}
"""OBIS code of a profile to what reads it."""
NOT_IN_1997: Final = frozenset({tables.LOAD_PROFILE, tables.DAILY, PROFILES["events"]})
"""What meters of the old standard do not keep."""


class Dlt645Driver:
    """See ``actors.drivers.base.Driver``."""

    counters_per_read = 0

    def __init__(
        self, device: Device, world: DriverWorld, meter_type: MeterType | None = None
    ) -> None:
        of = meter_type or plain(device.protocol)
        self._world = world
        self._usual = of.registers or USUAL
        self._settings = Dlt645Settings(
            address=device.address,
            old=device.protocol == OLD,
            password=device.password,
            utc_offset_min=world.utc_offset_min,
            options=of.options,
            timers=of.timers,
        )
        self._memory = Dlt645Memory()
        self._missing: set[str] = set()
        """Usual registers that this meter does not have."""
        self._silent: dict[str, int] = {}
        """Usual registers to how often in a row it said nothing to them, though to others."""
        self._scales: dict[str, tuple[int | None, int | None]] = {}
        self._broadcast_at: datetime | None = None

    def offers(self, obis: str) -> bool:
        """See ``Driver.offers``."""
        return obis in TABLES and not (self._settings.old and obis in NOT_IN_1997)

    def scale_of(self, obis: str) -> tuple[int | None, int | None] | None:
        """See ``Driver.scale_of``."""
        return self._scales.get(obis)

    # -- conversations

    def registers(self, codes: Sequence[str]) -> Dialogue[RegistersRead]:
        """See ``Driver.registers``."""
        return (yield from self._registers((yield from self._client()), codes))

    def profile(self, code: str, begin: datetime, end: datetime) -> Dialogue[ProfileRead]:
        """See ``Driver.profile``."""
        return (yield from self._profile((yield from self._client()), code, begin, end))

    def clock(self) -> Dialogue[ClockRead]:
        """See ``Driver.clock``."""
        return (yield from self._clock((yield from self._client())))

    def set_clock(self, *, shift_s_max: float) -> Dialogue[ClockChanged]:
        """See ``Driver.set_clock``: there is no command that shifts.

        A broadcast needs no password, but meters take few of them; what it did is read back, and
        where it did nothing the clock is written. A write is never repeated unheard.
        """
        return (yield from self._set_clock((yield from self._client())))

    def freeze(self, wanted: FreezeWanted) -> Dialogue[datetime | None]:
        """See ``actors.drivers.freezing.Freezing``."""
        return (yield from freeze((yield from self._client()), wanted))

    def collect(
        self, codes: Sequence[str], profiles: Sequence[ProfileWanted]
    ) -> Dialogue[Collected]:
        """See ``Driver.collect``."""
        client = yield from self._client()
        found = Collected()
        yield from found.attempt_all(
            self._clock_if_any(client),
            self._registers(client, codes),
            ((wanted.code, kept(self._profile(client, *wanted))) for wanted in profiles),
        )
        return found

    def _clock_if_any(self, client: Dlt645Client) -> Dialogue[ClockRead]:
        """Read the clock; one that tells no time does not cost the registers."""
        try:
            return (yield from kept(self._clock(client)))
        except MeterRefused:
            if not client.line.heard:
                raise MeterSilent("the meter answers nothing") from None
            raise

    def _client(self) -> Dialogue[Dlt645Client]:
        client = Dlt645Client(self._settings, self._memory)
        yield from client.find()
        return client

    # -- parts of a conversation

    def _registers(self, client: Dlt645Client, codes: Sequence[str]) -> Dialogue[RegistersRead]:
        asked = codes or [code for code in self._usual if code not in self._missing]
        found = yield from read_registers(client, asked)
        if not codes:
            self._learn(found)
        self._scales |= {v.obis: (v.scaler, v.unit) for v in found.values if v.unit is not None}
        return found

    def _learn(self, found: RegistersRead) -> None:
        """Take note of what this meter does not have: what it refuses, or never says a word to."""
        for value in found.values:
            self._silent.pop(value.obis, None)
        unheard = {obis: why for obis, why in found.refused.items() if why in UNHEARD}
        for obis in (obis for obis, why in unheard.items() if why == NO_ANSWER):
            self._silent[obis] = self._silent.get(obis, 0) + 1
        self._missing.update(found.refused.keys() - unheard.keys())
        self._missing.update(o for o, times in self._silent.items() if times >= SILENT_ROUNDS)
        found.refused = {obis: why for obis, why in unheard.items() if obis not in self._missing}

    def _profile(
        self, client: Dlt645Client, code: str, begin: datetime, end: datetime
    ) -> Dialogue[ProfileRead]:
        obis = PROFILES.get(code, code)
        read = TABLES.get(obis)
        if read is None:
            raise MeterRefused(f"this protocol has no profile {obis}")
        found = yield from read(client, begin, end)
        found.obis = obis
        return found

    def _clock(self, client: Dlt645Client) -> Dialogue[ClockRead]:
        times: list[datetime] = []
        told = yield from timed(clock.read_clock(client), self._world.now, times)
        return ClockRead(times[0], told, times[-1], TOLD_S)

    def _set_clock(self, client: Dlt645Client) -> Dialogue[ClockChanged]:
        before = yield from self._clock(client)
        drift_s = before.drift_s
        if abs(drift_s) <= QUIET_S:
            return ClockChanged(before, before, "none")
        half = (before.got_at - before.sent_at) / 2  # what is told takes as long on its way
        now = self._world.now()
        if clock.may_broadcast(client, drift_s, now, self._broadcast_at):
            self._broadcast_at = now
            yield from clock.broadcast_time(client, now + half)
            after = yield from self._clock(client)
            if abs(after.drift_s) <= min(abs(drift_s) / 2, TAKEN_S):
                return ClockChanged(before, after, "broadcast")
        after = before
        for _ in range(2):  # once more when midnight fell between date and time
            unheard = yield from self._write_clock(client, after)
            after = yield from self._clock(client)
            if abs(after.drift_s) <= TAKEN_S:
                break
            if unheard is not None:
                raise unheard
        return ClockChanged(before, after, "set")

    def _write_clock(
        self, client: Dlt645Client, read: ClockRead
    ) -> Dialogue[MeterSilent | RemoteProtocolError | None]:
        """Write the time, and the date where it differs; return why no answer came, if none did."""
        half = (read.got_at - read.sent_at) / 2
        now = self._world.now()
        shown = read.meter_time + (now - read.got_at)
        try:
            if not clock.is_same_day(client, shown, now + half):
                yield from clock.write_date(client, now + half)
            yield from clock.write_time(client, self._world.now() + half)
        except (MeterSilent, RemoteProtocolError) as problem:
            return problem  # it may have taken it: what its clock says now decides
        return None


DRIVER: Final = DriverKind((NEW, OLD), Dlt645Driver)
