"""A meter with a modem of its own that speaks DLMS from the first byte, and says nothing else."""

from typing import Final

from hes.fleet.links.side import Incoming, SideKind


class BareSide:
    """See ``ModemSide``."""

    name = "dlms-push"

    def connected(self, _now_s: float) -> bytes:
        """See ``ModemSide``: nothing; who it is stands in its messages."""
        return b""

    def receive(self, data: bytes, _now_s: float) -> Incoming:
        """See ``ModemSide``."""
        return Incoming(data)

    def wrap(self, data: bytes) -> bytes:
        """See ``ModemSide``."""
        return data

    def heartbeat(self, _now_s: float) -> bytes:
        """See ``ModemSide``: there is none."""
        return b""


SIDES: Final = {
    "dlms-push": SideKind(
        link="dlms-push",
        make=lambda _plan, _world: BareSide(),
        name=lambda serial: serial,
        asked=False,
        named=False,
    )
}
