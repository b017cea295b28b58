"""High level security: how both prove in an association that they know a secret (IEC 62056-5-3).

Each sends a challenge and answers the other's. With MD5 and SHA-1 the answer is a digest of the
challenge and the secret, with SHA-256 of the secret, both system titles and both challenges. GMAC
has an answer of its own in ``security``. ECDSA needs certificates: it is refused.
"""

import hashlib
from hmac import compare_digest
from typing import Final

import msgspec

from protocols.dlms.acse import Mechanism
from protocols.errors import MeterRefused, RemoteProtocolError

DIGESTS: Final = frozenset({Mechanism.MD5, Mechanism.SHA1, Mechanism.SHA256})
SPOKEN: Final = DIGESTS | {Mechanism.NONE, Mechanism.LOW, Mechanism.GMAC}
CHALLENGE_SIZE_MIN: Final = 8
CHALLENGE_SIZE_MAX: Final = 64


class Side(msgspec.Struct, frozen=True):
    """One of the two: its system title, and the challenge that it sent."""

    title: bytes
    challenge: bytes


def check_spoken(mechanism: Mechanism) -> None:
    """Check that a mechanism is one that we can use.

    Raises:
        MeterRefused: it is not.

    """
    if mechanism not in SPOKEN:
        raise MeterRefused(
            f"authentication mechanism {mechanism.value} ({mechanism.name}) is not supported"
        )


def check_challenge(ours: Side, theirs: Side) -> None:
    """Check the peer's challenge.

    Raises:
        RemoteProtocolError: it has a forbidden size, or the peer mirrors what is ours.

    """
    size = len(theirs.challenge)
    if not CHALLENGE_SIZE_MIN <= size <= CHALLENGE_SIZE_MAX:
        raise RemoteProtocolError("acse", f"a challenge of {size} bytes")
    if theirs.challenge == ours.challenge or theirs.title == ours.title:
        # Whoever knows no secret could send our own answer back to us.
        raise RemoteProtocolError("acse", "the meter sends our own challenge or title back")


def digest_proof(mechanism: Mechanism, secret: bytes, prover: Side, asker: Side) -> bytes:
    """Return the prover's answer to the asker's challenge; ``mechanism`` is one of ``DIGESTS``."""
    if mechanism is Mechanism.SHA256:
        text = secret + prover.title + asker.title + asker.challenge + prover.challenge
        return hashlib.sha256(text).digest()
    name = "md5" if mechanism is Mechanism.MD5 else "sha1"
    return hashlib.new(name, asker.challenge + secret, usedforsecurity=False).digest()


def check_digest_proof(
    proof: bytes, mechanism: Mechanism, secret: bytes, *, prover: Side, asker: Side
) -> None:
    """Check the prover's answer to the asker's challenge.

    Raises:
        RemoteProtocolError: ``auth-tag``: the prover does not know the secret.

    """
    if not compare_digest(proof, digest_proof(mechanism, secret, prover, asker)):
        raise RemoteProtocolError("auth-tag", "the answer to the challenge is wrong")
