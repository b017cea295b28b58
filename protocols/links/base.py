"""What every modem link does: tell who is calling, and carry meter bytes both ways.

A link is sans-io. ``receive`` takes bytes as the socket gave them and returns what they mean;
``idle`` is called when nothing came for a moment, for texts that only a pause ends; ``wrap`` makes
meter bytes ready for the wire. A new link is a module in this package with a ``LINK``: the package
finds it (``protocols.links.registry``).
"""

from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol, runtime_checkable

import msgspec

from protocols.links.world import NOWHERE, LinkWorld

IDENTITY_SIZE_MAX: Final = 64
"""Longer names are cut: an IMEI has 15 characters, an ICCID 20, a registration text at most 80."""


class LinkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a listener's modems present themselves; from the configuration."""

    link: str = "auto"
    registration: str | None = None
    """Regular expression of the registration text, with the group ``modem_id``."""
    registration_mode: str = "link"
    """``link``: once; ``data``: in front of every packet; ``both``."""
    heartbeat: str | None = None
    """Regular expression of what the modem sends by itself to stay connected."""
    left_out: tuple[str, ...] = ()
    """Kinds that detection never finds, because the program cannot serve them."""
    world: LinkWorld = NOWHERE
    """The clock and the secrets of the program, for links that need them."""


class Identified(msgspec.Struct, frozen=True):
    """The modem said its name. A claim, not a proof."""

    modem_id: str
    claim: str


class MeterBytes(msgspec.Struct, frozen=True):
    """Bytes from the serial line behind the modem."""

    data: bytes


class Heartbeat(msgspec.Struct, frozen=True):
    """The modem is alive; nothing else."""


class Reply(msgspec.Struct, frozen=True):
    """Bytes that the link owes the modem at once (a login confirmation, a ping answer)."""

    data: bytes


class Notice(msgspec.Struct, frozen=True):
    """Something that a modem tells beside its pipe; what there is stands in ``notices``."""


class Held(Notice, frozen=True):
    """The link keeps bytes back that may begin a text of the modem: call ``idle`` after a pause."""


LinkEvent = Identified | MeterBytes | Heartbeat | Reply | Notice


class Link(Protocol):
    """One connection's link."""

    name: str
    pipe: bool
    """Whether the server may talk to meters through it; False for push-only senders."""

    def receive(self, data: bytes) -> list[LinkEvent]:
        """Take bytes from the socket; return what they mean, in order.

        Raises:
            RemoteProtocolError: this is not the link's protocol; hang up.

        """
        ...

    def idle(self) -> list[LinkEvent]:
        """Say that nothing came for a moment; return what that ends."""
        ...

    def wrap(self, data: bytes) -> bytes:
        """Return the bytes to send so that ``data`` reaches the serial line."""
        ...


@runtime_checkable
class Transparent(Protocol):
    """A link that carries meter bytes as they are, as most of what comes through it."""

    def is_plain(self, data: bytes) -> bool:
        """Whether ``data``, the next bytes from the socket, are meter bytes and nothing else.

        Then ``receive`` need not be called: it would return just them, and remember nothing.
        """
        ...


class Verdict(Enum):
    """What the first bytes say about a link."""

    YES = "yes"
    NO = "no"
    MORE = "more"


class LinkKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of link, as the registry knows it."""

    name: str
    order: int
    """Detection asks the lower orders first: the more certain the sign, the lower the number."""
    sniff: Callable[[bytes, LinkSettings], Verdict]
    """Judge the first bytes of a connection."""
    make: Callable[[LinkSettings], Link]
    patience_s: float = 0.5
    """``idle`` is called after so long a pause: short for texts without an end, but a frame whose
    rest is on its way over a mobile network must not be given up."""
