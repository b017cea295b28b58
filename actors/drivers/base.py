"""What a driver of a meter protocol offers: dialogues that answer in ``protocols.values``."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from hes.devices import Device
from protocols.dialogue import Dialogue
from protocols.errors import MeterRefused
from protocols.values import ClockChanged, ClockRead, ProfileRead, RegistersRead


class DriverWorld(msgspec.Struct, frozen=True):
    """What a driver may take from the world outside."""

    now: Callable[[], datetime]
    """Our time, UTC."""
    random_bytes: Callable[[int], bytes]
    counter: Callable[[], int]
    """The next invocation counter; never the same twice for one key."""
    utc_offset_min: int
    """Local standard time, ahead of UTC, of meters that do not say their own."""


class CounterJump(MeterRefused):
    """The meter wants invocation counters from ``wanted`` on; ask again after the jump."""

    def __init__(self, wanted: int) -> None:
        super().__init__(f"the meter wants invocation counter {wanted} or higher")
        self.wanted = wanted


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
        self, codes: Sequence[str], code: str, begin: datetime | None, end: datetime
    ) -> "Dialogue[Collected]":
        """Read clock, registers and, from ``begin`` on, a profile, in one conversation."""
        ...

    def scale_of(self, obis: str) -> tuple[int | None, int | None] | None:
        """Return scaler and unit of a register, where they are known by now."""
        ...


class Collected(msgspec.Struct):
    """The answer to a scheduled read: each part, or the reason why it is missing."""

    clock: ClockRead | None = None
    registers: RegistersRead | None = None
    profile: ProfileRead | None = None
    refused: str = ""
    """Why a part is missing, when the meter refused it."""


class DriverKind(msgspec.Struct, frozen=True):
    """One protocol's driver, as the registry knows it."""

    protocols: tuple[str, ...]
    make: Callable[[Device, DriverWorld], Driver]
