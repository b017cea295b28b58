"""Proofs and signatures of HML/1: both sides know a secret, neither sends it.

Every HMAC is HMAC-SHA256. The nonces are the modem's (``nd``) and the head-end's (``nh``).
"""

from hmac import compare_digest, digest
from typing import Final

import msgspec

from protocols.errors import LocalProtocolError

NONCE_SIZE: Final = 8
PROOF_SIZE: Final = 16
SIGNATURE_SIZE: Final = 8


class Nonces(msgspec.Struct, frozen=True):
    """What both sides brought to this session."""

    modem: bytes
    head_end: bytes


def head_end_proof(secret: bytes, nonces: Nonces, modem_id: str) -> bytes:
    """Return what WELCOME proves with."""
    return _hmac(secret, b"H", nonces.modem, nonces.head_end, modem_id)[:PROOF_SIZE]


def modem_proof(secret: bytes, nonces: Nonces, modem_id: str) -> bytes:
    """Return what AUTH proves with."""
    return _hmac(secret, b"D", nonces.head_end, nonces.modem, modem_id)[:PROOF_SIZE]


def session_key(secret: bytes, nonces: Nonces, modem_id: str) -> bytes:
    """Return the key of this session's signatures."""
    return _hmac(secret, b"S", nonces.modem, nonces.head_end, modem_id)


def signature(key: bytes, head: bytes, payload: bytes) -> bytes:
    """Return the signature of a frame.

    ``head``: its twelve bytes, N with the signature counted; ``payload``: without the signature.
    """
    return digest(key, head + payload, "sha256")[:SIGNATURE_SIZE]


def is_same(told: bytes | None, right: bytes) -> bool:
    """Compare without telling by the time it takes how much is right."""
    return told is not None and compare_digest(told, right)


def _hmac(secret: bytes, letter: bytes, first: bytes, second: bytes, modem_id: str) -> bytes:
    if not secret:
        raise LocalProtocolError("key", f"the secret of modem {modem_id} is empty")
    return digest(secret, letter + first + second + modem_id.encode("ascii", "replace"), "sha256")
