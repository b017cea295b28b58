"""DLMS/COSEM meters: associations around each conversation, over HDLC or the wrapper."""

from collections.abc import Callable, Generator, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from actors.drivers.base import Collected, CounterJump, DriverKind, DriverWorld
from hes.devices import Device
from hes.obis import PROFILES
from protocols.dialogue import Dialogue, Exchange
from protocols.dlms.acse import Mechanism
from protocols.dlms.client import ClientSettings, CounterTooLow, DlmsClient
from protocols.dlms.hdlc_link import HdlcAddress, HdlcLink
from protocols.dlms.objects import ObjectCache
from protocols.dlms.profile import ProfileData, read_profile
from protocols.dlms.reader import (
    Registers,
    TimeRules,
    read_clock,
    read_registers,
    set_clock,
    shift_clock,
)
from protocols.dlms.security import Keys
from protocols.dlms.timers import DlmsTimers
from protocols.dlms.wrapper_link import WrapperLink
from protocols.errors import MeterRefused
from protocols.values import (
    ClockChanged,
    ClockRead,
    ProfileRead,
    ReadValue,
    RegistersRead,
    TableRow,
)

T = TypeVar("T")

AUTHS: Final = {"none": Mechanism.NONE, "low": Mechanism.LOW, "gmac": Mechanism.GMAC}
USUAL: Final = (
    "1.0.1.8.0.255", "1.0.1.8.1.255", "1.0.1.8.2.255", "1.0.1.8.3.255", "1.0.2.8.0.255",
    "1.0.3.8.0.255", "1.0.4.8.0.255", "1.0.1.7.0.255", "1.0.32.7.0.255", "1.0.52.7.0.255",
    "1.0.72.7.0.255", "1.0.31.7.0.255", "1.0.51.7.0.255", "1.0.71.7.0.255", "1.0.13.7.0.255",
    "1.0.14.7.0.255", "1.0.1.6.0.255",
)  # fmt: skip
"""What is read when nobody says what: energies by rate, instantaneous values, maximum demand."""
COUNTERS_PER_READ: Final = 500
QUIET_S: Final = 1.0
"""A clock so near to ours is not touched."""


class DlmsDriver:
    """See ``actors.drivers.base.Driver``."""

    def __init__(self, device: Device, world: DriverWorld) -> None:
        self._device = device
        self._world = world
        self._timers = DlmsTimers()
        self._rules = TimeRules(utc_offset_min=world.utc_offset_min)
        self._cache = ObjectCache({}, {}, {}, {})
        self._address_size: int | None = None
        self._missing: set[str] = set()
        """Usual registers that this meter does not have."""
        self.counters_per_read = COUNTERS_PER_READ if device.auth == "gmac" else 0

    def scale_of(self, obis: str) -> tuple[int | None, int | None] | None:
        """See ``Driver.scale_of``."""
        scale = self._cache.scales.get(obis)
        return None if scale is None else (scale.scaler, scale.unit)

    # -- conversations

    def registers(self, codes: Sequence[str]) -> Dialogue[RegistersRead]:
        """See ``Driver.registers``."""
        return (yield from self._associated(lambda client: self._registers(client, codes)))

    def profile(self, code: str, begin: datetime, end: datetime) -> Dialogue[ProfileRead]:
        """See ``Driver.profile``."""
        return (yield from self._associated(lambda c: self._profile(c, code, begin, end)))

    def clock(self) -> Dialogue[ClockRead]:
        """See ``Driver.clock``."""
        return (yield from self._associated(self._clock))

    def set_clock(self, *, shift_s_max: float) -> Dialogue[ClockChanged]:
        """See ``Driver.set_clock``."""
        return (yield from self._associated(lambda c: self._set_clock(c, shift_s_max)))

    def collect(
        self, codes: Sequence[str], code: str, begin: datetime | None, end: datetime
    ) -> Dialogue[Collected]:
        """See ``Driver.collect``."""

        def parts(client: DlmsClient) -> Dialogue[Collected]:
            found = Collected()
            try:
                found.clock = yield from self._clock(client)
                found.registers = yield from self._registers(client, codes)
                if begin is not None:
                    found.profile = yield from self._profile(client, code, begin, end)
            except MeterRefused as refusal:
                found.refused = str(refusal)
            return found

        return (yield from self._associated(parts))

    # -- the association around them

    def _associated(self, work: Callable[[DlmsClient], Dialogue[T]]) -> Dialogue[T]:
        client, link = self._client()
        try:
            yield from client.associate()
            result = yield from work(client)
        except CounterTooLow as low:
            raise CounterJump(low.wanted) from None
        except MeterRefused:
            yield from client.release()
            raise
        finally:
            if isinstance(link, HdlcLink):
                self._address_size = link.address_size
        yield from client.release()
        return result

    def _client(self) -> tuple[DlmsClient, HdlcLink | WrapperLink]:
        device = self._device
        link = self._link()
        keys = Keys(device.encryption_key, device.authentication_key) if device.has_keys else None
        settings = ClientSettings(
            auth=AUTHS[device.auth],
            password=device.password.encode(),
            keys=keys,
            meter_title=device.system_title or None,
            timers=self._timers,
        )
        client = DlmsClient(
            link,
            settings,
            counter=self._world.counter,
            challenge=lambda: self._world.random_bytes(16),
        )
        return client, link

    def _link(self) -> HdlcLink | WrapperLink:
        device = self._device
        if device.framing == "wrapper":
            return WrapperLink(device.client_sap, device.server_sap, self._timers)
        physical = int(device.address) if device.address else None
        address = HdlcAddress(
            client=device.client_sap, logical=device.server_sap, physical=physical
        )
        return HdlcLink(address, self._timers, size=self._address_size)

    # -- parts of a conversation

    def _registers(self, client: DlmsClient, codes: Sequence[str]) -> Dialogue[RegistersRead]:
        asked = codes or [code for code in USUAL if code not in self._missing]
        found = yield from read_registers(client, asked, self._cache)
        if not codes:
            self._missing.update(found.refused)
            found.refused = {}
        return self._neutral_registers(found)

    def _neutral_registers(self, found: Registers) -> RegistersRead:
        values = [
            ReadValue(
                v.obis, v.value, v.scale.scaler, v.scale.unit, v.class_id, 2,
                None if v.time is None else self._rules.decode(v.time),
            )
            for v in found.values
        ]  # fmt: skip
        return RegistersRead(values, found.refused)

    def _profile(
        self, client: DlmsClient, code: str, begin: datetime, end: datetime
    ) -> Dialogue[ProfileRead]:
        obis = PROFILES.get(code, code)
        data = yield from read_profile(client, obis, begin, end, self._cache, self._rules)
        return _neutral_profile(data)

    def _clock(self, client: DlmsClient) -> Dialogue[ClockRead]:
        times: list[datetime] = []
        meter_time = yield from _timed(read_clock(client, self._rules), self._world.now, times)
        return ClockRead(times[0], meter_time, times[-1])

    def _set_clock(self, client: DlmsClient, shift_s_max: float) -> Dialogue[ClockChanged]:
        before = yield from self._clock(client)
        middle = before.sent_at + (before.got_at - before.sent_at) / 2
        drift_s = (before.meter_time - middle).total_seconds()
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


def _timed(
    dialogue: Dialogue[T], now: Callable[[], datetime], times: list[datetime]
) -> Generator[Exchange, bytes | None, T]:
    """Run a dialogue and note our time of its first sending and of each arrival."""
    try:
        step = next(dialogue)
        while True:
            if step.send:
                times[:] = [now()]
            data = yield step
            if data is not None:
                times[1:] = [now()]
            step = dialogue.send(data)
    except StopIteration as end:
        result: T = end.value
        return result


def _neutral_profile(data: ProfileData) -> ProfileRead:
    columns = [
        ReadValue(c.obis, None, s.scaler, s.unit, c.class_id, c.attribute)
        for c, s in zip(data.columns, data.scales, strict=True)
    ]
    rows = [TableRow(row.time, row.status, row.values) for row in data.rows]
    return ProfileRead(data.obis, data.period_s, columns, rows)


def day_windows(begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Cut a range into days, so that a broken link loses one day only."""
    windows: list[tuple[datetime, datetime]] = []
    while begin <= end:
        stop = min(begin + timedelta(days=1), end)
        windows.append((begin, stop))
        begin = stop + timedelta(seconds=1)
    return windows


DRIVER: Final = DriverKind(("dlms",), DlmsDriver)
