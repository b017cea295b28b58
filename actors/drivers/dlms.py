"""DLMS/COSEM meters: associations around each conversation, over HDLC or the wrapper."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from actors.drivers.base import (
    Collected,
    CounterJump,
    DriverKind,
    DriverWorld,
    ProfileWanted,
    timed,
)
from actors.drivers.dlms_clock import adjust
from actors.drivers.dlms_objects import KnownObjects
from actors.drivers.dlms_session import MANAGEMENT, DlmsSessions, is_ciphered
from hes.devices import Device
from hes.obis import PROFILES
from protocols.dialogue import Dialogue
from protocols.dlms.classes.security_setup import KeyId
from protocols.dlms.client import CounterTooLow, DlmsClient
from protocols.dlms.cosem_time import resolution_s
from protocols.dlms.names import CodeNames
from protocols.dlms.object_list import LogicalDevice, ObjectList, read_logical_devices
from protocols.dlms.profile import ProfileData, has_profile, read_profile
from protocols.dlms.reader import (
    Registers,
    TimeRules,
    instant_of,
    read_registers,
    read_time,
    set_clock,
    shift_clock,
)
from protocols.dlms.type_facts import known_objects, time_rules
from protocols.dlms.usual import PROFILES_ALSO, USUAL
from protocols.errors import MeterNonsense, MeterRefused
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

NO_RATE: Final = "meters of this type have no such rate"
COUNTERS_PER_READ: Final = 500
COLUMNS_KEPT: Final = timedelta(days=1)
"""So long nobody asks anew what a profile holds: it changes only where a meter is set up anew."""
QUIET_S: Final = 1.0
"""A clock so near to ours is not touched."""
NOT_SET: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""What a clock without a date counts as: whoever sets it is told how it stood before."""


class DlmsDriver:
    """See ``actors.drivers.base.Driver``."""

    def __init__(
        self, device: Device, world: DriverWorld, meter_type: MeterType | None = None
    ) -> None:
        of = meter_type or plain(device.protocol)
        self._world = world
        self._logical = device.server_sap
        self._sessions = DlmsSessions(device, world, of.options, of.timers)
        self._names = CodeNames(of.options)
        self._usual = of.registers or USUAL
        self._rules = time_rules(of.options, world.utc_offset_min)
        self._options = of.options
        self._cache = known_objects(of.options)
        self._columns_of = world.now()
        """Since when the columns of profiles are known, or would be."""
        self._objects = KnownObjects(wanted=of.options.object_list)
        self._profiles: dict[str, str] = {}
        """Profiles that this meter was found to have under another code."""
        self._missing: set[str] = set()
        """Usual registers that this meter does not have."""
        self._knows_clock = False
        """Whether the rules of time are those of the meter's own clock."""
        self.counters_per_read = COUNTERS_PER_READ if is_ciphered(device) else 0

    def offers(self, obis: str) -> bool:
        """See ``Driver.offers``: that is up to each meter."""
        return True

    def scale_of(self, obis: str) -> tuple[int | None, int | None] | None:
        """See ``Driver.scale_of``."""
        scale = self._cache.scales.get(self._names.theirs(obis) or "")
        return None if scale is None else (scale.scaler, scale.unit)

    def recall_objects(self, objects: ObjectList | None) -> None:
        """See ``actors.drivers.known_objects.KnowsObjects``."""
        self._objects.recall(objects)

    # -- conversations

    def registers(self, codes: Sequence[str]) -> Dialogue[RegistersRead]:
        """See ``Driver.registers``."""
        return (yield from self._sessions.read(lambda client: self._registers(client, codes)))

    def profile(self, code: str, begin: datetime, end: datetime) -> Dialogue[ProfileRead]:
        """See ``Driver.profile``."""
        return (yield from self._sessions.read(lambda c: self._profile(c, code, begin, end)))

    def clock(self) -> Dialogue[ClockRead]:
        """See ``Driver.clock``."""
        return (yield from self._sessions.read(self._clock))

    def set_clock(self, *, shift_s_max: float) -> Dialogue[ClockChanged]:
        """See ``Driver.set_clock``."""
        # Never twice: a shift that was heard but not answered would be doubled.
        return (yield from self._sessions.once(lambda c: self._set_clock(c, shift_s_max)))

    def collect(
        self, codes: Sequence[str], profiles: Sequence[ProfileWanted]
    ) -> Dialogue[Collected]:
        """See ``Driver.collect``."""

        def parts(client: DlmsClient) -> Dialogue[Collected]:
            found = Collected()
            found.objects = yield from self._objects.learn(client)
            yield from found.attempt_all(
                self._clock(client),
                self._registers(client, codes),
                ((wanted.code, self._profile(client, *wanted)) for wanted in profiles),
            )
            return found

        return (yield from self._sessions.read(parts))

    def manage(self, work: Callable[[DlmsClient, TimeRules], Dialogue[T]]) -> Dialogue[T]:
        """See ``Managing.manage``."""

        def managed(client: DlmsClient) -> Dialogue[T]:
            yield from self._learn_clock(client)
            return (yield from work(client, self._rules))

        return (yield from self._sessions.once(managed))

    def adjust_clock(self, way: str) -> Dialogue[ClockChanged]:
        """See ``Managing.adjust_clock``."""

        def adjusted(client: DlmsClient) -> Dialogue[ClockChanged]:
            before = yield from self._clock(client)
            yield from adjust(client, way, before, self._world.now, self._rules)
            return ClockChanged(before, (yield from self._clock(client)), way)

        return (yield from self._sessions.once(adjusted))

    def change_keys(self, keys: dict[KeyId, bytes]) -> Dialogue[None]:
        """See ``Rekeying.change_keys``."""
        return (yield from self._sessions.change_keys(keys))

    def logical_devices(self) -> Dialogue[list[LogicalDevice]]:
        """See ``Discovering.logical_devices``: its own logical device first, then the management's.

        Raises:
            MeterRefused: neither tells.

        """
        try:
            return (yield from self._sessions.read(read_logical_devices))
        except CounterJump:
            raise
        except MeterRefused:
            if self._logical == MANAGEMENT:
                raise
        return (yield from self._sessions.ask_management(read_logical_devices))

    # -- parts of a conversation

    def _registers(self, client: DlmsClient, codes: Sequence[str]) -> Dialogue[RegistersRead]:
        asked = codes or [code for code in self._usual if self._may_have(code)]
        self._cache.classes = self._objects.classes | self._cache.classes
        named = {code: self._names.theirs(code) for code in asked}
        theirs = list(dict.fromkeys(own for own in named.values() if own is not None))
        found = yield from read_registers(client, theirs, self._cache, thorough=bool(codes))
        if any(value.time is not None for value in found.values):
            yield from self._learn_clock(client)
        read = self._neutral_registers(found, named)
        if not codes:
            # What it does not have is not asked for again; what failed this once is an absence.
            lacking = {code for code, own in named.items() if own is None or own in found.lacking}
            self._missing |= lacking
            read.refused = {c: why for c, why in read.refused.items() if c not in lacking}
        return read

    def _may_have(self, code: str) -> bool:
        return code not in self._missing and not self._objects.lacks(self._names.theirs(code))

    def _neutral_registers(
        self, found: Registers, named: Mapping[str, str | None]
    ) -> RegistersRead:
        """Return what was found, by the codes that were asked for; ``named``: the meter's own."""
        told = {value.obis: value for value in found.values}
        read = RegistersRead([], {})
        for code, own in named.items():
            v = told.get(own or "")
            if v is None:
                read.refused[code] = NO_RATE if own is None else found.refused[own]
                continue
            time = None if v.time is None else self._rules.instant(v.time)
            read.values.append(
                ReadValue(code, v.value, v.scale.scaler, v.scale.unit, v.class_id, 2, time)
            )
        return read

    def _profile(
        self, client: DlmsClient, code: str, begin: datetime, end: datetime
    ) -> Dialogue[ProfileRead]:
        obis = PROFILES.get(code, code)
        own = self._profiles.get(obis) or self._names.theirs(obis) or obis
        yield from self._learn_clock(client)
        self._forget_columns()
        if own in PROFILES_ALSO and not (yield from has_profile(client, own, self._cache)):
            own = self._profiles[obis] = PROFILES_ALSO[own]
        data = yield from read_profile(client, own, begin, end, self._cache, self._rules)
        return _neutral_profile(data, obis, self._names)

    def _forget_columns(self) -> None:
        now = self._world.now()
        if now - self._columns_of >= COLUMNS_KEPT:
            fresh = known_objects(self._options)
            self._cache.columns, self._cache.periods = fresh.columns, fresh.periods
            self._columns_of = now

    def _clock(self, client: DlmsClient) -> Dialogue[ClockRead]:
        times: list[datetime] = []
        octets = yield from timed(read_time(client), self._world.now, times, to_last=True)
        self._take_rules(octets)
        meter_time = instant_of(octets, self._rules)
        return ClockRead(times[0], meter_time, times[-1], resolution_s(octets))

    def _shown(self, client: DlmsClient) -> Dialogue[ClockRead]:
        """Return what the clock shows, or the beginning of time where it is not set."""
        asked_at = self._world.now()
        try:
            return (yield from self._clock(client))
        except MeterNonsense:
            return ClockRead(asked_at, NOT_SET, self._world.now())

    def _learn_clock(self, client: DlmsClient) -> Dialogue[None]:
        """Look once how the meter writes times: it is asked in the same way."""
        if not self._knows_clock:
            try:
                self._take_rules((yield from read_time(client)))
            except CounterTooLow:
                raise
            except (MeterRefused, MeterNonsense):
                self._knows_clock = True  # it does not tell; the usual way must do

    def _take_rules(self, octets: bytes) -> None:
        self._rules = self._rules.as_written(octets)
        self._knows_clock = True

    def _set_clock(self, client: DlmsClient, shift_s_max: float) -> Dialogue[ClockChanged]:
        before = yield from self._shown(client)
        drift_s = before.drift_s
        if abs(drift_s) <= QUIET_S:
            return ClockChanged(before, before, "none")
        method = "set"
        if abs(drift_s) <= shift_s_max and (yield from shift_clock(client, -round(drift_s))):
            method = "shift"
        else:
            half = (before.got_at - before.sent_at) / 2  # the write takes as long on its way
            yield from set_clock(client, self._world.now() + half, self._rules)
        after = yield from self._clock(client)
        return ClockChanged(before, after, method)


def _neutral_profile(data: ProfileData, obis: str, names: CodeNames) -> ProfileRead:
    """Return a profile by the code that was asked for, without columns that are no tariff."""
    told = [(n, code) for n, c in enumerate(data.columns) if (code := names.ours(c.obis))]
    columns = [
        ReadValue(
            code, None, data.scales[n].scaler, data.scales[n].unit, data.columns[n].class_id,
            data.columns[n].attribute,
        )
        for n, code in told
    ]  # fmt: skip
    places = [n for n, _ in told]
    rows = [TableRow(r.time, r.status, tuple(r.values[n] for n in places)) for r in data.rows]
    return ProfileRead(obis, data.period_s, columns, rows)


DRIVER: Final = DriverKind(("dlms",), DlmsDriver)
