"""What a simulated modem does on its link, whatever the link: the counterpart of a head-end's.

A new kind is a module in this package with ``SIDES``: the package finds it (``registry``).
"""

import random
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from hes.fleet.kinds import OnLine, Surroundings
from hes.fleet.options import FleetOptions
from hes.fleet.planned import DLMS, MeterPlan, ModemPlan
from protocols.hml1.messages import Alarm, Record


class Incoming(msgspec.Struct, frozen=True):
    """What bytes from the head-end mean to a modem."""

    to_line: bytes = b""
    """For the meters."""
    reply: bytes = b""
    """To be sent back at once."""
    hang_up: str = ""
    """Why the connection is to be closed; empty: it is not."""


NOTHING = Incoming()


class ModemSide(Protocol):
    """One modem's side of a link; one object serves one connection after the other."""

    name: str

    def connected(self, now_s: float) -> bytes:
        """Say that there is a connection; return what the modem says first."""
        ...

    def receive(self, data: bytes, now_s: float) -> Incoming:
        """Take bytes from the head-end, cut anywhere.

        Raises:
            RemoteProtocolError: they are not of this link; hang up.

        """
        ...

    def wrap(self, data: bytes) -> bytes:
        """Return what brings bytes of a meter to the head-end."""
        ...

    def heartbeat(self, now_s: float) -> bytes:
        """Return what the modem sends by itself to stay connected; nothing: it needs none."""
        ...


class BusySide(ModemSide, Protocol):
    """A side that has more to do by itself than to stay connected."""

    @property
    def next_due_s(self) -> float:
        """When ``due`` has something to do; for ever: never."""
        ...

    def due(self, now_s: float) -> Incoming:
        """Return what is to be done now."""
        ...


class StoringSide(BusySide, Protocol):
    """A side that keeps what meters say until the head-end has it, and tells alarms."""

    def store(self, record: Record, now_s: float) -> bytes:
        """Keep what a meter said; return what can be sent now."""
        ...

    def alarm(self, alarm: Alarm, now_s: float) -> bytes:
        """Tell an alarm; return what can be sent now."""
        ...


class Greeting(StrEnum):
    """How what a modem says first comes over the network."""

    WHOLE = "whole"
    SPLIT = "split"
    """In pieces."""
    GLUED = "glued"
    """In one packet with the first data."""


class SideWorld(NamedTuple):
    """What a side takes from the world outside."""

    options: FleetOptions
    now: Callable[[], datetime]
    rng: random.Random


class SideKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of modem, as the plan chooses it."""

    link: str
    """What the device list calls it."""
    make: Callable[[ModemPlan, SideWorld], ModemSide]
    name: Callable[[str], str]
    """What a modem calls itself, from the serial number of its first meter."""
    greeting: Greeting = Greeting.WHOLE
    speaks: bool = True
    """Whether meters may speak by themselves through it."""
    asked: bool = True
    """Whether the head-end may ask meters through it."""
    named: bool = True
    """Whether the modem says who it is."""
    stores: bool = False
    """Whether it keeps what meters say by itself, as a ``StoringSide``: then all of them do."""
    checked: bool = False
    """Whether the link itself notices damaged bytes."""
    secret: bool = False
    """Whether it shares a key with the head-end."""
    serial: Callable[[str], str] = lambda serial: serial
    """What its meters are called, from their serial numbers."""
    meter: Callable[[ModemPlan, MeterPlan, Surroundings], OnLine] | None = None
    """The meters that it has built in; None: those of its protocol."""
    protocol: str = DLMS
    """Of the meters that it has built in."""


def phone(prefix: str) -> Callable[[str], str]:
    """Return what makes names of 11 digits."""
    return lambda serial: f"{prefix}{serial[-8:]:0>8}"
