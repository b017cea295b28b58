"""What modems tell beside their pipe, whatever their link: records, alarms, settings, firmware."""

from protocols.links.base import Notice


class SaidGoodbye(Notice, frozen=True):
    """The modem ended the session by itself; close the connection."""

    reason: str


class ForeignFrame(Notice, frozen=True):
    """A whole frame that the link carries and nobody here reads: keep it as it came."""

    protocol: str
    data: bytes


class AlarmTold(Notice, frozen=True, kw_only=True):
    """Something happened at a meter or at the modem; acted upon at once."""

    source: str
    """Identification of the meter, or of the modem itself."""
    code: str
    """``supply-lost``, ...; ``alarm-register`` or ``event`` where the rest tells what."""
    register: bytes | None = None
    """The alarm register, as sent."""
    obis: str | None = None
    utc_s: int | None = None
    """When it happened, seconds since 1970 by the modem's clock."""
    clock_quality: int | None = None
    """0 never set, 1 set by the head-end or the network, 2 kept over a power failure."""


class RecordTold(Notice, frozen=True, kw_only=True):
    """An answer of a meter that the modem fetched by its own schedule, and stores.

    When it is durable, say so to the link (``stored_up_to``): only then the modem forgets it.
    """

    number: int
    """Handle: never used twice by a modem, whatever happens to it; ascending without gaps."""
    meter: str
    protocol: str
    """As in the device list; ``protocol-<n>`` when the number has no name yet."""
    kind: int
    utc_s: int
    clock_quality: int
    label: bytes
    """Which request the data answer."""
    data: bytes
    """The bytes of the meter as they came."""


class RecordsLost(Notice, frozen=True):
    """The modem had to overwrite records before they were taken: these numbers never come."""

    first: int
    last: int


class ModemTold(Notice, frozen=True, kw_only=True):
    """What a modem says of itself when it connects; None: it did not say."""

    modem_id: str
    iccid: str | None = None
    model: str | None = None
    firmware: str | None = None
    boot_count: int | None = None
    boot_reason: int | None = None
    config_hash: bytes | None = None
    rssi_dbm: int | None = None
    records_queued: int | None = None
    next_record: int | None = None
    """Number of the next record that it will make."""


class Refused(Notice, frozen=True):
    """The link let a modem not in; close the connection."""

    modem_id: str
    reason: str


class ChannelBytes(Notice, frozen=True):
    """Bytes from another serial line of the modem than its first."""

    channel: int
    data: bytes


class PipeStatus(Notice, frozen=True):
    """What became of a pipe: 0 open, 1 closed, 2 no such port, 3 busy, 4 the meter is silent."""

    channel: int
    status: int


class ConfigTold(Notice, frozen=True):
    """Settings of the modem, by their tags, as sent."""

    values: dict[int, bytes]


class ConfigApplied(Notice, frozen=True):
    """What became of a change of settings: 0 is good. The hash is that of all settings now."""

    status: int
    config_hash: bytes | None


class FirmwareStatus(Notice, frozen=True, kw_only=True):
    """How far the modem is with an offered firmware."""

    status: int
    """0 offered, 1 downloading, 2 verified, 3 applied, 4 rolled back, 5 refused."""
    version: str | None = None
    offset: int | None = None
    """Bytes that it has, when it said so."""


class FirmwarePulled(Notice, frozen=True):
    """The modem has another tenth of an offered firmware."""

    version: str
    offset: int


class Nak(Notice, frozen=True):
    """The modem did not take what we sent; see the reasons of HML/1."""

    reason: int
