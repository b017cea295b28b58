"""The simulated fleet on paper: which modems there are, with which meters. Decided by the seed."""

import csv
import io
import random
from collections.abc import Iterable
from typing import Final

import msgspec

from hes.devices import COLUMNS
from hes.fleet.dlms_server import MeterIdentity
from hes.fleet.options import FleetOptions
from protocols.dlms.acse import Mechanism
from protocols.dlms.security import Keys

__all__ = ["FleetOptions", "MeterPlan", "ModemPlan", "devices_csv", "plan_fleet"]

CLIENT_SAP: Final = 1
AUTHS: Final = {Mechanism.NONE: "none", Mechanism.LOW: "low", Mechanism.GMAC: "gmac"}
AREAS: Final = 8
SERIALS: Final = 90_000_000
"""Serial numbers have 8 digits and begin with none of the zeros."""
COMPRESSED_SHARE: Final = 0.3


class MeterPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One meter: who it is, and where on its line."""

    identity: MeterIdentity
    logical: int
    """Wrapper: its wPort. HDLC: its upper address."""
    physical: int | None
    """HDLC: its lower address."""
    drift_s: float
    """Its clock is ahead by so much."""
    compress: bool
    """It leaves out what did not change between the rows of a profile."""
    area: str


class ModemPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One modem and the meters on its serial line."""

    modem_id: str
    framing: str
    """Of all its meters: ``hdlc`` or ``wrapper``."""
    pushes: bool
    meters: tuple[MeterPlan, ...]


def plan_fleet(options: FleetOptions) -> list[ModemPlan]:
    """Return the fleet of ``options``: the same for the same seed."""
    rng = random.Random(f"fleet {options.seed}")  # noqa: S311 -- a simulation
    serials = Serials(rng)
    plans: list[ModemPlan] = []
    left = options.meters
    while left:
        several = rng.random() < options.multidrop_share
        count = min(left, options.meters_per_modem if several else 1)
        plans.append(_modem(options, rng, serials, count))
        left -= count
    return plans


class Serials:
    """Numbers of 8 digits one after the other, from where the seed says."""

    def __init__(self, rng: random.Random) -> None:
        self._next = rng.randrange(SERIALS)

    def take(self) -> str:
        """Return the next one."""
        self._next = (self._next + 1) % SERIALS
        return str(self._next + 10_000_000)


def _modem(options: FleetOptions, rng: random.Random, serials: Serials, count: int) -> ModemPlan:
    framing = "wrapper" if rng.random() < options.wrapper_share else "hdlc"
    # A short address of one byte has no room for the lower part; only a lone meter can have it.
    short = count == 1 and rng.random() < 0.3
    first = rng.choice((16, 17, 100, 1000))
    meters = tuple(
        _meter(
            options, rng, serials.take(),
            logical=number + 1 if framing == "wrapper" else 1,
            physical=None if framing == "wrapper" or short else first + number,
        )
        for number in range(count)
    )  # fmt: skip
    return ModemPlan(
        modem_id=f"8612345{meters[0].identity.serial}",
        framing=framing,
        pushes=rng.random() < options.push_share,
        meters=meters,
    )


def _meter(
    options: FleetOptions, rng: random.Random, serial: str, *, logical: int, physical: int | None
) -> MeterPlan:
    return MeterPlan(
        identity=_identity(options, rng, serial),
        logical=logical,
        physical=physical,
        drift_s=round(rng.uniform(-options.drift_s, options.drift_s), 1),
        compress=rng.random() < COMPRESSED_SHARE,
        area=f"Area {rng.randint(1, AREAS)}",
    )


def _identity(options: FleetOptions, rng: random.Random, serial: str) -> MeterIdentity:
    luck = rng.random()
    # Everything is drawn for every meter: a changed share changes no other meter's secrets.
    keys = Keys(rng.randbytes(16), rng.randbytes(16))
    password = rng.randbytes(4).hex()
    title = b"SIM" + int(serial).to_bytes(5)
    if luck < options.gmac_share:
        return MeterIdentity(serial=serial, title=title, auth=Mechanism.GMAC, keys=keys)
    if luck < options.gmac_share + options.low_share:
        return MeterIdentity(serial=serial, auth=Mechanism.LOW, password=password.encode())
    return MeterIdentity(serial=serial)


def devices_csv(plan: Iterable[ModemPlan]) -> str:
    """Return the device list of the fleet, keys and passwords included, to import it."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(modem, meter) for modem in plan for meter in modem.meters)
    return out.getvalue()


def _row(modem: ModemPlan, meter: MeterPlan) -> dict[str, str]:
    identity = meter.identity
    keys = identity.keys or Keys(b"")
    return {
        "meter_id": identity.serial,
        "modem_id": modem.modem_id,
        "protocol": "dlms",
        "framing": modem.framing,
        "address": "" if meter.physical is None else str(meter.physical),
        "client_sap": str(CLIENT_SAP),
        "server_sap": str(meter.logical),
        "auth": AUTHS[identity.auth],
        "password": identity.password.decode(),
        "encryption_key": keys.encryption.hex(),
        "authentication_key": keys.authentication.hex(),
        "system_title": identity.title.hex(),
        "area": meter.area,
    }
