"""What people may ask of a meter beyond reading it: to switch, set, load and look into it.

Plain data, and the answers as the API gives them. What changes a meter says who wants it and why.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

import msgspec

from hes.ids import MeterId
from hes.tariff_calendar import TariffCalendar

IMAGE_SIZE_MAX: Final = 16 * 1024 * 1024


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """What every such command says."""

    meter: MeterId
    actor: str = "api"


class Change(Control, frozen=True, kw_only=True):
    """One that changes the meter."""

    reason: str
    """Why, in the words of who asks."""


class ReadRelay(Control, frozen=True, kw_only=True):
    """Look at the relay between network and customer."""


class SwitchRelay(Change, frozen=True, kw_only=True):
    """Close the relay, or open it: the customer is without supply then."""

    close: bool


class ReadLimiter(Control, frozen=True, kw_only=True):
    """Look at the limiter of the customer's power."""


class SetLimiter(Change, frozen=True, kw_only=True):
    """Set the limiter; None leaves a thing as it is."""

    threshold_normal: Decimal | None = None
    """In the unit of the value that the limiter watches, most often W."""
    threshold_emergency: Decimal | None = None
    min_over_s: int | None = None
    min_under_s: int | None = None


class ReadCalendar(Control, frozen=True, kw_only=True):
    """Read the tariff calendar that is in force."""


class SetCalendar(Change, frozen=True, kw_only=True):
    """Give the meter another tariff calendar."""

    calendar: TariffCalendar


class ReadPushSetup(Control, frozen=True, kw_only=True):
    """Read what the meter sends by itself, to whom and when."""

    push: str
    """OBIS code of the push setup."""
    schedule: str
    """OBIS code of its schedule."""


class SetPushSetup(Change, frozen=True, kw_only=True):
    """Set that; None leaves a thing as it is."""

    push: str
    schedule: str
    address: str | None = None
    every_s: int | None = None
    randomisation_s: int | None = None
    retries: int | None = None
    retry_delay_s: int | None = None


class PushNow(Control, frozen=True, kw_only=True):
    """Let the meter push at once."""

    push: str


class ReadModemSetup(Control, frozen=True, kw_only=True):
    """Read how the modem in the meter gets into the network and whom it calls."""


class SetModemSetup(Change, frozen=True, kw_only=True):
    """Set that; None leaves a thing as it is. Never access point and destination at once."""

    apn: str | None = None
    destinations: tuple[str, ...] | None = None
    mode: int | None = None
    port: int | None = None
    inactivity_s: int | None = None


class Diagnose(Control, frozen=True, kw_only=True):
    """Ask for network, signal, clock status and protection."""


class ReadLogicalDevices(Control, frozen=True, kw_only=True):
    """Ask which logical devices the physical device holds (SAP assignment, class 17)."""


class Freeze(Change, frozen=True, kw_only=True):
    """Have a meter of DL/T 645 keep its values, now or again and again, by its own clock."""

    how: Literal["now", "hourly", "daily", "monthly"] = "now"
    day: int = 1
    hour: int = 0
    minute: int = 0
    everybody: bool = False
    """All meters on its line."""


class AdjustClock(Change, frozen=True, kw_only=True):
    """Put the clock right by one of its own methods (``hes.rules.clock_adjusting.WAYS``)."""

    way: str


class LoadImage(Change, frozen=True, kw_only=True):
    """Load new firmware into the meter and let it run; goes on by itself for hours if need be."""

    name: str
    """By which the meter knows the image."""
    image: bytes
    resume: bool = False
    """Go on with what the meter has of this very image."""
    wanted_within_s: float = 24 * 3600.0
    """Given up after so long."""


ControlCommand = (
    ReadRelay | SwitchRelay | ReadLimiter | SetLimiter | ReadCalendar | SetCalendar | ReadPushSetup
    | SetPushSetup | PushNow | ReadModemSetup | SetModemSetup | Diagnose | AdjustClock | LoadImage
    | ReadLogicalDevices | Freeze
)  # fmt: skip


class RelayAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The relay."""

    obis: str
    closed: bool
    """Whether the customer has supply through it."""
    state: str
    """``disconnected``, ``connected`` or ``ready-for-reconnection``."""
    mode: int
    """Control mode, 0 to 6."""
    state_before: str | None = None


class LimiterAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The limiter; thresholds in ``unit``, as decimal strings."""

    watched: str
    """OBIS code of the value that it looks at."""
    unit: str | None
    threshold_active: str | None
    threshold_normal: str | None
    threshold_emergency: str | None
    min_over_s: int | None
    min_under_s: int | None
    emergency_active: bool | None


class CalendarAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The tariff calendar in force, and the name of the one that waits, if any."""

    calendar: TariffCalendar
    waiting: str | None = None
    waiting_until: str | None = None
    """Date and time, local, as the meter has it."""


class PushSetupAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the meter sends by itself."""

    objects: tuple[str, ...]
    """``class/OBIS/attribute`` each."""
    transport: str
    address: str
    randomisation_s: int | None
    retries: int | None
    retry_delay_s: int | None
    times: tuple[str, ...] | None
    """Times of day of its schedule, ``HH:MM:SS``, with a date where one is given."""


class ModemSetupAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How the modem in the meter gets into the network; the PIN is never told."""

    apn: str | None
    port: int | None
    inactivity_s: int | None
    mode: int | None
    mode_name: str | None
    destinations: tuple[str, ...] | None


class DiagnosisAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the meter tells of itself; None: it does not, ``refused`` says why."""

    operator: str | None = None
    registration: str | None = None
    packet_service: str | None = None
    cell_id: int | None = None
    location_id: int | None = None
    signal_dbm: int | None = None
    clock_status: tuple[str, ...] | None = None
    time_zone_min: int | None = None
    daylight_saving: bool | None = None
    security_suite: int | None = None
    security_policy: tuple[str, ...] | None = None
    client_title: str | None = None
    server_title: str | None = None
    firmware: str | None = None
    refused: dict[str, str] = {}


class LogicalDevice(msgspec.Struct, frozen=True, kw_only=True):
    """One that a physical device holds."""

    sap: int
    """What stands in the column ``server_sap``: wrapper port or HDLC upper address."""
    name: str
    """Its logical device name; what is no text as hex."""


class LogicalDevicesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The logical devices behind the address of a meter, in the order of its list."""

    devices: tuple[LogicalDevice, ...]


class FreezeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A freeze was told."""

    how: str
    everybody: bool
    heard: bool
    """Whether the meter said so; a broadcast is not answered."""
    frozen_at: datetime | None
    """When it kept its values, to the minute, where it was to be now and it tells."""


class PushedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The meter was told to push, and said yes."""

    pushed: bool = True


class ImageAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How far an image is on its way into a meter."""

    image: str
    state: str
    """``offered``, a step, ``activated`` or ``failed``."""
    done_bytes: int
    size_bytes: int
    sha256: str
    actor: str
    reason: str
    detail: str = ""
    version: str | None = None
    """What the meter said it runs, once it was activated."""
    version_before: str | None = None
    offered_at: datetime | None = None
    changed_at: datetime | None = None


ControlAnswer = (
    RelayAnswer | LimiterAnswer | CalendarAnswer | PushSetupAnswer | PushedAnswer
    | ModemSetupAnswer | DiagnosisAnswer | ImageAnswer | LogicalDevicesAnswer | FreezeAnswer
)  # fmt: skip
