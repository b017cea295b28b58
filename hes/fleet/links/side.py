"""What a simulated modem does on its link, whatever the link: the counterpart of a head-end's."""

from typing import Protocol

import msgspec


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
        """Take bytes from the head-end, cut anywhere."""
        ...

    def wrap(self, data: bytes) -> bytes:
        """Return what brings bytes of a meter to the head-end."""
        ...

    def heartbeat(self, now_s: float) -> bytes:
        """Return what the modem sends by itself to stay connected; nothing: it needs none."""
        ...
