"""A bridge of the ForceControl kind."""

from typing import Final

from hes.fleet.links.side import Incoming, SideKind, phone
from protocols.links.forcecontrol import encode_login


class ForceControlSide:
    """See ``ModemSide``; the name has 11 characters."""

    name = "forcecontrol"

    def __init__(self, bridge: str) -> None:
        self._login = encode_login(bridge)

    def connected(self, _now_s: float) -> bytes:
        """See ``ModemSide``."""
        return self._login

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
    "forcecontrol": SideKind(
        link="forcecontrol",
        make=lambda plan, _world: ForceControlSide(plan.modem_id),
        name=phone("137"),
    )
}
