"""PROT mode: the modem registers with its phone number, then carries bytes with escapes."""

from typing import Final

from protocols.links.base import (
    Heartbeat,
    Identified,
    LinkEvent,
    LinkKind,
    LinkSettings,
    MeterBytes,
    Verdict,
)
from protocols.prot.stuffing import (
    REGISTRATION_SIZE,
    Registration,
    Unstuffer,
    decode_registration,
    may_be_registration,
    stuff,
)

NO_PHONE: Final = "0" * 11
DDP_REGISTER: Final = b"\x7b\x01\x00\x16"
DDP_END: Final = b"\x7b"


class ProtLink:
    """One connection of a modem in PROT mode."""

    __slots__ = ("_first", "_unstuffer", "name", "registration")

    pipe = True

    def __init__(self, _settings: LinkSettings) -> None:
        self.name = "prot"
        self._first = b""
        self._unstuffer = Unstuffer()
        self.registration: Registration | None = None

    def receive(self, data: bytes) -> list[LinkEvent]:
        """See ``Link.receive``."""
        events: list[LinkEvent] = []
        if self.registration is None:
            data = self._register(self._first + data, events)
        carried, heartbeats = self._unstuffer.feed(data)
        if carried:
            events.append(MeterBytes(carried))
        if heartbeats:
            events.append(Heartbeat())
        return events

    def idle(self) -> list[LinkEvent]:
        """See ``Link.idle``: nothing of this link is ended by a pause."""
        return []

    def wrap(self, data: bytes) -> bytes:
        """See ``Link.wrap``."""
        return stuff(data)

    def _register(self, first: bytes, events: list[LinkEvent]) -> bytes:
        """Return what stands behind the registration."""
        self._first = first
        if len(first) < REGISTRATION_SIZE and may_be_registration(first):
            return b""
        self.registration = decode_registration(first)
        self._first = b""
        events.append(Identified(_name(self.registration), "registration"))
        return first[REGISTRATION_SIZE:]


def _name(registration: Registration) -> str:
    """Return the phone number; a modem whose owner set none is called by its id."""
    if registration.phone == NO_PHONE:
        return registration.id_wire[::-1].hex()
    return registration.phone


def sniff(first: bytes, _settings: LinkSettings) -> Verdict:
    """Judge the first bytes: 13 of 21 are fixed or digits, and no other link has them so.

    But for one: a modem of DDP that knows no address of its own. It has an end mark behind them.
    """
    if not may_be_registration(first):
        return Verdict.NO
    behind = first[REGISTRATION_SIZE : REGISTRATION_SIZE + 1]
    if first.startswith(DDP_REGISTER) and behind in {b"", DDP_END}:
        return Verdict.NO if behind else Verdict.MORE
    return Verdict.YES if len(first) >= REGISTRATION_SIZE else Verdict.MORE


LINK: Final = LinkKind(name="prot", order=10, sniff=sniff, make=ProtLink)
