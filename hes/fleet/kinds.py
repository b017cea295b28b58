"""The meter protocols that a simulated fleet speaks: one entry of the table each."""

import random
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple, Protocol

import msgspec

from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterClock
from hes.fleet.dlt645_meter import Dlt645Plan, SimulatedDlt645Meter
from hes.fleet.iec62056_21_meter import Iec62056Plan, SimulatedIec62056Meter
from hes.fleet.model import EPOCH
from hes.fleet.planned import DLMS, MeterPlan, ModemPlan
from protocols.dlms.acse import Mechanism
from protocols.dlms.security import Keys

CLIENT_SAP: Final = 1
AUTHS: Final = {
    Mechanism.NONE: "none", Mechanism.LOW: "low", Mechanism.GMAC: "gmac", Mechanism.MD5: "md5",
    Mechanism.SHA1: "sha1", Mechanism.SHA256: "sha256",
}  # fmt: skip
LEVEL: Final = "02"
"""Of the password of a DL/T 645 meter: the one that may write."""
Cells = dict[str, str]


class SimulatedMeter(Protocol):
    """A meter as its modem's serial line has it."""

    requests: int
    """Requests that it answered."""
    confirmed: list[int]
    """Invoke ids of pushes that the head-end has confirmed; whoever reads it empties it."""

    @property
    def clock(self) -> MeterClock | None:
        """Its clock; None: it has none."""
        ...

    def reset(self) -> None:
        """Forget what a new connection of the modem ends."""
        ...

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the line; return what the meter answers, if it is meant."""
        ...


class Pusher(Protocol):
    """A meter that speaks by itself."""

    @property
    def invoke_id(self) -> int:
        """The id of the last push."""
        ...

    def push(self, *, confirmed: bool) -> bytes:
        """Return the frame of a push of the meter's values now."""
        ...

    def last_gasp(self) -> bytes:
        """Return the frame that says: my supply is gone."""
        ...


class OnLine(NamedTuple):
    """One meter on the line of a modem."""

    meter: SimulatedMeter
    pusher: Pusher | None = None
    """The same meter again, if it speaks by itself."""


class Surroundings(NamedTuple):
    """What a meter takes from the world outside."""

    now: Callable[[], datetime]
    """The time of day, as meters without drift have it."""
    rng: random.Random


class MeterKind(msgspec.Struct, frozen=True):
    """One protocol."""

    make: Callable[[ModemPlan, MeterPlan, Surroundings], OnLine]
    cells: Callable[[ModemPlan, MeterPlan], Cells]
    """What the device list says of a meter beside its names, its area and its protocol."""
    password: Callable[[random.Random], str] = lambda _: ""
    address: Callable[[str], str] = lambda serial: serial
    """What a meter is called by, from its serial number."""


# -- DLMS


def _dlms(modem: ModemPlan, plan: MeterPlan, around: Surroundings) -> OnLine:
    meter = SimulatedDlmsMeter(
        plan.identity,
        framing=modem.framing,
        logical=plan.logical,
        physical=plan.physical,
        world=around.now,
        rng=around.rng,
        drift_s=plan.drift_s,
        compress=plan.compress,
    )
    # A meter never uses a counter again, even when the fleet is started again: the seconds
    # since it was installed are above what it can have used.
    meter.server.counter = int((around.now() - EPOCH).total_seconds())
    return OnLine(meter, meter)


def _dlms_cells(modem: ModemPlan, plan: MeterPlan) -> Cells:
    identity = plan.identity
    keys = identity.keys or Keys(b"")
    return {
        "framing": modem.framing,
        "address": "" if plan.physical is None else str(plan.physical),
        "client_sap": str(CLIENT_SAP),
        "server_sap": str(plan.logical),
        "auth": AUTHS[identity.auth],
        "password": identity.password.decode(),
        "encryption_key": keys.encryption.hex(),
        "authentication_key": keys.authentication.hex(),
        "system_title": identity.title.hex(),
    }


# -- the others: an address, a password


def _called_cells(_modem: ModemPlan, plan: MeterPlan) -> Cells:
    return {"address": plan.address, "password": plan.identity.password.decode()}


def _iec62056(_modem: ModemPlan, plan: MeterPlan, around: Surroundings) -> OnLine:
    identity = plan.identity
    told = Iec62056Plan(
        serial=identity.serial, address=plan.address, password=identity.password.decode()
    )
    return OnLine(SimulatedIec62056Meter(told, world=around.now, drift_s=plan.drift_s))


def _dlt645(_modem: ModemPlan, plan: MeterPlan, around: Surroundings, *, old: bool) -> OnLine:
    identity = plan.identity
    told = Dlt645Plan(
        serial=identity.serial, address=plan.address, old=old, password=identity.password.decode()
    )
    return OnLine(SimulatedDlt645Meter(told, world=around.now, drift_s=plan.drift_s))


def _digits(count: int, before: str = "") -> Callable[[random.Random], str]:
    return lambda rng: f"{before}{rng.randrange(10**count):0{count}}"


def _twelve(serial: str) -> str:
    return serial.rjust(12, "0")


KINDS: Final = {
    DLMS: MeterKind(_dlms, _dlms_cells),
    "iec62056-21": MeterKind(_iec62056, _called_cells, _digits(8)),
    "dlt645-2007": MeterKind(
        partial(_dlt645, old=False), _called_cells, _digits(6, LEVEL), _twelve
    ),
    "dlt645-1997": MeterKind(partial(_dlt645, old=True), _called_cells, _digits(6, LEVEL), _twelve),
}
"""By the name of the protocol in the device list."""
