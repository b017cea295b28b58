"""What one may say to the actor of a modem."""

from typing import Final

import msgspec

from actors.bus import Transaction
from actors.hub import Connection
from actors.patience import Patience
from actors.port import Port
from hes.commands import ModemCommand
from protocols.dlms.push_reader import PushFrame, PushReader
from protocols.links.base import Link, Notice

FIRST_BYTES_MAX: Final = 64


class Attach(msgspec.Struct):
    """A connection said that it is this modem's."""

    connection: Connection
    link: Link
    claim: str
    rest: bytes
    """Bytes from the serial line that came with the identity."""
    frames: list[PushFrame]
    """Messages that were cut already, because one of them told the identity."""
    reader: PushReader | None
    """What cut them; it may hold the beginning of the next."""
    notices: list[Notice] = msgspec.field(default_factory=list)
    """What the modem told meanwhile beside its pipe."""
    lost_reason: str | None = None
    """Why the connection has ended already, if it has: what it brought counts all the same."""


class PushArrived(msgspec.Struct):
    """A device behind this modem sent something by itself."""

    port: Port
    frame: PushFrame


class Unreadable(msgspec.Struct):
    """Something came that cannot be read."""

    reason: str
    detail: str
    data: bytes


class PortLost(msgspec.Struct):
    """A connection ended."""

    port: Port
    reason: str


class Submit(msgspec.Struct):
    """A meter wants the line."""

    transaction: Transaction


class DevicesChanged(msgspec.Struct):
    """The device list has other meters behind this modem now."""


class Reconsider(msgspec.Struct):
    """The time of a quarantine may be over."""


class Paused(msgspec.Struct):
    """A link held bytes back a moment ago."""

    port: Port


class Told(msgspec.Struct):
    """The modem told something beside its pipe."""

    port: Port
    notice: Notice


class TurnedAway(msgspec.Struct, frozen=True):
    """A caller said that it is this modem, and its link did not let it in."""

    peer: str
    reason: str
    first: bytes


class DialFailed(msgspec.Struct, frozen=True):
    """The modem was called for those who wait for it, and could not be reached."""

    reason: str


class Order(msgspec.Struct, frozen=True):
    """Somebody wants something of the modem itself; the answer is a ``ModemAnswer``."""

    command: ModemCommand
    patience: Patience = msgspec.field(default_factory=Patience)
    """Of who asks."""


ModemMessage = (
    Attach | PushArrived | Unreadable | PortLost | Submit | DevicesChanged | Reconsider | Paused
    | Told | TurnedAway | DialFailed | Order
)  # fmt: skip
