"""Bridges of the ForceControl kind: ``AA 01``, an ASCII id of 11, ``0D``; then a plain pipe."""

from typing import Final

from protocols.errors import RemoteProtocolError
from protocols.links.base import (
    Identified,
    LinkEvent,
    LinkKind,
    LinkSettings,
    MeterBytes,
    Verdict,
)

START: Final = b"\xaa\x01"
END: Final = b"\x0d"
SIZE: Final = 14


def decode_login(first: bytes) -> str | None:
    """Return the id in the first 14 bytes; None: not all of them are here yet.

    Raises:
        RemoteProtocolError: it is no login.

    """
    name, end = first[2:13], first[13:14]
    good = START.startswith(first[:2]) and end in {b"", END} and (not name or _is_name(name))
    if not good:
        raise RemoteProtocolError("registration", "the first bytes are no ForceControl login")
    return name.decode("ascii") if end else None


def encode_login(name: str) -> bytes:
    """Return the login of a bridge; ``name`` has 11 characters."""
    return START + name.encode("ascii") + END


def _is_name(text: bytes) -> bool:
    return text.isascii() and text.decode("ascii").isprintable() and b" " not in text


class ForceControlLink:
    """One connection of a bridge."""

    __slots__ = ("_first", "_named", "name")

    pipe = True

    def __init__(self, _settings: LinkSettings) -> None:
        self.name = "forcecontrol"
        self._first = b""
        self._named = False

    def receive(self, data: bytes) -> list[LinkEvent]:
        """See ``Link.receive``."""
        if self._named:
            return [MeterBytes(data)] if data else []
        self._first += data
        name = decode_login(self._first)
        if name is None:
            return []
        rest, self._first, self._named = self._first[SIZE:], b"", True
        said: list[LinkEvent] = [Identified(name, "registration")]
        return [*said, MeterBytes(rest)] if rest else said

    def idle(self) -> list[LinkEvent]:
        """See ``Link.idle``: nothing of this link is ended by a pause."""
        return []

    def wrap(self, data: bytes) -> bytes:
        """See ``Link.wrap``: the pipe carries bytes as they are."""
        return data


def sniff(first: bytes, _settings: LinkSettings) -> Verdict:
    """Judge the first bytes."""
    try:
        name = decode_login(first)
    except RemoteProtocolError:
        return Verdict.NO
    return Verdict.MORE if name is None else Verdict.YES


LINK: Final = LinkKind(name="forcecontrol", order=25, sniff=sniff, make=ForceControlLink)
