"""Opening and closing of associations: AARQ, AARE, RLRQ, RLRE (IEC 62056-5-3, ACSE APDUs)."""

from enum import IntEnum
from typing import Final

import msgspec

from protocols.dlms.ber import field, fields, inner
from protocols.dlms.lengths import decode_length, truncated
from protocols.dlms.reading import Cursor
from protocols.errors import RemoteProtocolError

AARQ_TAG: Final = 0x60
AARE_TAG: Final = 0x61
RLRQ_TAG: Final = 0x62
RLRE_TAG: Final = 0x63
_WRAPPED: Final = {0xA4: 0x04, 0xA6: 0x04, 0xAA: 0x80, 0xAC: 0x80}
"""System titles and authentication values: tag of the field to that of the one in it."""
_CONTEXT_OID: Final = bytes.fromhex("608574050801")
_MECHANISM_OID: Final = bytes.fromhex("608574050802")
CONTEXT_LN: Final = 1
CONTEXT_SN: Final = 2
CONTEXT_LN_CIPHERED: Final = 3
CONTEXT_SN_CIPHERED: Final = 4
SHORT_NAMES: Final = frozenset({CONTEXT_SN, CONTEXT_SN_CIPHERED})
"""Application contexts in which objects are named by 16-bit addresses."""
VAA_SHORT_NAMES: Final = 0xFA00
"""The base name that stands where a server with logical names has 0007."""
CONFORMANCE_HEAD: Final = bytes.fromhex("5f1f0400")
_CONFORMANCE_HEADS: Final = (CONFORMANCE_HEAD, bytes.fromhex("5f0400"))
"""The tag in two bytes, and in one as older meters write it; length; no unused bits."""

CONFORMANCE_CLIENT: Final = bytes.fromhex("60fe5f")
"""What we can do: general protection, general block transfer, attribute 0, priority, blocks of GET,
SET and ACTION, several references, ACCESS, GET, SET, selective access, event notification, ACTION.
Data notification is left to the meter."""
GENERAL_BLOCKS: Final = 1 << 23 - 2
BLOCK_GET: Final = 1 << 23 - 11
BLOCK_SET: Final = 1 << 23 - 12
BLOCK_ACTION: Final = 1 << 23 - 13
MULTIPLE_REFERENCES: Final = 1 << 23 - 14
ACCESS: Final = 1 << 23 - 17
SELECTIVE_ACCESS: Final = 1 << 23 - 21


class Mechanism(IntEnum):
    """How a client proves who it is."""

    NONE = 0
    LOW = 1
    HIGH = 2
    MD5 = 3
    SHA1 = 4
    GMAC = 5
    SHA256 = 6
    ECDSA = 7


class Diagnostic(IntEnum):
    """Why an association was refused, or what it still needs (Acse-Service-User)."""

    NULL = 0
    NO_REASON = 1
    CONTEXT_NOT_SUPPORTED = 2
    CALLING_TITLE_NOT_RECOGNIZED = 3
    CALLING_INVOCATION_ID = 4
    CALLING_QUALIFIER = 5
    CALLING_AE_INVOCATION_ID = 6
    CALLED_TITLE_NOT_RECOGNIZED = 7
    MECHANISM_NOT_RECOGNISED = 11
    MECHANISM_REQUIRED = 12
    AUTHENTICATION_FAILURE = 13
    AUTHENTICATION_REQUIRED = 14


class InitiateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the client proposes."""

    dedicated_key: bytes | None = None
    response_allowed: bool = True
    version: int = 6
    conformance: bytes = CONFORMANCE_CLIENT
    max_pdu: int = 0xFFFF


class InitiateResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What the server agrees to."""

    version: int = 6
    conformance: bytes
    max_pdu: int
    vaa: int = 7

    @property
    def short_names(self) -> bool:
        """Whether the server names its objects by addresses."""
        return self.vaa == VAA_SHORT_NAMES

    def allows(self, service: int) -> bool:
        """Whether a conformance bit is set."""
        return bool(int.from_bytes(self.conformance) & service)

    def without(self, service: int) -> "InitiateResponse":
        """Return these terms without a service that the meter only seems to know."""
        bits = int.from_bytes(self.conformance) & ~service
        conformance = bits.to_bytes(len(self.conformance))
        return msgspec.structs.replace(self, conformance=conformance)


class Aarq(msgspec.Struct, frozen=True, kw_only=True):
    """Request for an association."""

    context: int = CONTEXT_LN
    system_title: bytes | None = None
    mechanism: int | None = None
    authentication_value: bytes | None = None
    user_information: bytes | None = None
    """The xDLMS initiate request, plain or ciphered."""


class Aare(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to it."""

    context: int = CONTEXT_LN
    result: int = 0
    """0 accepted, 1 rejected for good, 2 rejected for now."""
    diagnostic: int = 0
    diagnostic_by_provider: bool = False
    system_title: bytes | None = None
    mechanism: int | None = None
    authentication_value: bytes | None = None
    user_information: bytes | None = None


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """RLRQ or RLRE."""

    response: bool
    reason: int | None = None
    user_information: bytes | None = None


def _body(apdu: bytes) -> dict[int, bytes]:
    size, start = decode_length(apdu, 1)
    if start + size > len(apdu):
        raise truncated(size, start, apdu)
    if start + size < len(apdu):
        raise RemoteProtocolError("trailing", f"{len(apdu) - start - size} bytes after the APDU")
    return dict(fields(apdu[start:], _WRAPPED))


def _object_id(contents: bytes | None, prefix: bytes) -> int | None:
    """Return the last arc of an object identifier under ``prefix``."""
    if contents is None:
        return None
    identifier = inner(contents, 0x06)
    if identifier[:-1] not in {prefix, prefix[1:]} or not identifier:
        raise RemoteProtocolError("acse", f"object identifier {identifier.hex()} is not of COSEM")
    return identifier[-1]


def _number(contents: bytes) -> int:
    return int.from_bytes(inner(contents, 0x02), signed=True)


def decode_aarq(apdu: bytes) -> Aarq:
    """Return the association request in ``apdu``."""
    found = _body(apdu)
    value = found.get(0xAC)
    return Aarq(
        context=_object_id(found.get(0xA1), _CONTEXT_OID) or 0,
        system_title=inner(found[0xA6], 0x04) if 0xA6 in found else None,
        mechanism=_object_id(found.get(0x8B), _MECHANISM_OID),
        authentication_value=inner(value, 0x80) if value is not None else None,
        user_information=inner(found[0xBE], 0x04) if 0xBE in found else None,
    )


def decode_aare(apdu: bytes) -> Aare:
    """Return the association response in ``apdu``."""
    found = _body(apdu)
    if 0xA2 not in found:
        raise RemoteProtocolError("acse", "an AARE without result")
    diagnostic = found.get(0xA3, b"\xa1\x03\x02\x01\x00")
    value = found.get(0xAA)
    return Aare(
        context=_object_id(found.get(0xA1), _CONTEXT_OID) or 0,
        result=_number(found[0xA2]),
        diagnostic=_number(inner(diagnostic, diagnostic[0] if diagnostic else 0)),
        diagnostic_by_provider=diagnostic[:1] == b"\xa2",
        system_title=inner(found[0xA4], 0x04) if 0xA4 in found else None,
        mechanism=_object_id(found.get(0x89), _MECHANISM_OID),
        authentication_value=inner(value, 0x80) if value is not None else None,
        user_information=inner(found[0xBE], 0x04) if 0xBE in found else None,
    )


def decode_release(apdu: bytes) -> Release:
    """Return the release request or response in ``apdu``."""
    found = _body(apdu)
    return Release(
        response=apdu[0] == RLRE_TAG,
        reason=_number(found[0x80]) if 0x80 in found else None,
        user_information=inner(found[0xBE], 0x04) if 0xBE in found else None,
    )


def encode_aarq(aarq: Aarq) -> bytes:
    """Return the bytes of an association request."""
    body = field(0xA1, field(0x06, _CONTEXT_OID + bytes((aarq.context,))))
    if aarq.system_title is not None:
        body += field(0xA6, field(0x04, aarq.system_title))
    if aarq.mechanism is not None and aarq.authentication_value is not None:
        body += field(0x8A, b"\x07\x80")
        body += field(0x8B, _MECHANISM_OID + bytes((aarq.mechanism,)))
        body += field(0xAC, field(0x80, aarq.authentication_value))
    if aarq.user_information is not None:
        body += field(0xBE, field(0x04, aarq.user_information))
    return field(AARQ_TAG, body)


def encode_aare(aare: Aare) -> bytes:
    """Return the bytes of an association response."""
    source = 0xA2 if aare.diagnostic_by_provider else 0xA1
    body = field(0xA1, field(0x06, _CONTEXT_OID + bytes((aare.context,))))
    body += field(0xA2, field(0x02, bytes((aare.result,))))
    body += field(0xA3, field(source, field(0x02, bytes((aare.diagnostic,)))))
    if aare.system_title is not None:
        body += field(0xA4, field(0x04, aare.system_title))
    if aare.mechanism is not None and aare.authentication_value is not None:
        body += field(0x88, b"\x07\x80")
        body += field(0x89, _MECHANISM_OID + bytes((aare.mechanism,)))
        body += field(0xAA, field(0x80, aare.authentication_value))
    if aare.user_information is not None:
        body += field(0xBE, field(0x04, aare.user_information))
    return field(AARE_TAG, body)


def encode_release(release: Release) -> bytes:
    """Return the bytes of a release request or response."""
    body = b"" if release.reason is None else field(0x80, bytes((release.reason,)))
    if release.user_information is not None:
        body += field(0xBE, field(0x04, release.user_information))
    return field(RLRE_TAG if release.response else RLRQ_TAG, body)


def decode_initiate_request(data: bytes) -> InitiateRequest:
    """Return the xDLMS initiate request (tag 01)."""
    at = 1
    key: bytes | None = None
    if data[at : at + 1] == b"\x01":
        cursor = Cursor(data, at + 1)
        key = cursor.octets()
        at = cursor.at
    else:
        at += 1
    allowed = True
    if data[at : at + 1] == b"\x01":
        allowed, at = data[at + 1 : at + 2] != b"\x00", at + 2
    else:
        at += 1
    at += 2 if data[at : at + 1] == b"\x01" else 1  # proposed quality of service
    cursor = Cursor(data, at)
    request = InitiateRequest(
        dedicated_key=key,
        response_allowed=allowed,
        version=cursor.byte(),
        conformance=_conformance(cursor),
        max_pdu=cursor.number(2),
    )
    cursor.end()
    return request


def _conformance(cursor: Cursor) -> bytes:
    """Take the conformance block: 24 bits."""
    for head in _CONFORMANCE_HEADS:
        if cursor.data.startswith(head, cursor.at):
            cursor.take(len(head))
            return cursor.take(3)
    if any(head.startswith(cursor.data[cursor.at :]) for head in _CONFORMANCE_HEADS):
        raise truncated(len(CONFORMANCE_HEAD), cursor.at, cursor.data)
    raise RemoteProtocolError("acse", "an initiate message without conformance block")


def encode_initiate_request(request: InitiateRequest) -> bytes:
    """Return the bytes of an xDLMS initiate request."""
    key = b"\x00"
    if request.dedicated_key is not None:
        key = b"\x01" + bytes((len(request.dedicated_key),)) + request.dedicated_key
    allowed = b"\x00" if request.response_allowed else b"\x01\x00"
    head = b"\x01" + key + allowed + b"\x00" + bytes((request.version,))
    return head + CONFORMANCE_HEAD + request.conformance + request.max_pdu.to_bytes(2)


def decode_initiate_response(data: bytes) -> InitiateResponse:
    """Return the xDLMS initiate response (tag 08)."""
    at = 3 if data[1:2] == b"\x01" else 2  # negotiated quality of service
    cursor = Cursor(data, at)
    response = InitiateResponse(
        version=cursor.byte(),
        conformance=_conformance(cursor),
        max_pdu=cursor.number(2),
        vaa=cursor.number(2),
    )
    cursor.end()
    return response


def encode_initiate_response(response: InitiateResponse) -> bytes:
    """Return the bytes of an xDLMS initiate response."""
    head = b"\x08\x00" + bytes((response.version,)) + CONFORMANCE_HEAD + response.conformance
    return head + response.max_pdu.to_bytes(2) + response.vaa.to_bytes(2)
