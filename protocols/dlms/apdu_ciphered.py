"""Ciphered APDUs: general-glo, general-ded, general-ciphering, and the forms of each service.

The general forms name their sender by its system title; the service forms rely on the association.
General-ciphering (IEC 62056-5-3, 5.3.4.8.6) says in front who writes to whom, and under which key.
"""

from typing import Final

import msgspec

from protocols.dlms import apdu_action, apdu_get, apdu_set
from protocols.dlms.lengths import encode_length
from protocols.dlms.reading import Cursor
from protocols.dlms.security import SecurityHeader, parse_header
from protocols.errors import RemoteProtocolError

GENERAL_GLO: Final = 0xDB
GENERAL_DED: Final = 0xDC
GENERAL_CIPHERING: Final = 0xDD
GLO_EVENT: Final = 0xCA
DED_EVENT: Final = 0xD2
"""An event-notification under the keys of a sender that only its connection tells."""
GLO_INITIATE_REQUEST: Final = 0x21
GLO_INITIATE_RESPONSE: Final = 0x28
GLO: Final = {
    apdu_get.REQUEST: 0xC8, apdu_set.REQUEST: 0xC9, 0xC2: 0xCA, apdu_action.REQUEST: 0xCB,
    apdu_get.RESPONSE: 0xCC, apdu_set.RESPONSE: 0xCD, apdu_action.RESPONSE: 0xCF,
}  # fmt: skip
"""Plain tag to the tag of its form under the global key."""
DED: Final = {plain: ciphered + 8 for plain, ciphered in GLO.items()}
"""Plain tag to the tag of its form under the dedicated key."""
DEDICATED: Final = frozenset({GENERAL_DED, *DED.values()})
SERVICES: Final = frozenset({*GLO.values(), *DED.values()})
TAGS: Final = frozenset({
    GENERAL_GLO, GENERAL_DED, GLO_INITIATE_REQUEST, GLO_INITIATE_RESPONSE, *SERVICES,
})  # fmt: skip
IDENTIFIED_KEY: Final = 0
WRAPPED_KEY: Final = 1
AGREED_KEY: Final = 2


class Ciphered(msgspec.Struct, frozen=True):
    """A protected APDU, not opened yet."""

    tag: int
    system_title: bytes | None
    """The sender's; None when the association knows it."""
    header: SecurityHeader
    message: bytes
    """From the security control on: what ``security.unprotect`` takes."""
    context: bytes = b""
    """What stands in front in general-ciphering; its tag covers that as well."""
    own_key: bool = False
    """Whether a key for this message alone protects it, which nobody here has."""

    @property
    def dedicated(self) -> bool:
        """Whether the dedicated key protects it."""
        return self.tag in DEDICATED


def decode_ciphered(apdu: bytes) -> Ciphered:
    """Return the protected APDU in ``apdu``.

    Raises:
        RemoteProtocolError: ``truncated`` or ``trailing``.

    """
    cursor = Cursor(apdu, 1)
    title: bytes | None = None
    if apdu[0] in {GENERAL_GLO, GENERAL_DED}:
        title = cursor.octets()
    message = cursor.octets()
    cursor.end()
    _check_title(title)
    return Ciphered(apdu[0], title, parse_header(message), message)


def decode_general_ciphering(apdu: bytes) -> Ciphered:
    """Return the protected APDU in a general-ciphering one.

    Raises:
        RemoteProtocolError: ``truncated``, ``trailing``, ``choice`` or ``system-title``.

    """
    cursor = Cursor(apdu, 1)
    cursor.octets()  # transaction
    title = cursor.octets() or None
    for _ in ("recipient", "time", "other information"):
        cursor.octets()
    context = apdu[1 : cursor.at]
    own_key = bool(cursor.byte()) and _brings_key(cursor)
    message = cursor.octets()
    cursor.end()
    _check_title(title)
    return Ciphered(apdu[0], title, parse_header(message), message, context, own_key)


def _brings_key(cursor: Cursor) -> bool:
    """Pass over the key information; whether it is of a key that we do not have."""
    choice = cursor.byte()
    if choice not in {IDENTIFIED_KEY, WRAPPED_KEY, AGREED_KEY}:
        raise RemoteProtocolError("choice", f"key information of choice {choice}")
    if choice == AGREED_KEY:
        cursor.octets()
    else:
        cursor.byte()
    if choice != IDENTIFIED_KEY:
        cursor.octets()
    return choice != IDENTIFIED_KEY


def _check_title(title: bytes | None) -> None:
    if title is not None and len(title) != 8:
        raise RemoteProtocolError("system-title", f"a system title of {len(title)} bytes")


def encode_ciphered(tag: int, message: bytes, system_title: bytes | None = None) -> bytes:
    """Return the bytes of a protected APDU."""
    title = b"" if system_title is None else encode_length(len(system_title)) + system_title
    return bytes((tag,)) + title + encode_length(len(message)) + message
