"""What is decided of one simulated modem and of one meter before they run."""

import msgspec

from hes.fleet.dlms_server import MeterIdentity

DLMS = "dlms"
IEC = "iec62056-21"


class MeterPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One meter: who it is, and where on its line."""

    identity: MeterIdentity
    """Its serial number and password; the rest of it is DLMS only."""
    logical: int
    """Wrapper: its wPort. HDLC: its upper address."""
    physical: int | None
    """HDLC: its lower address."""
    address: str = ""
    """What other protocols call it by; empty: nothing, it is alone on its line."""
    drift_s: float
    """Its clock is ahead by so much."""
    compress: bool
    """DLMS: it leaves out what did not change between the rows of a profile."""
    area: str


class ModemPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One modem and the meters on its serial line."""

    modem_id: str
    kind: str = "raw"
    """Of modem: a name of ``hes simulate --links``."""
    link: str = "raw"
    """Its link, as the device list names it."""
    secret: bytes = b""
    """The key that it shares with the head-end, where its link has one."""
    protocol: str = DLMS
    """Of all its meters, as the device list names it."""
    framing: str
    """Of all its DLMS meters: ``hdlc`` or ``wrapper``."""
    pushes: bool
    meters: tuple[MeterPlan, ...]
