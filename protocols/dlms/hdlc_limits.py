"""What the two ends of an HDLC link agree on when they connect (IEC 62056-46, SNRM and UA)."""

from typing import Final

import msgspec

from protocols.errors import RemoteProtocolError

PARAMETERS: Final = b"\x81\x80"
"""What the information of an SNRM or UA begins with."""
INFORMATION_DEFAULT: Final = 128
INFORMATION_MAX: Final = 2030
"""The most that parameters 5 and 6 may say."""
WINDOW_MAX: Final = 7


class HdlcLimits(msgspec.Struct, frozen=True):
    """What the two ends agree on when they connect (SNRM and UA)."""

    information_send: int = INFORMATION_DEFAULT
    """Bytes of information that we may send in one frame."""
    information_receive: int = INFORMATION_DEFAULT
    window_send: int = 1
    window_receive: int = 1


def encode_limits(limits: HdlcLimits) -> bytes:
    """Return the information field of an SNRM or UA, seen from its sender."""
    fields = (
        (5, limits.information_send, 1 if limits.information_send < 256 else 2),
        (6, limits.information_receive, 1 if limits.information_receive < 256 else 2),
        (7, limits.window_send, 4),
        (8, limits.window_receive, 4),
    )
    body = b"".join(bytes((number, size)) + value.to_bytes(size) for number, value, size in fields)
    return PARAMETERS + bytes((len(body),)) + body


def decode_limits(information: bytes) -> HdlcLimits:
    """Return the limits in an SNRM or UA, seen from its sender; defaults for what it leaves out.

    Raises:
        RemoteProtocolError: it is no parameter field.

    """
    if not information:
        return HdlcLimits()
    size = len(information) - 3
    if size < 0 or information[:2] != PARAMETERS or information[2] != size:
        raise RemoteProtocolError("hdlc-parameters", "malformed HDLC parameters")
    found = _parameters(information)
    sizes = [min(found.get(number) or INFORMATION_DEFAULT, INFORMATION_MAX) for number in (5, 6)]
    windows = [min(found.get(number) or 1, WINDOW_MAX) for number in (7, 8)]
    return HdlcLimits(*sizes, *windows)


def _parameters(information: bytes) -> dict[int, int]:
    found: dict[int, int] = {}
    at = 3
    while at < len(information):
        end = at + 2 + int.from_bytes(information[at + 1 : at + 2])
        if at + 2 > len(information) or end > len(information):
            raise RemoteProtocolError("hdlc-parameters", "an HDLC parameter is cut off")
        found[information[at]] = int.from_bytes(information[at + 2 : end])
        at = end
    return found
