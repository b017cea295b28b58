"""What people and programs may ask of a running node: plain data, and the port that carries it out.

The web and the command line build these; the actors answer them; neither imports the other.
"""

from datetime import datetime
from typing import Final, Protocol

import msgspec

from hes.control import ControlAnswer, ControlCommand
from hes.events.meter_clock import ClockSet
from hes.events.reading import FailureReason, LoadProfileRead, Reading
from hes.ids import MeterId, ModemId
from hes.key_change import ChangeKeys, KeysAnswer


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


class ReadConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Ask a modem for its settings."""

    modem: ModemId
    actor: str = "api"


class SetConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Change settings of a modem; it takes them back by itself when they cut it off."""

    modem: ModemId
    settings: dict[str, str]
    """By name (``collect_s``, ...), or by the number of a tag that only its maker knows, as hex."""
    actor: str = "api"
    reason: str = ""


class OfferFirmware(msgspec.Struct, frozen=True, kw_only=True):
    """Offer a firmware to a modem: now, or when it calls; and again until it runs it or fails."""

    modem: ModemId
    version: str
    image: bytes
    signature: bytes
    """Of the maker, Ed25519 over version, size and SHA-256."""
    actor: str = "api"
    reason: str = ""


ModemCommand = ReadConfig | SetConfig | OfferFirmware
Command = ReadRegisters | ReadProfile | CheckClock | ControlCommand | ChangeKeys


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


Answer = RegisterAnswer | ProfileAnswer | ClockAnswer | ControlAnswer | KeysAnswer


class ConfigAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a modem, or what it says of a change."""

    settings: dict[str, str] = {}
    status: str | None = None
    """``applied`` or ``refused``; None: nothing was to be changed."""
    config_hash: str | None = None
    """Hex."""


class FirmwareAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How an offer was taken."""

    version: str
    sha256: str
    size_bytes: int
    state: str
    """What the modem said: ``offered``, ``downloading``, ``refused``; ``waiting``: it is not
    connected, and will be told when it is."""


ModemAnswer = ConfigAnswer | FirmwareAnswer


class CommandInvalid(Exception):
    """The command cannot be carried out as it is; the message says what to mend."""


class UnknownModem(Exception):
    """Nobody knows a modem of that name."""

    def __init__(self, modem: ModemId) -> None:
        super().__init__(f"no modem {modem} in the modem list; import it with `hes modem import`")
        self.modem = modem


class CommandFailed(Exception):
    """The command got no answer; ``reason`` is for programs, the message for people."""

    def __init__(self, reason: FailureReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


STORE_S: Final = 5.0
"""How long whoever wants something waits for a store that is away. Shorter troubles, as a change of
roles, are not seen; and no browser, proxy or script has given up by then."""


class StoreAway(Exception):
    """The store is away: nothing of what was wanted was done, and nothing will be."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the store did not answer within {STORE_S:g} s, so {what} was not done, and will not"
            " be; try again"
        )


class DoneLater(Exception):
    """The store is away, and what was wanted is done when it is back: it cannot be called off."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the store did not answer within {STORE_S:g} s; {what} is accepted, and written down"
            " when the store is back, unless the node is stopped before"
        )


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
            StoreAway: nothing was done, since it cannot be written down.
            DoneLater: it was done, and is written down later.

        """
        ...

    async def order(self, command: ModemCommand, *, timeout_s: float) -> ModemAnswer:
        """Carry out ``command`` at a modem and return its answer.

        Raises:
            UnknownModem: the modem is not in the modem list.
            CommandInvalid: a setting or an image cannot be as it is.
            CommandFailed: no answer; try later or mend what the message says.
            StoreAway: nothing was done, since it cannot be written down.
            DoneLater: it was done, or will be, and is written down later.

        """
        ...

    def modems(self) -> list[ModemView]:
        """Return every known modem, in no order."""
        ...
