"""Class 64, Security setup: which protection a meter asks for, and the change of its keys.

New keys travel wrapped by the master key (RFC 3394), so that whoever reads along learns nothing.
Key agreement and certificates, of the suites 1 and 2, are not done here and are refused.
"""

from enum import IntEnum
from typing import Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.kinds import (
    ENUM,
    OCTETS,
    array_of,
    enum_of,
    impossible,
    structure_of,
)
from protocols.errors import LocalProtocolError, RemoteProtocolError

ACTIVATE: Final = 1
KEY_TRANSFER: Final = 2
KEY_AGREEMENT: Final = 3
USUAL_OBIS: Final = bytes((0, 0, 43, 0, 0, 255))
KEY_SIZES: Final = {0: 16, 1: 16, 2: 32}
"""Bytes of a key by security suite."""


class KeyId(IntEnum):
    """Which key."""

    GLOBAL_UNICAST = 0
    GLOBAL_BROADCAST = 1
    AUTHENTICATION = 2
    MASTER = 3


class WrappedKey(NamedTuple):
    """A key on its way."""

    key_id: KeyId
    wrapped: bytes


class SecuritySetup(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes 2 to 5."""

    policy: int
    """Version 0: 0 none, 1 authenticated, 2 encrypted, 3 both. Version 1: bits, see ``policies``"""
    suite: int
    """0: AES-128; 1 and 2 with elliptic curves."""
    client_title: bytes | None = None
    server_title: bytes | None = None


SECURITY_SETUP: Final = CosemClass(64, SecuritySetup, {2: ENUM, 3: ENUM, 4: OCTETS, 5: OCTETS})
_TRANSFER: Final = array_of(structure_of(WrappedKey, enum_of(KeyId), OCTETS))
_POLICY_BITS: Final = (
    (0x04, "authenticated-request"), (0x08, "encrypted-request"), (0x10, "signed-request"),
    (0x20, "authenticated-response"), (0x40, "encrypted-response"), (0x80, "signed-response"),
)  # fmt: skip
_POLICIES: Final = ((), ("authenticated",), ("encrypted",), ("authenticated", "encrypted"))


def policies(policy: int) -> tuple[str, ...]:
    """Return what a security policy asks for, of either version of the class."""
    if policy < len(_POLICIES):
        return _POLICIES[policy]
    return tuple(word for bit, word in _POLICY_BITS if policy & bit)


def key_transfer(keys: dict[KeyId, bytes], master: bytes, *, suite: int = 0) -> bytes:
    """Return the parameter of method 2: new keys, each wrapped by the master key that is in force.

    Raises:
        LocalProtocolError: no key, or one of a size that the suite does not have.

    """
    size = KEY_SIZES.get(suite)
    if size is None or not keys:
        impossible(suite if keys else "no key", "something to transfer in a known suite")
    for key in (master, *keys.values()):
        if len(key) != size:
            raise LocalProtocolError("keys", f"a key of {len(key)} bytes; the suite wants {size}")
    return _TRANSFER.encode(
        tuple(WrappedKey(key_id, aes_key_wrap(master, key)) for key_id, key in keys.items())
    )


def unwrap(parameter: object, master: bytes) -> dict[KeyId, bytes]:
    """Return the keys in a decoded parameter of method 2.

    Raises:
        RemoteProtocolError: it is none, or was wrapped by another key.

    """
    try:
        return {key_id: aes_key_unwrap(master, raw) for key_id, raw in _TRANSFER.decode(parameter)}
    except (InvalidUnwrap, ValueError):
        raise RemoteProtocolError("auth-tag", "a key that another master key wrapped") from None


def key_agreement() -> bytes:
    """Refuse method 3.

    Raises:
        LocalProtocolError: always.

    """
    raise LocalProtocolError(
        "unsupported", "key agreement (suites 1 and 2) is not done; transfer keys by the master key"
    )
