"""A modem in PROT mode."""

from typing import Final

from hes.fleet.links.side import Incoming, SideKind, SideWorld, phone
from hes.fleet.planned import ModemPlan
from protocols.prot.stuffing import (
    HEARTBEAT,
    Registration,
    Unstuffer,
    encode_registration,
    stuff,
)


class ProtSide:
    """See ``ModemSide``; the modem's name is its phone number of 11 digits."""

    name = "prot"

    def __init__(self, phone: str, *, id_wire: bytes = b"\x01\0\0\0", ip: str = "10.0.0.2") -> None:
        self._registration = encode_registration(Registration(id_wire, phone, ip))
        self._unstuffer = Unstuffer()

    def connected(self, _now_s: float) -> bytes:
        """See ``ModemSide``."""
        self._unstuffer = Unstuffer()
        return self._registration

    def receive(self, data: bytes, _now_s: float) -> Incoming:
        """See ``ModemSide``."""
        return Incoming(self._unstuffer.feed(data)[0])

    def wrap(self, data: bytes) -> bytes:
        """See ``ModemSide``."""
        return stuff(data)

    def heartbeat(self, _now_s: float) -> bytes:
        """See ``ModemSide``."""
        return HEARTBEAT


def _make(plan: ModemPlan, world: SideWorld) -> ProtSide:
    # Its owner may give it any id: one may look like the beginning of some other protocol.
    return ProtSide(plan.modem_id, id_wire=world.rng.randbytes(4))


SIDES: Final = {"prot": SideKind(link="prot", make=_make, name=phone("138"))}
