"""A driver that follows a script, and pushes of our own making."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from actor_bench import START, device

from actors.drivers.base import Collected, DriverWorld, ProfileWanted
from hes.devices import Device
from hes.obis import PROFILES
from protocols.dialogue import Dialogue, Exchange
from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu_push import CONFIRMED, encode_data_notification, encode_event_notification
from protocols.dlms.cosem import Attribute, obis_bytes
from protocols.dlms.cosem_time import encode_time
from protocols.dlms.wrapper import WrapperReader, encode_wpdu
from protocols.errors import MeterSilent
from protocols.values import (
    ClockChanged,
    ClockRead,
    ProfileRead,
    ReadValue,
    RegistersRead,
    TableRow,
)

ENERGY = "1.0.1.8.0.255"
VOLTAGE = "1.0.32.7.0.255"
LOAD = "1.0.99.1.0.255"
OFFSET_MIN = 420
WIRED = device(framing="wrapper")


def registers(*values: int, code: str = ENERGY, scaler: int = 0, unit: int = 30) -> RegistersRead:
    return RegistersRead([ReadValue(code, value, scaler, unit, 3, 2) for value in values], {})


def clock(drift_s: float = 0.0, *, at: datetime = START, round_trip_s: float = 1.0) -> ClockRead:
    half = timedelta(seconds=round_trip_s / 2)
    return ClockRead(at - half, at + timedelta(seconds=drift_s), at + half)


def profile(*ends: datetime, code: str = LOAD) -> ProfileRead:
    rows = [TableRow(end, 0, (number,)) for number, end in enumerate(ends)]
    return ProfileRead(PROFILES.get(code, code), 1800, [ReadValue(ENERGY, None, 0, 30, 3, 2)], rows)


def half_hours(begin: datetime, end: datetime) -> list[datetime]:
    """Return the ends of the half hours from ``begin`` to ``end``, both inclusive."""
    step = timedelta(minutes=30)
    first = begin - timedelta(seconds=begin.timestamp() % 1800)
    first += step if first < begin else timedelta()
    count = max(0, (end - first) // step + 1)
    return [first + step * number for number in range(count)]


class ScriptedDriver:
    """Asks "?" and takes anything for the answer, which is the next of ``answers``.

    An exception is raised, a function is called with what was asked; without a script the meter is
    asked in vain.
    """

    def __init__(self) -> None:
        self.counters_per_read = 0
        self.counters_used = 0
        """Counters that each conversation takes."""
        self.answers: deque[Any] = deque()
        self.asked: list[tuple[Any, ...]] = []
        self.counters: list[int] = []
        self.worlds: list[DriverWorld] = []
        self.never: set[str] = set()
        """Profiles that such meters cannot have."""

    def make(self, _device: Device, world: DriverWorld, _types: object) -> "ScriptedDriver":
        self.worlds.append(world)
        return self

    def _talk(self, *what: Any) -> Dialogue[Any]:
        self.asked.append(what)
        for _ in range(self.counters_used):
            self.counters.append(self.worlds[-1].counter())
        if (yield Exchange(b"?", 10.0)) is None:
            raise MeterSilent("no answer from the meter")
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer(*what) if callable(answer) else answer

    def registers(self, codes: Sequence[str]) -> Dialogue[RegistersRead]:
        return (yield from self._talk("registers", *codes))

    def profile(self, code: str, begin: datetime, end: datetime) -> Dialogue[ProfileRead]:
        return (yield from self._talk("profile", code, begin, end))

    def clock(self) -> Dialogue[ClockRead]:
        return (yield from self._talk("clock"))

    def set_clock(self, *, shift_s_max: float) -> Dialogue[ClockChanged]:
        return (yield from self._talk("set-clock", shift_s_max))

    def collect(
        self, codes: Sequence[str], profiles: Sequence[ProfileWanted]
    ) -> Dialogue[Collected]:
        return (yield from self._talk("collect", tuple(codes), *profiles))

    def offers(self, obis: str) -> bool:
        return obis not in self.never

    def scale_of(self, _obis: str) -> tuple[int | None, int | None] | None:
        return None


def whatever_there_is(kind: str, *asked: Any) -> Any:
    """Answer a collect, or a profile, with every half hour that was asked for."""
    if kind == "profile":
        return intervals(*asked)
    windows: Sequence[ProfileWanted] = asked[1:]
    return Collected(clock(), registers(1), {w.code: intervals(*w) for w in windows})


def intervals(code: str, begin: datetime, end: datetime) -> ProfileRead:
    """Return every half hour of a profile from ``begin`` to ``end``."""
    return profile(*half_hours(begin, end), code=code)


Answer = Callable[[bytes], None]


# -- pushes over the wrapper


def push_of(
    number: int,
    *values: bytes,
    at: datetime | None = None,
    confirmed: bool = True,
    wport: int = 1,
) -> bytes:
    """Return the frame of a push of ``values``, each made by ``register``."""
    time = None if at is None else encode_time(at, utc_offset_min=OFFSET_MIN)
    invoke = number | (CONFIRMED if confirmed else 0)
    return encode_wpdu(wport, 103, encode_data_notification(invoke, time, ax.array(*values)))


def register(code: str, value: int, scaler: int = 0, unit: int = 30) -> bytes:
    scaled = ax.structure(ax.i8(scaler), ax.enum(unit))
    return ax.structure(ax.octets(obis_bytes(code)), ax.u32(value), scaled)


def event_of(obis: str, value: bytes, *, at: datetime | None = None) -> bytes:
    """Return the frame of an event-notification."""
    time = None if at is None else encode_time(at, utc_offset_min=OFFSET_MIN)
    attribute = Attribute(1, obis_bytes(obis), 2)
    return encode_wpdu(1, 103, encode_event_notification(time, attribute, value))


def confirmations(heard: bytes) -> list[int]:
    """Return the invoke ids that the node confirmed, in order."""
    reader = WrapperReader()
    reader.receive_data(heard)
    found = []
    while (wpdu := reader.next_wpdu()) is not None:
        assert wpdu.apdu[0] == 0x10
        found.append(int.from_bytes(wpdu.apdu[2:5]))
    return found
