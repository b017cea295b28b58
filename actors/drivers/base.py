"""What a driver of a meter protocol offers: dialogues that answer in ``protocols.values``."""

from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import msgspec

from hes.devices import Device
from hes.key_change import KeysOutcome
from protocols.dialogue import Dialogue, Exchange
from protocols.dlms.classes.security_setup import KeyId
from protocols.dlms.client import DlmsClient
from protocols.dlms.object_list import LogicalDevice, ObjectList
from protocols.dlms.reader import TimeRules
from protocols.errors import MeterNonsense, MeterRefused, SessionRefused
from protocols.meter_types.meter_type import MeterType
from protocols.values import ClockChanged, ClockRead, ProfileRead, RegistersRead

T = TypeVar("T")


class DriverWorld(msgspec.Struct, frozen=True):
    """What a driver may take from the world outside."""

    now: Callable[[], datetime]
    """Our time, UTC."""
    random_bytes: Callable[[int], bytes]
    counter: Callable[[], int]
    """The next invocation counter; never the same twice for one key."""
    utc_offset_min: int
    """Local standard time, ahead of UTC, of meters that do not say their own."""
    keys_told: Callable[[KeysOutcome], None] = lambda _outcome: None
    """Told what shows of new keys: the device list must know before anything else is sent."""


class CounterJump(MeterRefused):
    """The meter wants invocation counters from ``wanted`` on; ask again after the jump."""

    def __init__(self, wanted: int) -> None:
        super().__init__(f"the meter wants invocation counter {wanted} or higher")
        self.wanted = wanted


class ProfileWanted(NamedTuple):
    """A part of a profile, both ends inclusive."""

    code: str
    """An OBIS code or a usual name."""
    begin: datetime
    end: datetime


class Driver(Protocol):
    """Talks to one meter. It keeps what it learnt of the meter's objects, and nothing else."""

    counters_per_read: int
    """Invocation counters that one dialogue may use; 0 for protocols without."""

    def registers(self, codes: Sequence[str]) -> Dialogue[RegistersRead]:
        """Read registers; no codes: the usual ones of the meter type."""
        ...

    def profile(self, code: str, begin: datetime, end: datetime) -> Dialogue[ProfileRead]:
        """Read intervals from ``begin`` to ``end``; ``code``: an OBIS code or a usual name."""
        ...

    def clock(self) -> Dialogue[ClockRead]:
        """Read the meter's time."""
        ...

    def set_clock(self, *, shift_s_max: float) -> Dialogue[ClockChanged]:
        """Set the meter's time to ours: by a shift up to ``shift_s_max``, else by writing it."""
        ...

    def collect(
        self, codes: Sequence[str], profiles: Sequence[ProfileWanted]
    ) -> "Dialogue[Collected]":
        """Read clock, registers and profiles in one conversation; a refusal costs its part only."""
        ...

    def offers(self, obis: str) -> bool:
        """Whether meters of this kind can have the profile at all, by its OBIS code."""
        ...

    def scale_of(self, obis: str) -> tuple[int | None, int | None] | None:
        """Return scaler and unit of a register, where they are known by now."""
        ...


@runtime_checkable
class Managing(Protocol):
    """A driver that can do more than read: its meters have objects to switch and to set."""

    def manage(self, work: Callable[[DlmsClient, TimeRules], Dialogue[T]]) -> Dialogue[T]:
        """Do something in an association of its own, never twice.

        ``work`` is given the association and the rules of times in this meter.
        """
        ...

    def adjust_clock(self, way: str) -> Dialogue[ClockChanged]:
        """Put the clock right by one of its own methods (``hes.rules.clock_adjusting.WAYS``)."""
        ...


@runtime_checkable
class Discovering(Protocol):
    """A driver whose meters know what else answers behind their address."""

    def logical_devices(self) -> Dialogue[list[LogicalDevice]]:
        """Read the SAP assignment of the physical device."""
        ...


@runtime_checkable
class Rekeying(Protocol):
    """A driver whose meters can be given other keys."""

    def change_keys(self, keys: dict[KeyId, bytes]) -> Dialogue[None]:
        """Give the meter other keys, in an association under those that it has."""
        ...


class Collected(msgspec.Struct):
    """The answer to a scheduled read: each part, or the reason why it is missing."""

    clock: ClockRead | None = None
    registers: RegistersRead | None = None
    profiles: dict[str, ProfileRead] = {}
    """By the code that was asked for."""
    refused: dict[str, str] = {}
    """``clock``, ``registers`` or a profile's code, to why the meter refused it."""
    objects: ObjectList | None = None
    """The meter's list of objects, where it was read just now."""

    def attempt(self, part: str, dialogue: Dialogue[T]) -> Dialogue[T | None]:
        """Carry out the dialogue of a part; None and a note where the meter does not tell it.

        Raises:
            SessionRefused: the meter refuses whatever is asked.

        """
        try:
            return (yield from dialogue)
        except SessionRefused:
            raise
        except (MeterRefused, MeterNonsense) as missing:
            self.refused[part] = str(missing)
            return None

    def attempt_all(
        self,
        clock: Dialogue[ClockRead],
        registers: Dialogue[RegistersRead],
        profiles: Iterable[tuple[str, Dialogue[ProfileRead]]],
    ) -> Dialogue[None]:
        """Carry out the dialogues of all parts, one after the other, as ``attempt``."""
        self.clock = yield from self.attempt("clock", clock)
        self.registers = yield from self.attempt("registers", registers)
        for code, profile in profiles:
            yield from self.attempt_profile(code, profile)

    def attempt_profile(self, code: str, dialogue: Dialogue[ProfileRead]) -> Dialogue[None]:
        """Carry out the dialogue of a profile, as ``attempt``."""
        read = yield from self.attempt(code, dialogue)
        if read is not None:
            self.profiles[code] = read


class DriverKind(msgspec.Struct, frozen=True):
    """One protocol's driver, as the registry knows it."""

    protocols: tuple[str, ...]
    make: Callable[[Device, DriverWorld, MeterType], Driver]


def timed(
    dialogue: Dialogue[T],
    now: Callable[[], datetime],
    times: list[datetime],
    *,
    to_last: bool = False,
) -> Generator[Exchange, bytes | None, T]:
    """Run a dialogue and note our time of its last sending and of the first bytes after it.

    ``to_last``: of the last bytes after it instead.
    """
    try:
        step = next(dialogue)
        while True:
            if step.send:
                times[:] = [now()]
            data = yield step
            if data is not None and (to_last or len(times) == 1):
                times[1:] = [now()]
            step = dialogue.send(data)
    except StopIteration as end:
        result: T = end.value
        return result
