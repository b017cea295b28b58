"""What people and programs may ask of a running node: plain data, and the port that carries it out.

The web and the command line build these; the actors answer them; neither imports the other.
"""

from datetime import datetime
from typing import Protocol

import msgspec

from hes.events.meter_clock import ClockSet
from hes.events.reading import FailureReason, LoadProfileRead, Reading
from hes.ids import MeterId, ModemId


class ReadRegisters(msgspec.Struct, frozen=True, kw_only=True):
    """Read some registers now."""

    meter: MeterId
    obis: tuple[str, ...]
    """Full form; empty means the meter type's usual set."""
    actor: str = "api"


class ReadProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Read the intervals of a profile between two times, both inclusive."""

    meter: MeterId
    profile: str
    """``load``, ``billing``, ``events`` or an OBIS code."""
    start: datetime
    end: datetime
    actor: str = "api"


class CheckClock(msgspec.Struct, frozen=True, kw_only=True):
    """Measure the meter's clock against ours; with ``set``, correct it as well."""

    meter: MeterId
    set: bool = False
    actor: str = "api"


Command = ReadRegisters | ReadProfile | CheckClock


class RegisterAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Registers that were read, and those that the meter refused."""

    reading: Reading
    refused: dict[str, str] = {}
    """OBIS code to the meter's reason (``object-undefined``, ...)."""


class ProfileAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The profile's intervals, in the events they were stored in."""

    blocks: tuple[LoadProfileRead, ...]


class ClockAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How far the meter's clock is off."""

    meter_time: datetime
    drift_s: float
    """Positive when the meter is ahead."""
    uncertainty_s: float
    """Half the round trip."""
    changed: ClockSet | None = None
    """What was done about it, when it was asked for."""


Answer = RegisterAnswer | ProfileAnswer | ClockAnswer


class CommandFailed(Exception):
    """The command got no answer; ``reason`` is for programs, the message for people."""

    def __init__(self, reason: FailureReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class UnknownMeter(Exception):
    """No such meter in the device list."""

    def __init__(self, meter: MeterId) -> None:
        super().__init__(
            f"no meter {meter} in the device list; import it with `hes devices import`"
        )
        self.meter = meter


class ModemView(msgspec.Struct, frozen=True, kw_only=True):
    """One modem as the node sees it now."""

    modem_id: ModemId
    state: str
    """``OFFLINE``, ``READY``, ``READING``, ``SILENT``, ``QUARANTINED``."""
    reason: str
    """Why it is in that state."""
    peer: str | None
    link: str | None
    session: int | None
    connected_at: datetime | None
    last_heard_at: datetime | None
    bytes_in: int
    bytes_out: int
    queue: int
    """Transactions waiting for the serial line."""
    meters: tuple[MeterId, ...]


class Commander(Protocol):
    """Carries commands to the actors of this node (or, later, of the node that owns the modem)."""

    async def execute(self, command: Command, *, timeout_s: float) -> Answer:
        """Carry out ``command`` and return its answer; what came is in the log by then.

        Raises:
            UnknownMeter: the meter is not in the device list.
            CommandFailed: no answer; try later or mend what the message says.

        """
        ...

    def modems(self) -> list[ModemView]:
        """Return every known modem, in no order."""
        ...
