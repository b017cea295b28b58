"""The registration and the escapes of PROT mode.

Registration, 21 bytes, once a connection::

    id(4) | phone number, 11 ASCII digits | 00 | address(4) | 00

From then on, both ways, ``FD`` travels as ``FD ED`` and ``FE`` as ``FD EE``. A bare ``FE`` from the
modem is its heartbeat: the wake-up bytes ``FE FE FE FE`` of DL/T 645 are none, they have escapes.
There is no length and no checksum.
"""

from typing import Final

import msgspec

from protocols.errors import LocalProtocolError, RemoteProtocolError

REGISTRATION_SIZE: Final = 21
HEARTBEAT: Final = b"\xfe"
_ESCAPE: Final = b"\xfd"
_ESCAPED_FD: Final = b"\xfd\xed"
_ESCAPED_FE: Final = b"\xfd\xee"


class Registration(msgspec.Struct, frozen=True):
    """What the modem says first."""

    id_wire: bytes
    """Four bytes, as they came (the manual writes them the other way round)."""
    phone: str
    ip: str
    """The address that the modem has in its own network."""


def may_be_registration(start: bytes) -> bool:
    """Return whether ``start``, whole or not, fits what every registration has in common."""
    if not start[4:15].isdigit() and start[4:15]:
        return False
    return start[15:16] in {b"", b"\0"} and start[20:21] in {b"", b"\0"}


def decode_registration(start: bytes) -> Registration:
    """Return the registration in the first 21 bytes.

    Raises:
        RemoteProtocolError: it is none, or not whole.

    """
    if not may_be_registration(start):
        raise RemoteProtocolError("registration", "the first bytes are no PROT registration")
    if len(start) < REGISTRATION_SIZE:
        raise RemoteProtocolError("truncated", f"{len(start)} bytes of a registration of 21")
    ip = ".".join(map(str, start[16:20]))
    return Registration(start[:4], start[4:15].decode("ascii"), ip)


def encode_registration(registration: Registration) -> bytes:
    """Return the bytes of a registration.

    Raises:
        LocalProtocolError: some part has a wrong size.

    """
    ip = bytes(map(int, registration.ip.split(".")))
    raw = registration.id_wire + registration.phone.encode("ascii") + b"\0" + ip + b"\0"
    if len(raw) != REGISTRATION_SIZE or not may_be_registration(raw):
        raise LocalProtocolError("registration", f"{registration} is no registration")
    return raw


def stuff(data: bytes) -> bytes:
    """Return ``data`` with escapes."""
    return data.replace(b"\xfd", _ESCAPED_FD).replace(b"\xfe", _ESCAPED_FE)


class Unstuffer:
    """Takes the escapes out of a stream that is cut anywhere."""

    __slots__ = ("_carry",)

    def __init__(self) -> None:
        self._carry = b""

    @property
    def pending(self) -> int:
        """Bytes of an escape that is not whole yet."""
        return len(self._carry)

    def feed(self, data: bytes) -> tuple[bytes, int]:
        """Return the bytes of the meter in ``data``, and how many heartbeats were among them."""
        heartbeats = data.count(HEARTBEAT)
        # A modem may put its heartbeat between the two bytes of an escape: it goes first.
        text = self._carry + data.replace(HEARTBEAT, b"")
        self._carry = b""
        if text.endswith(_ESCAPE):
            text, self._carry = text[:-1], _ESCAPE
        return text.replace(_ESCAPED_FE, HEARTBEAT).replace(_ESCAPED_FD, _ESCAPE), heartbeats
