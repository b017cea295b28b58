"""Meters that send an alarm of DSMR 4 and nothing else; there is no way back through this link."""

from typing import Final

from protocols.errors import RemoteProtocolError
from protocols.links.alarm_push import (
    EVENT_SIZE,
    HEAD_SIZE,
    REGISTER_SIZE,
    decode_dsmr4,
    may_be_equipment,
)
from protocols.links.base import Held, Identified, LinkEvent, LinkKind, LinkSettings, Verdict


class Dsmr4Link:
    """One connection of a meter. An alarm of the shorter form ends by a pause or the next one."""

    __slots__ = ("_buffer", "_named", "name")

    pipe = False

    def __init__(self, _settings: LinkSettings) -> None:
        self.name = "dsmr4"
        self._buffer = b""
        self._named = ""

    def receive(self, data: bytes) -> list[LinkEvent]:
        """See ``Link.receive``."""
        self._buffer += data
        events: list[LinkEvent] = []
        while (size := self._size()) is not None:
            events += self._take(size)
        return [*events, Held()] if self._buffer else events

    def idle(self) -> list[LinkEvent]:
        """See ``Link.idle``: what is here is a whole alarm, or none."""
        return self._take(len(self._buffer)) if self._buffer else []

    def wrap(self, data: bytes) -> bytes:
        """See ``Link.wrap``."""
        return data

    def _size(self) -> int | None:
        """Return the size of the alarm at the start; None: more bytes are needed to tell.

        Raises:
            RemoteProtocolError: there is none.

        """
        buffer = self._buffer
        if buffer and not may_be_equipment(buffer):
            raise RemoteProtocolError("alarm", f"{buffer[:24].hex()} is no alarm of DSMR 4")
        behind = buffer[REGISTER_SIZE:]
        if len(behind) < EVENT_SIZE - REGISTER_SIZE:
            return None
        if not may_be_equipment(behind):
            return EVENT_SIZE
        if len(behind) >= HEAD_SIZE:
            return REGISTER_SIZE
        return None

    def _take(self, size: int) -> list[LinkEvent]:
        alarm = decode_dsmr4(self._buffer[:size])
        self._buffer = self._buffer[size:]
        if self._named == alarm.source:
            return [alarm]
        if self._named:
            raise RemoteProtocolError("identity", f"{alarm.source} on a line of {self._named}")
        self._named = alarm.source
        return [Identified(alarm.source, "device-id"), alarm]


def sniff(first: bytes, _settings: LinkSettings) -> Verdict:
    """Judge the first bytes: a name of the right size, then bytes that no text would have."""
    if not first or not may_be_equipment(first):
        return Verdict.NO
    if len(first) < REGISTER_SIZE:
        return Verdict.MORE
    register = first[HEAD_SIZE:REGISTER_SIZE]
    text = register.isascii() and register.decode("ascii").isprintable()
    return Verdict.NO if text else Verdict.YES


LINK: Final = LinkKind(name="dsmr4", order=30, sniff=sniff, make=Dsmr4Link)
